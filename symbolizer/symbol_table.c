/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolizer/symbol_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/memfd.h"
#include "symbolizer/symbol_format.h"

struct symbol_table {
	const void *data;
	size_t size;
	const struct symbol_header *header;
	const struct symbol_segment *segments;
	const struct symbol_entry *symbols;
	const char *names;
	char build_id[2 * SYMBOL_FORMAT_BUILD_ID + 1];
};

/* Points the table into its data; false if the sizes do not add up. */
static bool
lay_out(struct symbol_table *t)
{
	const struct symbol_header *h = t->data;
	uint64_t need = sizeof(*h);

	if (t->size < sizeof(*h) || h->magic != SYMBOL_FORMAT_MAGIC ||
	    h->segments > SYMBOL_FORMAT_SEGMENTS ||
	    h->symbols > SYMBOL_FORMAT_SYMBOLS ||
	    h->build_id_size > SYMBOL_FORMAT_BUILD_ID ||
	    h->link_size > SYMBOL_FORMAT_LINK)
		return false;
	t->header = h;
	t->segments = (const void *)(h + 1);
	need += h->segments * sizeof(struct symbol_segment);
	t->symbols = (const void *)(t->segments + h->segments);
	need += (uint64_t)h->symbols * sizeof(struct symbol_entry);
	t->names = (const void *)(t->symbols + h->symbols);
	need += h->names;
	return need == t->size;
}

/* The entries of s are in order and do not overlap. */
static bool
entries_hold(const struct symbol_table *t, const struct symbol_segment *s)
{
	uint64_t end = 0;

	for (uint32_t i = 0; i < s->count; i++) {
		const struct symbol_entry *e = &t->symbols[s->first + i];

		if (e->start < end || e->size == 0 ||
		    e->name >= t->header->names)
			return false;
		end = (uint64_t)e->start + e->size;
	}
	return end <= s->memory_size;
}

/* Once checked it stays so: the memfd is sealed. */
static bool
holds_together(const struct symbol_table *t)
{
	const struct symbol_header *h = t->header;
	uint64_t end = 0, first = 0;

	if (h->names > 0 && t->names[h->names - 1] != '\0')
		return false;
	for (uint32_t i = 0; i < h->segments; i++) {
		const struct symbol_segment *s = &t->segments[i];

		if (s->address < end || s->memory_size < s->size ||
		    s->memory_size == 0 || s->first != first ||
		    s->count > h->symbols - first ||
		    s->address + s->memory_size < s->address ||
		    s->offset + s->size < s->offset || !entries_hold(t, s))
			return false;
		end = s->address + s->memory_size;
		first += s->count;
	}
	return first == h->symbols;
}

int
symbol_table_open(int memfd, struct symbol_table **table)
{
	struct symbol_table *t = ecalloc(1, sizeof(*t));
	int r = memfd_map(memfd, SYMBOL_FORMAT_BYTES, &t->data, &t->size);

	close(memfd);
	*table = NULL;
	if (r < 0) {
		free(t);
		return r;
	}
	if (t->data == NULL || !lay_out(t) || !holds_together(t)) {
		symbol_table_free(t);
		return -EBADMSG;
	}
	for (uint32_t i = 0; i < t->header->build_id_size; i++) {
		static const char hex[] = "0123456789abcdef";

		t->build_id[2 * i] = hex[t->header->build_id[i] >> 4];
		t->build_id[2 * i + 1] = hex[t->header->build_id[i] & 15];
	}
	*table = t;
	return 0;
}

void
symbol_table_free(struct symbol_table *table)
{
	if (table == NULL)
		return;
	memfd_unmap(table->data, table->size);
	free(table);
}

/* The pages that the kernel maps for the segment: are they asked for? */
static bool
is_in_its_pages(const struct symbol_segment *s, uint64_t file_offset)
{
	uint64_t page = (uint64_t)getpagesize();
	uint64_t first = s->offset & ~(page - 1);
	uint64_t end = (s->offset + s->size + page - 1) & ~(page - 1);

	return file_offset >= first && file_offset < end;
}

bool
symbol_table_address(
    const struct symbol_table *table, uint64_t file_offset, uint64_t *address)
{
	const struct symbol_segment *rounded = NULL;

	for (uint32_t i = 0; i < table->header->segments; i++) {
		const struct symbol_segment *s = &table->segments[i];

		if (file_offset >= s->offset &&
		    file_offset - s->offset < s->size) {
			*address = file_offset - s->offset + s->address;
			return true;
		}
		if (rounded == NULL && is_in_its_pages(s, file_offset))
			rounded = s;
	}
	if (rounded != NULL)
		*address = file_offset - rounded->offset + rounded->address;
	return rounded != NULL;
}

/* The last entry of s that starts at or before start, or NULL. */
static const struct symbol_entry *
last_before(const struct symbol_table *t, const struct symbol_segment *s,
    uint32_t start)
{
	const struct symbol_entry *entries = t->symbols + s->first;
	uint32_t low = 0, high = s->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (entries[middle].start <= start)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 ? &entries[low - 1] : NULL;
}

static bool
find_in_segment(const struct symbol_table *t, const struct symbol_segment *s,
    uint64_t relative, struct symbol *symbol)
{
	const struct symbol_entry *e =
	    relative <= UINT32_MAX ? last_before(t, s, relative) : NULL;

	if (e == NULL || relative - e->start >= e->size)
		return false;
	symbol->name = t->names + e->name;
	/* it ends somewhere, but who wrote the table might say: far away */
	symbol->name_size = strnlen(symbol->name, SYMBOL_FORMAT_NAME);
	symbol->start = s->address + e->start;
	symbol->size = e->size;
	return true;
}

bool
symbol_table_find(
    const struct symbol_table *table, uint64_t address, struct symbol *symbol)
{
	for (uint32_t i = 0; i < table->header->segments; i++) {
		const struct symbol_segment *s = &table->segments[i];

		if (address >= s->address &&
		    address - s->address < s->memory_size)
			return find_in_segment(
			    table, s, address - s->address, symbol);
	}
	return false;
}

const char *
symbol_table_build_id(const struct symbol_table *table)
{
	return table->build_id;
}

bool
symbol_table_debug(const struct symbol_table *table, struct symbol_debug *debug)
{
	const struct symbol_header *h = table->header;

	*debug = (struct symbol_debug){
		.build_id = h->build_id,
		.build_id_size = h->build_id_size,
		.link = h->link,
		.link_size = h->link_size,
		.link_crc = h->link_crc,
	};
	return !(h->flags & SYMBOL_TABLE_FULL);
}

size_t
symbol_table_count(const struct symbol_table *table)
{
	return table->header->symbols;
}

size_t
symbol_table_bytes(const struct symbol_table *table)
{
	return table->size + sizeof(*table);
}
