/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "shipper/endpoint.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>

#include <event2/event.h>
#include <uthash.h>

#include "common/log.h"
#include "shipper/components.h"
#include "shipper/credentials.h"
#include "shipper/file_endpoint.h"
#include "shipper/http_client.h"
#include "shipper/http_url.h"
#include "shipper/labels.h"
#include "shipper/parcel.h"
#include "shipper/push.h"
#include "shipper/text.h"

#define NSEC_PER_MSEC 1000000LL
#define NSEC_PER_SEC 1000000000LL
/* Connect-Timeout-Ms may have ten digits. */
#define CONNECT_TIMEOUT_MAX_MS 9999999999LL
/* Ours and Authorization, after the user's. */
#define OWN_HEADERS 4
/* Attempts that a retired endpoint without a limit still makes. */
#define RETIRED_ATTEMPTS 10

struct delivery;
TAILQ_HEAD(delivery_list, delivery);

/* The queue of one label set. */
struct series {
	struct delivery_list deliveries;
	UT_hash_handle hh;
	size_t key_size;
	uint8_t key[]; /* the encoded labels */
};

enum delivery_state { WAITING, SENDING, SLEEPING };

struct delivery {
	TAILQ_ENTRY(delivery) entry, in_series;
	struct endpoint *ep;
	struct series *series;
	struct parcel *parcel;
	struct push_head *head;
	struct labels *labels; /* of a file only */
	enum delivery_state state;
	struct backoff backoff;
	struct http_request *request;
	struct event *timer;
};

struct endpoint {
	struct endpoint_env *env;
	const struct endpoint_args *args;
	struct credentials *credentials;
	struct file_endpoint *file; /* NULL: HTTP */
	struct write_stats *stats;
	char *url;                  /* of the request */
	struct delivery_list queue; /* in order of arrival */
	size_t queued, active;
	uint64_t queued_bytes;
	struct series *series;
	struct event *kick; /* runs pump() from the loop */
	bool retired;
	struct log_limit failed_limit, dropped_limit;
};

static void pump(evutil_socket_t fd, short what, void *arg);

/* ---- queue */

static struct series *
series_get(struct endpoint *ep, const struct push_head *head)
{
	const uint8_t *key = head->data + head->series_start;
	struct series *s;

	HASH_FIND(hh, ep->series, key, head->series_size, s);
	if (s != NULL)
		return s;
	s = ecalloc(1, sizeof(*s) + head->series_size);
	s->key_size = head->series_size;
	memcpy(s->key, key, s->key_size);
	TAILQ_INIT(&s->deliveries);
	HASH_ADD_KEYPTR(hh, ep->series, s->key, s->key_size, s);
	return s;
}

static void
update_gauges(struct endpoint *ep, int64_t profiles, int64_t bytes)
{
	ep->queued += profiles;
	ep->queued_bytes += bytes;
	ep->stats->queued_profiles += profiles;
	ep->stats->queued_bytes += bytes;
}

static void
delivery_free(struct delivery *d)
{
	struct endpoint *ep = d->ep;

	http_request_cancel(d->request);
	if (d->timer != NULL)
		event_free(d->timer);
	TAILQ_REMOVE(&ep->queue, d, entry);
	TAILQ_REMOVE(&d->series->deliveries, d, in_series);
	if (TAILQ_EMPTY(&d->series->deliveries)) {
		HASH_DEL(ep->series, d->series);
		free(d->series);
	}
	if (d->state == SENDING)
		ep->active--;
	update_gauges(ep, -1, -(int64_t)d->parcel->size);
	free(d->head);
	free(d->labels);
	free(d);
}

/* It ends here; the parcel hears of it. */
static void
finish(struct delivery *d, enum ledger_counter outcome)
{
	struct endpoint *ep = d->ep;
	struct parcel *parcel = d->parcel;

	if (outcome == LEDGER_PROFILES_SENT) {
		ep->stats->sent_profiles++;
		ep->stats->sent_bytes += parcel->size;
		ep->stats->failures = 0;
		ep->stats->error[0] = '\0';
	} else {
		ep->stats->dropped_profiles++;
		ep->stats->dropped_bytes += parcel->size;
	}
	delivery_free(d);
	event_active(ep->kick, 0, 0);
	parcel_settle(parcel, outcome);
}

/* What may be dropped for newer ones: not what is on the wire. */
static struct delivery *
oldest_idle(struct endpoint *ep)
{
	struct delivery *d;

	TAILQ_FOREACH(d, &ep->queue, entry)
		if (d->state != SENDING)
			return d;
	return NULL;
}

static void
trim_queue(struct endpoint *ep)
{
	struct delivery *d;

	while ((ep->queued > ENDPOINT_QUEUE_PROFILES ||
		   ep->queued_bytes > ENDPOINT_QUEUE_BYTES) &&
	       (d = oldest_idle(ep)) != NULL) {
		if (log_limit_ok(&ep->dropped_limit))
			log_warnx("push",
			    "%s: queue full, dropping its oldest profile%s",
			    ep->stats->url, log_limit_tail(&ep->dropped_limit));
		finish(d, LEDGER_PROFILES_DROPPED_QUEUE);
	}
}

void
endpoint_push(
    struct endpoint *ep, const struct labels *labels, struct parcel *parcel)
{
	struct delivery *d = ecalloc(1, sizeof(*d));

	parcel_hold(parcel);
	d->ep = ep;
	d->parcel = parcel;
	d->head = push_head_new(labels, parcel->size);
	d->labels = ep->file != NULL ? labels_copy(labels) : NULL;
	d->series = series_get(ep, d->head);
	backoff_init(&d->backoff, ep->args->min_backoff_period,
	    ep->args->max_backoff_period, ep->args->max_backoff_retries);
	TAILQ_INSERT_TAIL(&ep->queue, d, entry);
	TAILQ_INSERT_TAIL(&d->series->deliveries, d, in_series);
	update_gauges(ep, 1, parcel->size);
	trim_queue(ep);
	event_active(ep->kick, 0, 0);
}

/* ---- attempts */

static void
note_failure(struct endpoint *ep, const char *text)
{
	ep->stats->failures++;
	snprintf(ep->stats->error, sizeof(ep->stats->error), "%s", text);
}

static void
on_slept(evutil_socket_t fd, short what, void *arg)
{
	struct delivery *d = arg;

	(void)fd;
	(void)what;
	d->state = WAITING;
	event_active(d->ep->kick, 0, 0);
}

static void
sleep_for(struct delivery *d, int64_t ns)
{
	struct timeval tv = { ns / NSEC_PER_SEC, ns % NSEC_PER_SEC / 1000 };

	d->state = SLEEPING;
	if (d->timer == NULL)
		d->timer = evtimer_new(d->ep->env->base, on_slept, d);
	if (d->timer == NULL || evtimer_add(d->timer, &tv) < 0)
		fatalx("out of memory");
}

/* How long to wait: the server's wish counts up to the longest wait. */
static int64_t
next_wait(struct delivery *d, int64_t retry_after_ns)
{
	int64_t max = d->ep->args->max_backoff_period;
	int64_t wait = backoff_next(&d->backoff, &d->ep->env->random);

	if (retry_after_ns > max)
		retry_after_ns = max;
	return wait >= 0 && wait < retry_after_ns ? retry_after_ns : wait;
}

/* An attempt has ended: done, once more, or given up. */
static void
attempt_ended(
    struct delivery *d, const struct push_answer *a, int64_t retry_after_ns)
{
	struct endpoint *ep = d->ep;
	char text[320];
	bool again;
	int64_t wait = -1;

	ep->active--;
	d->state = WAITING;
	if (a->code == PUSH_OK) {
		finish(d, LEDGER_PROFILES_SENT);
		return;
	}
	snprintf(
	    text, sizeof(text), "%s: %s", push_code_name(a->code), a->message);
	note_failure(ep, text);
	again = push_answer_retryable(a, ep->args->retry_on_http_429);
	if (again)
		wait = next_wait(d, retry_after_ns);
	if (log_limit_ok(&ep->failed_limit))
		log_warnx("push",
		    "failed to push to endpoint %s (attempt %" PRId64
		    ", %s): %s%s",
		    ep->stats->url, d->backoff.attempts + !again,
		    wait >= 0 ? "will try again" : "giving up", text,
		    log_limit_tail(&ep->failed_limit));
	if (wait >= 0)
		sleep_for(d, wait);
	else
		finish(d, again ? LEDGER_PROFILES_DROPPED_RETRIES
				: LEDGER_PROFILES_DROPPED_REFUSED);
	event_active(ep->kick, 0, 0);
}

static void
on_answer(void *arg, const struct http_result *result)
{
	struct delivery *d = arg;
	struct push_answer answer;

	d->request = NULL;
	switch (result->end) {
	case HTTP_ANSWERED:
	case HTTP_TOO_LONG:
		push_answer_read(&answer, result->status, result->body,
		    result->body_size, result->end == HTTP_ANSWERED);
		break;
	case HTTP_TIMEOUT:
		push_answer_failed(
		    &answer, PUSH_DEADLINE_EXCEEDED, result->error);
		break;
	case HTTP_UNREACHABLE:
		push_answer_failed(&answer, PUSH_UNAVAILABLE, result->error);
		break;
	default:
		push_answer_failed(&answer, PUSH_UNKNOWN, result->error);
		break;
	}
	attempt_ended(d, &answer, result->retry_after_ns);
}

/* What a user's header may not change. */
static bool
is_reserved(const char *name)
{
	static const char *const names[] = { "Accept-Encoding",
		"Connect-Protocol-Version", "Connect-Timeout-Ms",
		"Content-Length", "Content-Type", "Expect", "Trailer",
		"Transfer-Encoding", "User-Agent" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcasecmp(names[i], name) == 0)
			return true;
	return false;
}

struct header_list {
	struct http_header *item;
	size_t count;
	bool authorized; /* the user's own Authorization is in it */
};

static void
add_header(struct header_list *list, const char *name, const char *value)
{
	list->item[list->count++] = (struct http_header){ name, value };
}

/* timeout_text and authorization must live as long as the list. */
static void
make_headers(
    struct endpoint *ep, struct header_list *list, const char *timeout_text)
{
	const struct river_pairs *headers = &ep->args->headers;

	list->item = ecalloc(headers->count + OWN_HEADERS, sizeof(*list->item));
	for (size_t i = 0; i < headers->count; i++) {
		const struct river_pair *h = &headers->item[i];

		if (is_reserved(h->name))
			continue;
		add_header(list, h->name, h->value);
		if (strcasecmp(h->name, "Authorization") == 0)
			list->authorized = true;
	}
	add_header(list, "Content-Type", PUSH_CONTENT_TYPE);
	add_header(list, "Connect-Protocol-Version", "1");
	if (timeout_text[0] != '\0')
		add_header(list, "Connect-Timeout-Ms", timeout_text);
}

/* Whole ms that are left, rounded down: some time has always passed. */
static void
connect_timeout(int64_t timeout_ns, char *out, size_t size)
{
	int64_t ms = (timeout_ns - 1) / NSEC_PER_MSEC;

	out[0] = '\0';
	if (ms <= CONNECT_TIMEOUT_MAX_MS)
		snprintf(out, size, "%" PRId64, ms);
}

static struct http_blob
blob_of(const char *text)
{
	return (struct http_blob){ text, text != NULL ? strlen(text) : 0 };
}

static void
fill_post(struct delivery *d, const struct header_list *headers,
    const struct credentials_tls *tls, struct http_post *post)
{
	const struct endpoint_args *a = d->ep->args;
	const struct tls_args *t = a->http.tls_config;

	*post = (struct http_post){
		.url = d->ep->url,
		.headers = headers->item,
		.header_count = headers->count,
		.user_agent = d->ep->env->user_agent,
		.proxy =
		    text_given(a->http.proxy.url) ? a->http.proxy.url : NULL,
		.tls_ca = blob_of(tls->ca),
		.tls_cert = blob_of(tls->cert),
		.tls_key = blob_of(tls->key),
		.tls_min_version =
		    http_args_tls_version(t != NULL ? t->min_version : NULL),
		.tls_skip_verify = t != NULL && t->insecure_skip_verify,
		.http2 = a->http.enable_http2,
		.follow_redirects = a->http.follow_redirects,
		.timeout_ns = a->remote_timeout,
		.head = d->head->data,
		.head_size = d->head->size,
		.fd = d->parcel->fd,
		.fd_size = d->parcel->size,
		.answer_max = PUSH_ANSWER_MAX_BYTES,
	};
	if (t != NULL && text_given(t->server_name))
		post->tls_server_name = t->server_name;
}

/* Starts an attempt. 0, or -errno and a text in *why (to be freed). */
static int
post(struct delivery *d, char **why)
{
	struct endpoint *ep = d->ep;
	struct header_list headers = { 0 };
	struct credentials_tls tls = { 0 };
	struct http_post p;
	char timeout_text[24], *authorization = NULL;
	int r;

	connect_timeout(
	    ep->args->remote_timeout, timeout_text, sizeof(timeout_text));
	make_headers(ep, &headers, timeout_text);
	if (!headers.authorized &&
	    (r = credentials_authorization(
		 ep->credentials, &authorization, why)) < 0)
		goto out;
	if (authorization != NULL)
		add_header(&headers, "Authorization", authorization);
	if ((r = credentials_tls(ep->credentials, &tls, why)) < 0)
		goto out;
	fill_post(d, &headers, &tls, &p);
	d->request = http_client_post(ep->env->http, &p, on_answer, d);
	r = d->request != NULL ? 0 : -errno;
	if (r < 0)
		*why = estrdup(strerror(-r));
out:
	free(headers.item);
	credentials_tls_free(&tls);
	if (authorization != NULL)
		explicit_bzero(authorization, strlen(authorization));
	free(authorization);
	return r;
}

static void
start_post(struct delivery *d)
{
	struct push_answer answer;
	char *why = NULL;

	d->state = SENDING;
	d->ep->active++;
	if (d->backoff.attempts > 0)
		d->ep->stats->retries++;
	if (post(d, &why) == 0)
		return;
	push_answer_failed(&answer, PUSH_UNAVAILABLE, why);
	free(why);
	attempt_ended(d, &answer, 0);
}

/* FNV-1a */
static uint32_t
series_hash(const struct series *s)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < s->key_size; i++)
		h = (h ^ s->key[i]) * 16777619u;
	return h;
}

static void
write_file(struct delivery *d)
{
	struct endpoint *ep = d->ep;
	const struct parcel *p = d->parcel;
	struct file_profile profile = { d->labels, series_hash(d->series),
		p->id, p->time_ns, p->fd, p->size };
	int r = file_endpoint_write(ep->file, &profile);

	if (r < 0) {
		note_failure(ep, strerror(-r));
		if (log_limit_ok(&ep->failed_limit))
			log_warnx("push", "cannot write a profile to %s: %s%s",
			    ep->stats->url, strerror(-r),
			    log_limit_tail(&ep->failed_limit));
	}
	finish(d, r < 0 ? LEDGER_PROFILES_DROPPED_DISK : LEDGER_PROFILES_SENT);
}

/* The next one that nothing of its own series goes before. */
static struct delivery *
next_delivery(struct endpoint *ep)
{
	struct delivery *d;

	TAILQ_FOREACH(d, &ep->queue, entry)
		if (d->state == WAITING &&
		    TAILQ_FIRST(&d->series->deliveries) == d)
			return d;
	return NULL;
}

static void
pump(evutil_socket_t fd, short what, void *arg)
{
	struct endpoint *ep = arg;
	struct delivery *d;

	(void)fd;
	(void)what;
	if (ep->file != NULL) {
		/* one at a time: others are served between two writes */
		if ((d = next_delivery(ep)) != NULL)
			write_file(d);
		return;
	}
	while (
	    ep->active < ENDPOINT_REQUESTS && (d = next_delivery(ep)) != NULL)
		start_post(d);
}

/* ---- the endpoint */

static char *
request_url(const char *base)
{
	size_t size = strlen(base);
	char *url;

	while (size > 0 && base[size - 1] == '/')
		size--;
	if (asprintf(&url, "%.*s%s", (int)size, base, PUSH_PATH) < 0)
		fatalx("out of memory");
	return url;
}

struct endpoint *
endpoint_new(struct endpoint_env *env, const char *component,
    const struct endpoint_args *args, char **why)
{
	struct endpoint *ep = ecalloc(1, sizeof(*ep));
	bool file = file_endpoint_is_url(args->url);
	char *shown = file ? estrdup(args->url) : http_url_redacted(args->url);

	ep->env = env;
	ep->args = args;
	TAILQ_INIT(&ep->queue);
	ep->stats = write_stats_get(&env->stats, component, shown);
	free(shown);
	ep->kick = event_new(env->base, -1, 0, pump, ep);
	if (ep->kick == NULL)
		fatalx("out of memory");
	if (file) {
		ep->file = file_endpoint_new(args->url);
		return ep;
	}
	ep->url = request_url(args->url);
	ep->credentials = credentials_new(&args->http, why);
	if (ep->credentials == NULL) {
		endpoint_free(ep);
		return NULL;
	}
	return ep;
}

void
endpoint_free(struct endpoint *ep)
{
	if (ep == NULL)
		return;
	while (!TAILQ_EMPTY(&ep->queue))
		delivery_free(TAILQ_FIRST(&ep->queue));
	event_free(ep->kick);
	credentials_free(ep->credentials);
	file_endpoint_free(ep->file);
	free(ep->url);
	free(ep);
}

void
endpoint_retire(struct endpoint *ep)
{
	struct delivery *d;

	ep->retired = true;
	TAILQ_FOREACH(d, &ep->queue, entry)
		if (d->backoff.max_attempts == 0)
			d->backoff.max_attempts = RETIRED_ATTEMPTS;
}

size_t
endpoint_queued(const struct endpoint *ep)
{
	return ep->queued;
}
