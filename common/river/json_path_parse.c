/* SPDX-License-Identifier: Apache-2.0 */
#include "common/river/json_path.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "common/river/arena.h"
#include "common/river/utf8.h"

/* Parentheses, paths and operators within each other. */
#define MAX_DEPTH 100
#define MAX_INDEX INT32_MAX

struct reader {
	struct river_arena *arena;
	struct river_bytes text;
	size_t at;
	unsigned depth;
	const char *wrong; /* the first mistake */
};

static struct json_step *read_path(struct reader *r);
static struct json_test *read_test(struct reader *r, unsigned least);

/* ---- characters */

static void __attribute__((format(printf, 2, 3)))
complain(struct reader *r, const char *fmt, ...)
{
	const char *message;
	va_list ap;

	if (r->wrong != NULL)
		return;
	va_start(ap, fmt);
	message = river_arena_vprintf(r->arena, fmt, ap);
	va_end(ap);
	r->wrong = river_arena_printf(r->arena, "%s at %zu in %.*s", message,
	    r->at + 1, (int)r->text.size, r->text.data);
}

/* The current character; NUL at the end and after a mistake. */
static char
peek(const struct reader *r)
{
	return r->wrong == NULL && r->at < r->text.size ? r->text.data[r->at]
							: '\0';
}

static bool
at_end(const struct reader *r)
{
	return r->wrong != NULL || r->at >= r->text.size;
}

static bool
take(struct reader *r, char c)
{
	if (at_end(r) || peek(r) != c)
		return false;
	r->at++;
	return true;
}

static bool
take_word(struct reader *r, const char *word)
{
	size_t size = strlen(word);

	if (r->wrong != NULL || r->text.size - r->at < size ||
	    memcmp(r->text.data + r->at, word, size) != 0)
		return false;
	r->at += size;
	return true;
}

static void
skip_space(struct reader *r)
{
	while (take(r, ' '))
		;
}

static void
expect(struct reader *r, char c)
{
	skip_space(r);
	if (!take(r, c))
		complain(r, "not terminated");
}

static bool
enter(struct reader *r)
{
	if (++r->depth > MAX_DEPTH)
		complain(r, "nested too deeply");
	return r->wrong == NULL;
}

/* Whether it can be part of a name that is not in quotes. */
static bool
is_name(char c)
{
	static const char others[] = "#%;?^_{|}~";

	return (unsigned char)c >= 0x80 || (c >= '0' && c <= '9') ||
	       ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
	       (c != '\0' && strchr(others, c) != NULL);
}

static struct river_bytes
read_name(struct reader *r)
{
	size_t start = r->at;
	struct river_bytes name;

	while (!at_end(r) && is_name(peek(r)))
		r->at++;
	name.size = r->at - start;
	name.data = river_arena_copy(r->arena, r->text.data + start, name.size);
	return name;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Hexadecimal digits, so many of them. */
static uint32_t
read_hex(struct reader *r, int count)
{
	uint32_t value = 0;

	for (; count > 0; count--) {
		int digit = hex_digit(peek(r));

		if (digit < 0) {
			complain(r, "invalid escape in a string");
			return 0;
		}
		value = value << 4 | digit;
		r->at++;
	}
	return value;
}

/* What follows a backslash, to out; bytes written. */
static size_t
read_escape(struct reader *r, char *out)
{
	static const char letters[] = "btnfr\"'\\";
	static const char meant[] = "\b\t\n\f\r\"'\\";
	const char *found;
	char c = peek(r);

	r->at++;
	if (c == 'x') {
		*out = read_hex(r, 2);
		return 1;
	}
	if (c == 'u' || c == 'U') {
		uint32_t rune = read_hex(r, 4);
		size_t n = utf8_encode(rune, out);

		return n > 0 ? n : utf8_encode(0xfffd, out);
	}
	found = c != '\0' ? strchr(letters, c) : NULL;
	if (found == NULL)
		complain(r, "invalid escape in a string");
	else
		*out = meant[found - letters];
	return 1;
}

/* Bytes before the closing quote. */
static size_t
string_size(const struct reader *r, char quote)
{
	size_t end = r->at;

	while (end < r->text.size && r->text.data[end] != quote)
		end += r->text.data[end] == '\\' ? 2 : 1;
	return (end < r->text.size ? end : r->text.size) - r->at;
}

/* Up to the closing quote; the opening one has been read. */
static struct river_bytes
read_string(struct reader *r, char quote)
{
	/* no escape is shorter than what it stands for */
	char *text = river_arena_alloc(r->arena, string_size(r, quote) + 4, 1);
	char *out = text;

	while (!take(r, quote)) {
		if (at_end(r)) {
			complain(r, "not terminated");
			break;
		}
		if (take(r, '\\'))
			out += read_escape(r, out);
		else
			*out++ = r->text.data[r->at++];
	}
	return (struct river_bytes){ text, out - text };
}

static bool
at_digit(const struct reader *r)
{
	return peek(r) >= '0' && peek(r) <= '9';
}

static int64_t
read_index(struct reader *r)
{
	bool negative = take(r, '-');
	int64_t value = 0;

	if (!at_digit(r))
		complain(r, "expected a number");
	for (; at_digit(r); r->at++)
		if (value <= MAX_INDEX)
			value = value * 10 + (peek(r) - '0');
	return negative ? -value : value;
}

/* ---- steps */

static struct json_step *
new_step(struct reader *r, enum json_step_kind kind)
{
	struct json_step *step = river_arena_alloc(r->arena, 1, sizeof(*step));

	step->kind = kind;
	return step;
}

static struct json_step *
read_child(struct reader *r)
{
	struct json_step *step = new_step(r, JSON_STEP_CHILD);

	step->name = read_name(r);
	return step;
}

/* After a dot. */
static struct json_step *
read_after_dot(struct reader *r)
{
	if (take(r, '*'))
		return new_step(r, JSON_STEP_ALL);
	if (take(r, '.'))
		return new_step(r, JSON_STEP_DESCENT);
	if (at_end(r))
		complain(r, "not terminated");
	else if (!is_name(peek(r)))
		complain(r, "an expression fragment can not start with a '%c'",
		    peek(r));
	return read_child(r);
}

/* The first number, if there is one, has been read. */
static struct json_step *
read_slice(struct reader *r, bool has_start, int64_t start)
{
	struct json_step *step = new_step(r, JSON_STEP_SLICE);
	struct json_slice *s = &step->slice;

	s->has_start = has_start;
	s->start = start;
	s->by = 1;
	skip_space(r);
	if (at_digit(r) || peek(r) == '-') {
		s->has_end = true;
		s->end = read_index(r);
		skip_space(r);
	}
	if (take(r, ':')) {
		skip_space(r);
		if (peek(r) != ']')
			s->by = read_index(r);
		skip_space(r);
	}
	if (!take(r, ']'))
		complain(r, "invalid slice syntax");
	return step;
}

/* A name in quotes or a number, as brackets may have several of. */
static struct json_step *
read_choice(struct reader *r)
{
	struct json_step *step;
	char quote = peek(r);

	if (quote == '\'' || quote == '"') {
		r->at++;
		step = new_step(r, JSON_STEP_CHILD);
		step->name = read_string(r, quote);
	} else if (at_digit(r) || quote == '-') {
		step = new_step(r, JSON_STEP_INDEX);
		step->index = read_index(r);
	} else {
		complain(r, "invalid union syntax");
		return NULL;
	}
	skip_space(r);
	return step;
}

/* first has been read, and a comma. */
static struct json_step *
read_union(struct reader *r, struct json_step *first)
{
	struct json_step *step = new_step(r, JSON_STEP_UNION);
	struct json_step **tail = &first->next;

	step->choices = first;
	do {
		skip_space(r);
		*tail = read_choice(r);
		if (*tail == NULL)
			return step;
		tail = &(*tail)->next;
	} while (take(r, ','));
	if (!take(r, ']'))
		complain(r, "invalid union syntax");
	return step;
}

static struct json_step *
read_filter(struct reader *r)
{
	struct json_step *step = new_step(r, JSON_STEP_FILTER);

	step->test = read_test(r, 1);
	expect(r, ']');
	return step;
}

static struct json_step *
read_bracket(struct reader *r)
{
	struct json_step *step;

	skip_space(r);
	if (at_end(r)) {
		complain(r, "not terminated");
		return NULL;
	}
	if (take(r, '*')) {
		expect(r, ']');
		return new_step(r, JSON_STEP_ALL);
	}
	if (take(r, '?'))
		return read_filter(r);
	if (take(r, ':'))
		return read_slice(r, false, 0);
	if (!at_digit(r) && strchr("-'\"", peek(r)) == NULL) {
		complain(r, "parse error");
		return NULL;
	}
	step = read_choice(r);
	if (step == NULL || take(r, ']'))
		return step;
	if (take(r, ','))
		return read_union(r, step);
	if (step->kind == JSON_STEP_INDEX && take(r, ':'))
		return read_slice(r, true, step->index);
	complain(r, "invalid bracket fragment");
	return NULL;
}

/* The next step after last, which is NULL for the first; NULL: no more. */
static struct json_step *
read_step(struct reader *r, const struct json_step *last)
{
	if (last == NULL && take(r, '$'))
		return new_step(r, JSON_STEP_ROOT);
	if (last == NULL && take(r, '@'))
		return new_step(r, JSON_STEP_CURRENT);
	if (take(r, '.'))
		return read_after_dot(r);
	if (take(r, '['))
		return read_bracket(r);
	if (last != NULL && last->kind != JSON_STEP_DESCENT)
		return NULL;
	if (take(r, '*'))
		return new_step(r, JSON_STEP_ALL);
	return is_name(peek(r)) ? read_child(r) : NULL;
}

static struct json_step *
read_path(struct reader *r)
{
	struct json_step *first = NULL, **tail = &first, *last = NULL;

	if (!enter(r))
		return NULL;
	while ((*tail = read_step(r, last)) != NULL && r->wrong == NULL) {
		last = *tail;
		tail = &last->next;
	}
	r->depth--;
	return first;
}

/* ---- expressions of filters */

static struct json_test *
new_test(struct reader *r, enum json_test_kind kind, struct json_test *left,
    struct json_test *right)
{
	struct json_test *test = river_arena_alloc(r->arena, 1, sizeof(*test));

	test->kind = kind;
	test->left = left;
	test->right = right;
	return test;
}

static struct json_test *
new_value(struct reader *r, struct river_value value)
{
	struct json_test *test = new_test(r, JSON_TEST_VALUE, NULL, NULL);

	test->value = value;
	return test;
}

static struct json_test *
read_number(struct reader *r)
{
	struct river_value value = { .type = RIVER_NUMBER };
	size_t start = r->at;
	struct river_bytes text;

	take(r, '-');
	while (!at_end(r) && (at_digit(r) || strchr(".eE", peek(r)) != NULL ||
				 (strchr("+-", peek(r)) != NULL &&
				     (r->text.data[r->at - 1] | 0x20) == 'e')))
		r->at++;
	text.size = r->at - start;
	text.data = r->text.data + start;
	if (river_number_from_string(text, &value.number) < 0)
		complain(r, "expected a number");
	return new_value(r, value);
}

/* A list of constants, after its bracket. */
static struct json_test *
read_list(struct reader *r)
{
	struct river_value *items = NULL, *more;
	size_t count = 0, room = 0;

	skip_space(r);
	while (!take(r, ']') && r->wrong == NULL) {
		struct json_test *test = read_test(r, 1);

		if (test == NULL || test->kind != JSON_TEST_VALUE)
			complain(r, "expected a value");
		skip_space(r);
		if (!take(r, ',') && peek(r) != ']')
			complain(r, "expected a comma or an array close");
		skip_space(r);
		if (r->wrong != NULL)
			break;
		if (count == room) {
			room = room > 0 ? 2 * room : 4;
			more = river_arena_alloc(r->arena, room, sizeof(*more));
			if (count > 0)
				memcpy(more, items, count * sizeof(*more));
			items = more;
		}
		items[count++] = test->value;
	}
	return new_value(r, (struct river_value){ .type = RIVER_ARRAY,
				.array = { items, count } });
}

/* length(a), count(@.x): the name has been read. */
static struct json_test *
read_function(struct reader *r, enum json_test_kind kind)
{
	struct json_test *argument;

	expect(r, '(');
	argument = read_test(r, 1);
	expect(r, ')');
	if (r->wrong == NULL && kind == JSON_TEST_COUNT &&
	    argument->kind != JSON_TEST_PATH)
		complain(r, "count is of a path");
	return new_test(r, kind, argument, NULL);
}

static struct json_test *
read_word(struct reader *r)
{
	struct river_bytes word;
	size_t start = r->at;

	if (take_word(r, "Nothing"))
		return new_test(r, JSON_TEST_NOTHING, NULL, NULL);
	if (take_word(r, "length"))
		return read_function(r, JSON_TEST_LENGTH);
	if (take_word(r, "count"))
		return read_function(r, JSON_TEST_COUNT);
	if (take_word(r, "true"))
		return new_value(r, river_value_bool(true));
	if (take_word(r, "false"))
		return new_value(r, river_value_bool(false));
	if (take_word(r, "null"))
		return new_value(r, RIVER_VALUE_NULL);
	word = read_name(r);
	r->at = start;
	if (word.size == 0 && !at_end(r))
		word = (struct river_bytes){
			river_arena_copy(r->arena, r->text.data + start, 1), 1
		};
	if (strcmp(word.data, "match") == 0 || strcmp(word.data, "search") == 0)
		complain(r, "regular expressions are not supported");
	else
		complain(r, "'%s' is not a value or function", word.data);
	return NULL;
}

static struct json_test *read_operand(struct reader *r);

static struct json_test *
read_negation(struct reader *r)
{
	struct json_test *test = NULL;

	if (enter(r))
		test = new_test(r, JSON_TEST_NOT, read_operand(r), NULL);
	r->depth--;
	return test;
}

static struct json_test *
read_operand(struct reader *r)
{
	struct json_test *test;
	char c;

	skip_space(r);
	c = peek(r);
	if (at_end(r)) {
		complain(r, "not terminated");
	} else if (take(r, '!')) {
		return read_negation(r);
	} else if (take(r, '(')) {
		test = read_test(r, 1);
		expect(r, ')');
		return test;
	} else if (take(r, '\'') || take(r, '"')) {
		struct river_value value = { .type = RIVER_STRING };

		value.string = read_string(r, c);
		return new_value(r, value);
	} else if (at_digit(r) || c == '-') {
		return read_number(r);
	} else if (c == '@' || c == '$') {
		test = new_test(r, JSON_TEST_PATH, NULL, NULL);
		test->path = read_path(r);
		return test;
	} else if (take(r, '[')) {
		return read_list(r);
	} else if (c == '/') {
		complain(r, "regular expressions are not supported");
	} else {
		return read_word(r);
	}
	return NULL;
}

/* Longer ones first. */
static const struct operator_row {
	const char *text;
	unsigned binds;
	enum json_test_kind kind;
	enum river_token_kind op;
} operator_rows[] = {
	{ "||", 1, JSON_TEST_OR, 0 },
	{ "&&", 2, JSON_TEST_AND, 0 },
	{ "==", 3, JSON_TEST_COMPARE, RIVER_TOKEN_EQ },
	{ "!=", 3, JSON_TEST_COMPARE, RIVER_TOKEN_NEQ },
	{ "<=", 3, JSON_TEST_COMPARE, RIVER_TOKEN_LTE },
	{ ">=", 3, JSON_TEST_COMPARE, RIVER_TOKEN_GTE },
	{ "<", 3, JSON_TEST_COMPARE, RIVER_TOKEN_LT },
	{ ">", 3, JSON_TEST_COMPARE, RIVER_TOKEN_GT },
	{ "in", 3, JSON_TEST_IN, 0 },
	{ "empty", 3, JSON_TEST_EMPTY, 0 },
	{ "has", 3, JSON_TEST_HAS, 0 },
	{ "exists", 3, JSON_TEST_HAS, 0 },
	{ "+", 4, JSON_TEST_COMPUTE, RIVER_TOKEN_ADD },
	{ "-", 4, JSON_TEST_COMPUTE, RIVER_TOKEN_SUB },
	{ "*", 5, JSON_TEST_COMPUTE, RIVER_TOKEN_MUL },
	{ "/", 5, JSON_TEST_COMPUTE, RIVER_TOKEN_DIV },
	{ NULL },
};

static const struct operator_row *
peek_operator(struct reader *r)
{
	const struct operator_row *row;
	size_t start;

	skip_space(r);
	start = r->at;
	for (row = operator_rows; row->text != NULL; row++)
		if (take_word(r, row->text))
			break;
	r->at = start;
	return row;
}

/* Whether it is the end of an expression; else a mistake. */
static void
check_end(struct reader *r)
{
	size_t start = r->at, end;

	if (at_end(r) || strchr("),]", peek(r)) != NULL)
		return;
	if (take_word(r, "=~") || take_word(r, "~=")) {
		complain(r, "regular expressions are not supported");
		return;
	}
	for (end = start; end < r->text.size && r->text.data[end] != ' ';)
		end++;
	complain(r, "'%.*s' is not a valid operation", (int)(end - start),
	    r->text.data + start);
}

/* Operators that bind at least as tightly as least. */
static struct json_test *
read_test(struct reader *r, unsigned least)
{
	const struct operator_row *row;
	struct json_test *left, *right;

	if (!enter(r))
		return NULL;
	left = read_operand(r);
	for (row = peek_operator(r);
	     r->wrong == NULL && row->text != NULL && row->binds >= least;
	     row = peek_operator(r)) {
		r->at += strlen(row->text);
		right = read_test(r, row->binds + 1);
		left = new_test(r, row->kind, left, right);
		left->op = row->op;
	}
	if (row->text == NULL)
		check_end(r);
	r->depth--;
	return left;
}

const char *
json_path_parse(struct river_arena *arena, struct river_bytes text,
    struct json_step **steps)
{
	struct reader r = { .arena = arena, .text = text };

	*steps = read_path(&r);
	if (!at_end(&r))
		complain(&r, "parse error");
	return r.wrong;
}
