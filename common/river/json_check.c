/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A walk through the text without recursion. It comes before the decoder,
 * which so sees nothing that could surprise it.
 */
#include "common/river/json_check.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/river/arena.h"
#include "common/river/format.h"
#include "common/river/utf8.h"

/* Shorter numbers without an exponent fit a double. */
#define DOUBLE_DIGITS 300

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/* What may come next. */
enum state {
	VALUE,
	VALUE_OR_END, /* of an array */
	KEY,
	KEY_OR_END, /* of an object */
	COLON,
	AFTER_VALUE
};

struct walk {
	struct river_arena *arena;
	const char *at, *end;
	struct river_json_facts *facts;
	const char *wrong; /* the first mistake; then the walk is over */
	char open[RIVER_JSON_MAX_DEPTH]; /* the brackets */
	size_t depth;
};

/* A byte in quotes, as Go shows it: '\'', '"', 'x' */
static const char *
shown(struct river_arena *arena, unsigned char c)
{
	char text[4], *quoted;
	size_t size = utf8_encode(c, text);

	if (c == '\'')
		return "'\\''";
	if (c == '"')
		return "'\"'";
	quoted = (char *)river_quote(arena, text, size);
	quoted[0] = quoted[strlen(quoted) - 1] = '\'';
	return quoted;
}

/* The current byte does not belong there. */
static enum state
refuse(struct walk *w, const char *context)
{
	if (w->at == w->end)
		w->wrong = "unexpected end of JSON input";
	else
		w->wrong =
		    river_arena_printf(w->arena, "invalid character %s %s",
			shown(w->arena, *w->at), context);
	return AFTER_VALUE;
}

/* As well; a text that ends in a number or word is as if a blank followed. */
static enum state
refuse_in_word(struct walk *w, const char *context)
{
	if (w->at < w->end)
		return refuse(w, context);
	w->wrong =
	    river_arena_printf(w->arena, "invalid character ' ' %s", context);
	return AFTER_VALUE;
}

static bool
at(const struct walk *w, char c)
{
	return w->at < w->end && *w->at == c;
}

static bool
at_digit(const struct walk *w)
{
	return w->at < w->end && *w->at >= '0' && *w->at <= '9';
}

static void
skip_space(struct walk *w)
{
	while (w->at < w->end && memchr(" \t\r\n", *w->at, 4) != NULL)
		w->at++;
}

/* At least one digit. */
static bool
walk_digits(struct walk *w, const char *context)
{
	if (!at_digit(w)) {
		refuse_in_word(w, context);
		return false;
	}
	while (at_digit(w))
		w->at++;
	return true;
}

/* Whether any double holds the number, which is not NUL-terminated. */
static bool
fits_double(const char *text, size_t size)
{
	char *copy = strndup(text, size);
	bool fits = copy != NULL && isfinite(strtod(copy, NULL));

	free(copy);
	return fits;
}

/* Whether an int64_t holds the number. */
static bool
fits_int(const char *text, size_t size)
{
	static const char positive[] = "9223372036854775807";
	static const char negative[] = "-9223372036854775808";
	const char *most = *text == '-' ? negative : positive;
	size_t length = strlen(most);

	return size < length ||
	       (size == length && memcmp(text, most, length) <= 0);
}

static enum state
walk_number(struct walk *w)
{
	const char *start = w->at;
	bool whole = true, exponent = false;

	if (at(w, '-'))
		w->at++;
	if (at(w, '0'))
		w->at++;
	else if (!walk_digits(w, "in numeric literal"))
		return AFTER_VALUE;
	if (at(w, '.')) {
		w->at++;
		whole = false;
		if (!walk_digits(w, "after decimal point in numeric literal"))
			return AFTER_VALUE;
	}
	if (at(w, 'e') || at(w, 'E')) {
		w->at++;
		exponent = true;
		if (at(w, '+') || at(w, '-'))
			w->at++;
		if (!walk_digits(w, "in exponent of numeric literal"))
			return AFTER_VALUE;
	}
	if (whole && !exponent)
		w->facts->big_integer |= !fits_int(start, w->at - start);
	if ((exponent || w->at - start > DOUBLE_DIGITS) &&
	    !fits_double(start, w->at - start))
		w->wrong = river_arena_printf(w->arena,
		    "json: cannot unmarshal number %.*s into Go value of "
		    "type float64",
		    (int)(w->at - start), start);
	return AFTER_VALUE;
}

static enum state
walk_word(struct walk *w, const char *word)
{
	for (const char *c = word; *c != '\0'; c++) {
		if (!at(w, *c))
			return refuse_in_word(
			    w, river_arena_printf(w->arena,
				   "in literal %s (expecting '%c')", word, *c));
		w->at++;
	}
	return AFTER_VALUE;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The four digits of \uXXXX at text, or -1. */
static int
hex_value(const char *text, const char *end)
{
	int value = 0;

	for (int i = 0; i < 4; i++) {
		int digit = text + i < end ? hex_digit(text[i]) : -1;

		if (digit < 0)
			return -1;
		value = value << 4 | digit;
	}
	return value;
}

/* Whether two escapes follow each other that are one character. */
static bool
is_surrogate_pair(const char *text, const char *end)
{
	int high = hex_value(text + 2, end), low;

	if (end - text < 12 || text[6] != '\\' || text[7] != 'u')
		return false;
	low = hex_value(text + 8, end);
	return high >= 0xd800 && high < 0xdc00 && low >= 0xdc00 && low < 0xe000;
}

static bool
is_surrogate(int value)
{
	return value >= 0xd800 && value < 0xe000;
}

static void
walk_escape(struct walk *w)
{
	const char *start = w->at++;

	if (w->at == w->end || memchr("bfnrt\\/\"u", *w->at, 9) == NULL) {
		refuse_in_word(w, "in string escape code");
		return;
	}
	if (*w->at++ != 'u')
		return;
	for (int i = 0; i < 4; i++, w->at++) {
		if (w->at < w->end && hex_digit(*w->at) >= 0)
			continue;
		refuse_in_word(w, "in \\u hexadecimal character escape");
		return;
	}
	if (is_surrogate_pair(start, w->end))
		w->at += 6;
	else if (is_surrogate(hex_value(start + 2, w->end)))
		w->facts->bad_text = true;
}

static void
walk_string(struct walk *w)
{
	uint32_t rune;
	size_t n;

	for (w->at++; !at(w, '"') && w->wrong == NULL; w->at += n) {
		n = 0;
		if (w->at == w->end || (unsigned char)*w->at < ' ') {
			refuse(w, "in string literal");
		} else if (*w->at == '\\') {
			walk_escape(w);
		} else {
			n = utf8_decode(w->at, w->end - w->at, &rune);
			w->facts->bad_text |= n == 0;
			n = n > 0 ? n : 1;
		}
	}
	w->at++;
}

static enum state
walk_open(struct walk *w, enum state state)
{
	if (w->depth == RIVER_JSON_MAX_DEPTH) {
		w->wrong = "exceeded max depth";
		return AFTER_VALUE;
	}
	w->open[w->depth++] = *w->at++;
	return state;
}

static enum state
walk_close(struct walk *w)
{
	w->at++;
	w->depth--;
	return AFTER_VALUE;
}

static enum state
walk_value(struct walk *w)
{
	w->facts->values++;
	if (at_digit(w) || at(w, '-'))
		return walk_number(w);
	switch (w->at < w->end ? *w->at : '\0') {
	case '{':
		return walk_open(w, KEY_OR_END);
	case '[':
		return walk_open(w, VALUE_OR_END);
	case '"':
		walk_string(w);
		return AFTER_VALUE;
	case 't':
		return walk_word(w, "true");
	case 'f':
		return walk_word(w, "false");
	case 'n':
		return walk_word(w, "null");
	default:
		return refuse(w, "looking for beginning of value");
	}
}

static enum state
walk_key(struct walk *w)
{
	if (!at(w, '"'))
		return refuse(w, "looking for beginning of object key string");
	walk_string(w);
	return COLON;
}

static enum state
walk_colon(struct walk *w)
{
	if (!at(w, ':'))
		return refuse(w, "after object key");
	w->at++;
	return VALUE;
}

static enum state
walk_after_value(struct walk *w)
{
	bool object;

	if (w->depth == 0)
		return refuse(w, "after top-level value");
	object = w->open[w->depth - 1] == '{';
	if (at(w, object ? '}' : ']'))
		return walk_close(w);
	if (!at(w, ','))
		return refuse(w, object ? "after object key:value pair"
					: "after array element");
	w->at++;
	return object ? KEY : VALUE;
}

static enum state
walk_step(struct walk *w, enum state state)
{
	switch (state) {
	case VALUE_OR_END:
		return at(w, ']') ? walk_close(w) : walk_value(w);
	case VALUE:
		return walk_value(w);
	case KEY_OR_END:
		return at(w, '}') ? walk_close(w) : walk_key(w);
	case KEY:
		return walk_key(w);
	case COLON:
		return walk_colon(w);
	default:
		return walk_after_value(w);
	}
}

const char *
river_json_check(struct river_arena *arena, struct river_bytes text,
    struct river_json_facts *facts)
{
	struct walk w = { .arena = arena,
		.at = text.data,
		.end = text.data + text.size,
		.facts = facts };
	enum state state = VALUE;

	*facts = (struct river_json_facts){ 0 };
	for (;;) {
		skip_space(&w);
		if (state == AFTER_VALUE && w.depth == 0 && w.at == w.end)
			return NULL;
		state = walk_step(&w, state);
		if (w.wrong != NULL)
			return w.wrong;
	}
}

size_t
river_json_repair(struct river_bytes text, char *out)
{
	const char *s = text.data, *end = s + text.size;
	char *start = out;
	uint32_t rune;

	while (s < end) {
		size_t n = utf8_decode(s, end - s, &rune);

		if (n == 0) {
			out = mempcpy(out, REPLACEMENT, 3);
			s++;
			continue;
		}
		if (*s == '\\' && s[1] == 'u' && is_surrogate_pair(s, end)) {
			n = 12;
		} else if (*s == '\\' && s[1] == 'u' &&
			   is_surrogate(hex_value(s + 2, end))) {
			out = mempcpy(out, REPLACEMENT, 3);
			s += 6;
			continue;
		} else if (*s == '\\') {
			n = 2;
		}
		out = mempcpy(out, s, n);
		s += n;
	}
	return out - start;
}
