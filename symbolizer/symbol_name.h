/* SPDX-License-Identifier: Apache-2.0 */
/* Which of several names for one address is shown. */
#ifndef SYMBOLIZER_SYMBOL_NAME_H
#define SYMBOLIZER_SYMBOL_NAME_H

#include <stddef.h>

/*
 * Negative if a is to be preferred to b, 0 if they are the same: fewer
 * leading underscores (mangled names count as having none, so that malloc
 * wins over __libc_malloc), then the smaller binding (a rank: global, weak,
 * local), then the shorter name, then the first by bytes.
 */
int symbol_name_compare(const char *a, size_t a_size, int a_binding,
    const char *b, size_t b_size, int b_binding);

#endif
