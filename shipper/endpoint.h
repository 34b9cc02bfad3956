/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One endpoint of a receiver: a queue of its own, bounded in profiles and
 * bytes, and a few requests at a time, so that a dead endpoint delays nobody
 * else. Profiles of one series go out in order, one at a time; one that waits
 * for its next attempt holds up its own series only.
 */
#ifndef SHIPPER_ENDPOINT_H
#define SHIPPER_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shipper/backoff.h"
#include "shipper/write_stats.h"

#define ENDPOINT_QUEUE_PROFILES 256
#define ENDPOINT_QUEUE_BYTES (32 * 1024 * 1024)
#define ENDPOINT_REQUESTS 4

struct endpoint;
struct endpoint_args;
struct event_base;
struct http_client;
struct labels;
struct parcel;

/* What all endpoints of the process share. */
struct endpoint_env {
	struct event_base *base;
	struct http_client *http;
	struct backoff_random random;
	struct write_stats_list stats;
	const char *user_agent;
};

/*
 * args must outlive it. component is the receiver's id. NULL and a text in
 * *why (to be freed) when a file that args names cannot be used.
 */
struct endpoint *endpoint_new(struct endpoint_env *env, const char *component,
    const struct endpoint_args *args, char **why);
/* What is still queued is forgotten: neither sent nor settled. */
void endpoint_free(struct endpoint *ep);

/*
 * Holds parcel until it is pushed, written or given up, and settles it then,
 * never from within. labels are what to push it under. When the queue is full
 * its oldest profile is dropped and settled.
 */
void endpoint_push(
    struct endpoint *ep, const struct labels *labels, struct parcel *parcel);

/* Its configuration is gone: no attempts for ever any more. */
void endpoint_retire(struct endpoint *ep);

/* Profiles in the queue. */
size_t endpoint_queued(const struct endpoint *ep);

#endif
