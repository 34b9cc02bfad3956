/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's own functions, from text in the form of /proc/kallsyms. */
#ifndef SYMBOLIZER_KERNEL_SYMBOLS_H
#define SYMBOLIZER_KERNEL_SYMBOLS_H

#include <stddef.h>
#include <stdint.h>

struct kernel_symbols;

/*
 * Lines are "address type name[TAB[module]]", in any order. Data and what only
 * pads functions are left out, lines that are not of that form are skipped.
 * NULL and *why if there is nothing: no symbols, or all addresses are 0.
 */
struct kernel_symbols *kernel_symbols_parse(
    const char *text, size_t size, const char **why);
void kernel_symbols_free(struct kernel_symbols *symbols);

/*
 * The name of the function at address, or NULL: before the first, or too far
 * past the start of the preceding one to belong to it. Borrowed.
 */
const char *kernel_symbols_find(
    const struct kernel_symbols *symbols, uint64_t address);

size_t kernel_symbols_count(const struct kernel_symbols *symbols);
size_t kernel_symbols_bytes(const struct kernel_symbols *symbols);

#endif
