/* SPDX-License-Identifier: Apache-2.0 */
/* A syntax tree printed again, as the formatter would. */
#ifndef COMMON_RIVER_FORMAT_H
#define COMMON_RIVER_FORMAT_H

#include <stddef.h>

struct river_arena;
struct river_expr;
struct river_source;

/* Messages show no more of an expression. */
#define RIVER_FORMAT_MAX 1024

/*
 * The expression as diagnostics name it, in arena; what is over
 * RIVER_FORMAT_MAX bytes is left out and shown as "...".
 */
const char *river_expr_format(struct river_arena *arena,
    const struct river_source *source, const struct river_expr *expr);

/*
 * text in double quotes, with escapes for what is not printable: "a\n", in
 * arena.
 */
const char *river_quote(
    struct river_arena *arena, const char *text, size_t size);

#endif
