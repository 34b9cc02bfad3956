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
#include <time.h>

#include <event2/event.h>
#include <uthash.h>

#include "common/log.h"
#include "common/now.h"
#include "shipper/components.h"
#include "shipper/file_writer.h"
#include "shipper/http_session.h"
#include "shipper/http_url.h"
#include "shipper/labels.h"
#include "shipper/parcel.h"
#include "shipper/push.h"

#define NSEC_PER_SEC 1000000000LL
#define TIMEOUT_HEADER "Connect-Timeout-Ms"
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
	struct http_exchange *exchange;
	struct event *timer;
};

struct endpoint {
	struct endpoint_env *env;
	const struct endpoint_args *args;
	struct http_session *session;
	struct header_list headers;
	struct file_writer *file; /* NULL: HTTP */
	struct write_stats *stats;
	char *url;                  /* of the request */
	struct delivery_list queue; /* in order of arrival */
	size_t queued, active;
	uint64_t queued_bytes;
	struct series *series;
	struct event *kick; /* runs pump() from the loop */
	bool retired;
	/* When a request had no answer: its connection may be dead. */
	int64_t unanswered_ns;
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

	http_exchange_cancel(d->exchange);
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

/* Of a retired endpoint: nobody waits for it for ever. */
static void
limit_attempts(struct delivery *d)
{
	if (d->backoff.max_attempts == 0)
		d->backoff.max_attempts = RETIRED_ATTEMPTS;
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
	if (ep->retired)
		limit_attempts(d);
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

	d->exchange = NULL;
	if (result->end != HTTP_ANSWERED && result->end != HTTP_TOO_LONG)
		d->ep->unanswered_ns = now_ns(CLOCK_MONOTONIC);
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
		"Connect-Protocol-Version", TIMEOUT_HEADER, "Content-Length",
		"Content-Type", "Expect", "Trailer", "Transfer-Encoding",
		"User-Agent" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcasecmp(names[i], name) == 0)
			return true;
	return false;
}

static void
make_headers(struct endpoint *ep)
{
	const struct river_pairs *headers = &ep->args->headers;

	for (size_t i = 0; i < headers->count; i++) {
		const struct river_pair *h = &headers->item[i];

		if (!is_reserved(h->name))
			header_list_add(&ep->headers, h->name, h->value, false);
	}
	header_list_add(&ep->headers, "Content-Type", PUSH_CONTENT_TYPE, false);
	header_list_add(&ep->headers, "Connect-Protocol-Version", "1", false);
}

static void
start_post(struct delivery *d)
{
	struct endpoint *ep = d->ep;
	const struct http_send send = { .url = ep->url,
		.headers = &ep->headers,
		.timeout_header = TIMEOUT_HEADER,
		.timeout_ns = ep->args->remote_timeout,
		.connected_since_ns = ep->unanswered_ns,
		.head = d->head->data,
		.head_size = d->head->size,
		.fd = d->parcel->fd,
		.fd_size = d->parcel->size,
		.answer_max = PUSH_ANSWER_MAX_BYTES };
	struct push_answer answer;
	char *why = NULL;

	d->state = SENDING;
	ep->active++;
	if (d->backoff.attempts > 0)
		ep->stats->retries++;
	d->exchange = http_session_post(ep->session, &send, on_answer, d, &why);
	if (d->exchange != NULL)
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
on_written(void *arg, int r)
{
	struct delivery *d = arg;
	struct endpoint *ep = d->ep;

	ep->active--;
	d->state = WAITING;
	if (r < 0) {
		note_failure(ep, strerror(-r));
		if (log_limit_ok(&ep->failed_limit))
			log_warnx("push", "cannot write a profile to %s: %s%s",
			    ep->stats->url, strerror(-r),
			    log_limit_tail(&ep->failed_limit));
	}
	finish(d, r < 0 ? LEDGER_PROFILES_DROPPED_DISK : LEDGER_PROFILES_SENT);
}

static void
start_file(struct delivery *d)
{
	const struct parcel *p = d->parcel;
	const struct file_profile profile = { d->labels, series_hash(d->series),
		p->id, p->time_ns, p->fd, p->size };
	int r;

	d->state = SENDING;
	d->ep->active++;
	r = file_writer_start(d->ep->file, &profile, d);
	if (r < 0)
		on_written(d, r);
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
		/* one at a time, and the oldest first */
		if (ep->active == 0 && (d = next_delivery(ep)) != NULL)
			start_file(d);
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
		ep->file = file_writer_new(env->base, args->url, on_written);
		if (ep->file != NULL)
			return ep;
		*why = estrdup(strerror(errno));
		endpoint_free(ep);
		return NULL;
	}
	ep->url = request_url(args->url);
	make_headers(ep);
	ep->session =
	    http_session_new(env->http, &args->http, env->user_agent, why);
	if (ep->session == NULL) {
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
	http_session_free(ep->session);
	header_list_clear(&ep->headers);
	file_writer_free(ep->file);
	free(ep->url);
	free(ep);
}

void
endpoint_retire(struct endpoint *ep)
{
	struct delivery *d;

	ep->retired = true;
	TAILQ_FOREACH(d, &ep->queue, entry)
		limit_attempts(d);
}

size_t
endpoint_queued(const struct endpoint *ep)
{
	return ep->queued;
}
