/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the configuration in force has set up: a receiver for each phlare.write
 * and a number for each phlare.ebpf. A new configuration replaces only what it
 * changes; receivers that are gone still deliver what is in their queues.
 */
#ifndef SHIPPER_RUNNING_H
#define SHIPPER_RUNNING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/settings.h"

struct config;
struct config_component;
struct endpoint_env;
struct parcel;
struct running;

/* A phlare.ebpf component under its number on the wire. */
struct profiler {
	/* Stays when the component is gone, until the number is used again. */
	char *id;
	const struct config_component *component; /* NULL: not configured */
	/* not any more; what it sampled goes where it did until it has left */
	bool leaving;
	bool starting;       /* new: it has no sampler yet */
	bool changed;        /* and the symbolizer has not been told */
	uint64_t changed_at; /* CLOCK_BOOTTIME ns */
};

/* env must outlive it. */
struct running *running_new(struct endpoint_env *env);
/* Forgets what is queued. NULL is fine. */
void running_free(struct running *r);
/* Forgets what is queued: there are no receivers from now on. */
void running_cancel(struct running *r);

/*
 * Takes config over. 0, or -1 with a text in *why (to be freed): then nothing
 * has changed and config stays the caller's.
 */
int running_apply(struct running *r, struct config *config, char **why);

/*
 * The symbolizer has handed over all of a component that was leaving. One that
 * waits for its number gets it, and is changed.
 */
void running_left(struct running *r, uint32_t number);

/* Whether one that is configured is starting. */
bool running_starting(const struct running *r);

/* By number, 1 to SETTINGS_COMPONENTS_MAX; NULL: never used. */
struct profiler *running_profiler(struct running *r, uint32_t number);

/* Hands parcel to what that component forwards to; how many endpoints. */
size_t running_forward(
    struct running *r, uint32_t number, struct parcel *parcel);

/* Frees receivers that are gone and have nothing queued any more. */
void running_sweep(struct running *r);

#endif
