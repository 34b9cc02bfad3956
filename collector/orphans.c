/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/orphans.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
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

/* Captured, and neither shipped nor accounted for by the sampler itself. */
static uint64_t
died(const struct ledger *l)
{
	return minus(l->n[LEDGER_CAPTURED],
	    l->n[LEDGER_SHIPPED] + l->n[LEDGER_LOST_DRAIN] +
		l->n[LEDGER_DIED_SAMPLER] + l->n[LEDGER_DIED_CLIENT]);
}

/* A gap that lasts: nobody samples in place of a session that ended then. */
static void
add_gap(struct orphans *o, uint64_t since)
{
	if (since != 0 && o->gaps < ORPHANS_GAPS)
		o->down_since[o->gaps++] = since;
}

/* What was handed over and not acknowledged. */
static void
take_back(struct orphans *o, const struct ledger_page *page,
    const struct orphans *handed)
{
	uint64_t since = handed->gaps > 0 ? handed->down_since[0] : 0;

	ledger_add(&o->ledger, &handed->ledger);
	o->down_ns += handed->down_ns;
	if (page->session == 0)
		add_gap(o, since); /* its sampler never got to sample */
	else if (since != 0)
		o->down_ns += minus(page->started, since);
}

void
orphans_add(struct orphans *o, const struct ledger_page *page,
    enum session_end end, const struct orphans *handed, uint64_t now)
{
	uint64_t last =
	    page->updated > page->started ? page->updated : page->started;
	struct ledger rest;

	if (!page->hello_acked)
		take_back(o, page, handed);
	if (page->session == 0)
		return;
	for (int i = 0; i < LEDGER_COUNTERS; i++)
		rest.n[i] = minus(page->now.n[i], page->acked.n[i]);
	rest.n[end == SESSION_CRASHED ? LEDGER_DIED_SAMPLER
				      : LEDGER_DIED_CLIENT] += died(&page->now);
	ledger_add(&o->ledger, &rest);
	/* its counters end with its last update: then the clock is ours */
	if (!page->finished)
		add_gap(o, last < now ? last : now);
}

void
orphans_take(struct orphans *o, struct orphans *taken)
{
	memset(taken, 0, sizeof(*taken));
	taken->ledger = o->ledger;
	taken->down_ns = o->down_ns;
	memset(&o->ledger, 0, sizeof(o->ledger));
	o->down_ns = 0;
	if (o->gaps == 0)
		return;
	add_gap(taken, o->down_since[0]);
	o->gaps--;
	memmove(&o->down_since[0], &o->down_since[1],
	    o->gaps * sizeof(o->down_since[0]));
}
