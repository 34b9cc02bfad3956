/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolizer/fetch.h"

#include <stdlib.h>
#include <time.h>

#include <event2/event.h>
#include <uthash.h>

#include "common/log.h"
#include "common/now.h"

#define NS_PER_SEC 1000000000ULL
/* What a file has cost counts half after that time. */
#define HALF_LIFE_SEC 30
/* Less is as good as nothing; who has cost nothing is forgotten. */
#define COST_MIN_NS (NS_PER_SEC / 100)

static const struct fetch_limits usual_limits = {
	.children = 2,
	.burst_ns = 30 * NS_PER_SEC,
	.share = 5,
};

struct owner {
	UT_hash_handle hh;
	uint32_t uid;
	uint64_t cost_ns;
};

struct asked {
	struct fetch *fetch;
	opener_answered answered;
	void *arg;
	TAILQ_ENTRY(asked) entry;
};

struct fetch {
	struct event_base *base;
	struct opener *opener;
	struct fetch_limits limits;
	void (*on_settled)(void *arg);
	void *arg;
	TAILQ_HEAD(, fetch_reading) waiting;
	TAILQ_HEAD(, asked) asked;
	int waiting_count, running, busy;
	struct owner *owners;
	struct event *later;
	int64_t left_ns;
	uint64_t filled_at, halved_at;
	bool starting;
};

static void
leave(struct fetch *f)
{
	if (--f->busy == 0)
		f->on_settled(f->arg);
}

/* ---- what it costs, and whom */

static uint64_t
cost_of(const struct fetch *f, uint32_t uid)
{
	struct owner *o;

	HASH_FIND(hh, f->owners, &uid, sizeof(uid), o);
	return o != NULL ? o->cost_ns : 0;
}

static void
charge(struct fetch *f, uint32_t uid, uint64_t ns)
{
	struct owner *o;

	if (uid != 0)
		f->left_ns -= ns;
	HASH_FIND(hh, f->owners, &uid, sizeof(uid), o);
	if (o == NULL) {
		o = ecalloc(1, sizeof(*o));
		o->uid = uid;
		HASH_ADD(hh, f->owners, uid, sizeof(uid), o);
	}
	o->cost_ns += ns;
}

static void
halve_costs(struct fetch *f)
{
	struct owner *o, *next;

	HASH_ITER(hh, f->owners, o, next) {
		o->cost_ns /= 2;
		if (o->cost_ns >= COST_MIN_NS)
			continue;
		HASH_DEL(f->owners, o);
		free(o);
	}
}

/* Brings costs and what is left up to now. */
static void
keep_time(struct fetch *f)
{
	uint64_t now = now_ns(CLOCK_MONOTONIC);

	f->left_ns += (now - f->filled_at) / f->limits.share;
	f->filled_at = now;
	if (f->left_ns > (int64_t)f->limits.burst_ns)
		f->left_ns = f->limits.burst_ns;
	while (now - f->halved_at >= HALF_LIFE_SEC * NS_PER_SEC) {
		if (f->owners == NULL)
			f->halved_at = now;
		else
			f->halved_at += HALF_LIFE_SEC * NS_PER_SEC;
		halve_costs(f);
	}
}

static bool
may_start(const struct fetch *f, const struct fetch_reading *r)
{
	return r->owner == 0 || f->left_ns > 0;
}

/* The one to read next, or NULL. */
static struct fetch_reading *
choose(const struct fetch *f)
{
	struct fetch_reading *r, *best = NULL;
	uint64_t cost, least = 0;

	TAILQ_FOREACH(r, &f->waiting, entry) {
		if (!may_start(f, r))
			continue;
		cost = cost_of(f, r->owner);
		if (best == NULL || cost < least) {
			best = r;
			least = cost;
		}
	}
	return best;
}

/* ---- children */

static void start_children(struct fetch *f);

static void
on_child(void *arg, const struct throwaway_outcome *outcome)
{
	struct fetch_reading *r = arg;
	struct fetch *f = r->fetch;

	r->child = NULL;
	r->runs = false;
	f->running--;
	charge(f, r->owner, outcome->cpu_ns);
	r->done(r->arg, outcome);
	start_children(f);
	leave(f);
}

static void
stop_waiting(struct fetch_reading *r)
{
	TAILQ_REMOVE(&r->fetch->waiting, r, entry);
	r->fetch->waiting_count--;
	r->waits = false;
}

static void
start_child(struct fetch *f, struct fetch_reading *r)
{
	struct throwaway *child;

	stop_waiting(r);
	r->runs = true;
	f->running++;
	child = throwaway_start(f->base, r->job, &r->input, on_child, r);
	if (child != NULL) /* else r may be gone */
		r->child = child;
}

/* Some wait for CPU time that is not there yet. */
static void
come_back(struct fetch *f)
{
	uint64_t ns = (1 - f->left_ns) * f->limits.share;
	struct timeval tv = { .tv_sec = ns / NS_PER_SEC,
		.tv_usec = ns % NS_PER_SEC / 1000 + 1 };

	event_add(f->later, &tv);
}

static void
start_children(struct fetch *f)
{
	struct fetch_reading *r;

	if (f->starting)
		return;
	f->starting = true;
	keep_time(f);
	while (f->running < f->limits.children && (r = choose(f)) != NULL)
		start_child(f, r);
	f->starting = false;
	if (f->running < f->limits.children && !TAILQ_EMPTY(&f->waiting))
		come_back(f);
}

static void
on_later(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	start_children(arg);
}

bool
fetch_read(struct fetch *fetch, struct fetch_reading *reading,
    const struct throwaway_input *input)
{
	if (fetch->waiting_count >= FETCH_WAITING) {
		throwaway_input_close(input);
		return false;
	}
	reading->fetch = fetch;
	reading->input = *input;
	reading->child = NULL;
	reading->runs = false;
	reading->waits = true;
	TAILQ_INSERT_TAIL(&fetch->waiting, reading, entry);
	fetch->waiting_count++;
	fetch->busy++;
	start_children(fetch);
	return true;
}

void
fetch_cancel(struct fetch_reading *reading)
{
	struct fetch *f = reading->fetch;

	if (reading->waits) {
		stop_waiting(reading);
		throwaway_input_close(&reading->input);
	} else if (reading->runs) {
		throwaway_cancel(reading->child);
		reading->runs = false;
		f->running--;
	} else {
		return;
	}
	leave(f);
}

/* ---- questions */

static void
on_answered(void *arg, const struct open_answer *answer)
{
	struct asked *a = arg;
	struct fetch *f = a->fetch;

	TAILQ_REMOVE(&f->asked, a, entry);
	a->answered(a->arg, answer);
	free(a);
	leave(f);
}

bool
fetch_ask(struct fetch *fetch, const struct open_question *question,
    opener_answered answered, void *arg)
{
	struct asked *a = ecalloc(1, sizeof(*a));

	a->fetch = fetch;
	a->answered = answered;
	a->arg = arg;
	if (!opener_ask(fetch->opener, question, on_answered, a)) {
		free(a);
		return false;
	}
	TAILQ_INSERT_TAIL(&fetch->asked, a, entry);
	fetch->busy++;
	return true;
}

struct fetch *
fetch_new(struct event_base *base, struct opener *opener,
    const struct fetch_limits *limits, void (*on_settled)(void *arg), void *arg)
{
	struct fetch *f = ecalloc(1, sizeof(*f));

	f->base = base;
	f->opener = opener;
	f->limits = limits != NULL ? *limits : usual_limits;
	f->on_settled = on_settled;
	f->arg = arg;
	f->left_ns = f->limits.burst_ns;
	f->filled_at = f->halved_at = now_ns(CLOCK_MONOTONIC);
	TAILQ_INIT(&f->waiting);
	TAILQ_INIT(&f->asked);
	f->later = evtimer_new(base, on_later, f);
	if (f->later == NULL)
		fatalx("out of memory");
	return f;
}

void
fetch_free(struct fetch *fetch)
{
	struct owner *o, *next;
	struct asked *a;

	if (fetch == NULL)
		return;
	while ((a = TAILQ_FIRST(&fetch->asked)) != NULL) {
		TAILQ_REMOVE(&fetch->asked, a, entry);
		free(a);
	}
	HASH_ITER(hh, fetch->owners, o, next) {
		HASH_DEL(fetch->owners, o);
		free(o);
	}
	event_free(fetch->later);
	free(fetch);
}

bool
fetch_is_busy(const struct fetch *fetch)
{
	return fetch->busy > 0;
}
