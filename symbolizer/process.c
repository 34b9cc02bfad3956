/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolizer/process.h"

#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "common/log.h"
#include "symbolizer/elf_cache.h"

/*
 * The hash keeps its order of insertion: an entry that is used is taken out
 * and put in again, so the first is the least recently used.
 */
struct entry {
	UT_hash_handle hh;
	struct process process;
};

struct process_cache {
	struct entry *by_id;
	struct elf_cache *files;
	size_t capacity;
	uint64_t evicted;
};

struct process_cache *
process_cache_new(size_t capacity, struct elf_cache *files)
{
	struct process_cache *c = ecalloc(1, sizeof(*c));

	c->capacity = capacity;
	c->files = files;
	return c;
}

static void
entry_free(struct process_cache *c, struct entry *e)
{
	HASH_DEL(c->by_id, e);
	free(e->process.mappings);
	free(e);
}

void
process_cache_clear(struct process_cache *cache)
{
	struct entry *e, *next;

	HASH_ITER(hh, cache->by_id, e, next)
		entry_free(cache, e);
}

void
process_cache_free(struct process_cache *cache)
{
	if (cache == NULL)
		return;
	process_cache_clear(cache);
	free(cache);
}

void
process_cache_resize(struct process_cache *cache, size_t capacity)
{
	cache->capacity = capacity;
}

static int
by_start(const void *a, const void *b)
{
	const struct process_mapping *x = a, *y = b;

	return x->raw.start < y->raw.start ? -1 : x->raw.start > y->raw.start;
}

/* A later record of the same place replaces what was there. */
static void
add_mapping(struct process *p, const struct process_mapping *m)
{
	for (size_t i = 0; i < p->count; i++) {
		if (p->mappings[i].raw.start >= m->raw.end ||
		    p->mappings[i].raw.end <= m->raw.start)
			continue;
		p->mappings[i] = p->mappings[--p->count];
		i--;
	}
	if (p->count >= PROCESS_MAX_MAPPINGS)
		return;
	p->mappings = erealloc(p->mappings, p->count + 1, sizeof(*p->mappings));
	p->mappings[p->count++] = *m;
}

static struct process_mapping
take_over(struct process_cache *c, const struct batch_view *view,
    const struct batch_mapping *raw)
{
	size_t size;
	const char *path = batch_view_path(view, raw, &size);

	return (struct process_mapping){
		.raw = *raw,
		.file = elf_cache_file(c->files, raw, path, size),
		.vdso = size == 6 && memcmp(path, "[vdso]", 6) == 0,
	};
}

static bool
same_mappings(const struct process *p, const struct batch_view *view,
    const struct batch_process *record)
{
	const struct batch_mapping *raw =
	    view->mappings + record->first_mapping;

	if (p->count != record->mappings)
		return false;
	for (size_t i = 0; i < p->count; i++)
		if (raw[i].start != p->mappings[i].raw.start ||
		    raw[i].end != p->mappings[i].raw.end ||
		    raw[i].inode != p->mappings[i].raw.inode ||
		    raw[i].file_offset != p->mappings[i].raw.file_offset)
			return false;
	return true;
}

static void
update_mappings(struct process_cache *c, struct process *p,
    const struct batch_view *view, const struct batch_process *record)
{
	bool complete = record->flags & BATCH_PROCESS_COMPLETE;
	uint32_t count = record->mappings;

	if (record->mappings == 0 ||
	    (complete && same_mappings(p, view, record)))
		return;
	if (count > PROCESS_MAX_MAPPINGS)
		count = PROCESS_MAX_MAPPINGS;
	if (complete) {
		p->count = 0;
		p->mappings =
		    erealloc(p->mappings, count, sizeof(*p->mappings));
	}
	for (uint32_t i = 0; i < count; i++) {
		struct process_mapping m = take_over(
		    c, view, &view->mappings[record->first_mapping + i]);

		if (complete)
			p->mappings[p->count++] = m;
		else
			add_mapping(p, &m);
	}
	qsort(p->mappings, p->count, sizeof(*p->mappings), by_start);
}

struct process *
process_cache_update(
    struct process_cache *cache, const struct batch_view *view, uint32_t i)
{
	const struct batch_process *record = &view->processes[i];
	struct process_id id = { view->header->session, record->generation };
	struct entry *e;

	HASH_FIND(hh, cache->by_id, &id, sizeof(id), e);
	if (e == NULL) {
		e = ecalloc(1, sizeof(*e));
		e->process.id = id;
	} else {
		HASH_DEL(cache->by_id, e);
	}
	e->process.start_time = record->start_time;
	e->process.pid = record->pid;
	e->process.flags = record->flags;
	update_mappings(cache, &e->process, view, record);
	HASH_ADD(hh, cache->by_id, process.id, sizeof(e->process.id), e);
	return &e->process;
}

struct process *
process_cache_find(struct process_cache *cache, struct process_id id)
{
	struct entry *e;

	HASH_FIND(hh, cache->by_id, &id, sizeof(id), e);
	return e != NULL ? &e->process : NULL;
}

const struct process_mapping *
process_find(const struct process *process, uint64_t address)
{
	size_t low = 0, high = process->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (process->mappings[middle].raw.start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0 || address >= process->mappings[low - 1].raw.end)
		return NULL;
	return &process->mappings[low - 1];
}

void
process_cache_sweep(struct process_cache *cache)
{
	struct entry *e, *next;

	HASH_ITER(hh, cache->by_id, e, next) {
		if (HASH_COUNT(cache->by_id) <= cache->capacity)
			break;
		entry_free(cache, e);
		cache->evicted++;
	}
}

struct process_cache_counts
process_cache_counts(const struct process_cache *cache)
{
	return (struct process_cache_counts){
		.cached = HASH_COUNT(cache->by_id),
		.evicted = cache->evicted,
	};
}
