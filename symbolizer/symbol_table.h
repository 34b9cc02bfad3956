/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The flat table that the file reader leaves behind in a memfd for one ELF
 * file, and the only way to read it: every offset is checked before it is
 * used, a table that does not hold together is refused as a whole.
 */
#ifndef SYMBOLIZER_SYMBOL_TABLE_H
#define SYMBOLIZER_SYMBOL_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct symbol_table;

struct symbol {
	const char *name; /* raw, as in the file; terminated; borrowed */
	size_t name_size;
	/*
	 * ELF addresses that have this name: the function, or what is left of
	 * it between functions within it.
	 */
	uint64_t start, size;
};

/*
 * Maps the sealed memfd read-only and checks it. Closes memfd. 0 or -errno
 * (-EBADMSG: it does not hold together).
 */
int symbol_table_open(int memfd, struct symbol_table **table);
void symbol_table_free(struct symbol_table *table);

/*
 * The ELF address (as symbols have them) of a byte of the file that is mapped
 * executable: by the executable PT_LOAD segments, also where the mapping was
 * rounded down to a page. False if no segment holds it.
 */
bool symbol_table_address(
    const struct symbol_table *table, uint64_t file_offset, uint64_t *address);

/*
 * The function at this ELF address. Sizes are honoured: false in a gap. A
 * symbol of size 0 reaches to the next one or to the end of its section. Which
 * of several names it is: symbol_builder.h.
 */
bool symbol_table_find(
    const struct symbol_table *table, uint64_t address, struct symbol *symbol);

/* Lower-case hex, "" if the file has none. */
const char *symbol_table_build_id(const struct symbol_table *table);

/* Where to look for the file's separate debug file; borrowed. */
struct symbol_debug {
	const void *build_id;
	size_t build_id_size; /* 0: none */
	const char *link;     /* not terminated */
	size_t link_size;     /* 0: none */
	uint32_t link_crc;
};

/* False: the table names local functions too, there is no need to look. */
bool symbol_table_debug(
    const struct symbol_table *table, struct symbol_debug *debug);

/* How many symbols; how many bytes of memory the table takes. */
size_t symbol_table_count(const struct symbol_table *table);
size_t symbol_table_bytes(const struct symbol_table *table);

#endif
