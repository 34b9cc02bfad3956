/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one target did in one interval: its samples, equal ones added up. Its
 * frames are in a struct frames that several profiles share.
 */
#ifndef SYMBOLIZER_PROFILE_H
#define SYMBOLIZER_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROFILE_MAX_BYTES (64u * 1024 * 1024)

struct profile;

struct profile_sample {
	uint64_t count;
	uint32_t comm; /* label: number of a name, or 0 */
	uint32_t pid;  /* label, or 0 */
	uint32_t frames;
	const uint32_t *frame; /* leaf first */
};

struct profile *profile_new(void);
void profile_free(struct profile *profile);

/* Adds count samples of this stack. False: over the bound, nothing added. */
bool profile_add(struct profile *profile, const struct profile_sample *sample);

/* Number of distinct samples; the i-th, in order of first appearance. */
size_t profile_samples(const struct profile *profile);
struct profile_sample profile_get(const struct profile *profile, size_t i);
/* Sum of all counts. */
uint64_t profile_count(const struct profile *profile);

#endif
