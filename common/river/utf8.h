/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8, and the few classes of characters that the language knows. */
#ifndef COMMON_RIVER_UTF8_H
#define COMMON_RIVER_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The character at s, of at most size bytes, and how many bytes it takes; 0
 * when they are no valid UTF-8 (or size is 0).
 */
size_t utf8_decode(const char *s, size_t size, uint32_t *rune);
/* Bytes written to out, at most 4; 0 for what is no character. */
size_t utf8_encode(uint32_t rune, char *out);

/* Categories L and Nd of Unicode. */
bool rune_is_letter(uint32_t rune);
bool rune_is_digit(uint32_t rune);
/* No control, format, private or white space character but the blank. */
bool rune_is_printable(uint32_t rune);
/* Property White_Space. */
bool rune_is_space(uint32_t rune);

/* One character for one: the simple mappings of Unicode. */
uint32_t rune_lower(uint32_t rune);
uint32_t rune_upper(uint32_t rune);

#endif
