/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A component's side of the ledger (DESIGN.md 3): the counters of all the
 * samplers it has had, folded together, and its own. What a sampler did not
 * see acknowledged comes back once, as orphans from its listener or, if that
 * died with it, from the page it left.
 */
#ifndef SYMBOLIZER_ACCOUNT_H
#define SYMBOLIZER_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/ledger.h"

struct account {
	struct ledger past;        /* sampler sessions that are over */
	struct ledger acked;       /* this session, as acknowledged */
	struct ledger latest;      /* this session, by the last CollectDone */
	struct ledger own;         /* ours: delivered, filtered, dropped, ... */
	uint64_t session_received; /* samples of batches, this session */
	uint64_t session_acked;
	uint64_t in_hand; /* of the session before: received, not acked */
	uint64_t listener;
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

/* The sampler is gone; what it left is settled by the next account_begin. */
void account_end(struct account *account);

void account_received(struct account *account, uint64_t samples);
/* CollectDone brought the session's counters. */
void account_collected(
    struct account *account, const uint64_t *counters, size_t count);
/*
 * The batches of this session that hold this many samples in all are
 * acknowledged, along with the counters given then (of their CollectDone).
 */
void account_acked(
    struct account *account, uint64_t samples, const struct ledger *counters);

/* Everything so far, as LedgerReport wants it. */
struct ledger account_total(const struct account *account);

void account_fini(struct account *account);

#endif
