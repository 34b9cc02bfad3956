/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hostile ELF file, opened by libelf without mapping it: reads are pread
 * into private memory, so that a file cut short under us is a failed read.
 * Sizes are checked and added up before libelf may allocate by them.
 */
#ifndef SYMBOLIZER_ELF_FILE_H
#define SYMBOLIZER_ELF_FILE_H

#include <gelf.h>
#include <stdbool.h>
#include <stdint.h>

#include "symbolizer/elf_reader.h"

struct elf_file {
	Elf *elf;
	GElf_Ehdr header;
	uint64_t size;       /* of the file */
	uint64_t written_ns; /* its mtime, not that of an image in memory */
	uint64_t budget;     /* bytes that may still be read of it */
	size_t sections, segments;
	Elf_Data *names; /* of sections, or NULL */
	int fd;          /* borrowed; -1: memory is it */
	void *memory;
};

/*
 * Checks what libelf would believe: a regular file, ELF for this machine, a
 * program or library, not too many headers. fd stays the caller's.
 */
enum elf_refusal elf_file_open(struct elf_file *file, int fd);
/* The same for an image in memory; takes it, also when it is refused. */
enum elf_refusal elf_file_open_memory(
    struct elf_file *file, void *image, size_t size);
/* Also after a failed open. What was read from it is gone then. */
void elf_file_close(struct elf_file *file);

/*
 * The contents of a section, decompressed if need be, valid until close.
 * *data is NULL if it has none, lies outside of the file or makes no sense to
 * libelf. Refused: over a bound, or the file cannot be read where it should
 * be long enough.
 */
enum elf_refusal elf_file_section(struct elf_file *file, Elf_Scn *section,
    const GElf_Shdr *header, Elf_Data **data);
/* The same for any part of the file. */
enum elf_refusal elf_file_part(struct elf_file *file, uint64_t offset,
    uint64_t size, Elf_Type type, Elf_Data **data);

/*
 * Accepted if nothing was written to the file since it was opened. What was
 * read of one that changed may be of two files.
 */
enum elf_refusal elf_file_check_unchanged(const struct elf_file *file);

/* The first section of this name and type; *section is NULL if none is. */
void elf_file_find_section(const struct elf_file *file, const char *name,
    uint32_t type, Elf_Scn **section, GElf_Shdr *header);

#endif
