/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolizer/symbol_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/memfd.h"
#include "symbolizer/symbol_format.h"

/* How a mapping's end is rounded; the largest page that matters here. */
#define PAGE 4096
/* Functions inside functions: how far back an enclosing one is looked for. */
#define ENCLOSING 16

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
	    h->build_id_size > SYMBOL_FORMAT_BUILD_ID)
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

/* Every name offset is inside, names end, symbols are in order. */
static bool
holds_together(const struct symbol_table *t)
{
	const struct symbol_header *h = t->header;

	if (h->symbols > 0 && (h->names == 0 || t->names[h->names - 1] != '\0'))
		return false;
	for (uint32_t i = 0; i < h->symbols; i++) {
		if (t->symbols[i].name >= h->names || t->symbols[i].size == 0)
			return false;
		if (i > 0 && t->symbols[i].start < t->symbols[i - 1].start)
			return false;
	}
	return true;
}

int
symbol_table_open(int memfd, struct symbol_table **table)
{
	struct symbol_table *t = xcalloc(1, sizeof(*t));
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

bool
symbol_table_address(
    const struct symbol_table *table, uint64_t file_offset, uint64_t *address)
{
	const struct symbol_segment *rounded = NULL;

	for (uint32_t i = 0; i < table->header->segments; i++) {
		const struct symbol_segment *s = &table->segments[i];
		uint64_t in_page = s->offset % PAGE;
		uint64_t past = file_offset - (s->offset - in_page);

		if (file_offset >= s->offset &&
		    file_offset - s->offset < s->size) {
			*address = file_offset - s->offset + s->address;
			return true;
		}
		if (file_offset >= s->offset - in_page &&
		    past < (in_page + s->size + PAGE - 1) / PAGE * PAGE)
			rounded = s;
	}
	if (rounded != NULL)
		*address = file_offset - rounded->offset + rounded->address;
	return rounded != NULL;
}

/* Index of the last symbol that starts at or before address, or -1. */
static int64_t
last_before(const struct symbol_table *t, uint64_t address)
{
	int64_t low = 0, high = t->header->symbols;

	while (low < high) {
		int64_t middle = low + (high - low) / 2;

		if (t->symbols[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low - 1;
}

bool
symbol_table_find(
    const struct symbol_table *table, uint64_t address, struct symbol *symbol)
{
	int64_t i = last_before(table, address);

	for (int64_t stop = i - ENCLOSING; i >= 0 && i > stop; i--) {
		const struct symbol_entry *e = &table->symbols[i];

		if (address - e->start >= e->size)
			continue;
		symbol->name = table->names + e->name;
		symbol->start = e->start;
		symbol->size = e->size;
		return true;
	}
	return false;
}

const char *
symbol_table_build_id(const struct symbol_table *table)
{
	return table->build_id;
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
