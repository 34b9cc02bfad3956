/* SPDX-License-Identifier: Apache-2.0 */
/* The names that every expression knows: functions and constants. */
#ifndef COMMON_RIVER_STDLIB_H
#define COMMON_RIVER_STDLIB_H

#include <stdbool.h>
#include <stddef.h>

#include "common/river/value.h"

struct river_arena;
struct river_eval;
struct river_expr;

/* Whether the standard library has that name. */
bool river_stdlib_has(const char *name);

/* The functions by their first names, one after the other; NULL: no more. */
const char *river_stdlib_name(size_t index);

/* The value of that name; false: there is none. */
bool river_stdlib_find(
    struct river_arena *arena, const char *name, struct river_value *value);

/*
 * Calls function with the values of the arguments of expr, a RIVER_EXPR_CALL,
 * after they have been checked. 0, or -EINVAL and a diagnostic.
 */
int river_stdlib_call(const struct river_eval *eval,
    const struct river_expr *expr, const struct river_function *function,
    const struct river_value *args, struct river_value *result);

#endif
