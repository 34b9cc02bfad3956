/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "shipper/http_client.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <curl/curl.h>
#include <event2/event.h>

#include "common/log.h"
#include "common/now.h"
#include "shipper/http_url.h"
#include "shipper/text.h"

/* As the clients that servers know behave. */
#define REDIRECTS_MAX 10
#define IDLE_CONNECTION_SEC 300L
#define CONNECTIONS_MAX 32L
#define UNACKNOWLEDGED_MAX_MS 30000
#define RETRY_AFTER_MAX_SEC (24 * 3600)
/* Connect-Timeout-Ms may have ten digits. */
#define TIMEOUT_HEADER_MAX_MS 9999999999LL
#define NSEC_PER_SEC 1000000000LL
#define NSEC_PER_MSEC 1000000LL

struct http_client {
	struct event_base *base;
	CURLM *multi;
	struct event *timer;
};

/* "Name: value", copied: each redirect makes its own selection. */
struct header_line {
	char *text;
	bool private;
};

struct http_request {
	struct http_client *client;
	CURL *easy;
	struct curl_slist *headers, *connect_headers, *connect_to;
	http_done_fn *done;
	void *arg;
	/* where it goes */
	struct http_url home;
	struct header_line *line;
	size_t lines;
	char *timeout_header, *server_name;
	const struct proxy_rules *proxy;
	bool follow_redirects;
	int hops;
	int64_t deadline_ns;
	/* what is sent */
	const void *head;
	size_t head_size;
	int fd;
	uint64_t fd_size, sent;
	/* what came back */
	uint8_t *body;
	size_t body_size, body_max, header_bytes;
	bool whole_head, cut;
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

	size *= n;
	r->header_bytes += size;
	/* libcurl takes half a head for a whole one; trailers come later */
	if (size >= 5 && memcmp(data, "HTTP/", 5) == 0)
		r->whole_head = false;
	else if (data[0] == '\r' || data[0] == '\n')
		r->whole_head = true;
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
	curl_slist_free_all(r->connect_headers);
	curl_slist_free_all(r->connect_to);
	for (size_t i = 0; i < r->lines; i++)
		text_free_secret(r->line[i].text);
	http_url_clear(&r->home);
	free(r->line);
	free(r->timeout_header);
	free(r->server_name);
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

/* ---- headers */

static void
append(struct curl_slist **list, const char *text)
{
	struct curl_slist *longer = curl_slist_append(*list, text);

	if (longer == NULL)
		fatalx("out of memory");
	*list = longer;
}

static char *
line_of(const char *name, const char *value)
{
	/* "Name;" is how libcurl is told to send an empty one */
	const char *form = value[0] != '\0' ? "%s: %s" : "%s;";
	char *line;

	if (asprintf(&line, form, name, value) < 0)
		fatalx("out of memory");
	return line;
}

static bool
has_header(const struct http_request *r, const char *name)
{
	size_t size = strlen(name);

	for (size_t i = 0; i < r->lines; i++)
		if (strncasecmp(r->line[i].text, name, size) == 0 &&
		    (r->line[i].text[size] == ':' ||
			r->line[i].text[size] == ';'))
			return true;
	return false;
}

/* Takes text. */
static void
add_line(struct http_request *r, char *text, bool private)
{
	r->line[r->lines].text = text;
	r->line[r->lines++].private = private;
}

/* What the URL proves itself with, unless there is a better one. */
static void
add_url_user(struct http_request *r)
{
	const char *password = r->home.password;
	char *plain, *coded, *line;

	if (r->home.user == NULL || has_header(r, "Authorization"))
		return;
	if (asprintf(&plain, "%s:%s", r->home.user,
		password != NULL ? password : "") < 0)
		fatalx("out of memory");
	coded = text_base64(plain);
	if (asprintf(&line, "Authorization: Basic %s", coded) < 0)
		fatalx("out of memory");
	add_line(r, line, true);
	text_free_secret(plain);
	text_free_secret(coded);
}

static void
keep_headers(struct http_request *r, const struct http_post *post)
{
	r->line = ecalloc(post->header_count + 1, sizeof(*r->line));
	for (size_t i = 0; i < post->header_count; i++) {
		const struct http_header *h = &post->headers[i];

		add_line(r, line_of(h->name, h->value), h->private);
	}
	add_url_user(r);
}

static int64_t
left_ns(const struct http_request *r)
{
	int64_t left = r->deadline_ns - now_ns(CLOCK_MONOTONIC);

	return left > NSEC_PER_MSEC ? left : NSEC_PER_MSEC;
}

/* Whole ms that are left, rounded down: some time has always passed. */
static void
append_timeout(struct http_request *r)
{
	int64_t ms = (left_ns(r) - 1) / NSEC_PER_MSEC;
	char value[24], *line;

	if (r->timeout_header == NULL || ms > TIMEOUT_HEADER_MAX_MS)
		return;
	snprintf(value, sizeof(value), "%" PRId64, ms);
	line = line_of(r->timeout_header, value);
	append(&r->headers, line);
	free(line);
}

static void
set_headers(struct http_request *r, bool at_home)
{
	/* what libcurl adds by itself; this form takes it away */
	static const char *const unwanted[] = { "Expect:", "Accept:" };

	curl_slist_free_all(r->headers);
	r->headers = NULL;
	for (size_t i = 0; i < 2; i++)
		append(&r->headers, unwanted[i]);
	for (size_t i = 0; i < r->lines; i++)
		if (at_home || !r->line[i].private)
			append(&r->headers, r->line[i].text);
	append_timeout(r);
	curl_easy_setopt(r->easy, CURLOPT_HTTPHEADER, r->headers);
}

static void
set_connect_headers(struct http_request *r, const struct http_transport *t)
{
	for (size_t i = 0; i < t->connect_header_count; i++) {
		char *line = line_of(
		    t->connect_headers[i].name, t->connect_headers[i].value);

		append(&r->connect_headers, line);
		free(line);
	}
}

/* ---- what stays the same when a redirect is followed */

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

/* A connection into nowhere ends: HTTP/2 would go on using it. */
static int
set_socket(void *arg, curl_socket_t fd, curlsocktype purpose)
{
	const unsigned ms = UNACKNOWLEDGED_MAX_MS;

	(void)arg;
	(void)purpose;
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof(ms));
	return CURL_SOCKOPT_OK;
}

static void
set_connection_age(CURL *easy, int64_t since_ns)
{
	long sec = (now_ns(CLOCK_MONOTONIC) - since_ns) / NSEC_PER_SEC;

	if (since_ns == 0)
		return;
	if (sec < 1)
		curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
#if LIBCURL_VERSION_NUM >= 0x075000
	else
		curl_easy_setopt(easy, CURLOPT_MAXLIFETIME_CONN, sec);
#endif
}

static void
set_life(struct http_request *r, const struct http_post *post)
{
	CURL *easy = r->easy;

#if LIBCURL_VERSION_NUM >= 0x075500
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
	curl_easy_setopt(
	    easy, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
#if LIBCURL_VERSION_NUM >= 0x075700
	/* else a name server that is silent would stop the loop */
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
#endif
	curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, set_socket);
	set_connection_age(easy, post->connected_since_ns);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, IDLE_CONNECTION_SEC);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, post->user_agent);
}

/* ---- where it goes */

/*
 * Goes to the host of url under another name: that name goes into the URL,
 * the connection to where url said, the Host header stays.
 */
static int
rename_host(struct http_request *r, const struct http_url *url)
{
	char *renamed = http_url_with_host(url, r->server_name);
	char *line, *host;
	CURLcode code;

	if (renamed == NULL)
		return -EINVAL;
	if (asprintf(&line, "%s:%s:%s:%s", r->server_name, url->port, url->host,
		url->port) < 0)
		fatalx("out of memory");
	append(&r->connect_to, line);
	free(line);
	if (!has_header(r, "Host")) {
		host = http_url_authority(url);
		line = line_of("Host", host);
		append(&r->headers, line);
		free(line);
		free(host);
	}
	code = curl_easy_setopt(r->easy, CURLOPT_URL, renamed);
	free(renamed);
	return code == CURLE_OK ? 0 : -ENOMEM;
}

static int
set_url(struct http_request *r, const struct http_url *url)
{
	int e = 0;

	curl_slist_free_all(r->connect_to);
	r->connect_to = NULL;
	if (r->server_name != NULL && http_url_is_tls(url))
		e = rename_host(r, url);
	else if (curl_easy_setopt(r->easy, CURLOPT_URL, url->plain) != CURLE_OK)
		e = -ENOMEM;
	curl_easy_setopt(r->easy, CURLOPT_CONNECT_TO, r->connect_to);
	curl_easy_setopt(r->easy, CURLOPT_PROXYHEADER,
	    http_url_is_tls(url) ? r->connect_headers : NULL);
	return e;
}

/* One hop: to the URL itself, then along the redirects. */
static int
go_to(struct http_request *r, const struct http_url *url)
{
	int64_t ms = left_ns(r) / NSEC_PER_MSEC;
	int e;

	set_headers(r, http_url_same_origin(url, &r->home));
	if ((e = set_url(r, url)) < 0 ||
	    (e = http_transport_set_proxy(r->proxy, url, r->easy)) < 0)
		return e;
	curl_easy_setopt(r->easy, CURLOPT_TIMEOUT_MS,
	    ms > INT_MAX ? (long)INT_MAX : (long)ms);
	r->sent = r->body_size = 0;
	r->error[0] = '\0';
	return curl_multi_add_handle(r->client->multi, r->easy) == CURLM_OK
		   ? 0
		   : -ENOMEM;
}

static struct http_request *
request_new(struct http_client *client, const struct http_post *post)
{
	struct http_request *r = ecalloc(1, sizeof(*r));

	r->client = client;
	r->easy = curl_easy_init();
	if (r->easy == NULL)
		fatalx("out of memory");
	r->deadline_ns = post->timeout_ns > INT64_MAX - now_ns(CLOCK_MONOTONIC)
			     ? INT64_MAX
			     : now_ns(CLOCK_MONOTONIC) + post->timeout_ns;
	r->follow_redirects = post->follow_redirects;
	r->proxy = post->transport.proxy;
	if (post->timeout_header != NULL)
		r->timeout_header = estrdup(post->timeout_header);
	if (post->transport.server_name != NULL)
		r->server_name = estrdup(post->transport.server_name);
	curl_easy_setopt(r->easy, CURLOPT_PRIVATE, r);
	return r;
}

struct http_request *
http_client_post(struct http_client *client, const struct http_post *post,
    http_done_fn *done, void *arg)
{
	struct http_request *r = request_new(client, post);
	int e;

	r->done = done;
	r->arg = arg;
	set_body(r, post);
	set_answer(r, post);
	set_life(r, post);
	set_connect_headers(r, &post->transport);
	if ((e = http_transport_apply(&post->transport, r->easy)) == 0 &&
	    (e = http_url_parse(post->url, &r->home)) == 0) {
		keep_headers(r, post);
		e = go_to(r, &r->home);
	}
	if (e == 0)
		return r;
	request_free(r);
	errno = -e;
	return NULL;
}

/* ---- how it ended */

/* How it ended, from libcurl's result. */
static enum http_end
end_of(const struct http_request *r, CURLcode code, int status)
{
	if (r->cut)
		return HTTP_TOO_LONG;
	switch (code) {
	case CURLE_OK:
		return r->whole_head ? HTTP_ANSWERED : HTTP_BROKEN;
	case CURLE_OPERATION_TIMEDOUT:
		return HTTP_TIMEOUT;
	case CURLE_UNSUPPORTED_PROTOCOL:
		return HTTP_UNREACHABLE;
	default:
		return status != 0 ? HTTP_BROKEN : HTTP_UNREACHABLE;
	}
}

/* Why a redirect must not be followed, or NULL. */
static const char *
wrong_redirect(const struct http_request *r, const struct http_url *url)
{
	if (r->hops == REDIRECTS_MAX)
		return "stopped after 10 redirects";
	if (http_url_is_tls(url))
		return NULL;
	if (strcasecmp(url->scheme, "http") != 0)
		return "redirect to what is neither http nor https";
	/* it must not take a secret off TLS */
	return http_url_is_tls(&r->home) ? "redirect from https to http" : NULL;
}

/* True if the request goes on elsewhere. */
static bool
follow(struct http_request *r, CURLcode code, struct http_result *result)
{
	char *target = NULL;
	struct http_url url;
	bool goes_on;

	if (code != CURLE_OK || !r->follow_redirects ||
	    (result->status != 307 && result->status != 308) ||
	    curl_easy_getinfo(r->easy, CURLINFO_REDIRECT_URL, &target) !=
		CURLE_OK ||
	    target == NULL || http_url_parse(target, &url) < 0)
		return false;
	result->error = wrong_redirect(r, &url);
	goes_on = result->error == NULL;
	r->hops++;
	if (goes_on) {
		curl_multi_remove_handle(r->client->multi, r->easy);
		if (go_to(r, &url) < 0) {
			result->error = "cannot follow a redirect";
			goes_on = false;
		}
	}
	if (!goes_on)
		result->end = HTTP_UNREACHABLE;
	http_url_clear(&url);
	return goes_on;
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
	result.error = r->error[0] != '\0' ? r->error
		       : code != CURLE_OK  ? curl_easy_strerror(code)
					   : "the head of the answer is cut";
	if (retry_after > RETRY_AFTER_MAX_SEC)
		retry_after = RETRY_AFTER_MAX_SEC;
	if (retry_after > 0)
		result.retry_after_ns = retry_after * NSEC_PER_SEC;
	if (follow(r, code, &result))
		return;
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
