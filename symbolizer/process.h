/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pid cache: what we know of a process (one exec of it), an LRU of
 * pid_cache_size. Nothing is lost with an entry: each batch brings the
 * mappings of the processes it counts.
 */
#ifndef SYMBOLIZER_PROCESS_H
#define SYMBOLIZER_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "symbolizer/batch_view.h"

/* Mappings remembered of one process; of all that are remembered. */
#define PROCESS_MAX_MAPPINGS 8192
#define PROCESS_CACHE_MAX_MAPPINGS 262144
/* Processes that may appear during an interval before old ones go. */
#define PROCESS_CACHE_NEW 1024

struct elf_cache;
struct elf_file;
struct perf_map;
struct process_cache;

struct process_mapping {
	struct batch_mapping raw;
	struct elf_file *file; /* NULL: no file behind it */
	bool vdso;
	/* this program has not mapped it before, and nobody asked for it yet */
	bool fresh;
};

/* Which exec of which process: each sampler numbers them anew. */
struct process_id {
	uint64_t session, generation;
};

struct process {
	struct process_id id;
	uint64_t serial; /* no other has it */
	uint64_t start_time;
	uint32_t pid, flags; /* enum batch_process_flag, of the last news */
	uint64_t parent, ancestor; /* generations, as in struct batch_process */
	struct process_mapping *mappings; /* sorted by start */
	size_t count;
	struct perf_map *perf_map; /* NULL: never asked for */

	/* of matching.c: its target, and by which set of targets it is */
	int target;
	uint64_t matched, matched_at;
};

struct process_cache_counts {
	uint64_t cached, evicted, mappings;
};

struct process_cache *process_cache_new(
    size_t capacity, struct elf_cache *files);
void process_cache_free(struct process_cache *cache);
void process_cache_resize(struct process_cache *cache, size_t capacity);

/*
 * The process of the i-th record of a batch, with the record's mappings
 * taken over. Borrowed until the next sweep.
 */
struct process *process_cache_update(
    struct process_cache *cache, const struct batch_view *view, uint32_t i);

/* NULL if it is not known (any more). Borrowed until the next sweep. */
struct process *process_cache_find(
    struct process_cache *cache, struct process_id id);

/* The mapping that holds the address, or NULL. */
struct process_mapping *process_find(
    const struct process *process, uint64_t address);

/* The interval is done: evicts down to the capacity, oldest use first. */
void process_cache_sweep(struct process_cache *cache);
/* Nobody has borrowed one: the same where very many have been added. */
void process_cache_trim(struct process_cache *cache);

struct process_cache_counts process_cache_counts(
    const struct process_cache *cache);

#endif
