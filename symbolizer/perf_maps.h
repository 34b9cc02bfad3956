/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The perf maps of processes: asked for when a process was sampled in code
 * that nothing else names, again when it was sampled in more of that, read
 * again only if the file has changed, and ever more rarely if that is of no
 * use.
 */
#ifndef SYMBOLIZER_PERF_MAPS_H
#define SYMBOLIZER_PERF_MAPS_H

#include <stddef.h>
#include <stdint.h>

/* All tables together. */
#define PERF_MAPS_MAX_BYTES (64u * 1024 * 1024)

struct elf_holder;
struct fetch;
struct perf_map;
struct perf_maps;
struct symbol_table;

struct perf_maps_counts {
	uint64_t parsed, refused, evicted; /* since the start */
	uint64_t cached, bytes;            /* now */
};

/* fetch is borrowed and must outlive this. */
struct perf_maps *perf_maps_new(struct fetch *fetch, size_t max_bytes);
/* All maps must have been put back. NULL is fine. */
void perf_maps_free(struct perf_maps *maps);

/*
 * An address of the process has no name that *map knows. *map, NULL at first,
 * is its perf map, to be put back when the process is forgotten.
 */
void perf_maps_want(struct perf_maps *maps, struct perf_map **map,
    const struct elf_holder *process);
/* NULL is fine. */
void perf_map_put(struct perf_map *map);

/* By addresses of the process; NULL: none. Borrowed until the next event. */
const struct symbol_table *perf_map_table(struct perf_map *map);

struct perf_maps_counts perf_maps_counts(const struct perf_maps *maps);

#endif
