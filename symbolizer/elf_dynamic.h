/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of a file that has no section headers, by PT_DYNAMIC. */
#ifndef SYMBOLIZER_ELF_DYNAMIC_H
#define SYMBOLIZER_ELF_DYNAMIC_H

#include "symbolizer/elf_file.h"
#include "symbolizer/symbol_builder.h"

/* Adds nothing if the file has no dynamic segment or it makes no sense. */
enum elf_refusal elf_dynamic_add(
    struct elf_file *file, struct symbol_builder *builder);

#endif
