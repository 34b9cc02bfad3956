/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A component's sampler from its client's side: a connection to collector.sock
 * that comes back by itself, what was asked over it and what came. Counters go
 * to the component's account and clock, samples to its batches.
 */
#ifndef SYMBOLIZER_SAMPLER_H
#define SYMBOLIZER_SAMPLER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/shipper.pb.h"

struct account;
struct batch_view;
struct batches;
struct clock_ledger;
struct event_base;
struct kernel_symbols;
struct sampler;

struct sampler_host {
	struct event_base *base;
	const char *path;
	struct account *account;
	struct clock_ledger *clock;
	struct batches *batches;
	void *arg;
	void (*on_begin)(void *arg); /* there is one, and it samples */
	void (*on_gone)(void *arg);
	/* Processes it tells of as they begin; borrowed. */
	void (*on_news)(void *arg, const struct batch_view *news);
	/* What sampler_collect() asked for is there. */
	void (*on_collected)(void *arg);
};

/* Connects from the loop. settings: as sampler_set(). Never NULL. */
struct sampler *sampler_new(
    const struct sampler_host *host, const phlare_Settings *settings);
/* Calls nothing any more. NULL is fine. */
void sampler_free(struct sampler *sampler);

/* How it samples from now on, also the ones that come after this one. */
void sampler_set(struct sampler *sampler, const phlare_Settings *settings);

/*
 * Asks for all that was sampled in this interval, a number that is not 0.
 * last: sampling stops first. False: it cannot be asked.
 */
bool sampler_collect(struct sampler *sampler, uint64_t interval, bool last);

/* The shipper has in its books what was collected last. */
void sampler_acknowledge(struct sampler *sampler);

/* Hangs up and connects again; hangs up for good; and comes back from that. */
void sampler_restart(struct sampler *sampler);
void sampler_stop(struct sampler *sampler);
void sampler_start(struct sampler *sampler);

/* Which one it is; 0: there is none. */
uint64_t sampler_session(const struct sampler *sampler);
/* Whether it has said that it samples. */
bool sampler_samples(const struct sampler *sampler);
/* Kernel memory of its maps, bytes. */
uint64_t sampler_map_bytes(const struct sampler *sampler);
/* NULL: none have come. Valid until the loop goes on. */
const struct kernel_symbols *sampler_kernel(const struct sampler *sampler);
/* NULL, or why there is none that samples. */
const char *sampler_trouble(const struct sampler *sampler);

#endif
