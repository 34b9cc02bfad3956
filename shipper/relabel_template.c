/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "shipper/relabel_template.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/river/utf8.h"

/* Groups have no higher numbers. */
#define GROUP_MAX 100000000

/* Some text as it is, or a group. */
struct piece {
	struct regex_span text; /* data NULL: a group */
	struct regex_span name; /* of the group, data NULL if by number */
	size_t group;
};

struct template
{
	const struct regex *regex;
	size_t count;
	struct piece piece[];
};

/* ---- reading */

static bool
is_word(uint32_t rune)
{
	return rune_is_letter(rune) || rune_is_digit(rune) || rune == '_';
}

static size_t
word_size(const char *text)
{
	size_t left = strlen(text), size = 0;
	uint32_t rune;

	for (;;) {
		size_t n = utf8_decode(text + size, left - size, &rune);

		if (n == 0 || !is_word(rune))
			return size;
		size += n;
	}
}

/* "name" or "{name}"; how many bytes that takes, 0 if it is none. */
static size_t
take_name(const char *text, struct regex_span *name)
{
	bool brace = text[0] == '{';

	name->data = text + brace;
	name->size = word_size(name->data);
	if (name->size == 0 || (brace && name->data[name->size] != '}'))
		return 0;
	return name->size + (brace ? 2 : 0);
}

/* The number that a name is; -1 if it is none. */
static long
number_of(struct regex_span name)
{
	long n = 0;

	if (name.data[0] == '0' && name.size > 1)
		return -1;
	for (size_t i = 0; i < name.size; i++) {
		if (name.data[i] < '0' || name.data[i] > '9' || n >= GROUP_MAX)
			return -1;
		n = n * 10 + (name.data[i] - '0');
	}
	return n;
}

static void
add_text(struct template *t, const char *data, size_t size)
{
	if (size > 0)
		t->piece[t->count++] = (struct piece){ .text = { data, size } };
}

/* A group that does not exist is left out. */
static void
add_group(struct template *t, struct regex_span name)
{
	long number = number_of(name);
	struct piece piece = { .group = number > 0 ? (size_t)number : 0 };

	if (number < 0) {
		piece.name = name;
		piece.group =
		    regex_find_group(t->regex, name.data, name.size, 1);
		if (piece.group == 0)
			return;
	}
	if (piece.group < regex_groups(t->regex))
		t->piece[t->count++] = piece;
}

/* What follows a dollar; how many bytes it takes. */
static size_t
add_reference(struct template *t, const char *dollar)
{
	struct regex_span name;
	size_t size;

	if (dollar[1] == '$') {
		add_text(t, dollar, 1);
		return 1;
	}
	size = take_name(dollar + 1, &name);
	if (size == 0)
		add_text(t, dollar, 1);
	else
		add_group(t, name);
	return size;
}

struct template *
template_new(const char *text, const struct regex *regex)
{
	size_t pieces = 1;
	struct template *t;
	const char *dollar;

	for (const char *s = text; (s = strchr(s, '$')) != NULL; s++)
		pieces += 2;
	t = ecalloc(1, sizeof(*t) + pieces * sizeof(t->piece[0]));
	t->regex = regex;
	while ((dollar = strchr(text, '$')) != NULL) {
		add_text(t, text, dollar - text);
		text = dollar + 1 + add_reference(t, dollar);
	}
	add_text(t, text, strlen(text));
	return t;
}

void
template_free(struct template *t)
{
	free(t);
}

bool
template_is_plain(const struct template *t)
{
	for (size_t i = 0; i < t->count; i++)
		if (t->piece[i].text.data == NULL)
			return false;
	return true;
}

/* The next group of the same name, or 0. */
static size_t
next_group(const struct template *t, const struct piece *piece, size_t group)
{
	if (piece->name.data == NULL)
		return 0;
	return regex_find_group(
	    t->regex, piece->name.data, piece->name.size, group + 1);
}

static size_t
unsteady_of(const struct template *t, const struct piece *piece)
{
	size_t group = piece->group;

	for (; group != 0; group = next_group(t, piece, group))
		if (regex_is_unsteady(t->regex, group))
			return group;
	return 0;
}

size_t
template_unsteady(const struct template *t)
{
	for (size_t i = 0; i < t->count; i++) {
		const struct piece *piece = &t->piece[i];
		size_t group =
		    piece->text.data == NULL ? unsteady_of(t, piece) : 0;

		if (group != 0)
			return group;
	}
	return 0;
}

/* ---- expanding */

void
buffer_put(struct buffer *b, const char *data, size_t size)
{
	if (size > b->room - b->size) {
		b->room = 2 * (b->size + size);
		b->data = erealloc(b->data, b->room, 1);
	}
	if (size > 0)
		memcpy(b->data + b->size, data, size);
	b->size += size;
}

/* Of groups with one name, the first that took part counts. */
static struct regex_span
group_of(const struct template *t, const struct piece *piece,
    const struct regex_matcher *m, const char *subject)
{
	size_t group = piece->group;
	struct regex_span span = regex_group(m, subject, group);

	while (span.data == NULL && group != 0) {
		group = next_group(t, piece, group);
		if (group != 0)
			span = regex_group(m, subject, group);
	}
	return span;
}

static struct regex_span
piece_text(const struct template *t, const struct piece *piece,
    const struct regex_matcher *m, const char *subject)
{
	return piece->text.data != NULL ? piece->text
					: group_of(t, piece, m, subject);
}

struct regex_span
template_expand(const struct template *t, const struct regex_matcher *m,
    const char *subject, struct buffer *b)
{
	b->size = 0;
	if (t->count == 1)
		return piece_text(t, &t->piece[0], m, subject);
	for (size_t i = 0; i < t->count && b->size <= TEMPLATE_RESULT_MAX;
	     i++) {
		struct regex_span s = piece_text(t, &t->piece[i], m, subject);

		buffer_put(b, s.data, s.size);
	}
	return (struct regex_span){ b->data, b->size };
}
