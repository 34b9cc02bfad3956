/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Collects the functions of one or more ELF sources (the file, later its
 * debug file) and lays them out as one sorted table.
 */
#ifndef SYMBOLIZER_ELF_SYMBOLS_H
#define SYMBOLIZER_ELF_SYMBOLS_H

#include <libelf.h>
#include <stddef.h>
#include <stdint.h>

#include "symbolizer/symbol_format.h"

/* A function as found, before duplicates are settled. */
struct elf_symbol {
	uint64_t start, size;
	uint64_t section_end;
	const char *name; /* in the Elf's own data */
	uint8_t rank;     /* lower wins among equal starts */
};

struct elf_symbols {
	struct elf_symbol *list;
	size_t count, room;
};

/*
 * Adds the functions of .symtab and .dynsym: STT_FUNC and STT_GNU_IFUNC,
 * defined, with an address inside an executable section. The Elf must stay
 * open until the table is written. 0, -ENOMEM or -EBADMSG; what was readable
 * before a damaged section stays added.
 */
int elf_symbols_add(struct elf_symbols *symbols, Elf *elf);

/*
 * Sorts and settles: of several names for one address the one with a size,
 * then from .symtab, then global before weak before local, then with fewer
 * leading underscores, then the first by bytes. A function without a size
 * reaches to the next one or to the end of its section.
 */
void elf_symbols_settle(struct elf_symbols *symbols);

void elf_symbols_free(struct elf_symbols *symbols);

#endif
