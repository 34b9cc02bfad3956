/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes at all as an ELF file, read as the throw-away child reads it,
 * alone and as its own separate debug file. What it leaves behind must hold
 * together.
 */
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/memfd.h"
#include "symbolizer/elf_reader.h"
#include "symbolizer/symbol_table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
file_of(const uint8_t *data, size_t size)
{
	int fd = memfd_new("fuzz");

	if (fd < 0 || memfd_append(fd, data, size) < 0)
		abort();
	return fd;
}

static void
look_around(const struct symbol_table *table)
{
	for (uint64_t at = 0; at < 1 << 20; at += 4099) {
		struct symbol symbol;
		uint64_t address;

		if (symbol_table_address(table, at, &address))
			symbol_table_find(table, address, &symbol);
		symbol_table_find(table, at, &symbol);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint64_t arguments[] = { 0, 0, ELF_DEBUG_BY_LINK };

	for (int i = 0; i < 3; i++) {
		int fd = file_of(data, size), out = memfd_new("table");
		enum elf_refusal r =
		    elf_reader_run(fd, i > 0 ? fd : -1, arguments[i], out);
		struct symbol_table *table;

		close(fd);
		if (r != ELF_ACCEPTED) {
			close(out);
			continue;
		}
		if (memfd_seal(out) < 0 || symbol_table_open(out, &table) < 0)
			abort();
		look_around(table);
		symbol_table_free(table);
	}
	return 0;
}
