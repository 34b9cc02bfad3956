/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Regular expressions of RE2 on label values, by pcre2, which is in here and
 * nowhere else.
 *
 * pcre2 goes back over a text, and a hostile text can make that take for
 * ever. So a match has a limit of steps, and all matches that need more than
 * a few share a budget: what a configuration can cost is bounded by the
 * number of its targets and rules, whatever is in them. A match that reaches
 * its limit is neither yes nor no.
 *
 * There is no JIT: it needs memory that can be written and executed, which no
 * process here may have. tests/bench/relabel shows what that costs.
 */
#ifndef SHIPPER_RELABEL_REGEX_H
#define SHIPPER_RELABEL_REGEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Steps that any match may take. */
#define REGEX_STEPS_FREE 2000
/* What one match may take if the budget has as much. */
#define REGEX_STEPS_MAX 1024000
/* A new budget. */
#define REGEX_STEPS_BUDGET 100000000
/* Memory that a match may take. */
#define REGEX_HEAP_MAX_KIB 16384

struct regex;
struct regex_matcher;

struct regex_span {
	const char *data; /* NULL: the group took no part */
	size_t size;
};

/* What matching needs and expressions share. Never NULL. */
struct regex_matcher *regex_matcher_new(void);
/* NULL is fine. */
void regex_matcher_free(struct regex_matcher *matcher);

/*
 * NULL and *why (to be freed): the words of RE2, as
 * "error parsing regexp: missing closing ): `^(?:()$`".
 */
struct regex *regex_new(const char *text, char **why);
/* NULL is fine. */
void regex_free(struct regex *regex);

/*
 * Whether all of the text, which must be UTF-8, matches: 1 or 0, or -E2BIG
 * when that would take too much. *budget: steps left, shared by many matches.
 */
int regex_match(const struct regex *regex, struct regex_matcher *matcher,
    const char *text, size_t size, uint64_t *budget);

/* A group of the last match (that was one) of matcher; 0: the whole. */
struct regex_span regex_group(
    const struct regex_matcher *matcher, const char *text, size_t group);

/* How many groups there are, with the whole. */
size_t regex_groups(const struct regex *regex);
/*
 * The number of the first group of that name from number "from" on; 0: none.
 * Names may be given twice.
 */
size_t regex_find_group(
    const struct regex *regex, const char *name, size_t size, size_t from);
/* Whether what it captures is not what RE2 would say (re2.h). */
bool regex_is_unsteady(const struct regex *regex, size_t group);

#endif
