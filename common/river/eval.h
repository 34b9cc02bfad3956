/* SPDX-License-Identifier: Apache-2.0 */
/* Expressions to values. */
#ifndef COMMON_RIVER_EVAL_H
#define COMMON_RIVER_EVAL_H

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
	 * up in the value. What is not found here may be a name of the
	 * standard library.
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
	/* Bytes that arena may have; 0: RIVER_MAX_VALUE_BYTES. */
	size_t limit;
};

/*
 * What a configuration makes of a few lines can be of any size: an expression
 * whose value would not fit is an error.
 */
#define RIVER_MAX_VALUE_BYTES (128u * 1024 * 1024)
#define RIVER_TOO_LARGE "the result is too large"

/* 0, or -EINVAL and a diagnostic. */
int river_evaluate(const struct river_eval *eval, const struct river_expr *expr,
    struct river_value *value);

/*
 * As river_arena_alloc(); NULL if that would be more than eval allows: then
 * RIVER_TOO_LARGE is to be said.
 */
void *river_eval_alloc(const struct river_eval *eval, size_t n, size_t size);
/* How many bytes eval still allows. */
size_t river_eval_left(const struct river_eval *eval);

/*
 * Calls fn for each chain of names (a.b.c) that expr refers to, at any depth.
 * names is valid during the call.
 */
void river_expr_references(const struct river_expr *expr,
    void (*fn)(void *arg, const struct river_ident *names, size_t count),
    void *arg);

#endif
