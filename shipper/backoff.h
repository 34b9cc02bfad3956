/* SPDX-License-Identifier: Apache-2.0 */
/* How long to wait between the attempts of one push. No clock in here. */
#ifndef SHIPPER_BACKOFF_H
#define SHIPPER_BACKOFF_H

#include <stdint.h>

/* A source of random numbers; the state is its seed at first. */
struct backoff_random {
	uint64_t state;
};

/* Uniform over all 64-bit numbers. */
uint64_t backoff_random_next(struct backoff_random *random);

/* Durations in ns. */
struct backoff {
	int64_t max;
	int64_t low, high; /* the next wait is from [low, high) */
	int64_t attempts;  /* that have failed */
	int64_t max_attempts;
};

/*
 * max_attempts 0: for ever; negative: one. min and max are not negative; when
 * max is not over min every wait is min.
 */
void backoff_init(
    struct backoff *b, int64_t min, int64_t max, int64_t max_attempts);

/* An attempt has failed: how long to wait before the next, -1: give up. */
int64_t backoff_next(struct backoff *b, struct backoff_random *random);

#endif
