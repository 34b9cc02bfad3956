/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A component's side of the ledger (DESIGN.md 3): the counters of all the
 * samplers it has had, folded together, and what became of their samples.
 *
 * Once a CollectDone has been reported to the shipper it is acknowledged to
 * the sampler. What a sampler did not see acknowledged comes back as orphans
 * from its listener or, if that died with it, is read from the page it left:
 * both are settled against the same page, so that nothing counts twice.
 */
#ifndef SYMBOLIZER_ACCOUNT_H
#define SYMBOLIZER_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/ledger.h"

struct account {
	struct ledger past;     /* sampler sessions that are over */
	struct ledger acked;    /* this session, as acknowledged */
	struct ledger latest;   /* this session, by the last CollectDone */
	struct ledger own;      /* ours: shipped, delivered, filtered, ... */
	bool settled;           /* this session ended and is in past */
	uint64_t received;      /* samples of batches, this session */
	uint64_t covered;       /* of these, by the last CollectDone */
	uint64_t covered_acked; /* and by the last acknowledged one */
	/* Of sessions that are over: received, their counters still to come. */
	uint64_t in_hand;
	uint64_t listener;
	struct ledger handed;           /* with this session's hello */
	const struct ledger_page *page; /* of this session, or NULL */
	size_t page_size;
};

/*
 * A sampler has said hello. page: its mapped page, taken over (may be NULL).
 * orphans: counters by number.
 */
void account_begin(struct account *account, uint64_t listener,
    const struct ledger_page *page, size_t page_size, const uint64_t *orphans,
    size_t count);

/*
 * The sampler is gone; what it left is settled by the next account_begin.
 * When it was seen to sample last, CLOCK_BOOTTIME ns, or 0.
 */
uint64_t account_end(struct account *account);

/* After account_end: settles it now, as no other sampler will come. */
void account_settle(struct account *account);
/* Samples were received whose counters are still to come. */
bool account_is_open(const struct account *account);

void account_received(struct account *account, uint64_t samples);
/* CollectDone brought the session's counters. */
void account_collected(
    struct account *account, const uint64_t *counters, size_t count);
/* What the last CollectDone brought is acknowledged. */
void account_acked(struct account *account);

/* What became of samples that were received. */
void account_outcome(
    struct account *account, enum ledger_counter outcome, uint64_t samples);

/* Everything so far, as LedgerReport wants it. */
struct ledger account_total(const struct account *account);

void account_fini(struct account *account);

#endif
