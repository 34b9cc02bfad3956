/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A received batch memfd, mapped and checked: nothing behind this header can
 * be out of bounds, whatever the sampler sent.
 */
#ifndef SYMBOLIZER_BATCH_VIEW_H
#define SYMBOLIZER_BATCH_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/batch.h"

struct batch_stacks;

struct batch_view {
	const void *data;
	size_t size;
	const struct batch_header *header;
	const struct batch_cpu *cpus;
	const struct batch_process *processes;
	const struct batch_mapping *mappings;
	const struct batch_count *counts;
	const struct batch_stack_part *parts;
	const char *strings;
	struct batch_stacks *stacks; /* index of the parts */
	void *copy;                  /* data, if it is not mapped */
};

/* A stack put together: frames addresses, leaf first. */
struct batch_stack {
	uint32_t frames;
	uint64_t address[BATCH_MAX_FRAMES];
};

/*
 * Maps memfd (closes it) and checks every section. NULL, with errno set, if
 * it does not hold together.
 */
struct batch_view *batch_view_open(int memfd);
/* The same for one that came as bytes, which are copied. */
struct batch_view *batch_view_copy(const void *bytes, size_t size);
void batch_view_free(struct batch_view *view);

/* Sum of all counts. */
uint64_t batch_view_samples(const struct batch_view *view);

/* False if the stack is absent: not all of its parts are there. */
bool batch_view_stack(
    const struct batch_view *view, uint64_t id, struct batch_stack *stack);

/* The kernel's name of a mapping: *size bytes, not terminated. */
const char *batch_view_path(const struct batch_view *view,
    const struct batch_mapping *mapping, size_t *size);

#endif
