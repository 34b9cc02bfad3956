/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is made of an interval's batches: they are added up, those of one
 * sampling period together, and once their names are readable become profiles.
 */
#ifndef SYMBOLIZER_WORK_H
#define SYMBOLIZER_WORK_H

#include <stddef.h>
#include <stdint.h>

#include "symbolizer/profile.h"

struct account;
struct batches;
struct interval_input;
struct names;
struct targets;

/* A finished profile; fd (a sealed memfd) is taken by the callee. */
struct finished_profile {
	uint32_t component;
	uint64_t samples, raw_bytes, time_ns, duration_ns;
	const void *labels; /* encoded Target; borrowed */
	size_t labels_size;
	size_t bytes;
	int fd;
	struct profile_names names;
};

/* Whom profiles are handed to, and where lost samples are counted. */
struct work_host {
	uint32_t component;
	struct account *account;
	void *arg;
	void (*on_profile)(void *arg, const struct finished_profile *profile);
};

struct work;

struct work *work_new(const struct work_host *host);
/* NULL is fine. */
void work_free(struct work *work);

/* Adds up all that is being worked on, and says which names are needed. */
void work_add(struct work *work, const struct interval_input *in,
    struct batches *batches, struct names *names);
/* Hands over the profiles of what was added up. */
void work_build(
    struct work *work, struct names *names, const struct targets *targets);

/* Distinct frames of all intervals, with and without a name. */
uint64_t work_named(const struct work *work);
uint64_t work_unnamed(const struct work *work);

#endif
