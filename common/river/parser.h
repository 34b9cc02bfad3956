/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens to a syntax tree; goes on after an error to report more of them. */
#ifndef COMMON_RIVER_PARSER_H
#define COMMON_RIVER_PARSER_H

struct river_arena;
struct river_diagnostics;
struct river_expr;
struct river_file;
struct river_source;

/*
 * The tree, or NULL when there was any error. source must outlive it.
 */
struct river_file *river_parse(
    const struct river_source *source, struct river_diagnostics *d);
/* NULL is fine. */
void river_file_free(struct river_file *file);

/* A single expression and nothing else; in arena. NULL on any error. */
struct river_expr *river_parse_expression(const struct river_source *source,
    struct river_arena *arena, struct river_diagnostics *d);

#endif
