/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/orphans.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/memfd.h"

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010 /* Linux 5.1 */
#endif
#define PAGE_SEALS                                                             \
	(F_SEAL_FUTURE_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

struct ledger_page *
ledger_page_new(int *fd)
{
	struct ledger_page *page = MAP_FAILED;
	int error;

	*fd = memfd_new("phlare-ledger");
	if (*fd < 0) {
		errno = -*fd;
		return NULL;
	}
	if (ftruncate(*fd, sizeof(*page)) == 0)
		page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE,
		    MAP_SHARED, *fd, 0);
	/* from here on only this mapping, which children inherit, writes */
	if (page != MAP_FAILED && fcntl(*fd, F_ADD_SEALS, PAGE_SEALS) == 0)
		return page;
	error = errno;
	if (page != MAP_FAILED)
		munmap(page, sizeof(*page));
	close(*fd);
	*fd = -1;
	errno = error;
	return NULL;
}

void
ledger_page_free(struct ledger_page *page)
{
	if (page != NULL)
		munmap(page, sizeof(*page));
}

static uint64_t
minus(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

static bool
is_zero(const struct ledger *l)
{
	for (int i = 0; i < LEDGER_COUNTERS; i++)
		if (l->n[i] != 0)
			return false;
	return true;
}

/* Captured, and neither shipped nor accounted for by the sampler itself. */
static uint64_t
died(const struct ledger *l)
{
	return minus(l->n[LEDGER_CAPTURED],
	    l->n[LEDGER_SHIPPED] + l->n[LEDGER_LOST_DRAIN] +
		l->n[LEDGER_DIED_SAMPLER] + l->n[LEDGER_DIED_CLIENT]);
}

/*
 * The client reports what it was handed before it acknowledges anything. One
 * that is still there will do so; one that left and never did, has not.
 */
static bool
was_reported(const struct ledger_page *page, enum session_end end)
{
	if (page->session == 0) /* it did not even say hello */
		return false;
	return end == SESSION_CRASHED || !is_zero(&page->acked);
}

void
orphans_add(struct orphans *o, const struct ledger_page *page,
    enum session_end end, const struct orphans *handed, uint64_t now)
{
	struct ledger rest;
	uint64_t stopped = now;

	for (int i = 0; i < LEDGER_COUNTERS; i++)
		rest.n[i] = minus(page->now.n[i], page->acked.n[i]);
	rest.n[end == SESSION_CRASHED ? LEDGER_DIED_SAMPLER
				      : LEDGER_DIED_CLIENT] += died(&page->now);
	ledger_add(&o->ledger, &rest);
	/* its counters end with its last update: then the clock is ours */
	if (page->session != 0 && page->updated >= page->started &&
	    page->updated < now)
		stopped = page->updated;
	if (!was_reported(page, end)) {
		ledger_add(&o->ledger, &handed->ledger);
		if (handed->down_since != 0)
			stopped = handed->down_since;
	}
	o->down_since = stopped;
}
