/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Byte strings to numbers 0, 1, 2 ... in the order of their first use: how
 * names, frames and stacks that are the same become one. The hash is seeded,
 * so that a hostile file cannot make it slow.
 */
#ifndef CLI_INTERN_H
#define CLI_INTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct intern_entry;

/* All zero is empty. */
struct intern {
	struct intern_entry *entries;
	uint32_t count;
};

/* The key's number; *added (may be NULL) tells whether it is a new one. */
uint32_t intern(
    struct intern *table, const void *key, size_t size, bool *added);

/* Frees all; the table is empty afterwards. */
void intern_fini(struct intern *table);

#endif
