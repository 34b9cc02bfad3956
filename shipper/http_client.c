/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "shipper/http_client.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <curl/curl.h>
#include <event2/event.h>

#include "common/log.h"

/* As the clients that servers know behave. */
#define REDIRECTS_MAX 10L
#define IDLE_CONNECTION_SEC 300L
#define CONNECTIONS_MAX 32L
#define RETRY_AFTER_MAX_SEC (24 * 3600)
#define NSEC_PER_SEC 1000000000LL
#define NSEC_PER_MSEC 1000000LL

struct http_client {
	struct event_base *base;
	CURLM *multi;
	struct event *timer;
};

struct http_request {
	struct http_client *client;
	CURL *easy;
	struct curl_slist *headers, *connect_to;
	http_done_fn *done;
	void *arg;
	/* what is sent */
	const void *head;
	size_t head_size;
	int fd;
	uint64_t fd_size, sent;
	/* what came back */
	uint8_t *body;
	size_t body_size, body_max, header_bytes;
	bool cut;
	char error[CURL_ERROR_SIZE];
};

int
http_client_global_init(void)
{
	return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? 0 : -ENOMEM;
}

/* Reports every request that has ended. */
static void check_finished(struct http_client *client);

static void
on_socket(evutil_socket_t fd, short what, void *arg)
{
	struct http_client *client = arg;
	int flags = ((what & EV_READ) ? CURL_CSELECT_IN : 0) |
		    ((what & EV_WRITE) ? CURL_CSELECT_OUT : 0),
	    running;

	curl_multi_socket_action(client->multi, fd, flags, &running);
	check_finished(client);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct http_client *client = arg;
	int running;

	(void)fd;
	(void)what;
	curl_multi_socket_action(
	    client->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	check_finished(client);
}

/* libcurl wants to hear of a socket, or no more. */
static int
watch_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket)
{
	struct http_client *client = arg;
	struct event *event = socket;
	short flags = EV_PERSIST;

	(void)easy;
	if (event != NULL)
		event_free(event);
	event = NULL;
	if (what != CURL_POLL_REMOVE) {
		flags |= (what & CURL_POLL_IN) ? EV_READ : 0;
		flags |= (what & CURL_POLL_OUT) ? EV_WRITE : 0;
		event = event_new(client->base, fd, flags, on_socket, client);
		if (event == NULL || event_add(event, NULL) < 0)
			fatalx("out of memory");
	}
	curl_multi_assign(client->multi, fd, event);
	return 0;
}

static int
watch_timer(CURLM *multi, long timeout_ms, void *arg)
{
	struct http_client *client = arg;
	struct timeval tv = { timeout_ms / 1000, timeout_ms % 1000 * 1000 };

	(void)multi;
	if (timeout_ms < 0)
		evtimer_del(client->timer);
	else
		evtimer_add(client->timer, &tv);
	return 0;
}

struct http_client *
http_client_new(struct event_base *base)
{
	struct http_client *client = ecalloc(1, sizeof(*client));

	client->base = base;
	client->multi = curl_multi_init();
	client->timer = evtimer_new(base, on_timer, client);
	if (client->multi == NULL || client->timer == NULL)
		fatalx("out of memory");
	curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
	curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
	curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, watch_timer);
	curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
	curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, CONNECTIONS_MAX);
	return client;
}

void
http_client_free(struct http_client *client)
{
	if (client == NULL)
		return;
	curl_multi_cleanup(client->multi);
	event_free(client->timer);
	free(client);
}

/* The part of the body that libcurl asks for next. */
static size_t
give_body(char *out, size_t size, size_t n, void *arg)
{
	struct http_request *r = arg;
	ssize_t got;

	size *= n;
	if (r->sent < r->head_size) {
		if (size > r->head_size - r->sent)
			size = r->head_size - r->sent;
		memcpy(out, (const char *)r->head + r->sent, size);
		r->sent += size;
		return size;
	}
	if (size > r->head_size + r->fd_size - r->sent)
		size = r->head_size + r->fd_size - r->sent;
	got = pread(r->fd, out, size, r->sent - r->head_size);
	if (got < 0)
		return CURL_READFUNC_ABORT;
	r->sent += got;
	return got;
}

/* For a redirect, and for a kept connection that turns out to be dead. */
static int
rewind_body(void *arg, curl_off_t offset, int origin)
{
	struct http_request *r = arg;

	if (origin != SEEK_SET || offset < 0 ||
	    (uint64_t)offset > r->head_size + r->fd_size)
		return CURL_SEEKFUNC_CANTSEEK;
	r->sent = offset;
	return CURL_SEEKFUNC_OK;
}

static size_t
take_header(char *data, size_t size, size_t n, void *arg)
{
	struct http_request *r = arg;

	(void)data;
	size *= n;
	r->header_bytes += size;
	return r->header_bytes > HTTP_HEADERS_MAX_BYTES ? 0 : size;
}

static size_t
take_body(char *data, size_t size, size_t n, void *arg)
{
	struct http_request *r = arg;

	size *= n;
	if (size > r->body_max - r->body_size) {
		r->cut = true;
		return 0;
	}
	r->body = erealloc(r->body, r->body_size + size + 1, 1);
	memcpy(r->body + r->body_size, data, size);
	r->body_size += size;
	return size;
}

static void
request_free(struct http_request *r)
{
	curl_easy_cleanup(r->easy);
	curl_slist_free_all(r->headers);
	curl_slist_free_all(r->connect_to);
	free(r->body);
	free(r);
}

void
http_request_cancel(struct http_request *r)
{
	if (r == NULL)
		return;
	curl_multi_remove_handle(r->client->multi, r->easy);
	request_free(r);
}

static int
append_header(struct http_request *r, const char *line)
{
	struct curl_slist *list = curl_slist_append(r->headers, line);

	if (list == NULL)
		return -ENOMEM;
	r->headers = list;
	return 0;
}

static int
add_header(struct http_request *r, const char *name, const char *value)
{
	/* "Name;" is how libcurl is told to send an empty one */
	const char *form = value[0] != '\0' ? "%s: %s" : "%s;";
	char *line;
	int e;

	if (asprintf(&line, form, name, value) < 0)
		fatalx("out of memory");
	e = append_header(r, line);
	free(line);
	return e;
}

static int
set_headers(struct http_request *r, const struct http_post *post)
{
	/* what libcurl adds by itself; this form takes it away */
	static const char *const unwanted[] = { "Expect:", "Accept:" };
	int e = 0;

	for (size_t i = 0; i < 2 && e == 0; i++)
		e = append_header(r, unwanted[i]);
	for (size_t i = 0; i < post->header_count && e == 0; i++)
		e = add_header(
		    r, post->headers[i].name, post->headers[i].value);
	if (e == 0)
		curl_easy_setopt(r->easy, CURLOPT_HTTPHEADER, r->headers);
	return e;
}

static void
set_body(struct http_request *r, const struct http_post *post)
{
	r->head = post->head;
	r->head_size = post->head_size;
	r->fd = post->fd;
	r->fd_size = post->fd_size;
	curl_easy_setopt(r->easy, CURLOPT_POST, 1L);
	curl_easy_setopt(r->easy, CURLOPT_POSTFIELDSIZE_LARGE,
	    (curl_off_t)(post->head_size + post->fd_size));
	curl_easy_setopt(r->easy, CURLOPT_READFUNCTION, give_body);
	curl_easy_setopt(r->easy, CURLOPT_READDATA, r);
	curl_easy_setopt(r->easy, CURLOPT_SEEKFUNCTION, rewind_body);
	curl_easy_setopt(r->easy, CURLOPT_SEEKDATA, r);
}

static void
set_answer(struct http_request *r, const struct http_post *post)
{
	r->body_max = post->answer_max;
	curl_easy_setopt(r->easy, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(r->easy, CURLOPT_HEADERDATA, r);
	curl_easy_setopt(r->easy, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(r->easy, CURLOPT_WRITEDATA, r);
	curl_easy_setopt(r->easy, CURLOPT_ERRORBUFFER, r->error);
	curl_easy_setopt(r->easy, CURLOPT_ACCEPT_ENCODING, "gzip");
}

static void
set_protocols(CURL *easy, const char *url)
{
	/* a redirect must not take a secret off TLS */
	bool tls = strncasecmp(url, "https:", 6) == 0;

#if LIBCURL_VERSION_NUM >= 0x075500
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(
	    easy, CURLOPT_REDIR_PROTOCOLS_STR, tls ? "https" : "http,https");
#else
	curl_easy_setopt(
	    easy, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
	curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS,
	    (long)(tls ? CURLPROTO_HTTPS : CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
}

static void
set_transport(struct http_request *r, const struct http_post *post)
{
	CURL *easy = r->easy;
	int64_t ms = post->timeout_ns / NSEC_PER_MSEC;

	set_protocols(easy, post->url);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS,
	    ms < 1         ? 1L
	    : ms > INT_MAX ? (long)INT_MAX
			   : (long)ms);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
	    post->http2 ? (long)CURL_HTTP_VERSION_2TLS
			: (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(
	    easy, CURLOPT_FOLLOWLOCATION, post->follow_redirects ? 1L : 0L);
	curl_easy_setopt(easy, CURLOPT_MAXREDIRS, REDIRECTS_MAX);
	/* libcurl would read both from the environment */
	curl_easy_setopt(
	    easy, CURLOPT_PROXY, post->proxy != NULL ? post->proxy : "");
	curl_easy_setopt(easy, CURLOPT_NOPROXY, "");
	curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, IDLE_CONNECTION_SEC);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, post->user_agent);
}

static CURLcode
set_blob(CURL *easy, CURLoption option, struct http_blob blob)
{
	struct curl_blob b = { (void *)blob.data, blob.size, CURL_BLOB_COPY };

	return blob.data == NULL ? CURLE_OK
				 : curl_easy_setopt(easy, option, &b);
}

static int
set_tls(struct http_request *r, const struct http_post *post)
{
	static const long versions[] = {
		[HTTP_TLS10] = CURL_SSLVERSION_TLSv1_0,
		[HTTP_TLS11] = CURL_SSLVERSION_TLSv1_1,
		[HTTP_TLS12] = CURL_SSLVERSION_TLSv1_2,
		[HTTP_TLS13] = CURL_SSLVERSION_TLSv1_3,
	};
	CURL *easy = r->easy;

	curl_easy_setopt(
	    easy, CURLOPT_SSLVERSION, versions[post->tls_min_version]);
	if (post->tls_skip_verify) {
		curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
	}
#if LIBCURL_VERSION_NUM >= 0x074d00
	if (set_blob(easy, CURLOPT_CAINFO_BLOB, post->tls_ca) != CURLE_OK)
		return -ENOMEM;
	if (post->tls_ca.data != NULL)
		curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
#else
	if (post->tls_ca.data != NULL)
		return -ENOTSUP;
#endif
	if (set_blob(easy, CURLOPT_SSLCERT_BLOB, post->tls_cert) != CURLE_OK ||
	    set_blob(easy, CURLOPT_SSLKEY_BLOB, post->tls_key) != CURLE_OK)
		return -ENOMEM;
	return 0;
}

/*
 * Connects to the host of url under another name: that name goes into the
 * URL, the connection to where url said, the Host header stays.
 */
static int
set_server_name(struct http_request *r, const char *url, const char *name)
{
	CURLU *u = curl_url();
	char *host = NULL, *port = NULL, *renamed = NULL, *line = NULL;
	int e = -EINVAL;

	if (u == NULL || curl_url_set(u, CURLUPART_URL, url, 0) != CURLUE_OK ||
	    curl_url_get(u, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
	    curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) !=
		CURLUE_OK ||
	    curl_url_set(u, CURLUPART_HOST, name, 0) != CURLUE_OK ||
	    curl_url_get(u, CURLUPART_URL, &renamed, 0) != CURLUE_OK)
		goto out;
	if (asprintf(&line, "%s:%s:%s:%s", name, port, host, port) < 0)
		fatalx("out of memory");
	r->connect_to = curl_slist_append(NULL, line);
	free(line);
	if (asprintf(&line, "%s:%s", host, port) < 0)
		fatalx("out of memory");
	e = r->connect_to == NULL ? -ENOMEM : add_header(r, "Host", line);
	free(line);
	curl_easy_setopt(r->easy, CURLOPT_CONNECT_TO, r->connect_to);
	if (curl_easy_setopt(r->easy, CURLOPT_URL, renamed) != CURLE_OK)
		e = -ENOMEM;
out:
	curl_free(host);
	curl_free(port);
	curl_free(renamed);
	curl_url_cleanup(u);
	return e;
}

static int
set_url(struct http_request *r, const struct http_post *post)
{
	if (post->tls_server_name != NULL &&
	    strncasecmp(post->url, "https:", 6) == 0)
		return set_server_name(r, post->url, post->tls_server_name);
	return curl_easy_setopt(r->easy, CURLOPT_URL, post->url) == CURLE_OK
		   ? 0
		   : -ENOMEM;
}

struct http_request *
http_client_post(struct http_client *client, const struct http_post *post,
    http_done_fn *done, void *arg)
{
	struct http_request *r = ecalloc(1, sizeof(*r));
	int e;

	r->client = client;
	r->done = done;
	r->arg = arg;
	r->easy = curl_easy_init();
	if (r->easy == NULL)
		fatalx("out of memory");
	curl_easy_setopt(r->easy, CURLOPT_PRIVATE, r);
	set_body(r, post);
	set_answer(r, post);
	set_transport(r, post);
	if ((e = set_tls(r, post)) < 0 || (e = set_url(r, post)) < 0 ||
	    (e = set_headers(r, post)) < 0)
		goto fail;
	if (curl_multi_add_handle(client->multi, r->easy) != CURLM_OK) {
		e = -ENOMEM;
		goto fail;
	}
	return r;
fail:
	request_free(r);
	errno = -e;
	return NULL;
}

/* How it ended, from libcurl's result. */
static enum http_end
end_of(const struct http_request *r, CURLcode code, int status)
{
	if (r->cut)
		return HTTP_TOO_LONG;
	switch (code) {
	case CURLE_OK:
		return HTTP_ANSWERED;
	case CURLE_OPERATION_TIMEDOUT:
		return HTTP_TIMEOUT;
	case CURLE_TOO_MANY_REDIRECTS:
	case CURLE_UNSUPPORTED_PROTOCOL:
		return HTTP_UNREACHABLE;
	default:
		return status != 0 ? HTTP_BROKEN : HTTP_UNREACHABLE;
	}
}

/*
 * libcurl follows 301, 302 and 303 with a GET, which pushes nothing whatever
 * it answers: the redirect is the result then.
 */
static bool
lost_its_body(CURL *easy)
{
	char *method = NULL;

	return curl_easy_getinfo(easy, CURLINFO_EFFECTIVE_METHOD, &method) ==
		   CURLE_OK &&
	       method != NULL && strcmp(method, "POST") != 0;
}

static void
report(struct http_request *r, CURLcode code)
{
	struct http_result result = { 0 };
	curl_off_t retry_after = 0;
	long status = 0;

	curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(r->easy, CURLINFO_RETRY_AFTER, &retry_after);
	result.end = end_of(r, code, status);
	result.status = status;
	result.body = r->body;
	result.body_size = r->body_size;
	result.error =
	    r->error[0] != '\0' ? r->error : curl_easy_strerror(code);
	if (lost_its_body(r->easy)) {
		result.end = HTTP_ANSWERED;
		result.status = 302;
		result.body_size = 0;
	}
	if (retry_after > RETRY_AFTER_MAX_SEC)
		retry_after = RETRY_AFTER_MAX_SEC;
	if (retry_after > 0)
		result.retry_after_ns = retry_after * NSEC_PER_SEC;
	curl_multi_remove_handle(r->client->multi, r->easy);
	r->done(r->arg, &result);
	request_free(r);
}

static void
check_finished(struct http_client *client)
{
	CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(client->multi, &left)) != NULL) {
		struct http_request *r = NULL;
		CURLcode code = msg->data.result;

		if (msg->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(
		    msg->easy_handle, CURLINFO_PRIVATE, (char **)&r);
		report(r, code);
	}
}
