/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes at all as the table that a child leaves behind: a compromised one
 * could write anything there.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/memfd.h"
#include "symbolizer/symbol_format.h"
#include "symbolizer/symbol_table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned
read_all(const struct symbol_table *table, uint64_t at)
{
	struct symbol_debug debug;
	struct symbol symbol;
	uint64_t address;
	unsigned sum = 0;

	if (symbol_table_address(table, at, &address))
		sum += address;
	if (symbol_table_find(table, at, &symbol))
		for (size_t i = 0; i < symbol.name_size; i++)
			sum += (unsigned char)symbol.name[i];
	symbol_table_debug(table, &debug);
	for (size_t i = 0; i < debug.link_size; i++)
		sum += (unsigned char)debug.link[i];
	for (size_t i = 0; i < debug.build_id_size; i++)
		sum += ((const uint8_t *)debug.build_id)[i];
	return sum + strlen(symbol_table_build_id(table));
}

/* Where its segments and entries say that something is, and beside. */
static unsigned
look_around(const struct symbol_table *table, const uint8_t *data, size_t size)
{
	struct symbol_segment s;
	unsigned sum = 0;

	for (size_t at = sizeof(struct symbol_header), n = 0;
	     n < SYMBOL_FORMAT_SEGMENTS && at + sizeof(s) <= size;
	     n++, at += sizeof(s)) {
		memcpy(&s, data + at, sizeof(s));
		for (int64_t step = -2; step < 300; step++)
			sum += read_all(table, s.address + step) +
			       read_all(table, s.offset + step);
		sum += read_all(table, s.address + s.memory_size);
	}
	return sum;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static volatile unsigned sink;
	struct symbol_table *table;
	int fd = memfd_new("table");

	if (fd < 0 || memfd_append(fd, data, size) < 0 || memfd_seal(fd) < 0)
		abort();
	if (symbol_table_open(fd, &table) < 0)
		return 0;
	sink = look_around(table, data, size);
	(void)sink;
	symbol_table_free(table);
	return 0;
}
