/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hostile bytes as text that may be shown: what is no character or would
 * steer a terminal or reorder a line is spelled out (\x1b, \xff, \u202e).
 */
#ifndef CLI_TEXT_H
#define CLI_TEXT_H

#include <stddef.h>
#include <stdint.h>

struct profile_string;

/*
 * The first character of size > 0 bytes of UTF-8: its code point, and its
 * length in *used. -1 with *used = 1 where the bytes are no character.
 */
int32_t text_decode(const char *data, size_t size, size_t *used);

/*
 * Text as it may be shown: controls, line and paragraph separators, invisible
 * and direction-changing characters and bytes that are not UTF-8 spelled out.
 * The caller frees it.
 */
char *text_printable(struct profile_string s);

/* Like text_printable(), but changes only NUL and what is not UTF-8. */
char *text_utf8(struct profile_string s);

/* Columns that printable text takes in a terminal. */
unsigned int text_columns(const char *text);

/*
 * The printable text, or its two ends around "…" where it takes more than
 * columns (at least 1). The caller frees it.
 */
char *text_fit(const char *text, unsigned int columns);

#endif
