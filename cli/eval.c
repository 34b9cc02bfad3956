/* SPDX-License-Identifier: Apache-2.0 */
/* phlare-ebpf eval: what an expression of the configuration language gives. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "common/log.h"
#include "common/options.h"
#include "common/river/arena.h"
#include "common/river/diagnostics.h"
#include "common/river/eval.h"
#include "common/river/parser.h"
#include "common/river/print.h"
#include "common/river/source.h"

static const struct option_row eval_rows[] = {
	{ NULL },
};
static const struct option_table eval_table = {
	.name = "phlare-ebpf eval",
	.operands = "EXPRESSION",
	.summary = "Prints the value of an expression of the configuration "
		   "language as one line.\nFunctions and constants are known, "
		   "components are not.",
	.rows = eval_rows,
};

/* "LINE:COLUMN: MESSAGE", one line for each mistake. */
static void
print_diagnostics(const struct river_diagnostics *d)
{
	for (const struct river_diagnostic *x = d->first; x != NULL;
	     x = x->next) {
		river_diagnostic_print_line(x, stderr);
		fputc('\n', stderr);
	}
}

static int
evaluate(const struct river_source *source)
{
	struct river_diagnostics *d = river_diagnostics_new();
	struct river_arena *arena = river_arena_new();
	struct river_eval eval = { source, NULL, arena, d };
	const struct river_expr *expr =
	    river_parse_expression(source, arena, d);
	struct river_value value;
	int code = EXIT_FAILED;

	if (expr != NULL && river_evaluate(&eval, expr, &value) == 0) {
		river_value_print(&value, stdout);
		fputc('\n', stdout);
		code = 0;
	}
	print_diagnostics(d);
	river_arena_free(arena);
	river_diagnostics_free(d);
	return code;
}

/* An expression may begin with a minus sign: "-2^2" is no option. */
static bool
is_expression(const char *word)
{
	const char *text = word + strspn(word, "-");

	return text[0] != '\0' &&
	       strchr("0123456789.([{\"` !", text[0]) != NULL;
}

int
command_eval(int argc, char **argv)
{
	struct river_source *source;
	int code, first = 1;

	if (argc != 2 || !is_expression(argv[1]))
		first = options_parse(&eval_table, argc, argv, NULL, &code);
	if (first < 0)
		return code;
	source = river_source_new("", argv[first], strlen(argv[first]));
	if (source == NULL) {
		log_warn("eval", "%s", "the expression");
		return EXIT_FAILED;
	}
	code = evaluate(source);
	river_source_free(source);
	return code;
}
