/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes at all as a batch of samples: nothing leads out of it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/memfd.h"
#include "symbolizer/batch_view.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned
read_mappings(const struct batch_view *view, const struct batch_process *p)
{
	unsigned sum = 0;

	for (uint32_t i = 0; i < p->mappings; i++) {
		const struct batch_mapping *m =
		    &view->mappings[p->first_mapping + i];
		size_t length;
		const char *path = batch_view_path(view, m, &length);

		if (m->start >= m->end)
			abort();
		for (size_t n = 0; n < length; n++)
			sum += (unsigned char)path[n];
	}
	return sum;
}

static unsigned
read_stack(const struct batch_view *view, uint64_t id)
{
	struct batch_stack stack;
	unsigned sum = 0;

	if (!batch_view_stack(view, id, &stack))
		return 0;
	if (stack.frames > BATCH_MAX_FRAMES)
		abort();
	for (uint32_t i = 0; i < stack.frames; i++)
		sum += stack.address[i];
	return sum;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static volatile unsigned sink;
	struct batch_view *view;
	unsigned sum = 0;
	int fd = memfd_new("batch");

	if (fd < 0 || memfd_append(fd, data, size) < 0 || memfd_seal(fd) < 0)
		abort();
	view = batch_view_open(fd);
	if (view == NULL)
		return 0;
	for (uint32_t i = 0; i < view->header->cpus.count; i++)
		sum += view->cpus[i].runs;
	for (uint32_t i = 0; i < view->header->processes.count; i++)
		sum += read_mappings(view, &view->processes[i]);
	for (uint32_t i = 0; i < view->header->counts.count; i++)
		sum += read_stack(view, view->counts[i].user_stack) +
		       read_stack(view, view->counts[i].kernel_stack);
	sink = sum + batch_view_samples(view);
	(void)sink;
	batch_view_free(view);
	return 0;
}
