/* SPDX-License-Identifier: Apache-2.0 */
/* The functions in the symbol tables of one ELF file. */
#ifndef SYMBOLIZER_ELF_SYMBOLS_H
#define SYMBOLIZER_ELF_SYMBOLS_H

#include "symbolizer/elf_file.h"
#include "symbolizer/symbol_builder.h"

/* How many symbol tables a file has. */
struct elf_tables {
	int full;    /* SHT_SYMTAB */
	int dynamic; /* SHT_DYNSYM */
};

/*
 * Adds the functions of every section of type SHT_SYMTAB and SHT_DYNSYM, in
 * builder until file is closed: STT_FUNC and STT_GNU_IFUNC, defined, value
 * not 0. A table that is damaged costs only what is in it.
 */
enum elf_refusal elf_symbols_add(struct elf_file *file,
    struct symbol_builder *builder, struct elf_tables *tables);

/* The same for one table, symbols (of type ELF_T_SYM) and their names. */
enum elf_refusal elf_symbols_add_table(const struct elf_file *file,
    struct symbol_builder *builder, Elf_Data *symbols, const Elf_Data *names);

/* What a builder's error means for the file. */
enum elf_refusal elf_symbols_refusal(int builder_error);

#endif
