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
struct latency_list;
struct target_list;
struct service_stats;
struct write_stats_list;

/* One phlare.ebpf component, as it is now. */
struct metrics_component {
	const char *id;
	bool reported;       /* the symbolizer has sent a status */
	int64_t reported_ns; /* monotonic, when it did */
	int64_t interval_ns; /* collect_interval */
	int64_t sample_rate;
	/* when samples, frames with and without a name last came; 0: never */
	int64_t runs_ns, named_ns, unnamed_ns;
	phlare_SymbolizerStatus status;
};

/* All that is shown; lent for the call. */
struct metrics_view {
	const struct account *account;
	const struct write_stats_list *writes;
	const struct latency_list *fanout;
	const struct service_stats *services;
	const struct target_list *list;
	size_t lists;
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
 * not is one line in out; "healthy" if there is none. Then, as "note: ...",
 * what does not hinder them but leaves them without their targets.
 */
bool metrics_health(const struct metrics_view *view, struct evbuffer *out);

#endif
