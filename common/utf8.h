/* SPDX-License-Identifier: Apache-2.0 */
/* Names are bytes that strangers chose; what we publish is UTF-8. */
#ifndef COMMON_UTF8_H
#define COMMON_UTF8_H

#include <stddef.h>

/* Length of the valid UTF-8 sequence at s (left bytes), 0 if there is none. */
int utf8_length(const char *s, size_t left);

/*
 * Copies size bytes of in to out as valid UTF-8: each bad byte and each NUL
 * becomes U+FFFD. out needs 3 * size + 1 bytes; it is terminated. Returns the
 * length without the terminator.
 */
size_t utf8_clean(char *out, const char *in, size_t size);

#endif
