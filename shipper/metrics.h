/* SPDX-License-Identifier: Apache-2.0 */
/* The text of /metrics, /-/ready and /-/healthy. No socket in here. */
#ifndef SHIPPER_METRICS_H
#define SHIPPER_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/shipper.pb.h"

struct account;
struct evbuffer;
struct write_stats_list;

/* Upper bounds of phlare_fanout_latency, in seconds; +Inf is implied. */
#define METRICS_LATENCY_BOUNDS                                                 \
	{                                                                      \
		0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10        \
	}
#define METRICS_LATENCY_BUCKETS 11

struct metrics_histogram {
	uint64_t bucket[METRICS_LATENCY_BUCKETS + 1]; /* not cumulative */
	double sum;
};

void metrics_observe(struct metrics_histogram *h, double seconds);

/* One phlare.ebpf component, as it is now. */
struct metrics_component {
	const char *id;
	bool reported;       /* the symbolizer has sent a status */
	int64_t reported_ns; /* monotonic, when it did */
	int64_t interval_ns; /* collect_interval */
	phlare_SymbolizerStatus status;
};

/* All that is shown; lent for the call. */
struct metrics_view {
	const struct account *account;
	const struct write_stats_list *writes;
	const struct metrics_histogram *fanout;
	const struct metrics_component *component;
	size_t components;
	bool connected;             /* a symbolizer is there */
	int64_t started_ns, now_ns; /* monotonic */
	uint64_t queued;            /* profiles taken in, not settled */
	bool config_good;           /* the last reading of it */
	int64_t config_loaded_sec;  /* wall clock, of the last good one */
};

/* Prometheus text format, version 0.0.4. */
void metrics_write(const struct metrics_view *view, struct evbuffer *out);

/*
 * Whether samples arrive, are named and accepted. Each cause that they are
 * not is one line in out; "healthy" if there is none.
 */
bool metrics_health(const struct metrics_view *view, struct evbuffer *out);

#endif
