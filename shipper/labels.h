/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The labels of one series: as the symbolizer sent them, and as they are
 * forwarded. What comes in is hostile: bounded, checked, then sorted.
 */
#ifndef SHIPPER_LABELS_H
#define SHIPPER_LABELS_H

#include <stdbool.h>
#include <stddef.h>

/* More labels than this in one profile are refused. */
#define LABELS_MAX 256

struct river_pairs;

struct label {
	const char *name, *value;
};

/* Sorted by name, bytewise; no name twice. One allocation: free() it. */
struct labels {
	size_t count;
	struct label item[];
};

/*
 * Decodes an encoded Target (common/shipper.proto) and sorts it. 0, or
 * -EBADMSG (not a Target), -E2BIG (over LABELS_MAX), -EILSEQ (a NUL byte or
 * no UTF-8), -EINVAL (an empty name), -EEXIST (a name twice).
 */
int labels_decode(const void *bytes, size_t size, struct labels **labels);

/* What the negative results above mean, for a log line. */
const char *labels_error(int error);

/*
 * What a receiver sends on: without names that start with "__" except
 * __name__ and __delta__, without empty values, then external on top (an
 * empty external value removes the label). in is not changed. Never NULL.
 */
struct labels *labels_forward(
    const struct labels *in, const struct river_pairs *external);

/* To be freed. Never NULL. */
struct labels *labels_copy(const struct labels *labels);

/* The value of that label, "" if absent. */
const char *labels_get(const struct labels *labels, const char *name);

/* Valid UTF-8 without NUL bytes. */
bool labels_text_valid(const char *text, size_t size);

#endif
