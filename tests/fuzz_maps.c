/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes at all as the texts that tell of a process: its maps, line by line
 * and as a whole, its cgroup file, and its perf map.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/process_scan.h"
#include "collector/processes.h"
#include "collector/vma_check.h"
#include "common/container_id.h"
#include "common/memfd.h"
#include "symbolizer/perf_map.h"
#include "symbolizer/symbol_table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
try_maps(const char *text, size_t size)
{
	int fd = memfd_new("maps");

	if (fd < 0 || memfd_append(fd, text, size) < 0)
		abort();
	while (size > 0) {
		const char *newline = memchr(text, '\n', size);
		size_t length =
		    newline != NULL ? (size_t)(newline - text) : size;
		struct mapping_event m;

		if (process_scan_parse_maps(text, length, &m)) {
			if (m.start >= m.end || m.path < text ||
			    m.path + m.path_size != text + length)
				abort();
			vma_check_text(fd, m.start, m.end);
		}
		length += newline != NULL;
		text += length;
		size -= length;
	}
	vma_check_text(fd, 0x1000, 0x2000);
	close(fd);
}

static void
try_cgroup(const char *text, size_t size)
{
	char id[CONTAINER_ID_SIZE];
	size_t length;

	memset(id, 'x', sizeof(id));
	container_id_find(text, size, id);
	length = strnlen(id, sizeof(id));
	if (length == sizeof(id) || strspn(id, "0123456789abcdef-") != length)
		abort();
}

static void
try_perf_map(const char *text, size_t size)
{
	int out = memfd_new("table");
	struct symbol_table *table;
	struct symbol symbol;

	if (perf_map_parse(text, size, out) != PERF_MAP_ACCEPTED) {
		close(out);
		return;
	}
	if (memfd_seal(out) < 0 || symbol_table_open(out, &table) < 0)
		abort();
	for (uint64_t at = 0; at < 1 << 20; at += 997)
		symbol_table_find(table, at, &symbol);
	symbol_table_free(table);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* terminated, as the readers of lines have them */
	char *text = malloc(size + 1);

	memcpy(text, data, size);
	text[size] = '\0';
	try_maps(text, size);
	try_cgroup(text, size);
	try_perf_map(text, size);
	free(text);
	return 0;
}
