/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolizer/batch_view.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/memfd.h"

#define PARTS ((BATCH_MAX_FRAMES + BATCH_STACK_PART - 1) / BATCH_STACK_PART)

/* Open addressing by stack id; an index is of a part, plus 1. */
struct batch_stacks {
	uint32_t slots; /* a power of two */
	struct stack_slot {
		uint64_t id;
		uint32_t part[PARTS];
	} slot[];
};

/* Points at a section if it lies inside; NULL and false if not. */
static bool
section(const struct batch_view *v, const struct batch_section *s,
    size_t element, const void *pointer)
{
	const void **out = (const void **)pointer;

	*out = (const char *)v->data + s->offset;
	return s->offset % 8 == 0 && s->offset <= v->size &&
	       s->count <= (v->size - s->offset) / element;
}

static bool
sections_fit(struct batch_view *v)
{
	const struct batch_header *h = v->header;

	return section(v, &h->cpus, sizeof(*v->cpus), &v->cpus) &&
	       section(
		   v, &h->processes, sizeof(*v->processes), &v->processes) &&
	       section(v, &h->mappings, sizeof(*v->mappings), &v->mappings) &&
	       section(v, &h->counts, sizeof(*v->counts), &v->counts) &&
	       section(v, &h->stack_parts, sizeof(*v->parts), &v->parts) &&
	       section(v, &h->strings, 1, &v->strings);
}

static bool
references_fit(const struct batch_view *v)
{
	const struct batch_header *h = v->header;

	for (uint32_t i = 0; i < h->processes.count; i++) {
		const struct batch_process *p = &v->processes[i];

		if (p->first_mapping > h->mappings.count ||
		    p->mappings > h->mappings.count - p->first_mapping)
			return false;
	}
	for (uint32_t i = 0; i < h->mappings.count; i++) {
		const struct batch_mapping *m = &v->mappings[i];

		if (m->start >= m->end || m->path > h->strings.count ||
		    m->path_size > h->strings.count - m->path)
			return false;
	}
	for (uint32_t i = 0; i < h->stack_parts.count; i++)
		if (v->parts[i].frames > BATCH_MAX_FRAMES)
			return false;
	return true;
}

static struct stack_slot *
find_slot(struct batch_stacks *s, uint64_t id)
{
	uint64_t at = id ^ id >> 32;

	while (s->slot[at & (s->slots - 1)].id != 0 &&
	       s->slot[at & (s->slots - 1)].id != id)
		at++;
	return &s->slot[at & (s->slots - 1)];
}

static void
index_stacks(struct batch_view *v)
{
	uint32_t count = v->header->stack_parts.count, slots = 16;

	while (slots < 2 * count && slots < 1u << 31)
		slots *= 2;
	v->stacks =
	    ecalloc(1, sizeof(*v->stacks) + slots * sizeof(v->stacks->slot[0]));
	v->stacks->slots = slots;
	for (uint32_t i = 0; i < count; i++) {
		const struct batch_stack_part *p = &v->parts[i];
		struct stack_slot *slot;

		if (p->stack == 0 || p->part >= PARTS)
			continue;
		slot = find_slot(v->stacks, p->stack);
		slot->id = p->stack;
		slot->part[p->part] = i + 1;
	}
}

/* Takes v, whose data is not checked yet. */
static struct batch_view *
check(struct batch_view *v, int r)
{
	v->header = v->data;
	if (r == 0 &&
	    (v->size < sizeof(*v->header) || v->header->magic != BATCH_MAGIC ||
		v->header->version != BATCH_VERSION || !sections_fit(v) ||
		!references_fit(v)))
		r = -EBADMSG;
	if (r < 0) {
		batch_view_free(v);
		errno = -r;
		return NULL;
	}
	index_stacks(v);
	return v;
}

struct batch_view *
batch_view_open(int memfd)
{
	struct batch_view *v = ecalloc(1, sizeof(*v));
	int r = memfd_map(memfd, BATCH_MAX_BYTES, &v->data, &v->size);

	close(memfd);
	return check(v, r);
}

struct batch_view *
batch_view_copy(const void *bytes, size_t size)
{
	struct batch_view *v = ecalloc(1, sizeof(*v));

	v->copy = ecalloc(1, size + 1);
	memcpy(v->copy, bytes, size);
	v->data = v->copy;
	v->size = size;
	return check(v, 0);
}

void
batch_view_free(struct batch_view *view)
{
	if (view == NULL)
		return;
	if (view->copy == NULL)
		memfd_unmap(view->data, view->size);
	free(view->copy);
	free(view->stacks);
	free(view);
}

uint64_t
batch_view_samples(const struct batch_view *view)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < view->header->counts.count; i++)
		sum += view->counts[i].count;
	return sum;
}

bool
batch_view_stack(
    const struct batch_view *view, uint64_t id, struct batch_stack *stack)
{
	const struct stack_slot *slot = find_slot(view->stacks, id);
	uint32_t frames, done = 0;

	stack->frames = 0;
	if (id == 0 || slot->id != id || slot->part[0] == 0)
		return false;
	frames = view->parts[slot->part[0] - 1].frames;
	for (int part = 0; done < frames; part++) {
		uint32_t n = frames - done;

		if (slot->part[part] == 0)
			return false;
		if (n > BATCH_STACK_PART)
			n = BATCH_STACK_PART;
		memcpy(stack->address + done,
		    view->parts[slot->part[part] - 1].address,
		    n * sizeof(stack->address[0]));
		done += n;
	}
	stack->frames = frames;
	return true;
}

const char *
batch_view_path(const struct batch_view *view,
    const struct batch_mapping *mapping, size_t *size)
{
	*size = mapping->path_size;
	return view->strings + mapping->path;
}
