/* SPDX-License-Identifier: Apache-2.0 */
/* How a server is reached: proxy, TLS, version of HTTP. */
#ifndef SHIPPER_HTTP_TRANSPORT_H
#define SHIPPER_HTTP_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>

struct http_url;
struct proxy_rules;

enum http_tls_version { HTTP_TLS10, HTTP_TLS11, HTTP_TLS12, HTTP_TLS13 };

/* data NULL: not set. */
struct http_blob {
	const void *data;
	size_t size;
};

struct http_header {
	const char *name, *value;
	/* For the host it was meant for only: not when a redirect leads on. */
	bool private;
};

struct http_transport {
	const struct proxy_rules *proxy; /* NULL: none */
	/* For the proxy, where it makes a tunnel. */
	const struct http_header *connect_headers;
	size_t connect_header_count;
	const char *server_name;        /* to verify, NULL: that of the URL */
	struct http_blob ca, cert, key; /* PEM */
	enum http_tls_version min_version;
	bool skip_verify;
	bool http2; /* where TLS agrees on it */
};

/*
 * Sets the options of a libcurl handle that do not depend on the URL; all is
 * copied. 0 or -errno.
 */
int http_transport_apply(const struct http_transport *t, void *easy);
/* The proxy for one URL. 0 or -errno. */
int http_transport_set_proxy(
    const struct proxy_rules *rules, const struct http_url *url, void *easy);

#endif
