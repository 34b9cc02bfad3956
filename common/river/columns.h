/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines of text in which "=" and comments stand below each other: what a file
 * is set in (layout.h).
 */
#ifndef COMMON_RIVER_COLUMNS_H
#define COMMON_RIVER_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>

struct river_columns;

/* Where spaces may go in to bring something below that of the line above. */
enum river_cut { RIVER_CUT_EQUAL, RIVER_CUT_COMMENT, RIVER_CUTS };

/*
 * Wider text before a cut is left as it is: what one line has in excess must
 * not be added to thousands of others.
 */
#define RIVER_ALIGN_MAX 200

struct river_columns *river_columns_new(void);
/* NULL is fine. */
void river_columns_free(struct river_columns *c);

/*
 * Starts a line with that many tabs. Lines are aligned with those of the same
 * group directly above and below; a blank line before it parts them, and a
 * newline within one.
 */
void river_columns_line(
    struct river_columns *c, unsigned indent, size_t group, bool blank);

/* Adds to the line; the bytes may hold newlines. */
void river_columns_put(struct river_columns *c, const char *bytes, size_t size);

/* What is put next may be moved to the right. At most once for each cut. */
void river_columns_cut(struct river_columns *c, enum river_cut cut);

/*
 * All of it, each line ended, *size bytes and a NUL byte behind, to be freed.
 * NULL and errno EFBIG: it is over max bytes.
 */
char *river_columns_text(struct river_columns *c, size_t max, size_t *size);

#endif
