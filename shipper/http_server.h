/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The listening port: a few fixed pages by GET or HEAD, one request per
 * connection. Who connects is not trusted: the number of connections, the
 * size of a request and the time for all of it are bounded.
 */
#ifndef SHIPPER_HTTP_SERVER_H
#define SHIPPER_HTTP_SERVER_H

#include <stdbool.h>

#define HTTP_SERVER_CONNECTIONS 16
#define HTTP_SERVER_REQUEST_BYTES 8192
#define HTTP_SERVER_SECONDS 10

struct evbuffer;
struct event_base;
struct http_server;

struct http_page {
	const char *path; /* a query is ignored */
	const char *content_type;
	/* Adds the body to out; returns the status: 200, 400, 503. */
	int (*fn)(void *arg, struct evbuffer *out);
	bool acts; /* it changes something: by GET and POST, not by HEAD */
};

/*
 * Binds "HOST:PORT", "[ADDRESS]:PORT" or ":PORT" and listens. The descriptor,
 * or -errno and a text in *why (to be freed).
 */
int http_server_bind(const char *address, char **why);

/* Takes fd. pages ends with path NULL. */
struct http_server *http_server_new(
    struct event_base *base, int fd, const struct http_page *pages, void *arg);
/* NULL is fine. */
void http_server_free(struct http_server *server);

#endif
