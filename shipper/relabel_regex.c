/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include "shipper/relabel_regex.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pcre2.h>

#include "common/log.h"
#include "shipper/re2.h"
#include "shipper/relabel_plain.h"

/* Each attempt that fails for lack of steps is followed by a longer one. */
#define STEPS_FACTOR 8
#define OPTIONS                                                                \
	(PCRE2_UTF | PCRE2_DOTALL | PCRE2_ANCHORED | PCRE2_ENDANCHORED |       \
	    PCRE2_NEVER_BACKSLASH_C)
#define MOST_GROUPS 65535

struct regex {
	struct re2 *re2;
	pcre2_code *code; /* NULL: it is plain */
	bool is_plain;
	struct plain plain;
};

struct regex_matcher {
	pcre2_match_context *context;
	pcre2_match_data *data;
	size_t groups; /* that data has room for */
	/* Where the groups of the last match start and end. */
	const PCRE2_SIZE *at;
	PCRE2_SIZE plain_at[4];
};

static void
set_steps(struct regex_matcher *m, uint32_t steps)
{
	pcre2_set_match_limit(m->context, steps);
}

static void
make_room(struct regex_matcher *m, size_t groups)
{
	if (m->data != NULL && groups <= m->groups)
		return;
	pcre2_match_data_free(m->data);
	m->groups = groups < 16 ? 16 : groups;
	m->data = pcre2_match_data_create(m->groups, NULL);
	if (m->data == NULL)
		fatalx("out of memory");
}

struct regex_matcher *
regex_matcher_new(void)
{
	struct regex_matcher *m = ecalloc(1, sizeof(*m));

	m->context = pcre2_match_context_create(NULL);
	if (m->context == NULL)
		fatalx("out of memory");
	pcre2_set_heap_limit(m->context, REGEX_HEAP_MAX_KIB);
	pcre2_set_depth_limit(m->context, REGEX_STEPS_MAX);
	set_steps(m, REGEX_STEPS_FREE);
	make_room(m, 1);
	return m;
}

void
regex_matcher_free(struct regex_matcher *m)
{
	if (m == NULL)
		return;
	pcre2_match_data_free(m->data);
	pcre2_match_context_free(m->context);
	free(m);
}

/* ---- compiling */

/* Only the size of it is left to be wrong. */
static char *
compile_error(int error, const char *text)
{
	const char *what = "internal error";
	char *why;

	switch (error) {
	case PCRE2_ERROR_PATTERN_TOO_LARGE:
	case PCRE2_ERROR_PATTERN_STRING_TOO_LONG:
	case PCRE2_ERROR_PATTERN_TOO_COMPLICATED:
	case PCRE2_ERROR_HEAP_FAILED:
	case PCRE2_ERROR_TOO_MANY_CAPTURES:
		what = "expression too large";
		break;
	case PCRE2_ERROR_PARENTHESES_NEST_TOO_DEEP:
	case PCRE2_ERROR_PARENTHESES_STACK_CHECK:
		what = "expression nests too deeply";
		break;
	}
	if (asprintf(&why, "error parsing regexp: %s: `^(?:%s)$`", what, text) <
	    0)
		fatalx("out of memory");
	return why;
}

static pcre2_code *
compile(const struct re2 *re2, const char *text, char **why)
{
	int error = PCRE2_ERROR_TOO_MANY_CAPTURES;
	pcre2_code *code = NULL;
	PCRE2_SIZE offset;

	if (re2->groups <= MOST_GROUPS)
		code = pcre2_compile((PCRE2_SPTR)re2->pattern, re2->size,
		    OPTIONS, &error, &offset, NULL);
	if (code == NULL)
		*why = compile_error(error, text);
	return code;
}

struct regex *
regex_new(const char *text, char **why)
{
	struct regex *regex = ecalloc(1, sizeof(*regex));

	regex->re2 = re2_translate(text, why);
	if (regex->re2 != NULL)
		regex->is_plain = plain_init(&regex->plain, text);
	if (regex->re2 != NULL && !regex->is_plain)
		regex->code = compile(regex->re2, text, why);
	if (regex->is_plain || regex->code != NULL)
		return regex;
	regex_free(regex);
	return NULL;
}

void
regex_free(struct regex *regex)
{
	if (regex == NULL)
		return;
	pcre2_code_free(regex->code);
	re2_free(regex->re2);
	plain_fini(&regex->plain);
	free(regex);
}

/* ---- matching */

static int
match_once(const struct regex *regex, struct regex_matcher *m, const char *text,
    size_t size)
{
	int r = pcre2_match(
	    regex->code, (PCRE2_SPTR)text, size, 0, 0, m->data, m->context);

	switch (r) {
	case PCRE2_ERROR_NOMATCH:
		return 0;
	case PCRE2_ERROR_MATCHLIMIT:
		return -EAGAIN;
	default: /* no UTF-8, no memory for it, its limit */
		return r > 0 ? 1 : -E2BIG;
	}
}

/* With ever more steps, from the budget. */
static int
match_longer(const struct regex *regex, struct regex_matcher *m,
    const char *text, size_t size, uint64_t *budget)
{
	uint64_t steps = REGEX_STEPS_FREE;
	int r = -EAGAIN;

	while (r == -EAGAIN) {
		steps *= STEPS_FACTOR;
		if (steps > REGEX_STEPS_MAX || steps > *budget)
			break;
		*budget -= steps;
		set_steps(m, steps);
		r = match_once(regex, m, text, size);
	}
	set_steps(m, REGEX_STEPS_FREE);
	return r == -EAGAIN ? -E2BIG : r;
}

static int
match_plain(const struct regex *regex, struct regex_matcher *m,
    const char *text, size_t size)
{
	PCRE2_SIZE *at = m->plain_at;

	m->at = at;
	at[0] = 0;
	at[1] = size;
	return plain_match(&regex->plain, text, size, &at[2], &at[3]);
}

int
regex_match(const struct regex *regex, struct regex_matcher *m,
    const char *text, size_t size, uint64_t *budget)
{
	int r;

	if (regex->is_plain)
		return match_plain(regex, m, text, size);
	make_room(m, regex->re2->groups);
	m->at = pcre2_get_ovector_pointer(m->data);
	r = match_once(regex, m, text, size);
	return r == -EAGAIN ? match_longer(regex, m, text, size, budget) : r;
}

struct regex_span
regex_group(const struct regex_matcher *m, const char *text, size_t group)
{
	const PCRE2_SIZE *at = m->at + 2 * group;

	if (at[0] == PCRE2_UNSET)
		return (struct regex_span){ NULL, 0 };
	return (struct regex_span){ text + at[0], at[1] - at[0] };
}

size_t
regex_groups(const struct regex *regex)
{
	return regex->re2->groups;
}

size_t
regex_find_group(
    const struct regex *regex, const char *name, size_t size, size_t from)
{
	for (size_t i = from; i < regex->re2->groups; i++) {
		const char *is = regex->re2->group[i].name;

		if (is != NULL && strlen(is) == size &&
		    memcmp(is, name, size) == 0)
			return i;
	}
	return 0;
}

bool
regex_is_unsteady(const struct regex *regex, size_t group)
{
	return regex->re2->group[group].unsteady;
}
