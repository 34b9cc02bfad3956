/* SPDX-License-Identifier: Apache-2.0 */
#include "common/river/layout.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/river/columns.h"
#include "common/river/items.h"

#define NONE SIZE_MAX

/* What goes between two items. */
enum gap { NOTHING, SPACE, LINE, BLANK_LINE };

/*
 * Brackets that open on one line indent together: what is inside is one
 * deeper than that line, and they close at its level.
 */
struct bracket {
	unsigned outer, line;
	size_t group;
	bool aligns;
};

struct setter {
	const struct river_source *source;
	struct river_items items;
	struct river_columns *columns;
	size_t token;         /* the last one set, NONE at the start */
	size_t first;         /* item of the current line */
	unsigned indent;      /* of the next line */
	unsigned line_indent; /* of the current one */
	size_t group;         /* of lines that may be aligned */
	bool aligns;          /* comments too: not in arrays */
	struct bracket *bracket;
	size_t depth, room;
};

static const struct river_item *
item_at(const struct setter *s, size_t index)
{
	return &s->items.item[index];
}

static bool
is_comment(const struct river_item *item)
{
	return item->role == RIVER_ROLE_COMMENT;
}

static bool
is_line_comment(const struct setter *s, const struct river_item *item)
{
	return is_comment(item) &&
	       s->source->text[item->range.start + 1] == '/';
}

/* ---- what goes between */

/* Between statements, where the braces of a block are. */
static enum gap
body_gap(const struct setter *s, size_t index)
{
	const struct river_item *item = item_at(s, index), *before = item - 1;
	bool opens = before->role == RIVER_ROLE_BLOCK_OPEN;
	bool closes = item->role == RIVER_ROLE_BLOCK_CLOSE;
	bool same_line = item->line == before->last_line;

	if ((same_line && is_comment(item)) || (opens && closes))
		return SPACE;
	/* a comment in front of what it is about */
	if (same_line && !closes && is_comment(before) &&
	    is_comment(item_at(s, s->first)))
		return SPACE;
	if ((opens || closes) && !is_comment(before) && !is_comment(item))
		return LINE;
	/* a block is parted from what is directly above it */
	if (item->line > before->last_line + 1 ||
	    (item->block && !is_comment(before)))
		return BLANK_LINE;
	return LINE;
}

static bool
opens_tightly(const struct river_item *item)
{
	return item->role == RIVER_ROLE_LIST_OPEN ||
	       item->role == RIVER_ROLE_TIGHT_OPEN ||
	       item->role == RIVER_ROLE_UNARY || item->role == RIVER_ROLE_DOT;
}

static bool
is_close(const struct river_item *item)
{
	return item->role == RIVER_ROLE_LIST_CLOSE ||
	       item->role == RIVER_ROLE_TIGHT_CLOSE;
}

static enum gap
gap_on_line(const struct river_item *before, const struct river_item *item)
{
	if (item->role == RIVER_ROLE_COMMA)
		return NOTHING;
	if (is_comment(item) || is_comment(before))
		return SPACE;
	if (is_close(item))
		return NOTHING;
	/* "1 .a": without the space it would be another number */
	if (item->role == RIVER_ROLE_DOT)
		return before->kind == RIVER_TOKEN_NUMBER ? SPACE : NOTHING;
	return opens_tightly(before) || item->tight ? NOTHING : SPACE;
}

/* Within a statement. */
static enum gap
value_gap(const struct setter *s, size_t index)
{
	const struct river_item *item = item_at(s, index), *before = item - 1;
	bool comment = is_comment(item) || is_comment(before);
	bool opens = before->role == RIVER_ROLE_LIST_OPEN;
	bool closes = item->role == RIVER_ROLE_LIST_CLOSE;
	uint32_t lines = item->line - before->last_line;

	if (lines == 0 || (opens && closes))
		return gap_on_line(before, item);
	if (comment)
		return lines > 1 ? BLANK_LINE : LINE;
	if (opens || closes || before->role == RIVER_ROLE_COMMA)
		return LINE;
	return gap_on_line(before, item);
}

/* Whether the item at index does not continue a statement. */
static bool
is_apart(const struct setter *s)
{
	return s->token == NONE || item_at(s, s->token)->ends;
}

static enum gap
gap_before(const struct setter *s, size_t index)
{
	if (index == 0)
		return LINE;
	return is_apart(s) ? body_gap(s, index) : value_gap(s, index);
}

/* ---- lines */

/* How far in a line that starts with this item is. */
static unsigned
indent_of(const struct setter *s, const struct river_item *item)
{
	const struct river_item *token;

	if (item->role == RIVER_ROLE_BLOCK_CLOSE || is_close(item))
		return s->bracket[s->depth - 1].line;
	if (is_apart(s))
		return s->indent;
	token = item_at(s, s->token);
	if (token->role == RIVER_ROLE_COMMA ||
	    token->role == RIVER_ROLE_LIST_OPEN ||
	    token->role == RIVER_ROLE_TIGHT_OPEN)
		return s->indent;
	return s->indent + 1;
}

/* Lines that close a bracket stand for themselves. */
static size_t
group_of(const struct setter *s, size_t index)
{
	const struct river_item *item = item_at(s, index);

	if (item->role == RIVER_ROLE_BLOCK_CLOSE || is_close(item))
		return NONE;
	return s->group;
}

static void
start_line(struct setter *s, size_t index, bool blank)
{
	s->line_indent = indent_of(s, item_at(s, index));
	s->first = index;
	river_columns_line(
	    s->columns, s->line_indent, group_of(s, index), blank);
}

/* Whether the line ends with the comment at index and those behind it. */
static bool
ends_line(const struct setter *s, size_t index)
{
	const struct river_item *item = item_at(s, index);

	if (!is_comment(item) || is_comment(item - 1))
		return false;
	for (; index + 1 < s->items.count; index++, item++)
		if (!is_comment(item + 1) || item[1].line > item->last_line)
			return item[1].line > item->last_line || is_apart(s);
	return true;
}

/* Marks where the item may be moved to stand below that of the line above. */
static void
cut(struct setter *s, size_t index, enum gap gap)
{
	if (gap >= LINE || s->token == NONE)
		return;
	if (item_at(s, index)->kind == RIVER_TOKEN_ASSIGN &&
	    item_at(s, s->token)->key && s->first == s->token)
		river_columns_cut(s->columns, RIVER_CUT_EQUAL);
	else if (s->aligns && ends_line(s, index))
		river_columns_cut(s->columns, RIVER_CUT_COMMENT);
}

/* ---- items */

/* The bytes without carriage returns before newlines, or without any. */
static void
put_lines(struct setter *s, const char *bytes, size_t size, bool all)
{
	const char *end = bytes + size, *p, *next;

	while ((p = memchr(bytes, '\r', end - bytes)) != NULL) {
		for (next = p; next < end && *next == '\r';)
			next++;
		if (!all && (next == end || *next != '\n'))
			p = next;
		river_columns_put(s->columns, bytes, p - bytes);
		bytes = next;
	}
	river_columns_put(s->columns, bytes, end - bytes);
}

static size_t
without_blanks(const char *text, size_t size)
{
	while (size > 0 && strchr(" \t\r", text[size - 1]) != NULL)
		size--;
	return size;
}

static void
put_text(struct setter *s, const struct river_item *item)
{
	const char *text = s->source->text + item->range.start;
	size_t size = item->range.end - item->range.start + 1;

	if (is_line_comment(s, item))
		size = without_blanks(text, size);
	if (is_comment(item) || text[0] == '`')
		put_lines(s, text, size, text[0] == '`');
	else
		river_columns_put(s->columns, text, size);
}

static void
open_bracket(struct setter *s, size_t index)
{
	if (s->depth == s->room) {
		s->room = s->room > 0 ? 2 * s->room : 64;
		s->bracket = erealloc(s->bracket, s->room, sizeof(*s->bracket));
	}
	s->bracket[s->depth++] =
	    (struct bracket){ s->indent, s->line_indent, s->group, s->aligns };
	s->indent = s->line_indent + 1;
	s->group = index + 1;
	s->aligns = item_at(s, index)->kind == RIVER_TOKEN_LBRACE;
}

static void
close_bracket(struct setter *s)
{
	const struct bracket *b = &s->bracket[--s->depth];

	s->indent = b->outer;
	s->group = b->group;
	s->aligns = b->aligns;
}

static void
set_token(struct setter *s, size_t index)
{
	switch (item_at(s, index)->role) {
	case RIVER_ROLE_LIST_OPEN:
	case RIVER_ROLE_TIGHT_OPEN:
	case RIVER_ROLE_BLOCK_OPEN:
		open_bracket(s, index);
		break;
	case RIVER_ROLE_LIST_CLOSE:
	case RIVER_ROLE_TIGHT_CLOSE:
	case RIVER_ROLE_BLOCK_CLOSE:
		close_bracket(s);
		break;
	default:
		break;
	}
	s->token = index;
}

static void
set_item(struct setter *s, size_t index)
{
	enum gap gap = gap_before(s, index);

	if (gap >= LINE)
		start_line(s, index, gap == BLANK_LINE);
	else if (gap == SPACE)
		river_columns_put(s->columns, " ", 1);
	cut(s, index, gap);
	put_text(s, item_at(s, index));
	if (!is_comment(item_at(s, index)))
		set_token(s, index);
}

char *
river_layout(const struct river_source *source, size_t *size)
{
	struct setter s = { .source = source, .token = NONE, .aligns = true };
	char *text;

	river_items_read(&s.items, source);
	s.columns = river_columns_new();
	for (size_t i = 0; i < s.items.count; i++)
		set_item(&s, i);
	text = river_columns_text(s.columns, RIVER_MAX_FILE_BYTES, size);
	river_columns_free(s.columns);
	free(s.bracket);
	free(s.items.item);
	return text;
}

/* ---- comparing */

static bool
same_comment(const char *a, size_t a_size, const char *b, size_t b_size)
{
	size_t i = 0, j = 0;

	a_size = without_blanks(a, a_size);
	b_size = without_blanks(b, b_size);
	for (;; i++, j++) {
		while (i < a_size && a[i] == '\r')
			i++;
		while (j < b_size && b[j] == '\r')
			j++;
		if (i == a_size || j == b_size)
			return i == a_size && j == b_size;
		if (a[i] != b[j])
			return false;
	}
}

static bool
same_item(const struct river_source *a, const struct river_item *x,
    const struct river_source *b, const struct river_item *y)
{
	const char *s = a->text + x->range.start, *t = b->text + y->range.start;
	size_t n = x->range.end - x->range.start + 1;
	size_t m = y->range.end - y->range.start + 1;

	if (x->kind != y->kind || x->role != y->role || x->ends != y->ends)
		return false;
	if (x->role == RIVER_ROLE_COMMENT || s[0] == '`')
		return same_comment(s, n, t, m);
	return n == m && memcmp(s, t, n) == 0;
}

/* The next item that is no comma before a closing bracket. */
static const struct river_item *
next_needed(const struct river_items *items, size_t *at)
{
	const struct river_item *item;

	for (; *at < items->count; (*at)++) {
		size_t i = *at + 1;

		item = &items->item[*at];
		while (i < items->count && is_comment(&items->item[i]))
			i++;
		if (item->role == RIVER_ROLE_COMMA && i < items->count &&
		    is_close(&items->item[i]))
			continue;
		(*at)++;
		return item;
	}
	return NULL;
}

bool
river_layout_same(const struct river_source *a, const struct river_source *b)
{
	struct river_items x, y;
	const struct river_item *p, *q;
	size_t i = 0, j = 0;
	bool same;

	river_items_read(&x, a);
	river_items_read(&y, b);
	do {
		p = next_needed(&x, &i);
		q = next_needed(&y, &j);
		same = p == NULL || q == NULL ? p == q : same_item(a, p, b, q);
	} while (same && p != NULL);
	free(x.item);
	free(y.item);
	return same;
}
