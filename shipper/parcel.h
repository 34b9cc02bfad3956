/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One profile on its way: it stays until each endpoint it goes to has taken
 * or given it up.
 */
#ifndef SHIPPER_PARCEL_H
#define SHIPPER_PARCEL_H

#include <stdint.h>
#include <sys/queue.h>

#include "common/ledger.h"

struct labels;
struct parcel;

/* It is settled; the callee takes it back with parcel_free(). */
typedef void parcel_done_fn(void *arg, struct parcel *parcel);

struct parcel {
	TAILQ_ENTRY(parcel) entry; /* the owner's */
	uint64_t session, id;      /* the symbolizer's */
	uint32_t connection;       /* that it last came over */
	char *component;
	struct labels *labels; /* as they came */
	int fd;                /* sealed: the gzipped pprof */
	uint64_t size;         /* bytes in fd */
	uint64_t samples;
	uint64_t time_ns;   /* wall clock, start of the interval */
	int64_t arrived_ns; /* monotonic */

	unsigned pending;            /* settlements it still waits for */
	enum ledger_counter outcome; /* LEDGER_PROFILES_* */
	parcel_done_fn *done;
	void *arg;
};

TAILQ_HEAD(parcel_list, parcel);

/*
 * With one settlement pending, so that it cannot be done before it has been
 * handed to everyone. The rest is for the caller to fill in; fd, labels and
 * component are freed with it.
 */
struct parcel *parcel_new(parcel_done_fn *done, void *arg);
void parcel_free(struct parcel *parcel);

/* One more settlement to come. */
void parcel_hold(struct parcel *parcel);
/*
 * One of them is here; the first that is not LEDGER_PROFILES_SENT is what
 * counts. The last one calls done.
 */
void parcel_settle(struct parcel *parcel, enum ledger_counter outcome);

#endif
