/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "shipper/http_session.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "common/log.h"
#include "common/now.h"
#include "shipper/credentials.h"
#include "shipper/http_args.h"
#include "shipper/oauth2.h"
#include "shipper/proxy.h"
#include "shipper/text.h"
#include "shipper/tls_files.h"

#define NSEC_PER_SEC 1000000000LL
#define UNAUTHORIZED 401

struct http_session {
	struct http_client *client;
	const struct http_args *args;
	const char *user_agent;
	struct credentials *credentials;
	struct oauth2 *oauth2; /* NULL: not configured */
	struct tls_files *tls;
	struct proxy_rules *proxy;
	struct header_list connect;
};

struct http_exchange {
	struct http_session *session;
	struct http_send send;
	int64_t deadline_ns;
	struct oauth2_waiter waiter;
	char *token; /* the header that was sent, of oauth2 */
	bool fresh;  /* it was asked for by this exchange */
	struct http_request *request;
	http_done_fn *done;
	void *arg;
};

static bool
init(struct http_session *s, char **why)
{
	const struct http_args *a = s->args;

	s->credentials = credentials_new(a, why);
	if (s->credentials == NULL)
		return false;
	s->tls = tls_files_new(a->tls_config, why);
	if (s->tls == NULL)
		return false;
	s->proxy = proxy_rules_new(&a->proxy, why);
	if (s->proxy == NULL)
		return false;
	header_list_add_all(&s->connect, &a->proxy.connect_header);
	if (a->oauth2 == NULL)
		return true;
	s->oauth2 = oauth2_new(s->client, a->oauth2, s->user_agent, why);
	return s->oauth2 != NULL;
}

struct http_session *
http_session_new(struct http_client *client, const struct http_args *args,
    const char *user_agent, char **why)
{
	struct http_session *s = ecalloc(1, sizeof(*s));

	s->client = client;
	s->args = args;
	s->user_agent = user_agent;
	if (init(s, why))
		return s;
	http_session_free(s);
	return NULL;
}

void
http_session_free(struct http_session *s)
{
	if (s == NULL)
		return;
	oauth2_free(s->oauth2);
	credentials_free(s->credentials);
	tls_files_free(s->tls);
	proxy_rules_free(s->proxy);
	header_list_clear(&s->connect);
	free(s);
}

/* ---- sending */

static void
exchange_free(struct http_exchange *e)
{
	text_free_secret(e->token);
	free(e);
}

void
http_exchange_cancel(struct http_exchange *e)
{
	if (e == NULL)
		return;
	http_request_cancel(e->request);
	if (e->session->oauth2 != NULL)
		oauth2_leave(e->session->oauth2, &e->waiter);
	exchange_free(e);
}

static void
finish(struct http_exchange *e, const struct http_result *result)
{
	e->done(e->arg, result);
	exchange_free(e);
}

static void
finish_with(struct http_exchange *e, enum http_end end, const char *error)
{
	const struct http_result result = { .end = end, .error = error };

	finish(e, &result);
}

/* Headers that must not follow a redirect to another host. */
static bool
is_private(const char *name)
{
	static const char *const names[] = { "Authorization", "Cookie", "Host",
		"Proxy-Authorization", "Www-Authenticate" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcasecmp(names[i], name) == 0)
			return true;
	return false;
}

/* authorization: the session's, NULL if it has none. */
static void
collect_headers(const struct http_exchange *e, const char *authorization,
    struct header_list *list)
{
	const struct header_list *given = e->send.headers;

	for (size_t i = 0; i < given->count; i++) {
		const struct http_header *h = &given->item[i];

		if (e->session->oauth2 == NULL ||
		    strcasecmp(h->name, "Authorization") != 0)
			header_list_add(list, h->name, h->value,
			    h->private || is_private(h->name));
	}
	header_list_add_all(list, &e->session->args->http_headers);
	if (authorization != NULL)
		header_list_add(list, "Authorization", authorization, true);
}

static void on_answer(void *arg, const struct http_result *result);

static int
post(struct http_exchange *e, const char *authorization, char **why)
{
	const struct http_session *s = e->session;
	struct header_list headers = { 0 };
	struct http_post p = { .url = e->send.url,
		.timeout_header = e->send.timeout_header,
		.user_agent = s->user_agent,
		.follow_redirects = s->args->follow_redirects,
		.connected_since_ns = e->send.connected_since_ns,
		.timeout_ns = e->deadline_ns - now_ns(CLOCK_MONOTONIC),
		.head = e->send.head,
		.head_size = e->send.head_size,
		.fd = e->send.fd,
		.fd_size = e->send.fd_size,
		.answer_max = e->send.answer_max };
	struct tls_texts texts;
	int r;

	p.transport = (struct http_transport){ .proxy = s->proxy,
		.connect_headers = s->connect.item,
		.connect_header_count = s->connect.count,
		.http2 = s->args->enable_http2 };
	if ((r = tls_files_apply(s->tls, &p.transport, &texts, why)) < 0)
		return r;
	collect_headers(e, authorization, &headers);
	p.headers = headers.item;
	p.header_count = headers.count;
	e->request = http_client_post(s->client, &p, on_answer, e);
	if (e->request == NULL) {
		r = -errno;
		*why = estrdup(strerror(-r));
	}
	header_list_clear(&headers);
	tls_texts_clear(&texts);
	return r;
}

static int
post_plain(struct http_exchange *e, char **why)
{
	char *authorization = NULL;
	int r = 0;

	if (!header_list_has(e->send.headers, "Authorization"))
		r = credentials_header(
		    e->session->credentials, &authorization, why);
	if (r == 0)
		r = post(e, authorization, why);
	text_free_secret(authorization);
	return r;
}

/* ---- with oauth2 */

static int
post_token(struct http_exchange *e, const char *header, bool fresh, char **why)
{
	text_free_secret(e->token);
	e->token = estrdup(header);
	e->fresh = fresh;
	return post(e, e->token, why);
}

static void
on_token(void *arg, const char *header, const char *error)
{
	struct http_exchange *e = arg;
	char *why = NULL;

	if (header == NULL) {
		finish_with(e, HTTP_UNREACHABLE, error);
	} else if (now_ns(CLOCK_MONOTONIC) >= e->deadline_ns) {
		finish_with(
		    e, HTTP_TIMEOUT, "the oauth2 token took all the time");
	} else if (post_token(e, header, true, &why) < 0) {
		finish_with(e, HTTP_UNREACHABLE, why);
		free(why);
	}
}

static int
post_with_oauth2(struct http_exchange *e, char **why)
{
	struct oauth2 *o = e->session->oauth2;
	const char *header;
	int r = oauth2_header(o, &header, why);

	if (r < 0)
		return r;
	if (header != NULL)
		return post_token(e, header, false, why);
	e->waiter.done = on_token;
	e->waiter.arg = e;
	return oauth2_wait(
	    o, &e->waiter, e->deadline_ns - now_ns(CLOCK_MONOTONIC), why);
}

/*
 * A token from before may have been revoked: then it is worth one more, from
 * now. True if the exchange goes on.
 */
static bool
try_new_token(struct http_exchange *e)
{
	char *why = NULL;

	oauth2_forget(e->session->oauth2, e->token);
	if (e->fresh || now_ns(CLOCK_MONOTONIC) >= e->deadline_ns)
		return false;
	if (post_with_oauth2(e, &why) == 0)
		return true;
	free(why);
	return false;
}

static void
on_answer(void *arg, const struct http_result *result)
{
	struct http_exchange *e = arg;

	e->request = NULL;
	if (e->token != NULL && result->status == UNAUTHORIZED &&
	    try_new_token(e))
		return;
	finish(e, result);
}

struct http_exchange *
http_session_post(struct http_session *session, const struct http_send *send,
    http_done_fn *done, void *arg, char **why)
{
	struct http_exchange *e = ecalloc(1, sizeof(*e));
	int64_t now = now_ns(CLOCK_MONOTONIC);
	int r;

	e->session = session;
	e->send = *send;
	e->deadline_ns = send->timeout_ns > INT64_MAX - now
			     ? INT64_MAX
			     : now + send->timeout_ns;
	e->done = done;
	e->arg = arg;
	r = session->oauth2 != NULL ? post_with_oauth2(e, why)
				    : post_plain(e, why);
	if (r == 0)
		return e;
	exchange_free(e);
	return NULL;
}
