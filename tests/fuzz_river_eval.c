/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Expressions of River from any bytes: parse, evaluate in a scope that has
 * values of all types, print. What is printed means the same when it is read
 * again.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/river/arena.h"
#include "common/river/ast.h"
#include "common/river/diagnostics.h"
#include "common/river/eval.h"
#include "common/river/parser.h"
#include "common/river/print.h"
#include "common/river/value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LIMIT (4u << 20)

static const struct river_capsule_type thing_type = { "thing" };

/* "x": an object with a list, a text, a secret and a capsule. */
static size_t
lookup(void *arg, const struct river_ident *names, size_t count,
    struct river_value *value)
{
	static struct river_bytes secret = { "geheim", 6 };
	static struct river_value items[3];
	static struct river_member members[4];

	(void)arg;
	(void)count;
	if (strcmp(names[0].text, "x") != 0)
		return 0;
	items[0] = river_value_int(1);
	items[1] = river_value_float(2.5);
	items[2] = river_value_bool(true);
	members[0] = (struct river_member){ { "list", 4 },
		{ .type = RIVER_ARRAY, .array = { items, 3 } } };
	members[1] = (struct river_member){ { "text", 4 },
		{ .type = RIVER_STRING, .string = { "a,b", 3 } } };
	members[2] = (struct river_member){ { "secret", 6 },
		river_value_capsule(&river_secret_type, &secret) };
	members[3] = (struct river_member){ { "thing", 5 },
		river_value_capsule(&thing_type, &secret) };
	*value = (struct river_value){ .type = RIVER_OBJECT,
		.object = { members, 4 } };
	return 1;
}

/* The value of a text as River, to be freed; NULL if it has none. */
static char *
shown_value(const char *text, size_t size, const struct river_scope *scope)
{
	struct river_source *source = river_source_new("", text, size);
	struct river_diagnostics *d = river_diagnostics_new();
	struct river_eval eval = { source, scope, river_arena_new(), d, LIMIT };
	const struct river_expr *e =
	    river_parse_expression(source, eval.arena, d);
	struct river_value value;
	char *shown = NULL;
	size_t shown_size;
	FILE *out;

	if (e != NULL && river_evaluate(&eval, e, &value) == 0) {
		out = open_memstream(&shown, &shown_size);
		river_value_print(&value, out);
		fclose(out);
	}
	if ((shown == NULL) != (d->errors > 0))
		abort();
	if (river_arena_used(eval.arena) > 8 * LIMIT)
		abort();
	free(river_diagnostics_summary(d));
	river_arena_free(eval.arena);
	river_diagnostics_free(d);
	river_source_free(source);
	return shown;
}

/* The float -0 is shown so, which is the whole number 0 when it is read. */
static bool
has_negative_zero(const char *shown)
{
	while ((shown = strstr(shown, "-0")) != NULL)
		if (*(shown += 2) != '.')
			return true;
	return false;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct river_scope scope = { lookup, NULL };
	char *first = shown_value((const char *)data, size, &scope), *again;

	if (first == NULL)
		return 0;
	if (strstr(first, "geheim") != NULL &&
	    memmem(data, size, "nonsensitive", 12) == NULL &&
	    memmem(data, size, "geh", 3) == NULL)
		abort();
	/* infinity, functions and secrets have no text that can be read */
	again = shown_value(first, strlen(first), NULL);
	if (again != NULL && strcmp(first, again) != 0 &&
	    !has_negative_zero(first))
		abort();
	free(again);
	free(first);
	return 0;
}
