/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP requests on the event loop. Only the files http_*.c know libcurl. A
 * server is hostile: its headers, its body and its time are bounded; and what
 * is private to one host does not follow a redirect to another.
 */
#ifndef SHIPPER_HTTP_CLIENT_H
#define SHIPPER_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shipper/http_transport.h"

struct event_base;
struct http_client;
struct http_request;

/* Bytes of headers of one answer, redirects included. */
#define HTTP_HEADERS_MAX_BYTES 65536

/* All strings are copied; NULL means not set. */
struct http_post {
	/* http or https; a user and password in it become a header. */
	const char *url;
	const struct http_header *headers;
	size_t header_count;
	/* A header that says how many ms are left, in up to ten digits. */
	const char *timeout_header;
	const char *user_agent;
	struct http_transport transport; /* its proxy outlives the request */
	/* 307 and 308, up to 10 of them; others are the answer. */
	bool follow_redirects;
	/* Connections made before this (monotonic) are not used; 0: any is. */
	int64_t connected_since_ns;
	int64_t timeout_ns; /* of everything, over 0 */
	/* The body: head, then fd_size bytes of fd. Both outlive the request.
	 */
	const void *head;
	size_t head_size;
	int fd;
	uint64_t fd_size;
	/* More of the answer's body than this is not read. */
	size_t answer_max;
};

enum http_end {
	HTTP_ANSWERED,    /* status and body are complete */
	HTTP_TOO_LONG,    /* status is right, the body was cut */
	HTTP_TIMEOUT,     /* timeout_ns is over */
	HTTP_UNREACHABLE, /* name, connection, TLS, proxy, redirect */
	HTTP_BROKEN,      /* the connection ended within the answer */
};

struct http_result {
	enum http_end end;
	int status; /* 0: none */
	const void *body;
	size_t body_size;
	int64_t retry_after_ns; /* 0: the server did not ask for it */
	const char *error;      /* text when end is none of the first two */
};

/* result is valid during the call; the request is gone after it. */
typedef void http_done_fn(void *arg, const struct http_result *result);

/* To be called once, before the sandbox. 0 or -errno. */
int http_client_global_init(void);

struct http_client *http_client_new(struct event_base *base);
/* All requests must be gone. NULL is fine. */
void http_client_free(struct http_client *client);

/*
 * POSTs. done is called once, from the loop, never from within. NULL and
 * errno when the request cannot even be formed.
 */
struct http_request *http_client_post(struct http_client *client,
    const struct http_post *post, http_done_fn *done, void *arg);

/* done will not be called. NULL is fine. */
void http_request_cancel(struct http_request *request);

#endif
