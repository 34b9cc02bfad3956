/* SPDX-License-Identifier: Apache-2.0 */
/* Batches as a sampler would send them, put together by a test. */
#ifndef TESTS_BATCH_DRAFT_H
#define TESTS_BATCH_DRAFT_H

#include <stddef.h>
#include <stdint.h>

#include "common/batch.h"

struct batch_view;

struct batch_draft {
	struct batch_header header; /* times, period and session: by the test */
	struct batch_process processes[64];
	struct batch_mapping mappings[256];
	struct batch_count *counts;
	struct batch_stack_part *parts;
	char strings[4096];
	uint32_t process_count, mapping_count, count_count, part_count;
	uint32_t string_bytes;
	uint64_t samples;
};

void batch_draft_init(struct batch_draft *draft);
void batch_draft_fini(struct batch_draft *draft);

/* A process; the mappings that follow are its own. */
void batch_draft_process(struct batch_draft *draft, uint64_t generation,
    uint32_t pid, uint32_t flags);
/* inode 0: no file. */
void batch_draft_mapping(struct batch_draft *draft, uint64_t start,
    uint64_t end, uint64_t offset, uint64_t inode, const char *path);
void batch_draft_stack(struct batch_draft *draft, uint64_t id,
    const uint64_t *addresses, uint32_t count);
void batch_draft_count(struct batch_draft *draft, uint64_t generation,
    uint64_t user_stack, uint64_t kernel_stack, uint64_t count, uint32_t flags,
    const char *comm);

/* A sealed memfd with the batch, and one opened by the symbolizer's reader. */
int batch_draft_fd(const struct batch_draft *draft);
struct batch_view *batch_draft_view(const struct batch_draft *draft);

#endif
