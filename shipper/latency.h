/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long the profiles of each component took to be settled by everyone they
 * were forwarded to. It outlives the component: a reload must not take a
 * counter back.
 */
#ifndef SHIPPER_LATENCY_H
#define SHIPPER_LATENCY_H

#include <stdint.h>
#include <sys/queue.h>

/* Upper bounds in seconds; +Inf is implied. */
#define LATENCY_BOUNDS                                                         \
	{                                                                      \
		0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10        \
	}
#define LATENCY_BUCKETS 11

struct latency {
	TAILQ_ENTRY(latency) entry;
	char *component;                      /* "phlare.ebpf.default" */
	uint64_t bucket[LATENCY_BUCKETS + 1]; /* not cumulative */
	double sum;
};

TAILQ_HEAD(latency_list, latency);

extern const double latency_bounds[LATENCY_BUCKETS];

/* Finds or adds. */
struct latency *latency_get(struct latency_list *list, const char *component);
void latency_free_all(struct latency_list *list);

void latency_observe(struct latency *l, double seconds);

#endif
