/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the throw-away child does with an ELF file: reads it by libelf and
 * writes the flat symbol table. Everything in the file is hostile.
 */
#ifndef SYMBOLIZER_ELF_READER_H
#define SYMBOLIZER_ELF_READER_H

#include <stdint.h>

/* Why a file was refused; the child's exit status. */
enum elf_refusal {
	ELF_ACCEPTED = 0,
	ELF_NOT_ELF = 10,
	ELF_FOREIGN, /* another machine, byte order or kind of file */
	ELF_DAMAGED,
	ELF_TRUNCATED, /* it became shorter, or cannot be read */
	ELF_CHANGED,   /* while it was read */
	ELF_TOO_LARGE,
	ELF_NO_MEMORY,
	ELF_MISMATCH, /* the debug file is another file's */
	ELF_OUTPUT,   /* the table could not be written */
	ELF_REFUSALS_END
};

/*
 * How a separate debug file is known: by the file's build id, which it must
 * have as well; or, with this bit, by the CRC in the low 32 bits.
 */
#define ELF_DEBUG_BY_LINK (1ULL << 32)

/*
 * Reads fd and, unless that is -1, its separate debug file; writes the table
 * to out. Called in the child only.
 */
enum elf_refusal elf_reader_run(
    int fd, int debug_fd, uint64_t argument, int out);

/* Short text, e.g. "not an ELF file". */
const char *elf_refusal_text(int refusal);

#endif
