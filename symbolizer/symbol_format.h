/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The flat symbol table as it lies in the memfd: header, segments, symbols
 * sorted by start, names. Written by the elf reader, read by symbol_table.c
 * and nobody else.
 */
#ifndef SYMBOLIZER_SYMBOL_FORMAT_H
#define SYMBOLIZER_SYMBOL_FORMAT_H

#include <stdint.h>

#define SYMBOL_FORMAT_MAGIC 0x626d7953 /* "Symb" */
#define SYMBOL_FORMAT_BUILD_ID 64
#define SYMBOL_FORMAT_SEGMENTS 64
#define SYMBOL_FORMAT_SYMBOLS (4u * 1024 * 1024)
/* A table is never longer. */
#define SYMBOL_FORMAT_BYTES (128u * 1024 * 1024)

struct symbol_header {
	uint32_t magic;
	uint32_t segments;
	uint32_t symbols;
	uint32_t names; /* bytes; the last one is 0 */
	uint32_t build_id_size;
	uint8_t build_id[SYMBOL_FORMAT_BUILD_ID];
	uint32_t reserved;
};

/* An executable PT_LOAD. */
struct symbol_segment {
	uint64_t offset, address, size; /* file offset, vaddr, bytes in file */
};

struct symbol_entry {
	uint64_t start;
	uint32_t size; /* never 0 */
	uint32_t name; /* offset into names */
};

#endif
