/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "shipper/parcel.h"

#include <stdlib.h>
#include <unistd.h>

#include "common/log.h"

struct parcel *
parcel_new(parcel_done_fn *done, void *arg)
{
	struct parcel *p = ecalloc(1, sizeof(*p));

	p->fd = -1;
	p->pending = 1;
	p->outcome = LEDGER_PROFILES_SENT;
	p->done = done;
	p->arg = arg;
	return p;
}

void
parcel_free(struct parcel *p)
{
	if (p == NULL)
		return;
	if (p->fd >= 0)
		close(p->fd);
	free(p->labels);
	free(p->component);
	free(p);
}

void
parcel_hold(struct parcel *p)
{
	p->pending++;
}

void
parcel_settle(struct parcel *p, enum ledger_counter outcome)
{
	if (p->outcome == LEDGER_PROFILES_SENT)
		p->outcome = outcome;
	if (--p->pending == 0)
		p->done(p->arg, p);
}
