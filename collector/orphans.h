/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What outlives a sampler: the live ledger page that it shares with the
 * listener, and the samples of ended sessions that no client has accounted
 * for. The next client gets them in SamplerHello.
 */
#ifndef COLLECTOR_ORPHANS_H
#define COLLECTOR_ORPHANS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/batch.h"
#include "common/ledger.h"

/* Samplers that may run at a time: so many gaps may last. */
#define ORPHANS_GAPS 8

struct orphans {
	struct ledger ledger;
	uint64_t down_ns; /* gaps that are over */
	unsigned gaps;    /* and those that last, oldest first: */
	uint64_t down_since[ORPHANS_GAPS]; /* CLOCK_BOOTTIME ns */
};

/*
 * A new page, mapped shared and writable, and its memfd, through which nobody
 * can write any more. NULL with errno. The caller unmaps and closes.
 */
struct ledger_page *ledger_page_new(int *fd);
void ledger_page_free(struct ledger_page *page);

enum session_end {
	SESSION_CRASHED, /* the sampler died */
	SESSION_LEFT,    /* its client did, or asked it to end */
};

/*
 * Adds what the session of page has counted and its client has not
 * acknowledged; what it captured and did not ship has died with it. handed is
 * what its client got in its hello: it comes back unless that client has
 * acknowledged it. now: CLOCK_BOOTTIME ns.
 */
void orphans_add(struct orphans *o, const struct ledger_page *page,
    enum session_end end, const struct orphans *handed, uint64_t now);

/* Moves what a new client is to be handed: all counters, and one gap. */
void orphans_take(struct orphans *o, struct orphans *taken);

#endif
