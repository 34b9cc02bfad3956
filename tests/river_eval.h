/* SPDX-License-Identifier: Apache-2.0 */
/* What tests of evaluation share: an expression and what becomes of it. */
#ifndef TESTS_RIVER_EVAL_H
#define TESTS_RIVER_EVAL_H

#include "tests/river_text.h"

#include "common/river/eval.h"
#include "common/river/print.h"

/* The value of text as River, or "LINE:COL-LINE:COL MESSAGE"; to be freed. */
static inline char *
outcome_of(const char *bytes, size_t size, const struct river_scope *scope)
{
	struct text t = text_new("", bytes, size);
	struct river_eval eval = { t.source, scope, t.arena, t.d };
	const struct river_expr *e =
	    river_parse_expression(t.source, t.arena, t.d);
	struct river_value value;
	char *shown = NULL, range[64];
	size_t shown_size = 0;
	FILE *out = open_memstream(&shown, &shown_size);
	int r = e != NULL ? river_evaluate(&eval, e, &value) : -1;

	assert_int_equal(r<0, t.d->count> 0);
	if (r == 0)
		river_value_print(&value, out);
	else
		fprintf(out, "%s %s", text_range(&t, range, sizeof(range)),
		    t.d->first->message);
	fclose(out);
	text_free(&t);
	return shown;
}

static inline void
expect_outcome(
    const char *text, const struct river_scope *scope, const char *expected)
{
	char *outcome = outcome_of(text, strlen(text), scope);

	if (strcmp(outcome, expected) != 0)
		fail_msg("%s\n  is       %s\n  but must %s", text, outcome,
		    expected);
	free(outcome);
}

#endif
