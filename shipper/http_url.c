/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "shipper/http_url.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>

#include "common/log.h"

/* A copy of one part, NULL if it is absent. */
static char *
part(CURLU *u, CURLUPart what, unsigned flags)
{
	char *text = NULL, *copy = NULL;

	if (curl_url_get(u, what, &text, flags) == CURLUE_OK)
		copy = estrdup(text);
	curl_free(text);
	return copy;
}

static CURLU *
parse(const char *text)
{
	CURLU *u = curl_url();

	if (u == NULL)
		fatalx("out of memory");
	if (curl_url_set(u, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME) ==
	    CURLUE_OK)
		return u;
	curl_url_cleanup(u);
	return NULL;
}

/* For a password; libcurl keeps a copy that cannot be overwritten. */
static void
free_secret(char *text)
{
	if (text != NULL)
		explicit_bzero(text, strlen(text));
	free(text);
}

void
http_url_clear(struct http_url *url)
{
	free_secret(url->password);
	free(url->user);
	free(url->port);
	free(url->host);
	free(url->scheme);
	free(url->plain);
	memset(url, 0, sizeof(*url));
}

int
http_url_parse(const char *text, struct http_url *url)
{
	CURLU *u = parse(text);

	memset(url, 0, sizeof(*url));
	if (u == NULL)
		return -EINVAL;
	url->scheme = part(u, CURLUPART_SCHEME, 0);
	url->host = part(u, CURLUPART_HOST, 0);
	url->port = part(u, CURLUPART_PORT, CURLU_DEFAULT_PORT);
	url->user = part(u, CURLUPART_USER, CURLU_URLDECODE);
	url->password = part(u, CURLUPART_PASSWORD, CURLU_URLDECODE);
	curl_url_set(u, CURLUPART_USER, NULL, 0);
	curl_url_set(u, CURLUPART_PASSWORD, NULL, 0);
	curl_url_set(u, CURLUPART_FRAGMENT, NULL, 0);
	url->plain = part(u, CURLUPART_URL, 0);
	curl_url_cleanup(u);
	if (url->scheme != NULL && url->host != NULL && url->host[0] != '\0' &&
	    url->port != NULL && url->plain != NULL)
		return 0;
	http_url_clear(url);
	return -EINVAL;
}

bool
http_url_is_tls(const struct http_url *url)
{
	return strcasecmp(url->scheme, "https") == 0;
}

bool
http_url_same_origin(const struct http_url *a, const struct http_url *b)
{
	return strcasecmp(a->scheme, b->scheme) == 0 &&
	       strcasecmp(a->host, b->host) == 0 &&
	       strcmp(a->port, b->port) == 0;
}

char *
http_url_with_host(const struct http_url *url, const char *host)
{
	CURLU *u = parse(url->plain);
	char *text = NULL;

	if (u == NULL)
		return NULL;
	if (curl_url_set(u, CURLUPART_HOST, host, 0) == CURLUE_OK)
		text = part(u, CURLUPART_URL, 0);
	curl_url_cleanup(u);
	return text;
}

char *
http_url_authority(const struct http_url *url)
{
	const char *usual = http_url_is_tls(url) ? "443" : "80";
	char *text;

	if (strcmp(url->port, usual) == 0)
		return estrdup(url->host);
	if (asprintf(&text, "%s:%s", url->host, url->port) < 0)
		fatalx("out of memory");
	return text;
}

char *
http_url_redacted(const char *text)
{
	const char *start = strstr(text, "://"), *end, *at, *colon;
	char *copy;
	int kept;

	start = start != NULL ? start + 3 : text;
	end = text + strcspn(text, "?#");
	if (end < start)
		end = start;
	/* the last one before the path: "@" may stand in a password */
	at = memrchr(start, '@', strcspn(start, "/?#"));
	if (at == NULL)
		return strndup(text, end - text);
	colon = memchr(start, ':', at - start);
	kept = (colon != NULL ? colon + 1 : start) - text;
	if (asprintf(&copy, "%.*sxxxxx%.*s", kept, text, (int)(end - at), at) <
	    0)
		fatalx("out of memory");
	return copy;
}

static bool
is_one_of(const char *scheme, const char *const *schemes)
{
	for (; *schemes != NULL; schemes++)
		if (strcasecmp(scheme, *schemes) == 0)
			return true;
	return false;
}

static const char *
check(const char *text, const char *const *schemes, const char *wrong_scheme)
{
	CURLU *u = parse(text);
	char *scheme, *host;
	const char *wrong = NULL;

	if (u == NULL)
		return "not an absolute URL";
	scheme = part(u, CURLUPART_SCHEME, 0);
	host = part(u, CURLUPART_HOST, 0);
	if (scheme == NULL)
		wrong = "not an absolute URL";
	else if (!is_one_of(scheme, schemes))
		wrong = wrong_scheme;
	else if (host == NULL || host[0] == '\0')
		wrong = "no host in the URL";
	free(scheme);
	free(host);
	curl_url_cleanup(u);
	return wrong;
}

static const char *const http_schemes[] = { "http", "https", NULL };

const char *
http_url_check(const char *text)
{
	const char *wrong =
	    check(text, http_schemes, "the scheme must be http, https or file");

	if (wrong == NULL && strchr(text, '?') != NULL)
		wrong = "a query does not belong here";
	if (wrong == NULL && strchr(text, '#') != NULL)
		wrong = "a fragment does not belong here";
	return wrong;
}

const char *
http_url_check_token(const char *text)
{
	return check(text, http_schemes, "the scheme must be http or https");
}

const char *
http_url_check_proxy(const char *text)
{
	static const char *const schemes[] = { "http", "https", "socks5",
		"socks5h", NULL };

	return check(text, schemes, "the scheme must be http, https or socks5");
}
