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

/* What symbols are worth: frames of the stacks that were added. */
struct profile_names {
	uint64_t known;
	uint64_t unknown_symbols; /* in a file or in the kernel, no symbol */
	uint64_t unknown_modules; /* in no file */
	uint64_t unknown_stacks;  /* with more unknown frames than known */
};

struct profile *profile_new(void);
void profile_free(struct profile *profile);

/* Adds count samples of this stack. False: over the bound, nothing added. */
bool profile_add(struct profile *profile, const struct profile_sample *sample);

/* Number of distinct samples; the i-th, in order of first appearance. */
size_t profile_samples(const struct profile *profile);
struct profile_sample profile_get(const struct profile *profile, size_t i);
/* To be added to; all 0 at first. */
struct profile_names *profile_names(struct profile *profile);
/* Sum of all counts. */
uint64_t profile_count(const struct profile *profile);

#endif
