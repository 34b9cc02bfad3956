/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A component's batches, in the order in which they came: those that have come
 * since the last interval, and those that are being worked on. Samples of
 * batches that are no good stand among them, to be counted with their interval.
 */
#ifndef SYMBOLIZER_BATCHES_H
#define SYMBOLIZER_BATCHES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/ledger.h"

/* Bytes of memfds that may wait. */
#define BATCHES_MAX_BYTES (256u * 1024 * 1024)

struct batch_view;

struct batch {
	TAILQ_ENTRY(batch) entry;
	struct batch_view *view; /* NULL: its samples are lost, for a reason */
	enum ledger_counter reason;
	uint64_t samples;
};

TAILQ_HEAD(batch_list, batch);

struct batches {
	struct batch_list came, working;
	size_t bytes;
};

void batches_init(struct batches *batches);
void batches_fini(struct batches *batches);

/* Whether there is room for one of so many bytes. */
bool batches_fit(const struct batches *batches, size_t bytes);
/* Takes view. */
void batches_add(
    struct batches *batches, struct batch_view *view, uint64_t samples);
void batches_add_lost(
    struct batches *batches, enum ledger_counter reason, uint64_t samples);

/* What has come is worked on. */
void batches_take(struct batches *batches);
/* One that was being worked on is done: it is freed. */
void batches_done(struct batches *batches, struct batch *batch);

#endif
