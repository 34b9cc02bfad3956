/* SPDX-License-Identifier: Apache-2.0 */
/* URLs as libcurl reads them: it must not see another host than we do. */
#ifndef SHIPPER_HTTP_URL_H
#define SHIPPER_HTTP_URL_H

#include <stdbool.h>

struct http_url {
	char *plain; /* without user, password and fragment */
	char *scheme, *host, *port;
	char *user, *password; /* decoded; NULL: none */
};

/* 0, or -EINVAL when it is no absolute URL with a host; nothing to free then.
 */
int http_url_parse(const char *text, struct http_url *url);
void http_url_clear(struct http_url *url);

bool http_url_is_tls(const struct http_url *url);
bool http_url_same_origin(const struct http_url *a, const struct http_url *b);

/* The same with another host; to be freed. NULL if that is no host. */
char *http_url_with_host(const struct http_url *url, const char *host);
/* "HOST" or "HOST:PORT" as in a Host header; to be freed. */
char *http_url_authority(const struct http_url *url);

/*
 * The text for logs and metrics, to be freed: as it is, but with "xxxxx" for
 * a password (for all before "@" if there is none, as it may be a token) and
 * without query and fragment.
 */
char *http_url_redacted(const char *text);

/*
 * NULL if text is an absolute http or https URL with a host and without a
 * query, to which a path can be added; else what is wrong with it, static.
 */
const char *http_url_check(const char *text);
/* The same for a URL that is used as it is. */
const char *http_url_check_token(const char *text);
/* The same for the URL of a proxy: http, https, socks5 or socks5h. */
const char *http_url_check_proxy(const char *text);

#endif
