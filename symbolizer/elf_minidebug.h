/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MiniDebugInfo: the section .gnu_debugdata holds a whole ELF file,
 * compressed by xz, with the symbols that were stripped from the outer one.
 */
#ifndef SYMBOLIZER_ELF_MINIDEBUG_H
#define SYMBOLIZER_ELF_MINIDEBUG_H

#include "symbolizer/elf_file.h"
#include "symbolizer/elf_symbols.h"
#include "symbolizer/symbol_builder.h"

/*
 * Opens the file within file as inner and adds the functions of its tables;
 * adds nothing if there is none or it is damaged. inner is to be closed when
 * the table is written, whatever this returns.
 */
enum elf_refusal elf_minidebug_add(struct elf_file *file,
    struct elf_file *inner, struct symbol_builder *builder,
    struct elf_tables *tables);

#endif
