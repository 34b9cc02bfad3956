/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Authorization header of an oauth2 block: a token is asked for when one
 * is needed, by whoever needs it first, and kept until shortly before it
 * expires.
 */
#ifndef SHIPPER_OAUTH2_H
#define SHIPPER_OAUTH2_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct http_client;
struct oauth2;
struct oauth2_args;

/* So long before its end a token is not used any more. */
#define OAUTH2_MARGIN_SEC 10
/* More of a token endpoint's answer is not read. */
#define OAUTH2_ANSWER_MAX_BYTES 65536

/* Who waits for a token; in the caller's own memory. */
struct oauth2_waiter {
	TAILQ_ENTRY(oauth2_waiter) entry;
	bool waiting;
	unsigned round;
	/* header is lent for the call; NULL: there is none, see error. */
	void (*done)(void *arg, const char *header, const char *error);
	void *arg;
};

/*
 * args and user_agent must outlive it. NULL and a text in *why (to be freed)
 * when a file that args name cannot be used.
 */
struct oauth2 *oauth2_new(struct http_client *client,
    const struct oauth2_args *args, const char *user_agent, char **why);
/* Nobody may wait any more. NULL is fine. */
void oauth2_free(struct oauth2 *o);

/*
 * The header of a token that is still good, in *header (lent until the next
 * call of any kind), or NULL. The file with the client's secret is read
 * again: a new secret makes the token void. 0, or -errno and a text in *why
 * (to be freed).
 */
int oauth2_header(struct oauth2 *o, const char **header, char **why);

/*
 * After oauth2_header(): calls w->done once there is an answer, from the loop,
 * never from within. timeout_ns is for the request, if none is on its way
 * yet. 0, or -errno and a text in *why (to be freed): nothing to wait for.
 */
int oauth2_wait(
    struct oauth2 *o, struct oauth2_waiter *w, int64_t timeout_ns, char **why);
/* Without it. */
void oauth2_leave(struct oauth2 *o, struct oauth2_waiter *w);

/* The token of this header is good for nothing. */
void oauth2_forget(struct oauth2 *o, const char *header);

#endif
