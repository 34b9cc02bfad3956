/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Builds one batch memfd (common/batch.h). Stacks go straight to the memfd as
 * they are drained; the small sections wait in memory until the end.
 */
#ifndef COLLECTOR_BATCH_WRITER_H
#define COLLECTOR_BATCH_WRITER_H

#include <stddef.h>
#include <stdint.h>

#include "common/batch.h"

struct process;

struct buffer {
	char *data;
	size_t size, room;
};

struct batch_writer {
	struct batch_header header;
	const char *name; /* of the memfd */
	int fd;           /* -1: not needed yet */
	uint64_t id; /* of this batch within the process, marks what is in */
	uint64_t samples;
	int error; /* the first, 0 or -errno */
	size_t bytes;
	struct buffer parts, counts, processes, mappings, strings, cpus;
};

/* Starts an empty batch. Errors wait for its end. */
void batch_writer_init(struct batch_writer *w, const char *name);

void batch_writer_stack_part(
    struct batch_writer *w, const struct batch_stack_part *part);
/* count->generation is set from p, which is added if it is not in yet. */
void batch_writer_count(
    struct batch_writer *w, struct process *p, struct batch_count *count);
void batch_writer_cpu(struct batch_writer *w, const struct batch_cpu *cpu);
/*
 * Adds p, with all its mappings unless it has exited, if it is not in yet.
 * flags: further ones than COMPLETE.
 */
void batch_writer_process(
    struct batch_writer *w, struct process *p, uint32_t flags);
/* Bytes that the batch has so far. */
size_t batch_writer_bytes(const struct batch_writer *w);

/*
 * A short one as bytes: puts it into data if it has no stack parts and takes
 * at most room bytes. Its size, and w is freed; or 0, and it is still open.
 */
size_t batch_writer_pack(struct batch_writer *w, void *data, size_t room);
/* Writes and seals. The memfd (caller's) or -errno; frees what w holds. */
int batch_writer_finish(struct batch_writer *w);

#endif
