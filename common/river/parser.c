/* SPDX-License-Identifier: Apache-2.0 */
#include "common/river/parser.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/river/arena.h"
#include "common/river/ast.h"
#include "common/river/diagnostics.h"
#include "common/river/format.h"
#include "common/river/lexer.h"

/* A longer tree is refused, whatever it consists of. */
#define MAX_TREE_BYTES (512u * 1024 * 1024)

struct parser {
	const struct river_source *source;
	struct river_arena *arena;
	struct river_diagnostics *diagnostics;
	struct river_lexer lexer;
	struct river_token token; /* the current one */
	uint32_t previous_end;    /* last byte of the one before */
	uint32_t error_line;      /* of the last error of the parser's own */
	unsigned nesting;
	bool stopped; /* over a limit */
};

static struct river_expr *parse_expr(struct parser *p);
static void parse_body(
    struct parser *p, enum river_token_kind until, struct river_body *body);

static struct river_range
point(uint32_t offset)
{
	return (struct river_range){ offset, RIVER_NOWHERE };
}

/* From here on there is nothing but EOF. */
static void
stop(struct parser *p)
{
	p->stopped = true;
	p->token.kind = RIVER_TOKEN_EOF;
}

static void
next(struct parser *p)
{
	p->previous_end = p->token.range.end;
	if (p->stopped)
		return;
	p->token = river_lexer_next(&p->lexer);
	if (river_arena_used(p->arena) <= MAX_TREE_BYTES)
		return;
	river_error(p->diagnostics, p->source, point(p->token.range.start),
	    "the configuration is too large");
	stop(p);
}

static bool
at(const struct parser *p, enum river_token_kind kind)
{
	return p->token.kind == kind;
}

/* Counts as an error of the parser: one per line is enough. */
static bool
worth_saying(struct parser *p)
{
	uint32_t line =
	    river_source_position(p->source, p->token.range.start).line;

	if (p->stopped || line == p->error_line)
		return false;
	p->error_line = line;
	return true;
}

/* At the current token. */
static void
complain(struct parser *p, const char *message)
{
	if (worth_saying(p))
		river_error(p->diagnostics, p->source,
		    point(p->token.range.start), "%s", message);
}

static void
complain_expected(struct parser *p, const char *expected)
{
	if (worth_saying(p))
		river_error(p->diagnostics, p->source,
		    point(p->token.range.start), "expected %s, got %s",
		    expected, river_token_name(p->token.kind));
}

/* To the next token that can stand behind an operand. */
static void
skip_operand(struct parser *p)
{
	while (!at(p, RIVER_TOKEN_TERMINATOR) && !at(p, RIVER_TOKEN_RPAREN) &&
	       !at(p, RIVER_TOKEN_RBRACE) && !at(p, RIVER_TOKEN_RBRACKET) &&
	       !at(p, RIVER_TOKEN_COMMA) && !at(p, RIVER_TOKEN_EOF))
		next(p);
}

/* Takes the token; on another one it complains and goes on behind it. */
static bool
expect(struct parser *p, enum river_token_kind kind)
{
	bool found = at(p, kind);

	if (!found)
		complain_expected(p, river_token_name(kind));
	next(p);
	return found;
}

static void
refuse_depth(struct parser *p, uint32_t offset)
{
	if (p->stopped)
		return;
	river_error(p->diagnostics, p->source, point(offset),
	    "nested too deeply, more than %d levels", RIVER_MAX_DEPTH);
	stop(p);
}

static bool
enter(struct parser *p)
{
	if (++p->nesting > RIVER_MAX_DEPTH)
		refuse_depth(p, p->token.range.start);
	return !p->stopped;
}

static void
leave(struct parser *p)
{
	p->nesting--;
}

static struct river_expr *
new_expr(struct parser *p, enum river_expr_kind kind, uint32_t start)
{
	struct river_expr *expr = river_arena_alloc(p->arena, 1, sizeof(*expr));

	expr->kind = kind;
	expr->depth = 1;
	expr->range.start = start;
	expr->range.end = start;
	return expr;
}

/* What stands in for an expression that could not be read. */
static struct river_expr *
bad_expr(struct parser *p)
{
	struct river_expr *expr =
	    new_expr(p, RIVER_EXPR_LITERAL, p->token.range.start);

	expr->literal = RIVER_TOKEN_NULL;
	return expr;
}

/* expr ends with the token before the current one. */
static struct river_expr *
finish(struct parser *p, struct river_expr *expr)
{
	expr->range.end = p->previous_end;
	if (expr->depth > RIVER_MAX_DEPTH)
		refuse_depth(p, expr->range.start);
	return expr;
}

static void
deepen(struct river_expr *expr, const struct river_expr *child)
{
	if (expr->depth <= child->depth)
		expr->depth = child->depth + 1;
}

/* The current token as a name; it need not be an identifier. */
static struct river_ident
token_ident(struct parser *p)
{
	struct river_range range = p->token.range;
	size_t size = range.end - range.start + 1;

	if (range.start >= p->source->size)
		size = 0;
	return (struct river_ident){
		river_arena_copy(p->arena, p->source->text + range.start, size),
		range,
	};
}

static unsigned
depth_of_list(const struct river_expr_list *list)
{
	unsigned depth = 0;

	for (const struct river_expr *e = list->first; e != NULL; e = e->next)
		if (e->depth > depth)
			depth = e->depth;
	return depth;
}

/* Up to a token "until", which is left. */
static struct river_expr_list
parse_list(struct parser *p, enum river_token_kind until)
{
	struct river_expr_list list = { 0 };
	struct river_expr **tail = &list.first;

	while (!at(p, until) && !at(p, RIVER_TOKEN_EOF)) {
		*tail = parse_expr(p);
		tail = &(*tail)->next;
		list.count++;
		if (at(p, until))
			break;
		if (!at(p, RIVER_TOKEN_COMMA))
			complain(p, "missing ',' in expression list");
		next(p);
	}
	return list;
}

static struct river_member_expr *
parse_member(struct parser *p)
{
	struct river_member_expr *m =
	    river_arena_alloc(p->arena, 1, sizeof(*m));

	m->quoted = at(p, RIVER_TOKEN_STRING);
	m->key = token_ident(p);
	m->key_size = strlen(m->key.text);
	if (m->quoted && m->key_size >= 2) {
		m->key_size -= 2;
		m->key.text =
		    river_arena_copy(p->arena, m->key.text + 1, m->key_size);
	}
	m->value = bad_expr(p);
	if (!m->quoted && !at(p, RIVER_TOKEN_IDENT)) {
		complain_expected(p, "field name (string or identifier)");
		skip_operand(p);
		return m;
	}
	next(p);
	expect(p, RIVER_TOKEN_ASSIGN);
	m->value = parse_expr(p);
	return m;
}

static struct river_expr *
parse_object(struct parser *p)
{
	struct river_expr *expr =
	    new_expr(p, RIVER_EXPR_OBJECT, p->token.range.start);
	struct river_member_expr **tail = &expr->object.first;

	next(p);
	while (!at(p, RIVER_TOKEN_RBRACE) && !at(p, RIVER_TOKEN_EOF) &&
	       !(expr->object.count == 0 && at(p, RIVER_TOKEN_RBRACKET))) {
		*tail = parse_member(p);
		deepen(expr, (*tail)->value);
		tail = &(*tail)->next;
		expr->object.count++;
		if (at(p, RIVER_TOKEN_RBRACE))
			break;
		if (!at(p, RIVER_TOKEN_COMMA))
			complain(p, "missing ',' in field list");
		next(p);
	}
	expect(p, RIVER_TOKEN_RBRACE);
	return finish(p, expr);
}

static struct river_expr *
parse_array(struct parser *p)
{
	struct river_expr *expr =
	    new_expr(p, RIVER_EXPR_ARRAY, p->token.range.start);

	next(p);
	expr->array = parse_list(p, RIVER_TOKEN_RBRACKET);
	expr->depth = depth_of_list(&expr->array) + 1;
	expect(p, RIVER_TOKEN_RBRACKET);
	return finish(p, expr);
}

static struct river_expr *
parse_paren(struct parser *p)
{
	struct river_expr *expr =
	    new_expr(p, RIVER_EXPR_PAREN, p->token.range.start);

	next(p);
	expr->inner = parse_expr(p);
	deepen(expr, expr->inner);
	expect(p, RIVER_TOKEN_RPAREN);
	return finish(p, expr);
}

static struct river_expr *
parse_ident(struct parser *p)
{
	struct river_expr *expr =
	    new_expr(p, RIVER_EXPR_IDENT, p->token.range.start);

	expr->ident = token_ident(p).text;
	next(p);
	return finish(p, expr);
}

static struct river_expr *
parse_literal(struct parser *p)
{
	struct river_expr *expr =
	    new_expr(p, RIVER_EXPR_LITERAL, p->token.range.start);

	expr->literal = p->token.kind;
	next(p);
	return finish(p, expr);
}

static struct river_expr *
parse_primary(struct parser *p)
{
	switch (p->token.kind) {
	case RIVER_TOKEN_IDENT:
		return parse_ident(p);
	case RIVER_TOKEN_STRING:
	case RIVER_TOKEN_NUMBER:
	case RIVER_TOKEN_FLOAT:
	case RIVER_TOKEN_BOOL:
	case RIVER_TOKEN_NULL:
		return parse_literal(p);
	case RIVER_TOKEN_LPAREN:
		return parse_paren(p);
	case RIVER_TOKEN_LBRACKET:
		return parse_array(p);
	case RIVER_TOKEN_LBRACE:
		return parse_object(p);
	default:
		complain_expected(p, "expression");
		skip_operand(p);
		return bad_expr(p);
	}
}

static struct river_expr *
parse_access(struct parser *p, struct river_expr *value)
{
	struct river_expr *expr =
	    new_expr(p, RIVER_EXPR_ACCESS, value->range.start);

	next(p);
	expr->access.value = value;
	deepen(expr, value);
	expr->access.name = token_ident(p);
	expect(p, RIVER_TOKEN_IDENT);
	return finish(p, expr);
}

static struct river_expr *
parse_index(struct parser *p, struct river_expr *value)
{
	struct river_expr *expr =
	    new_expr(p, RIVER_EXPR_INDEX, value->range.start);

	next(p);
	expr->index.value = value;
	expr->index.index = parse_expr(p);
	deepen(expr, value);
	deepen(expr, expr->index.index);
	expect(p, RIVER_TOKEN_RBRACKET);
	return finish(p, expr);
}

static struct river_expr *
parse_call(struct parser *p, struct river_expr *callee)
{
	struct river_expr *expr =
	    new_expr(p, RIVER_EXPR_CALL, callee->range.start);

	next(p);
	expr->call.callee = callee;
	expr->call.args = parse_list(p, RIVER_TOKEN_RPAREN);
	expr->depth = depth_of_list(&expr->call.args) + 1;
	deepen(expr, callee);
	expect(p, RIVER_TOKEN_RPAREN);
	return finish(p, expr);
}

/* A label or a brace where no value can have one: it is meant as a block. */
static void
refuse_block(struct parser *p, const struct river_expr *value)
{
	struct river_body body = { 0 };

	if (at(p, RIVER_TOKEN_STRING))
		next(p);
	if (!expect(p, RIVER_TOKEN_LBRACE)) {
		while (!at(p, RIVER_TOKEN_RBRACE) && !at(p, RIVER_TOKEN_EOF))
			next(p);
		next(p);
		return;
	}
	if (!enter(p))
		return;
	parse_body(p, RIVER_TOKEN_RBRACE, &body);
	leave(p);
	if (expect(p, RIVER_TOKEN_RBRACE))
		river_error(p->diagnostics, p->source,
		    (struct river_range){ value->range.start, p->previous_end },
		    "cannot use a block as an expression");
}

static struct river_expr *
parse_postfix(struct parser *p)
{
	struct river_expr *expr = parse_primary(p);

	while (!p->stopped) {
		if (at(p, RIVER_TOKEN_DOT))
			expr = parse_access(p, expr);
		else if (at(p, RIVER_TOKEN_LBRACKET))
			expr = parse_index(p, expr);
		else if (at(p, RIVER_TOKEN_LPAREN))
			expr = parse_call(p, expr);
		else
			break;
	}
	if (at(p, RIVER_TOKEN_STRING) || at(p, RIVER_TOKEN_LBRACE))
		refuse_block(p, expr);
	return expr;
}

static struct river_expr *
parse_unary(struct parser *p)
{
	struct river_expr *expr;

	if (!at(p, RIVER_TOKEN_NOT) && !at(p, RIVER_TOKEN_SUB))
		return parse_postfix(p);
	if (!enter(p))
		return bad_expr(p);
	expr = new_expr(p, RIVER_EXPR_UNARY, p->token.range.start);
	expr->unary.op = p->token.kind;
	next(p);
	expr->unary.value = parse_unary(p);
	deepen(expr, expr->unary.value);
	leave(p);
	return finish(p, expr);
}

/* How tightly a binary operator binds; 0: it is none. */
static const unsigned char precedence[RIVER_TOKEN_KINDS] = {
	[RIVER_TOKEN_OR] = 1,
	[RIVER_TOKEN_AND] = 2,
	[RIVER_TOKEN_EQ] = 3,
	[RIVER_TOKEN_NEQ] = 3,
	[RIVER_TOKEN_LT] = 3,
	[RIVER_TOKEN_LTE] = 3,
	[RIVER_TOKEN_GT] = 3,
	[RIVER_TOKEN_GTE] = 3,
	[RIVER_TOKEN_ADD] = 4,
	[RIVER_TOKEN_SUB] = 4,
	[RIVER_TOKEN_MUL] = 5,
	[RIVER_TOKEN_DIV] = 5,
	[RIVER_TOKEN_MOD] = 5,
	[RIVER_TOKEN_POW] = 6,
};

/* Operators that bind at least as tightly as least. */
static struct river_expr *
parse_binary(struct parser *p, unsigned least)
{
	struct river_expr *left = parse_unary(p), *expr;
	unsigned binds;

	while ((binds = precedence[p->token.kind]) >= least) {
		bool right_first = at(p, RIVER_TOKEN_POW);

		expr = new_expr(p, RIVER_EXPR_BINARY, left->range.start);
		expr->binary.op = p->token.kind;
		expr->binary.op_at = p->token.range.start;
		expr->binary.left = left;
		if (!enter(p))
			return left;
		next(p);
		expr->binary.right =
		    parse_binary(p, right_first ? binds : binds + 1);
		leave(p);
		deepen(expr, left);
		deepen(expr, expr->binary.right);
		left = finish(p, expr);
	}
	return left;
}

static struct river_expr *
parse_expr(struct parser *p)
{
	struct river_expr *expr;

	if (!enter(p))
		return bad_expr(p);
	expr = parse_binary(p, 1);
	leave(p);
	return expr;
}

/* One part of a block's name, in a list while their number is not known. */
struct part {
	struct part *next;
	struct river_ident ident;
};

/* Whatever token follows a dot is taken for a part. */
static struct part *
parse_part(struct parser *p)
{
	struct part *part = river_arena_alloc(p->arena, 1, sizeof(*part));

	part->ident = token_ident(p);
	if (!at(p, RIVER_TOKEN_IDENT))
		complain_expected(p, "identifier");
	next(p);
	return part;
}

static void
parse_name(struct parser *p, struct river_block *block)
{
	struct part *first = parse_part(p), *last = first;
	size_t size, i = 0;

	for (block->part_count = 1; at(p, RIVER_TOKEN_DOT);
	     block->part_count++) {
		next(p);
		last->next = parse_part(p);
		last = last->next;
	}
	block->parts = river_arena_alloc(
	    p->arena, block->part_count, sizeof(*block->parts));
	size = block->part_count;
	for (last = first; last != NULL; last = last->next) {
		block->parts[i++] = last->ident;
		size += strlen(last->ident.text);
	}
	block->name.text = river_arena_alloc(p->arena, size, 1);
	for (char *out = (char *)block->name.text; first != NULL;
	     first = first->next) {
		out = stpcpy(out, first->ident.text);
		if (first->next != NULL)
			*out++ = '.';
	}
	block->name.range = (struct river_range){ block->parts[0].range.start,
		p->previous_end };
}

/* Whether it is a label that is not empty, if not a good one. */
static bool
parse_label(struct parser *p, struct river_block *block)
{
	const char *text = p->source->text + p->token.range.start;
	size_t size = p->token.range.end - p->token.range.start + 1;
	bool valid = false;

	if (!at(p, RIVER_TOKEN_STRING)) {
		complain_expected(p, "block label");
	} else if (text[0] != '"') {
		if (worth_saying(p))
			river_error(p->diagnostics, p->source,
			    point(p->token.range.start),
			    "expected block label to be a double quoted "
			    "string, but got %s",
			    river_quote(p->arena, text, size));
		valid = true;
	} else if (size < 2 || text[size - 1] != '"') {
		valid = false; /* the lexer has complained */
	} else if (size > 2 && !river_is_identifier(text + 1, size - 2)) {
		if (worth_saying(p))
			river_error(p->diagnostics, p->source,
			    point(p->token.range.start),
			    "expected block label to be a valid identifier, "
			    "but got %s",
			    river_quote(p->arena, text + 1, size - 2));
		valid = true;
	} else {
		block->label.text =
		    river_arena_copy(p->arena, text + 1, size - 2);
		valid = size > 2;
	}
	block->label.range = p->token.range;
	next(p);
	return valid;
}

static void
finish_block(struct parser *p, struct river_statement *statement)
{
	struct river_block *block = &statement->block;

	statement->is_block = true;
	block->open = p->token.range.start;
	if (!enter(p))
		return;
	next(p);
	parse_body(p, RIVER_TOKEN_RBRACE, &block->body);
	leave(p);
	block->close = p->token.range.start;
	expect(p, RIVER_TOKEN_RBRACE);
	block->range =
	    (struct river_range){ block->name.range.start, p->previous_end };
	statement->range = block->range;
}

static void
finish_attribute(struct parser *p, struct river_statement *statement,
    const struct river_block *head, bool labelled)
{
	struct river_attribute *attribute = &statement->attribute;

	next(p);
	if (head->part_count > 1)
		river_error(p->diagnostics, p->source, head->name.range,
		    "attribute names may only consist of a single identifier "
		    "with no \".\"");
	else if (labelled)
		river_error(p->diagnostics, p->source, head->label.range,
		    "attribute names may not have labels");
	attribute->name = head->parts[0];
	attribute->value = parse_expr(p);
	statement->range =
	    (struct river_range){ head->name.range.start, p->previous_end };
}

static void
skip_to_identifier(struct parser *p)
{
	while (!at(p, RIVER_TOKEN_IDENT) && !at(p, RIVER_TOKEN_EOF))
		next(p);
}

/* NULL when it does not start like one. */
static struct river_statement *
parse_statement(struct parser *p)
{
	struct river_statement *statement;
	struct river_block head = { .label.text = "" };
	bool labelled = false;

	if (!at(p, RIVER_TOKEN_IDENT)) {
		complain_expected(p, "identifier");
		skip_to_identifier(p);
		return NULL;
	}
	statement = river_arena_alloc(p->arena, 1, sizeof(*statement));
	parse_name(p, &head);
	if (!at(p, RIVER_TOKEN_ASSIGN) && !at(p, RIVER_TOKEN_LBRACE))
		labelled = parse_label(p, &head);
	if (at(p, RIVER_TOKEN_LBRACE)) {
		statement->block = head;
		finish_block(p, statement);
	} else if (at(p, RIVER_TOKEN_ASSIGN)) {
		finish_attribute(p, statement, &head, labelled);
	} else {
		complain_expected(
		    p, labelled || head.part_count > 1
			   ? "block body"
			   : "attribute assignment or block body");
		skip_to_identifier(p);
		return NULL;
	}
	return statement;
}

/* To the end of a statement, over what brackets enclose. */
static void
skip_statement(struct parser *p)
{
	int depth = 0;

	for (; !at(p, RIVER_TOKEN_EOF); next(p)) {
		if (at(p, RIVER_TOKEN_LBRACE) || at(p, RIVER_TOKEN_LPAREN) ||
		    at(p, RIVER_TOKEN_LBRACKET))
			depth++;
		else if (at(p, RIVER_TOKEN_RBRACE) ||
			 at(p, RIVER_TOKEN_RPAREN) ||
			 at(p, RIVER_TOKEN_RBRACKET))
			depth--;
		else if (at(p, RIVER_TOKEN_TERMINATOR) && depth <= 0)
			return;
	}
}

static void
parse_body(
    struct parser *p, enum river_token_kind until, struct river_body *body)
{
	struct river_statement **tail = &body->first;

	while (!at(p, until) && !at(p, RIVER_TOKEN_EOF)) {
		struct river_statement *statement = parse_statement(p);

		if (statement != NULL) {
			*tail = statement;
			tail = &statement->next;
			body->count++;
		}
		if (at(p, until))
			break;
		if (!at(p, RIVER_TOKEN_TERMINATOR)) {
			complain_expected(p, "TERMINATOR");
			skip_statement(p);
		}
		next(p);
	}
}

static void
parser_init(struct parser *p, const struct river_source *source,
    struct river_arena *arena, struct river_diagnostics *d)
{
	*p = (struct parser){
		.source = source, .arena = arena, .diagnostics = d
	};
	river_lexer_init(&p->lexer, source, arena, d);
	next(p);
}

struct river_file *
river_parse(const struct river_source *source, struct river_diagnostics *d)
{
	struct river_file *file = ecalloc(1, sizeof(*file));
	size_t errors = d->errors;
	struct parser p;

	file->source = source;
	file->arena = river_arena_new();
	parser_init(&p, source, file->arena, d);
	parse_body(&p, RIVER_TOKEN_EOF, &file->body);
	file->comments = p.lexer.first_comment;
	if (d->errors == errors)
		return file;
	river_file_free(file);
	return NULL;
}

void
river_file_free(struct river_file *file)
{
	if (file == NULL)
		return;
	river_arena_free(file->arena);
	free(file);
}

struct river_expr *
river_parse_expression(const struct river_source *source,
    struct river_arena *arena, struct river_diagnostics *d)
{
	size_t errors = d->errors;
	struct river_expr *expr;
	struct parser p;

	parser_init(&p, source, arena, d);
	expr = parse_expr(&p);
	if (!at(&p, RIVER_TOKEN_EOF) && expect(&p, RIVER_TOKEN_TERMINATOR))
		expect(&p, RIVER_TOKEN_EOF);
	return d->errors == errors ? expr : NULL;
}
