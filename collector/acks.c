/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/acks.h"

#include <string.h>

void
acks_batch(struct acks *a, uint64_t sequence, uint64_t samples)
{
	a->last = sequence;
	a->sent += samples;
	if (a->batches == ACKS_BATCHES) {
		/* the two oldest become one, known by the later sequence */
		a->batch[1].samples += a->batch[0].samples;
		memmove(&a->batch[0], &a->batch[1],
		    (ACKS_BATCHES - 1) * sizeof(a->batch[0]));
		a->batches--;
	}
	a->batch[a->batches].sequence = sequence;
	a->batch[a->batches].samples = samples;
	a->batches++;
}

void
acks_done(struct acks *a, const struct ledger *ledger)
{
	if (a->dones == ACKS_DONES) {
		memmove(&a->done[0], &a->done[1],
		    (ACKS_DONES - 1) * sizeof(a->done[0]));
		a->dones--;
	}
	a->done[a->dones].sequence = a->last;
	a->done[a->dones].ledger = *ledger;
	a->done[a->dones].ledger.n[LEDGER_SHIPPED] = a->sent;
	a->dones++;
}

bool
acks_take(
    struct acks *a, uint64_t sequence, uint64_t *shipped, struct ledger *acked)
{
	unsigned n = 0;

	if (sequence > a->last)
		return false;
	while (n < a->batches && a->batch[n].sequence <= sequence)
		*shipped += a->batch[n++].samples;
	a->batches -= n;
	memmove(&a->batch[0], &a->batch[n], a->batches * sizeof(a->batch[0]));
	for (n = 0; n < a->dones && a->done[n].sequence <= sequence; n++)
		*acked = a->done[n].ledger;
	a->dones -= n;
	memmove(&a->done[0], &a->done[n], a->dones * sizeof(a->done[0]));
	return true;
}
