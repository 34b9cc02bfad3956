/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was sent and not yet acknowledged: samples by batch, and the counters
 * that each CollectDone carried. Bounded: of a client that never acknowledges
 * the oldest entries are joined, which only makes them be acknowledged later.
 */
#ifndef COLLECTOR_ACKS_H
#define COLLECTOR_ACKS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/ledger.h"

#define ACKS_BATCHES 256
#define ACKS_DONES 16

struct acks {
	uint64_t last; /* sequence sent last */
	uint64_t sent; /* samples of all batches */
	unsigned batches, dones;
	struct {
		uint64_t sequence, samples;
	} batch[ACKS_BATCHES];
	struct {
		uint64_t sequence;
		struct ledger ledger;
	} done[ACKS_DONES];
};

/* A batch was sent; sequences rise. */
void acks_batch(struct acks *a, uint64_t sequence, uint64_t samples);
/*
 * A CollectDone was sent that covers all batches up to now: once they are
 * acknowledged, so are its counters, and all that was sent has been shipped.
 */
void acks_done(struct acks *a, const struct ledger *ledger);
/*
 * The client has dealt with all up to sequence. Adds the samples to *shipped;
 * *acked becomes the counters of the newest CollectDone that covers no later
 * batch, if there is one. False: never sent, the client is lying.
 */
bool acks_take(
    struct acks *a, uint64_t sequence, uint64_t *shipped, struct ledger *acked);

#endif
