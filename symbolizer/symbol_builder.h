/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes one flat table of what the sources of an ELF file say: the file's own
 * tables, its MiniDebugInfo, a separate debug file. Runs in the child.
 *
 * Which name an address gets, when several claim it:
 *  - the function that starts last, of those that reach to it;
 *  - of those that start at the same address (aliases; they all reach as far
 *    as the longest): the one with fewer leading underscores (mangled names
 *    count as having none), then global before weak before local, then the
 *    shorter, then the first by bytes. So it does not matter which source
 *    came first.
 * A function without a size reaches to the next one, or to the end of the
 * function around it or of its section. No function reaches beyond the
 * section it starts in; one that starts in none is left out.
 */
#ifndef SYMBOLIZER_SYMBOL_BUILDER_H
#define SYMBOLIZER_SYMBOL_BUILDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct symbol_builder;

enum symbol_binding {
	SYMBOL_GLOBAL,
	SYMBOL_WEAK,
	SYMBOL_LOCAL,
};

/* NULL: no memory. */
struct symbol_builder *symbol_builder_new(void);
void symbol_builder_free(struct symbol_builder *builder);

/* All of these: 0, -ENOMEM, or -EFBIG: over the bounds of symbol_format.h. */

/* An executable segment; -EBADMSG: it overlaps another. */
int symbol_builder_segment(struct symbol_builder *builder, uint64_t offset,
    uint64_t address, uint64_t size, uint64_t memory_size);
/* An executable section; without any, the segments count as sections. */
int symbol_builder_section(
    struct symbol_builder *builder, uint64_t address, uint64_t size);
/* The last call wins. Longer ones than SYMBOL_FORMAT_BUILD_ID are ignored. */
void symbol_builder_build_id(
    struct symbol_builder *builder, const void *bytes, size_t size);
bool symbol_builder_same_build_id(
    const struct symbol_builder *a, const struct symbol_builder *b);
/* The name of its debug file and the CRC of that. */
void symbol_builder_link(struct symbol_builder *builder, const char *name,
    size_t size, uint32_t crc);
/* Its tables have local functions too. */
void symbol_builder_is_full(struct symbol_builder *builder);
/* name (not terminated) must stay there until the table is written. */
int symbol_builder_symbol(struct symbol_builder *builder, const char *name,
    size_t name_size, uint64_t address, uint64_t size,
    enum symbol_binding binding);
size_t symbol_builder_count(const struct symbol_builder *builder);

/* Writes the table to out; the builder is used up. -errno if out fails. */
int symbol_builder_write(struct symbol_builder *builder, int out);

#endif
