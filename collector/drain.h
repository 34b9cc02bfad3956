/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking what was counted: turn the writers to the other pair of maps, wait
 * for those still at it, empty the pair they left into a batch.
 */
#ifndef COLLECTOR_DRAIN_H
#define COLLECTOR_DRAIN_H

#include <stdint.h>

struct processes;
struct sampling;
struct drain;

/* Never NULL; sampling is borrowed. */
struct drain *drain_new(struct sampling *sampling);
void drain_free(struct drain *d);

/* Sampling starts now. */
void drain_start(struct drain *d);

/*
 * Begins a drain: takes the time and turns the writers. What the settings
 * change now applies to what comes after.
 */
void drain_flip(struct drain *d);

struct drain_result {
	int fd;           /* sealed batch (caller's), or -errno */
	uint64_t samples; /* in it */
	uint64_t lost;    /* counted by the kernel but not found */
};

/*
 * Ends a drain: all records of before the flip should have been told to ps by
 * now, and the writers have left (sampling_settle). period: ns, that of the
 * samples. Forgets processes that ended before the flip.
 */
void drain_finish(struct drain *d, struct processes *ps, uint64_t session,
    uint64_t sequence, uint64_t period, struct drain_result *result);

/* Samples that the drains so far accounted for, found or lost. */
uint64_t drain_captured(const struct drain *d);

#endif
