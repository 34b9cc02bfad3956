/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The symbolizer's state: the connection to the shipper, the components it
 * asked for, and the profiles that it has not taken yet.
 */
#ifndef SYMBOLIZER_SYMBOLIZER_H
#define SYMBOLIZER_SYMBOLIZER_H

/* Profiles kept for an absent or slow shipper; the oldest go first. */
#define OUTBOX_MAX_BYTES (32u * 1024 * 1024)
#define OUTBOX_MAX_PROFILES 1024

struct event_base;
struct symbolizer;

struct symbolizer_options {
	const char *collector_path, *opener_path, *shipper_path;
};

/* Never NULL. options must outlive it. */
struct symbolizer *symbolizer_new(
    struct event_base *base, const struct symbolizer_options *options);
void symbolizer_free(struct symbolizer *symbolizer);

#endif
