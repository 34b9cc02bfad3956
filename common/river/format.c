/* SPDX-License-Identifier: Apache-2.0 */
#include "common/river/format.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "common/river/arena.h"
#include "common/river/ast.h"
#include "common/river/utf8.h"

struct printer {
	const struct river_source *source;
	char text[RIVER_FORMAT_MAX];
	size_t used;
	bool full;
	unsigned indent;      /* of the next line */
	unsigned line_indent; /* of the current one */
};

static void print_expr(struct printer *p, const struct river_expr *expr);

static void
put_bytes(struct printer *p, const char *bytes, size_t size)
{
	size_t room = sizeof(p->text) - p->used;

	if (p->full)
		return;
	if (size > room) {
		p->full = true;
		size = room;
		/* not into the middle of a character */
		while (size > 0 && ((unsigned char)bytes[size] & 0xc0) == 0x80)
			size--;
	}
	memcpy(p->text + p->used, bytes, size);
	p->used += size;
}

static void
put(struct printer *p, const char *text)
{
	put_bytes(p, text, strlen(text));
}

static void
put_range(struct printer *p, struct river_range range)
{
	put_bytes(
	    p, p->source->text + range.start, range.end - range.start + 1);
}

static uint32_t
line_of(const struct printer *p, uint32_t offset)
{
	return river_source_position(p->source, offset).line;
}

static void
new_line(struct printer *p)
{
	put(p, "\n");
	p->line_indent = p->indent;
	for (unsigned i = 0; i < p->indent; i++)
		put(p, "\t");
}

/*
 * Between two elements, or a bracket and one: a line break where the text has
 * one, else what is given.
 */
static void
separate(
    struct printer *p, uint32_t before, uint32_t after, const char *otherwise)
{
	if (line_of(p, before) < line_of(p, after))
		new_line(p);
	else
		put(p, otherwise);
}

/*
 * Brackets that open on one line indent by one together: what is inside is
 * one deeper than that line, and they close at its level.
 */
struct bracket {
	unsigned outer, line;
};

static struct bracket
open_bracket(struct printer *p)
{
	struct bracket b = { p->indent, p->line_indent };

	p->indent = p->line_indent + 1;
	return b;
}

/* The last element ends at last, the text closes the bracket at close. */
static void
close_bracket(struct printer *p, struct bracket b, uint32_t last,
    uint32_t close, const char *text)
{
	p->indent = b.line;
	if (line_of(p, last) < line_of(p, close)) {
		put(p, ",");
		new_line(p);
	}
	put(p, text);
	p->indent = b.outer;
}

static void
print_list(struct printer *p, const struct river_expr_list *list, uint32_t open,
    uint32_t close, const char *bracket)
{
	uint32_t before = open;
	const char *space = "";
	struct bracket b;

	if (list->first == NULL) {
		put(p, bracket);
		return;
	}
	b = open_bracket(p);
	for (const struct river_expr *e = list->first; e != NULL && !p->full;
	     e = e->next) {
		if (e != list->first)
			put(p, ",");
		separate(p, before, e->range.start, space);
		print_expr(p, e);
		before = e->range.end;
		space = " ";
	}
	close_bracket(p, b, before, close, bracket);
}

/* How many characters wide. */
static size_t
key_width(const struct printer *p, const struct river_member_expr *m)
{
	const char *s = p->source->text + m->key.range.start;
	size_t width = 0;

	for (uint32_t at = m->key.range.start; at <= m->key.range.end; at++)
		width += ((unsigned char)*s++ & 0xc0) != 0x80;
	return width;
}

static bool
on_own_line(
    const struct printer *p, uint32_t before, const struct river_member_expr *m)
{
	return line_of(p, before) < line_of(p, m->key.range.start);
}

/*
 * The width of the widest key of the fields that stand below each other from
 * m on; a value of several lines ends such a column.
 */
static size_t
column_width(const struct printer *p, const struct river_member_expr *m)
{
	size_t width = 0;

	for (;; m = m->next) {
		const struct river_expr *value = m->value;
		size_t w = key_width(p, m);

		width = w > width ? w : width;
		if (width > RIVER_FORMAT_MAX || m->next == NULL ||
		    line_of(p, value->range.start) <
			line_of(p, value->range.end) ||
		    !on_own_line(p, value->range.end, m->next))
			return width;
	}
}

static void
print_object(struct printer *p, const struct river_expr *expr)
{
	uint32_t before = expr->range.start;
	struct bracket b;
	size_t width = 0;

	put(p, "{");
	if (expr->object.first == NULL) {
		put(p, "}");
		return;
	}
	b = open_bracket(p);
	for (const struct river_member_expr *m = expr->object.first;
	     m != NULL && !p->full; m = m->next) {
		bool first = m == expr->object.first;
		bool own = on_own_line(p, before, m);

		if (!first)
			put(p, ",");
		separate(p, before, m->key.range.start, first ? "" : " ");
		put_range(p, m->key.range);
		if (own && width == 0)
			width = column_width(p, m);
		for (size_t w = key_width(p, m); own && w < width; w++)
			put(p, " ");
		put(p, " = ");
		print_expr(p, m->value);
		before = m->value->range.end;
		if (!own ||
		    line_of(p, m->value->range.start) < line_of(p, before))
			width = 0;
	}
	close_bracket(p, b, before, expr->range.end, "}");
}

static void
print_binary(struct printer *p, const struct river_expr *expr)
{
	print_expr(p, expr->binary.left);
	put(p, " ");
	put(p, river_token_name(expr->binary.op));
	put(p, " ");
	print_expr(p, expr->binary.right);
}

static void
print_expr(struct printer *p, const struct river_expr *expr)
{
	if (p->full)
		return;
	switch (expr->kind) {
	case RIVER_EXPR_LITERAL:
	case RIVER_EXPR_IDENT:
		put_range(p, expr->range);
		break;
	case RIVER_EXPR_ARRAY:
		put(p, "[");
		print_list(
		    p, &expr->array, expr->range.start, expr->range.end, "]");
		break;
	case RIVER_EXPR_OBJECT:
		print_object(p, expr);
		break;
	case RIVER_EXPR_ACCESS:
		print_expr(p, expr->access.value);
		put(p, ".");
		put(p, expr->access.name.text);
		break;
	case RIVER_EXPR_INDEX:
		print_expr(p, expr->index.value);
		put(p, "[");
		print_expr(p, expr->index.index);
		put(p, "]");
		break;
	case RIVER_EXPR_CALL:
		print_expr(p, expr->call.callee);
		put(p, "(");
		print_list(p, &expr->call.args, expr->call.callee->range.end,
		    expr->range.end, ")");
		break;
	case RIVER_EXPR_UNARY:
		put(p, river_token_name(expr->unary.op));
		print_expr(p, expr->unary.value);
		break;
	case RIVER_EXPR_BINARY:
		print_binary(p, expr);
		break;
	case RIVER_EXPR_PAREN:
		put(p, "(");
		print_expr(p, expr->inner);
		put(p, ")");
		break;
	default:
		break;
	}
}

const char *
river_expr_format(struct river_arena *arena, const struct river_source *source,
    const struct river_expr *expr)
{
	struct printer p;

	p.source = source;
	p.used = 0;
	p.full = false;
	p.indent = 0;
	p.line_indent = 0;
	print_expr(&p, expr);
	return river_arena_printf(
	    arena, "%.*s%s", (int)p.used, p.text, p.full ? "..." : "");
}

const char *
river_quote(struct river_arena *arena, const char *text, size_t size)
{
	static const char plain[] = "\a\b\f\n\r\t\v\\\"";
	static const char letter[] = "abfnrtv\\\"";
	/* the longest is \x00 for one byte, \U000e0001 for four */
	char *quoted = river_arena_alloc(arena, 4 * size + 3, 1);
	char *out = quoted;
	uint32_t rune;
	size_t n;

	*out++ = '"';
	for (; size > 0; text += n, size -= n) {
		const char *found;

		n = utf8_decode(text, size, &rune);
		if (n == 0) {
			n = 1;
			out += sprintf(out, "\\x%02x", (unsigned char)*text);
		} else if (rune != 0 && rune < 0x80 &&
			   (found = strchr(plain, (int)rune)) != NULL) {
			*out++ = '\\';
			*out++ = letter[found - plain];
		} else if (rune_is_printable(rune)) {
			memcpy(out, text, n);
			out += n;
		} else {
			out += sprintf(out,
			    rune < 0x80      ? "\\x%02x"
			    : rune < 0x10000 ? "\\u%04x"
					     : "\\U%08x",
			    rune);
		}
	}
	*out++ = '"';
	*out = '\0';
	return quoted;
}
