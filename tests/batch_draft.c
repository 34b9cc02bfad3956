/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/batch_draft.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/memfd.h"
#include "symbolizer/batch_view.h"

#define MANY 65536

void
batch_draft_init(struct batch_draft *d)
{
	memset(d, 0, sizeof(*d));
	d->header.magic = BATCH_MAGIC;
	d->header.version = BATCH_VERSION;
	d->header.session = 1;
	d->header.period = 10000000;
	d->counts = calloc(MANY, sizeof(*d->counts));
	d->parts = calloc(MANY, sizeof(*d->parts));
}

void
batch_draft_fini(struct batch_draft *d)
{
	free(d->counts);
	free(d->parts);
}

void
batch_draft_process(
    struct batch_draft *d, uint64_t generation, uint32_t pid, uint32_t flags)
{
	d->processes[d->process_count++] =
	    (struct batch_process){ .generation = generation,
		    .pid = pid,
		    .start_time = 7,
		    .flags = flags | BATCH_PROCESS_COMPLETE,
		    .first_mapping = d->mapping_count };
}

void
batch_draft_mapping(struct batch_draft *d, uint64_t start, uint64_t end,
    uint64_t offset, uint64_t inode, const char *path)
{
	uint32_t size = strlen(path);

	memcpy(d->strings + d->string_bytes, path, size);
	d->mappings[d->mapping_count++] = (struct batch_mapping){
		.start = start,
		.end = end,
		.file_offset = offset,
		.inode = inode,
		.path = d->string_bytes,
		.path_size = size,
	};
	d->string_bytes += size;
	d->processes[d->process_count - 1].mappings++;
}

void
batch_draft_stack(struct batch_draft *d, uint64_t id, const uint64_t *addresses,
    uint32_t count)
{
	for (uint32_t at = 0; at < count; at += BATCH_STACK_PART) {
		struct batch_stack_part *p = &d->parts[d->part_count++];
		uint32_t n = count - at;

		if (n > BATCH_STACK_PART)
			n = BATCH_STACK_PART;
		p->stack = id;
		p->part = at / BATCH_STACK_PART;
		p->frames = at == 0 ? count : 0;
		memcpy(p->address, addresses + at, n * sizeof(*addresses));
	}
}

void
batch_draft_count(struct batch_draft *d, uint64_t generation,
    uint64_t user_stack, uint64_t kernel_stack, uint64_t count, uint32_t flags,
    const char *comm)
{
	struct batch_count *c = &d->counts[d->count_count++];

	*c = (struct batch_count){ .generation = generation,
		.user_stack = user_stack,
		.kernel_stack = kernel_stack,
		.count = count,
		.flags = flags };
	memcpy(c->comm, comm, strnlen(comm, sizeof(c->comm)));
	d->samples += count;
}

/* Appends a section; elements are a multiple of 8 bytes, strings come last. */
static struct batch_section
put(int fd, uint32_t *at, const void *data, size_t element, uint32_t count)
{
	struct batch_section s = { *at, count };

	if (memfd_append(fd, data, element * count) < 0)
		abort();
	*at += element * count;
	return s;
}

/* Writes the sections behind h and says in it where they are. */
static void
put_all(int fd, const struct batch_draft *d, struct batch_header *h)
{
	uint32_t at = sizeof(*h);

	h->processes = put(
	    fd, &at, d->processes, sizeof(d->processes[0]), d->process_count);
	h->mappings =
	    put(fd, &at, d->mappings, sizeof(d->mappings[0]), d->mapping_count);
	h->counts =
	    put(fd, &at, d->counts, sizeof(d->counts[0]), d->count_count);
	h->stack_parts =
	    put(fd, &at, d->parts, sizeof(d->parts[0]), d->part_count);
	h->cpus = (struct batch_section){ at, 0 };
	h->strings = put(fd, &at, d->strings, 1, d->string_bytes);
}

int
batch_draft_fd(const struct batch_draft *d)
{
	struct batch_header h = d->header;
	int scratch = memfd_new("scratch"), fd = memfd_new("batch");

	put_all(scratch, d, &h);
	if (memfd_append(fd, &h, sizeof(h)) < 0)
		abort();
	put_all(fd, d, &h);
	if (memfd_seal(fd) < 0)
		abort();
	close(scratch);
	return fd;
}

struct batch_view *
batch_draft_view(const struct batch_draft *d)
{
	return batch_view_open(batch_draft_fd(d));
}
