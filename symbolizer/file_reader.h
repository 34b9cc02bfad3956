/* SPDX-License-Identifier: Apache-2.0 */
/* Reading files as jobs for throw-away children; each leaves a symbol table. */
#ifndef SYMBOLIZER_FILE_READER_H
#define SYMBOLIZER_FILE_READER_H

struct throwaway_job;

/*
 * An ELF file; its statuses are enum elf_refusal. With a second descriptor,
 * its separate debug file, whose functions are added: argument says how it is
 * known, see elf_reader.h.
 */
const struct throwaway_job *file_reader_elf(void);

#endif
