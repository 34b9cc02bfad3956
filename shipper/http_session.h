/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client of HTTP as its arguments (http_args.h) describe it: each request
 * proves itself, with files read again and an oauth2 token asked for where
 * need be, and takes the way that TLS and proxy arguments say.
 */
#ifndef SHIPPER_HTTP_SESSION_H
#define SHIPPER_HTTP_SESSION_H

#include <stddef.h>
#include <stdint.h>

#include "shipper/header_list.h"
#include "shipper/http_client.h"

struct http_args;
struct http_exchange;
struct http_session;

/*
 * Reads and checks all that args name. args and user_agent must outlive it.
 * NULL and a text in *why (to be freed) when something cannot be used.
 */
struct http_session *http_session_new(struct http_client *client,
    const struct http_args *args, const char *user_agent, char **why);
/* All exchanges must be gone. NULL is fine. */
void http_session_free(struct http_session *session);

/* All of it must outlive the exchange. */
struct http_send {
	const char *url;
	/*
	 * An Authorization of these is used instead of the session's, unless
	 * that is oauth2.
	 */
	const struct header_list *headers;
	const char *timeout_header; /* as in struct http_post */
	int64_t timeout_ns;         /* of everything, a token included */
	int64_t connected_since_ns; /* as in struct http_post */
	const void *head;
	size_t head_size;
	int fd;
	uint64_t fd_size;
	size_t answer_max;
};

/*
 * POSTs. done is called once, from the loop, never from within. NULL and a
 * text in *why (to be freed) when the request cannot be made.
 */
struct http_exchange *http_session_post(struct http_session *session,
    const struct http_send *send, http_done_fn *done, void *arg, char **why);

/* done will not be called. NULL is fine. */
void http_exchange_cancel(struct http_exchange *exchange);

#endif
