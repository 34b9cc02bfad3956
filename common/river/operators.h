/* SPDX-License-Identifier: Apache-2.0 */
/* What the operators of expressions do to values. */
#ifndef COMMON_RIVER_OPERATORS_H
#define COMMON_RIVER_OPERATORS_H

#include <stdbool.h>

#include "common/river/lexer.h"
#include "common/river/value.h"

struct river_eval;
struct river_expr;

/* Of a RIVER_EXPR_UNARY. 0, or -EINVAL and a diagnostic. */
int river_operate_unary(const struct river_eval *eval,
    const struct river_expr *expr, const struct river_value *operand,
    struct river_value *result);
/* Of a RIVER_EXPR_BINARY. */
int river_operate_binary(const struct river_eval *eval,
    const struct river_expr *expr, const struct river_value *left,
    const struct river_value *right, struct river_value *result);

/* By one of + - * / % ^. NULL, or what is wrong. */
const char *river_calculate(enum river_token_kind op, struct river_number a,
    struct river_number b, struct river_number *result);
/* Whether < <= > or >= holds between two that are in that order. */
bool river_order_holds(enum river_token_kind op, enum river_order order);

#endif
