/* SPDX-License-Identifier: Apache-2.0 */
/* Expressions to values. */
#ifndef COMMON_RIVER_EVAL_H
#define COMMON_RIVER_EVAL_H

#include <stdbool.h>
#include <stddef.h>

#include "common/river/value.h"

struct river_arena;
struct river_diagnostics;
struct river_expr;
struct river_ident;
struct river_source;

/* What names mean in an expression. */
struct river_scope {
	/*
	 * names[0..count) is a chain such as phlare, write, staging,
	 * receiver. Finds what a prefix of it names, stores its value (of a
	 * component: the object of its exports) and returns how long the
	 * prefix is; 0: nothing of that name. The rest of the chain is looked
	 * up in the value.
	 */
	size_t (*lookup)(void *arg, const struct river_ident *names,
	    size_t count, struct river_value *value);
	void *arg;
};

struct river_eval {
	const struct river_source *source; /* of the expressions */
	const struct river_scope *scope;   /* NULL: no names */
	struct river_arena *arena;         /* for the values */
	struct river_diagnostics *diagnostics;
};

/* 0, or -EINVAL and a diagnostic. */
int river_evaluate(const struct river_eval *eval, const struct river_expr *expr,
    struct river_value *value);

/*
 * Calls fn for each chain of names (a.b.c) that expr refers to, at any depth.
 * names is valid during the call.
 */
void river_expr_references(const struct river_expr *expr,
    void (*fn)(void *arg, const struct river_ident *names, size_t count),
    void *arg);

/* Whether the standard library has that name. */
bool river_stdlib_has(const char *name);

#endif
