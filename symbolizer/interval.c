/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolizer/interval.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "common/log.h"
#include "symbolizer/elf_cache.h"
#include "symbolizer/kernel_symbols.h"
#include "symbolizer/matching.h"
#include "symbolizer/perf_maps.h"
#include "symbolizer/process.h"
#include "symbolizer/symbol_table.h"
#include "symbolizer/vdso.h"

/* Files that are asked for when a process maps them. */
#define PREFETCH_FILES 64
/* Kernel and user frames, two truncation marks, comm. */
#define STACK_MAX (2 * BATCH_MAX_FRAMES + 3)
#define UNKNOWN "[unknown]"
#define VDSO "[vdso]"
#define KERNEL "[kernel]" /* its mapping: how readers tell its frames */

/* An address of a process (NULL: of the kernel) and the frame it became. */
struct place {
	UT_hash_handle hh;
	struct place_key {
		const struct process *process;
		uint64_t address;
	} key;
	uint32_t frame;
	enum knowledge { KNOWN, NO_SYMBOL, NO_MODULE } knowledge;
};

/* The processes of one batch by generation. */
struct member {
	UT_hash_handle hh;
	uint64_t generation;
	struct process *process;
	int target;
};

/* One batch while it is worked on. */
struct work {
	const struct interval_input *in;
	const struct batch_view *view;
	struct interval_result *result;
	struct ledger *ledger;
	struct member *members, *storage;
	struct place *places;
};

static void
work_begin(struct work *w)
{
	uint32_t count = w->view->header->processes.count;

	w->storage = ecalloc(count + 1, sizeof(*w->storage));
	for (uint32_t i = 0; i < count; i++) {
		struct member *m = &w->storage[i], *old;

		m->process = process_cache_update(w->in->processes, w->view, i);
		m->generation = w->view->processes[i].generation;
		m->target = matching_target(w->in->matching, m->process);
		HASH_FIND(
		    hh, w->members, &m->generation, sizeof(m->generation), old);
		if (old == NULL)
			HASH_ADD(hh, w->members, generation,
			    sizeof(m->generation), m);
	}
}

static void
work_end(struct work *w)
{
	struct place *p, *next;

	HASH_ITER(hh, w->places, p, next) {
		HASH_DEL(w->places, p);
		free(p);
	}
	HASH_CLEAR(hh, w->members);
	free(w->storage);
}

static struct member *
member_of(struct work *w, const struct batch_count *count)
{
	struct member *m;

	HASH_FIND(
	    hh, w->members, &count->generation, sizeof(count->generation), m);
	return m;
}

static bool
can_be_asked(const struct process *p)
{
	return !(p->flags & (BATCH_PROCESS_EXIT | BATCH_PROCESS_KERNEL |
				BATCH_PROCESS_FOREIGN));
}

static struct elf_holder
holder_of(const struct interval_input *in, const struct process *p)
{
	return (struct elf_holder){
		.serial = p->serial,
		.start_time = p->start_time,
		.now = in->now,
		.pid = p->pid,
	};
}

static void
want_file(const struct interval_input *in, const struct process *p,
    struct process_mapping *m, bool urgent)
{
	struct elf_holder holder = holder_of(in, p);

	holder.fresh = m->fresh;
	holder.urgent = urgent;
	m->fresh = false;
	elf_cache_want(in->files, &m->file, &holder, &m->raw);
}

static bool
find_in_perf_map(
    const struct process *p, uint64_t address, struct symbol *symbol)
{
	const struct symbol_table *table =
	    p->perf_map != NULL ? perf_map_table(p->perf_map) : NULL;

	return table != NULL && symbol_table_find(table, address, symbol);
}

/* Code that the process made itself, which no file names. */
static bool
is_made(const struct process_mapping *m)
{
	return m == NULL || (m->file == NULL && !m->vdso) ||
	       (m->file != NULL && elf_file_refused(m->file));
}

static void
want_perf_map(
    const struct interval_input *in, struct process *p, uint64_t address)
{
	struct elf_holder holder = holder_of(in, p);
	struct symbol symbol;

	holder.urgent = true;
	if (!find_in_perf_map(p, address, &symbol))
		perf_maps_want(in->perf_maps, &p->perf_map, &holder);
}

/*
 * While the process lives, its files can be had. A process with very many
 * mappings gets the others when it is sampled in them.
 */
static void
prefetch_files(const struct interval_input *in, struct process *p)
{
	int left = PREFETCH_FILES;

	for (size_t i = 0; i < p->count && left > 0; i++) {
		struct process_mapping *m = &p->mappings[i];

		if (m->file == NULL || (!m->fresh && elf_file_known(m->file)))
			continue;
		left--;
		want_file(in, p, m, false);
	}
}

void
interval_prefetch_process(
    const struct interval_input *in, struct process *process)
{
	if (can_be_asked(process) &&
	    matching_target(in->matching, process) >= 0)
		prefetch_files(in, process);
}

void
interval_prefetch(
    const struct interval_input *in, const struct batch_view *view)
{
	for (uint32_t i = 0; i < view->header->processes.count; i++) {
		struct process *p =
		    process_cache_update(in->processes, view, i);

		matching_want(in->matching, p, in->now);
		interval_prefetch_process(in, p);
	}
	process_cache_trim(in->processes);
}

void
interval_match(const struct interval_input *in, const struct batch_view *view)
{
	if (!matching_needs_containers(in->matching))
		return;
	for (uint32_t i = 0; i < view->header->processes.count; i++)
		matching_await(in->matching,
		    process_cache_update(in->processes, view, i), in->now);
}

static void
want_stack(struct work *w, struct process *p, uint64_t id)
{
	struct batch_stack stack;

	if (!batch_view_stack(w->view, id, &stack))
		return;
	for (uint32_t i = 0; i < stack.frames; i++) {
		uint64_t address = stack.address[i] - (i > 0);
		struct process_mapping *m = process_find(p, address);

		if (m != NULL && m->file != NULL)
			want_file(w->in, p, m, true);
		if (is_made(m))
			want_perf_map(w->in, p, address);
	}
}

void
interval_want(const struct interval_input *in, const struct batch_view *view)
{
	struct work w = { .in = in, .view = view };

	work_begin(&w);
	for (uint32_t i = 0; i < view->header->counts.count; i++) {
		const struct batch_count *c = &view->counts[i];
		struct member *m = member_of(&w, c);

		if (m != NULL && m->target >= 0 && can_be_asked(m->process))
			want_stack(&w, m->process, c->user_stack);
	}
	work_end(&w);
}

static uint32_t
frame_of_text(struct work *w, const char *text)
{
	struct frames *f = w->result->frames;

	return frames_frame(f, frames_name(f, text, strlen(text)), 0, 0);
}

static const char *
base_name(const char *path, size_t *size)
{
	for (size_t i = *size; i > 0; i--)
		if (path[i - 1] == '/') {
			path += i;
			*size -= i;
			break;
		}
	return path;
}

static uint32_t
named_frame(struct work *w, const struct symbol *symbol, uint32_t mapping,
    uint64_t address)
{
	struct frames *f = w->result->frames;

	w->result->named++;
	return frames_frame(f, frames_name(f, symbol->name, symbol->name_size),
	    mapping, address);
}

/* What has no name: "file+0xADDRESS". */
static uint32_t
nameless_frame(struct work *w, const struct elf_file *file, uint32_t mapping,
    uint64_t address)
{
	struct frames *f = w->result->frames;
	size_t size;
	const char *path = elf_file_path(file, &size);
	const char *base = base_name(path, &size);
	char text[320];

	w->result->unnamed++;
	snprintf(text, sizeof(text), "%.*s+0x%" PRIx64,
	    size > 255 ? 255 : (int)size, base, address);
	return frames_frame(
	    f, frames_name(f, text, strlen(text)), mapping, address);
}

static uint32_t
frame_in_file(struct work *w, const struct process *p,
    const struct process_mapping *m, uint64_t address)
{
	const struct symbol_table *table = elf_file_table(m->file);
	uint64_t at = address - m->raw.start + m->raw.file_offset;
	struct symbol symbol;
	uint32_t mapping;
	const char *path;
	size_t size;

	if (table == NULL && find_in_perf_map(p, address, &symbol))
		return named_frame(w, &symbol, 0, 0);
	path = elf_file_path(m->file, &size);
	mapping = frames_mapping(w->result->frames, path, size,
	    table ? symbol_table_build_id(table) : "");
	if (table != NULL && symbol_table_address(table, at, &at) &&
	    symbol_table_find(table, at, &symbol))
		return named_frame(w, &symbol, mapping, at);
	return nameless_frame(w, m->file, mapping, at);
}

static uint32_t
frame_in_vdso(struct work *w, const struct process_mapping *m, uint64_t address)
{
	const struct symbol_table *table = vdso_table(w->in->vdso, &m->raw);
	struct symbol symbol;

	if (table != NULL &&
	    symbol_table_find(table, address - m->raw.start, &symbol))
		return named_frame(w, &symbol,
		    frames_mapping(w->result->frames, VDSO, strlen(VDSO),
			symbol_table_build_id(table)),
		    address - m->raw.start);
	w->result->unnamed++;
	return frame_of_text(w, VDSO);
}

/* No address of memory that is only this process's is published. */
static uint32_t
user_frame(struct work *w, const struct process *p, uint64_t address)
{
	const struct process_mapping *m = process_find(p, address);
	struct symbol symbol;

	if (m != NULL && m->file != NULL)
		return frame_in_file(w, p, m, address);
	if (m != NULL && m->vdso)
		return frame_in_vdso(w, m, address);
	if (find_in_perf_map(p, address, &symbol))
		return named_frame(w, &symbol, 0, 0);
	w->result->unnamed++;
	return frame_of_text(w, m == NULL ? UNKNOWN : "[anon]");
}

/* Kernel locations carry no address: the kernel's layout is its own. */
static uint32_t
kernel_frame(struct work *w, uint64_t address)
{
	struct frames *f = w->result->frames;
	uint32_t mapping = frames_mapping(f, KERNEL, strlen(KERNEL), "");
	const char *name =
	    w->in->kernel ? kernel_symbols_find(w->in->kernel, address) : NULL;

	if (name != NULL)
		w->result->named++;
	else
		w->result->unnamed++;
	if (name == NULL)
		name = UNKNOWN;
	return frames_frame(f, frames_name(f, name, strlen(name)), mapping, 0);
}

/* Why an address has no name: of a process, or (NULL) of the kernel. */
static enum knowledge
what_is_missing(const struct process *p, uint64_t address)
{
	const struct process_mapping *m = p ? process_find(p, address) : NULL;

	return p == NULL || (m != NULL && m->file != NULL) ? NO_SYMBOL
							   : NO_MODULE;
}

/* Each distinct address is looked up once. */
static const struct place *
place_at(struct work *w, const struct process *p, uint64_t address)
{
	uint64_t unnamed = w->result->unnamed;
	struct place_key key;
	struct place *place;

	memset(&key, 0, sizeof(key));
	key.process = p;
	key.address = address;
	HASH_FIND(hh, w->places, &key, sizeof(key), place);
	if (place != NULL)
		return place;
	place = ecalloc(1, sizeof(*place));
	place->key = key;
	place->frame = p ? user_frame(w, p, address) : kernel_frame(w, address);
	place->knowledge =
	    unnamed == w->result->unnamed ? KNOWN : what_is_missing(p, address);
	HASH_ADD(hh, w->places, key, sizeof(place->key), place);
	return place;
}

struct building {
	uint32_t frame[STACK_MAX];
	uint32_t count;
	bool full;                      /* the table of frames is */
	uint64_t frames[NO_MODULE + 1]; /* by what is known of them */
};

static void
push(struct building *b, uint32_t frame)
{
	if (frame == 0)
		b->full = true;
	else
		b->frame[b->count++] = frame;
}

/* A caller's address is where it returns to: the call is before that. */
static void
push_stack(
    struct work *w, struct building *b, const struct process *p, uint64_t id)
{
	struct batch_stack stack;

	if (!batch_view_stack(w->view, id, &stack))
		return;
	for (uint32_t i = 0; i < stack.frames; i++) {
		const struct place *place =
		    place_at(w, p, stack.address[i] - (i > 0));

		push(b, place->frame);
		b->frames[place->knowledge]++;
	}
}

static void
push_comm(struct work *w, struct building *b, const struct batch_count *c)
{
	struct frames *f = w->result->frames;
	size_t size = strnlen(c->comm, sizeof(c->comm));

	push(b, frames_frame(f, frames_name(f, c->comm, size), 0, 0));
}

static struct profile *
profile_of(struct interval_result *r, int target)
{
	if (target >= r->count) {
		r->profiles =
		    erealloc(r->profiles, target + 1, sizeof(*r->profiles));
		memset(r->profiles + r->count, 0,
		    (target + 1 - r->count) * sizeof(*r->profiles));
		r->count = target + 1;
	}
	if (r->profiles[target] == NULL)
		r->profiles[target] = profile_new();
	return r->profiles[target];
}

static void
count_names(struct profile *profile, const struct building *b)
{
	struct profile_names *n = profile_names(profile);

	n->known += b->frames[KNOWN];
	n->unknown_symbols += b->frames[NO_SYMBOL];
	n->unknown_modules += b->frames[NO_MODULE];
	n->unknown_stacks +=
	    b->count > 2 &&
	    b->frames[NO_SYMBOL] + b->frames[NO_MODULE] > b->frames[KNOWN];
}

static enum ledger_counter
add_count(struct work *w, const struct batch_count *c)
{
	const struct interval_input *in = w->in;
	struct frames *f = w->result->frames;
	struct member *m = member_of(w, c);
	struct building b = { .count = 0 };
	struct profile_sample sample = { .count = c->count };

	if (m == NULL)
		return LEDGER_DROPPED_MALFORMED;
	if (m->target < 0)
		return LEDGER_FILTERED;
	push_stack(w, &b, NULL, c->kernel_stack);
	if (c->flags & BATCH_COUNT_KERNEL_TRUNCATED)
		push(&b, frame_of_text(w, "[truncated]"));
	push_stack(w, &b, m->process, c->user_stack);
	if (b.count == 0)
		return LEDGER_DROPPED_NO_STACK;
	if (c->flags & BATCH_COUNT_USER_TRUNCATED)
		push(&b, frame_of_text(w, "[truncated]"));
	if (in->comm_frame)
		push_comm(w, &b, c);
	if (in->comm_label)
		sample.comm =
		    frames_name(f, c->comm, strnlen(c->comm, sizeof(c->comm)));
	if (in->pid_label)
		sample.pid = m->process->pid;
	sample.frames = b.count;
	sample.frame = b.frame;
	if (b.full || !profile_add(profile_of(w->result, m->target), &sample))
		return LEDGER_DROPPED_MEMORY;
	count_names(profile_of(w->result, m->target), &b);
	return LEDGER_COUNTERS;
}

struct interval_result *
interval_begin(const struct interval_input *in)
{
	struct interval_result *r = ecalloc(1, sizeof(*r));

	(void)in;
	r->frames = frames_new();
	return r;
}

void
interval_add(struct interval_result *result, const struct interval_input *in,
    const struct batch_view *view, struct ledger *ledger)
{
	struct work w = {
		.in = in, .view = view, .result = result, .ledger = ledger
	};

	work_begin(&w);
	for (uint32_t i = 0; i < view->header->counts.count; i++) {
		enum ledger_counter fate = add_count(&w, &view->counts[i]);

		if (fate != LEDGER_COUNTERS)
			ledger->n[fate] += view->counts[i].count;
	}
	work_end(&w);
}

void
interval_free(struct interval_result *result)
{
	if (result == NULL)
		return;
	for (int i = 0; i < result->count; i++)
		profile_free(result->profiles[i]);
	free(result->profiles);
	frames_free(result->frames);
	free(result);
}
