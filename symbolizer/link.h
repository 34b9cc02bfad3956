/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection of ours to a listening peer that comes back by itself: the
 * symbolizer is the client of both others, and each may die and return.
 */
#ifndef SYMBOLIZER_LINK_H
#define SYMBOLIZER_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/ipc.h"

#define LINK_RETRY_MIN_MS 50
#define LINK_RETRY_MAX_MS 1000
/* How long link_stop() waits for a peer that does not read. */
#define LINK_FLUSH_MS 100

struct link;

struct link_role {
	const char *peer;
	const pb_msgdesc_t *recv;
	size_t recv_size, recv_body;
	const pb_msgdesc_t *send;
	const struct ipc_handler *handlers;
	void (*on_up)(void *owner);   /* connected: say hello */
	void (*on_down)(void *owner); /* was connected and is no more */
};

/*
 * Connects, now or later; on_up comes from the loop. A peer that hangs up
 * before its hello counts as trouble and is tried again with back-off.
 */
struct link *link_new(struct event_base *base, const char *path,
    const struct link_role *role, void *owner);
/* Calls nothing any more. NULL is fine. */
void link_free(struct link *link);

/* What handlers get as arg is the link: its owner. */
void *link_owner(void *link);

/* As ipc_send(); -ENOTCONN without a connection. */
int link_send(struct link *link, const void *msg, int fd);

/* Hangs up and connects again. */
void link_restart(struct link *link);
/* Hangs up on a peer that broke the protocol, and does not hurry back. */
void link_refuse(struct link *link, const char *why);
/* Hangs up, after what was sent last, and stays so until link_start(). */
void link_stop(struct link *link);
void link_start(struct link *link);

/* Messages that wait for the peer to read. */
size_t link_queued(const struct link *link);

/*
 * Call with the peer's hello: resets the back-off. A peer of another protocol
 * is hung up on, with one log line: false.
 */
bool link_version_ok(struct link *link, uint32_t protocol_version);

/* NULL while the peer has said a good hello; else what is wrong. */
const char *link_trouble(const struct link *link);

#endif
