/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The separate debug file of a stripped one: how the stripped file names it,
 * and whether a file that was found is it.
 */
#ifndef SYMBOLIZER_ELF_DEBUG_H
#define SYMBOLIZER_ELF_DEBUG_H

#include "symbolizer/elf_file.h"
#include "symbolizer/symbol_builder.h"

/* Tells the builder what .gnu_debuglink says, if it says anything. */
enum elf_refusal elf_debug_link(
    struct elf_file *file, struct symbol_builder *builder);

/* The GNU build id of the file, if it has one. */
enum elf_refusal elf_debug_build_id(
    struct elf_file *file, struct symbol_builder *builder);

/*
 * Opens fd as debug, checks that it belongs to file, as argument (see
 * elf_reader.h) says, and adds its functions. ELF_MISMATCH: it does not.
 * debug is to be closed when the table is written, whatever this returns.
 */
enum elf_refusal elf_debug_add(struct elf_file *debug, int fd,
    uint64_t argument, struct symbol_builder *builder);

#endif
