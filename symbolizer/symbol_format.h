/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The flat symbol table as it lies in the memfd: header, segments, entries,
 * names. Written by symbol_builder.c in the child, read by symbol_table.c and
 * nobody else. Entries are grouped by segment and start relative to it, so
 * that 12 bytes and a name are all that a function costs.
 */
#ifndef SYMBOLIZER_SYMBOL_FORMAT_H
#define SYMBOLIZER_SYMBOL_FORMAT_H

#include <assert.h>
#include <stdint.h>

#define SYMBOL_FORMAT_MAGIC 0x626d7953 /* "Symb" */
#define SYMBOL_FORMAT_BUILD_ID 64
#define SYMBOL_FORMAT_SEGMENTS 64
#define SYMBOL_FORMAT_SYMBOLS (4u * 1024 * 1024)
/* A name is cut there. */
#define SYMBOL_FORMAT_NAME 16383
/* A table is never longer. */
#define SYMBOL_FORMAT_BYTES (64u * 1024 * 1024)
/* Of a debuglink; longer ones are no file names. */
#define SYMBOL_FORMAT_LINK 255

enum symbol_flag {
	/* has local functions too: a separate debug file adds nothing */
	SYMBOL_TABLE_FULL = 1,
};

struct symbol_header {
	uint32_t magic;
	uint32_t segments;
	uint32_t symbols;
	uint32_t names; /* bytes; the last one is 0 */
	uint32_t flags; /* enum symbol_flag */
	uint32_t build_id_size;
	uint8_t build_id[SYMBOL_FORMAT_BUILD_ID];
	uint32_t link_crc;
	uint32_t link_size; /* 0: no debuglink */
	char link[SYMBOL_FORMAT_LINK + 1];
};

static_assert(sizeof(struct symbol_header) % 8 == 0, "segments are aligned");

/* An executable PT_LOAD; sorted by address, not overlapping. */
struct symbol_segment {
	uint64_t offset, address; /* in the file, in memory */
	uint64_t size;            /* bytes in the file */
	uint64_t memory_size;     /* bytes in memory, at least size */
	uint32_t first, count;    /* its entries; they are in order */
};

/* A range of code that has a name; sorted by start, not overlapping. */
struct symbol_entry {
	uint32_t start; /* relative to the segment's address */
	uint32_t size;  /* never 0 */
	uint32_t name;  /* offset into names */
};

#endif
