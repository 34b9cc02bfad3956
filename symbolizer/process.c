/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolizer/process.h"

#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "common/log.h"
#include "symbolizer/elf_cache.h"
#include "symbolizer/perf_maps.h"

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
	size_t capacity, mappings;
	uint64_t evicted, serial;
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
put_list(struct process_mapping *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		elf_file_put(list[i].file);
	free(list);
}

static void
entry_free(struct process_cache *c, struct entry *e)
{
	HASH_DEL(c->by_id, e);
	c->mappings -= e->process.count;
	put_list(e->process.mappings, e->process.count);
	perf_map_put(e->process.perf_map);
	free(e);
}

void
process_cache_free(struct process_cache *cache)
{
	struct entry *e, *next;

	if (cache == NULL)
		return;
	HASH_ITER(hh, cache->by_id, e, next)
		entry_free(cache, e);
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

/* The first mapping that ends behind the address. */
static size_t
first_behind(const struct process_mapping *list, size_t count, uint64_t address)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (list[middle].raw.end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool
is_same(const struct batch_mapping *a, const struct batch_mapping *b)
{
	return a->start == b->start && a->end == b->end &&
	       a->file_offset == b->file_offset && a->inode == b->inode &&
	       a->inode_generation == b->inode_generation &&
	       a->major == b->major && a->minor == b->minor;
}

/* The mapping that is the same as raw, or NULL. */
static const struct process_mapping *
find_same(const struct process_mapping *list, size_t count,
    const struct batch_mapping *raw)
{
	size_t i = first_behind(list, count, raw->start);

	return i < count && is_same(&list[i].raw, raw) ? &list[i] : NULL;
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

/*
 * A fork has what its parent had: nothing in that is fresh. A program that was
 * there before we were is as good as one.
 */
static bool
may_be_fresh(const struct process *p, const struct batch_process *record)
{
	return p->count > 0 || (record->flags & BATCH_PROCESS_EXEC);
}

/* A list of what the record has, sorted; what is overlapped goes. */
static struct process_mapping *
read_mappings(struct process_cache *c, const struct process *p,
    const struct batch_view *view, const struct batch_process *record,
    size_t *count)
{
	struct process_mapping *list;
	bool fresh = may_be_fresh(p, record);
	size_t kept = 0;

	*count = record->mappings < PROCESS_MAX_MAPPINGS ? record->mappings
							 : PROCESS_MAX_MAPPINGS;
	list = ecalloc(*count + 1, sizeof(*list));
	for (size_t i = 0; i < *count; i++) {
		const struct batch_mapping *raw =
		    &view->mappings[record->first_mapping + i];
		const struct process_mapping *old =
		    find_same(p->mappings, p->count, raw);

		list[i] = take_over(c, view, raw);
		list[i].fresh = old != NULL ? old->fresh : fresh;
	}
	qsort(list, *count, sizeof(*list), by_start);
	for (size_t i = 0; i < *count; i++) {
		if (kept > 0 && list[i].raw.start < list[kept - 1].raw.end)
			elf_file_put(list[i].file);
		else
			list[kept++] = list[i];
	}
	*count = kept;
	return list;
}

/* The old list with the new one put over it; both are used up. */
static struct process_mapping *
put_over(struct process_mapping *old, size_t old_count,
    struct process_mapping *new, size_t *count)
{
	size_t o = 0, n = 0, kept = 0, new_count = *count;
	struct process_mapping *list =
	    ecalloc(old_count + new_count + 1, sizeof(*list));

	while (o < old_count || n < new_count) {
		if (o < old_count && n < new_count &&
		    old[o].raw.start < new[n].raw.end &&new[n].raw.start <
			old[o].raw.end)
			elf_file_put(old[o++].file);
		else if (n == new_count ||
			 (o < old_count && old[o].raw.start < new[n].raw.start))
			list[kept++] = old[o++];
		else
			list[kept++] = new[n++];
	}
	while (kept > PROCESS_MAX_MAPPINGS)
		elf_file_put(list[--kept].file);
	free(old);
	free(new);
	*count = kept;
	return list;
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
		if (!is_same(&raw[i], &p->mappings[i].raw))
			return false;
	return true;
}

static void
update_mappings(struct process_cache *c, struct process *p,
    const struct batch_view *view, const struct batch_process *record)
{
	bool complete = record->flags & BATCH_PROCESS_COMPLETE;
	struct process_mapping *list;
	size_t count;

	if (record->mappings == 0 ||
	    (complete && same_mappings(p, view, record)))
		return;
	list = read_mappings(c, p, view, record, &count);
	c->mappings -= p->count;
	if (complete) {
		put_list(p->mappings, p->count);
		p->mappings = list;
	} else {
		p->mappings = put_over(p->mappings, p->count, list, &count);
	}
	p->count = count;
	c->mappings += count;
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
		e->process.serial = ++cache->serial;
	} else {
		HASH_DEL(cache->by_id, e);
	}
	e->process.start_time = record->start_time;
	e->process.pid = record->pid;
	e->process.flags = record->flags;
	e->process.parent = record->parent;
	e->process.ancestor = record->ancestor;
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

struct process_mapping *
process_find(const struct process *process, uint64_t address)
{
	size_t i = first_behind(process->mappings, process->count, address);

	if (i == process->count || address < process->mappings[i].raw.start)
		return NULL;
	return &process->mappings[i];
}

static void
evict(struct process_cache *c, size_t capacity)
{
	struct entry *e, *next;

	HASH_ITER(hh, c->by_id, e, next) {
		if (HASH_COUNT(c->by_id) <= capacity &&
		    c->mappings <= PROCESS_CACHE_MAX_MAPPINGS)
			break;
		entry_free(c, e);
		c->evicted++;
	}
}

void
process_cache_sweep(struct process_cache *cache)
{
	evict(cache, cache->capacity);
}

void
process_cache_trim(struct process_cache *cache)
{
	evict(cache, cache->capacity + PROCESS_CACHE_NEW);
}

struct process_cache_counts
process_cache_counts(const struct process_cache *cache)
{
	return (struct process_cache_counts){
		.cached = HASH_COUNT(cache->by_id),
		.evicted = cache->evicted,
		.mappings = cache->mappings,
	};
}
