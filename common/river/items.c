/* SPDX-License-Identifier: Apache-2.0 */
#include "common/river/items.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/river/arena.h"
#include "common/river/diagnostics.h"

#define NONE SIZE_MAX

struct open {
	uint8_t role;
	bool object;
};

struct reader {
	const struct river_source *source;
	struct river_lexer lexer;
	struct river_items *items;
	uint32_t line;    /* where the last item ended, from 1 */
	size_t last;      /* token, NONE at the start */
	size_t statement; /* first token of the current one, or NONE */
	bool in_value;    /* behind the "=" of a statement */
	struct open *open;
	size_t depth, room;
};

static struct river_item *
last_token(const struct reader *r)
{
	return r->last == NONE ? NULL : &r->items->item[r->last];
}

/* Of an offset that is not before the last one. */
static uint32_t
line_of(struct reader *r, uint32_t offset)
{
	while (r->line < r->source->lines && r->source->line[r->line] <= offset)
		r->line++;
	return r->line;
}

static struct river_item *
add(struct reader *r, struct river_range range, enum river_token_kind kind,
    enum river_role role)
{
	struct river_items *items = r->items;
	struct river_item *item;

	if (items->count == items->room) {
		items->room = items->room > 0 ? 2 * items->room : 256;
		items->item =
		    erealloc(items->item, items->room, sizeof(*items->item));
	}
	item = &items->item[items->count++];
	*item = (struct river_item){
		.range = range,
		.line = line_of(r, range.start),
		.kind = kind,
		.role = role,
	};
	item->last_line = line_of(r, range.end);
	return item;
}

/* Whether an operator behind it has two sides. */
static bool
is_operand(const struct river_item *item)
{
	if (item == NULL)
		return false;
	switch (item->kind) {
	case RIVER_TOKEN_IDENT:
	case RIVER_TOKEN_NUMBER:
	case RIVER_TOKEN_FLOAT:
	case RIVER_TOKEN_STRING:
	case RIVER_TOKEN_BOOL:
	case RIVER_TOKEN_NULL:
	case RIVER_TOKEN_RPAREN:
	case RIVER_TOKEN_RBRACKET:
	case RIVER_TOKEN_RBRACE:
		return true;
	default:
		return false;
	}
}

/* Whether a statement of a body stands here, not a value. */
static bool
in_body(const struct reader *r)
{
	return !r->in_value;
}

static enum river_role
open_role(const struct reader *r, enum river_token_kind kind)
{
	bool operand = is_operand(last_token(r));

	if (kind == RIVER_TOKEN_LBRACE)
		return in_body(r) ? RIVER_ROLE_BLOCK_OPEN
				  : RIVER_ROLE_LIST_OPEN;
	if (kind == RIVER_TOKEN_LBRACKET)
		return operand ? RIVER_ROLE_TIGHT_OPEN : RIVER_ROLE_LIST_OPEN;
	return operand ? RIVER_ROLE_LIST_OPEN : RIVER_ROLE_TIGHT_OPEN;
}

static void
push(struct reader *r, enum river_token_kind kind, enum river_role role)
{
	if (r->depth == r->room) {
		r->room = r->room > 0 ? 2 * r->room : 64;
		r->open = erealloc(r->open, r->room, sizeof(*r->open));
	}
	r->open[r->depth++] = (struct open){ role,
		role == RIVER_ROLE_LIST_OPEN && kind == RIVER_TOKEN_LBRACE };
}

static enum river_role
close_role(const struct reader *r)
{
	/* the enum has each closing role behind the opening one */
	return r->depth > 0 ? r->open[r->depth - 1].role + 1 : RIVER_ROLE_PLAIN;
}

static enum river_role
role_of(const struct reader *r, enum river_token_kind kind)
{
	switch (kind) {
	case RIVER_TOKEN_NOT:
		return RIVER_ROLE_UNARY;
	case RIVER_TOKEN_SUB:
		return is_operand(last_token(r)) ? RIVER_ROLE_PLAIN
						 : RIVER_ROLE_UNARY;
	case RIVER_TOKEN_DOT:
		return RIVER_ROLE_DOT;
	case RIVER_TOKEN_COMMA:
		return RIVER_ROLE_COMMA;
	case RIVER_TOKEN_LBRACE:
	case RIVER_TOKEN_LBRACKET:
	case RIVER_TOKEN_LPAREN:
		return open_role(r, kind);
	case RIVER_TOKEN_RBRACE:
	case RIVER_TOKEN_RBRACKET:
	case RIVER_TOKEN_RPAREN:
		return close_role(r);
	default:
		return RIVER_ROLE_PLAIN;
	}
}

static bool
starts_field(const struct reader *r)
{
	const struct river_item *last = last_token(r);

	return r->depth > 0 && r->open[r->depth - 1].object && last != NULL &&
	       (last->role == RIVER_ROLE_COMMA ||
		   last->role == RIVER_ROLE_LIST_OPEN);
}

static void
end_statement(struct reader *r)
{
	if (r->last != NONE)
		last_token(r)->ends = true;
	r->statement = NONE;
	r->in_value = false;
}

/* What the item that was just added means for those that follow. */
static void
follow(struct reader *r, struct river_item *item, bool tight)
{
	size_t index = item - r->items->item;

	switch (item->role) {
	case RIVER_ROLE_BLOCK_OPEN:
		if (r->statement != NONE)
			r->items->item[r->statement].block = true;
		r->statement = NONE;
		item->ends = true;
		push(r, item->kind, item->role);
		break;
	case RIVER_ROLE_LIST_OPEN:
	case RIVER_ROLE_TIGHT_OPEN:
		item->tight = tight;
		push(r, item->kind, item->role);
		break;
	case RIVER_ROLE_BLOCK_CLOSE:
		end_statement(r);
		item->ends = true;
		r->depth--;
		break;
	case RIVER_ROLE_LIST_CLOSE:
	case RIVER_ROLE_TIGHT_CLOSE:
		r->depth--;
		break;
	default:
		if (in_body(r) && r->statement == NONE)
			r->statement = index;
		if (in_body(r) && item->kind == RIVER_TOKEN_ASSIGN) {
			r->items->item[r->statement].key = true;
			r->in_value = true;
		}
	}
	r->last = index;
}

static void
add_token(struct reader *r, struct river_token token)
{
	bool tight = is_operand(last_token(r)), field = starts_field(r);
	struct river_item *item =
	    add(r, token.range, token.kind, role_of(r, token.kind));

	item->key = field && is_operand(item);
	follow(r, item, tight);
}

static bool
is_close(const struct river_item *item)
{
	return item->role == RIVER_ROLE_LIST_CLOSE ||
	       item->role == RIVER_ROLE_TIGHT_CLOSE;
}

/* Whether the comma at index is the last of a list that ends on its line. */
static bool
is_needless(const struct river_items *items, size_t index)
{
	const struct river_item *comma = &items->item[index];

	if (comma->role != RIVER_ROLE_COMMA)
		return false;
	for (size_t i = index + 1; i < items->count; i++)
		if (items->item[i].role != RIVER_ROLE_COMMENT)
			return is_close(&items->item[i]) &&
			       items->item[i].line == comma->line;
	return false;
}

static void
drop_commas(struct river_items *items)
{
	size_t kept = 0;

	for (size_t i = 0; i < items->count; i++)
		if (!is_needless(items, i))
			items->item[kept++] = items->item[i];
	items->count = kept;
}

static void
add_comments(struct reader *r, const struct river_comment **seen)
{
	const struct river_comment *c =
	    *seen == NULL ? r->lexer.first_comment : (*seen)->next;

	for (; c != NULL; c = c->next) {
		add(r, c->range, RIVER_TOKEN_ILLEGAL, RIVER_ROLE_COMMENT);
		*seen = c;
	}
}

void
river_items_read(struct river_items *items, const struct river_source *source)
{
	struct reader r = { .source = source, .items = items, .line = 1 };
	struct river_diagnostics *d = river_diagnostics_new();
	struct river_arena *arena = river_arena_new();
	const struct river_comment *seen = NULL;
	struct river_token token;

	memset(items, 0, sizeof(*items));
	r.last = r.statement = NONE;
	river_lexer_init(&r.lexer, source, arena, d);
	do {
		token = river_lexer_next(&r.lexer);
		add_comments(&r, &seen);
		if (token.kind == RIVER_TOKEN_TERMINATOR)
			end_statement(&r);
		else if (token.kind != RIVER_TOKEN_EOF)
			add_token(&r, token);
	} while (token.kind != RIVER_TOKEN_EOF);
	drop_commas(items);
	free(r.open);
	river_arena_free(arena);
	river_diagnostics_free(d);
}
