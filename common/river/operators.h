/* SPDX-License-Identifier: Apache-2.0 */
/* What the operators of expressions do to values. */
#ifndef COMMON_RIVER_OPERATORS_H
#define COMMON_RIVER_OPERATORS_H

struct river_eval;
struct river_expr;
struct river_value;

/* Of a RIVER_EXPR_UNARY. 0, or -EINVAL and a diagnostic. */
int river_operate_unary(const struct river_eval *eval,
    const struct river_expr *expr, const struct river_value *operand,
    struct river_value *result);
/* Of a RIVER_EXPR_BINARY. */
int river_operate_binary(const struct river_eval *eval,
    const struct river_expr *expr, const struct river_value *left,
    const struct river_value *right, struct river_value *result);

#endif
