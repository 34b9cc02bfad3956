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

struct orphans {
	struct ledger ledger;
	uint64_t down_since; /* CLOCK_BOOTTIME ns, or 0 */
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
 * what its client got in its hello: it comes back if that client cannot have
 * reported it. now: CLOCK_BOOTTIME ns.
 */
void orphans_add(struct orphans *o, const struct ledger_page *page,
    enum session_end end, const struct orphans *handed, uint64_t now);

#endif
