/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Regular expressions in the syntax of RE2, said again in that of pcre2. What
 * RE2 refuses is refused, with its words. Each construct is written out anew,
 * so that nothing that only pcre2 understands can slip through and nothing
 * that both understand differently keeps its text.
 *
 * The result is for pcre2 with UTF, DOTALL, ANCHORED and ENDANCHORED, without
 * UCP. The differences that remain are in phlare-ebpf.river(5).
 */
#ifndef SHIPPER_RE2_H
#define SHIPPER_RE2_H

#include <stdbool.h>
#include <stddef.h>

/* Longer expressions are "too large". */
#define RE2_TEXT_MAX (64 * 1024)
/* Copies that repetitions within each other may make, as RE2 has it. */
#define RE2_REPEAT_MAX 1000
/* Groups, repetitions and lists within each other; RE2 takes 1000. */
#define RE2_DEPTH_MAX 200

struct re2_group {
	char *name; /* NULL: none */
	/*
	 * It stands in a repetition of something that can match nothing, as
	 * in (a*)*: pcre2 may report another repetition than RE2 does.
	 */
	bool unsteady;
};

struct re2 {
	char *pattern; /* for pcre2, ASCII */
	size_t size;
	struct re2_group *group; /* [0] is the whole match */
	size_t groups;           /* with it */
};

/*
 * regex as Prometheus takes it: the whole text must match. NULL and *why (to
 * be freed), as "error parsing regexp: missing closing ): `^(?:()$`".
 */
struct re2 *re2_translate(const char *regex, char **why);
/* NULL is fine. */
void re2_free(struct re2 *re2);

#endif
