/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole file set anew, in the one way that everybody writes it: tabs, one
 * space around operators, "=" and comments below each other, at most one
 * blank line. Only white space changes, and commas before a closing bracket.
 */
#ifndef COMMON_RIVER_LAYOUT_H
#define COMMON_RIVER_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>

struct river_source;

/*
 * The text, *size bytes and a NUL byte behind, to be freed. source must have
 * no syntax error (river_parse). NULL and errno EFBIG when it would be over
 * RIVER_MAX_FILE_BYTES.
 */
char *river_layout(const struct river_source *source, size_t *size);

/*
 * Whether two files without syntax errors have the same tokens and comments
 * in the same order, and so mean the same.
 */
bool river_layout_same(
    const struct river_source *a, const struct river_source *b);

#endif
