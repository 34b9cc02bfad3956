/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "shipper/intake.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "common/now.h"
#include "shipper/account.h"
#include "shipper/command.h"
#include "shipper/labels.h"
#include "shipper/latency.h"
#include "shipper/parcel.h"
#include "shipper/running.h"
#include "shipper/service_stats.h"
#include "shipper/symbolizer_server.h"

#define NSEC_PER_SEC 1000000000LL
/* Under what name profiles count whose component we never had. */
#define NO_COMPONENT "unknown"

/* Settled, but the symbolizer has not said that it knows. */
struct settled {
	TAILQ_ENTRY(settled) entry;
	uint64_t id, samples;
	char *component;
	bool told;
};

struct intake {
	struct intake_env env;
	struct symbolizer_server *server;
	struct parcel_list parcels;
	size_t queued;
	uint64_t session;
	uint32_t connection;
	TAILQ_HEAD(, settled) settled; /* those told in that order */
	size_t settled_count;
	/* how often the symbolizer was told, by its own count */
	bool taken_known;
	uint64_t taken;
	bool reconnected; /* since it last said so */
};

struct intake *
intake_new(const struct intake_env *env)
{
	struct intake *in = ecalloc(1, sizeof(*in));

	in->env = *env;
	TAILQ_INIT(&in->parcels);
	TAILQ_INIT(&in->settled);
	return in;
}

void
intake_set_server(struct intake *in, struct symbolizer_server *server)
{
	in->server = server;
}

/* ---- telling the symbolizer */

static void
settled_free(struct intake *in, struct settled *s)
{
	TAILQ_REMOVE(&in->settled, s, entry);
	in->settled_count--;
	free(s->component);
	free(s);
}

static void
settled_clear(struct intake *in)
{
	while (!TAILQ_EMPTY(&in->settled))
		settled_free(in, TAILQ_FIRST(&in->settled));
}

static void
tell(struct intake *in, const struct parcel *p)
{
	struct settled *s;

	if (p->session != in->session)
		return; /* whoever sent it is gone for good */
	s = ecalloc(1, sizeof(*s));
	s->id = p->id;
	s->samples = p->samples;
	s->component = estrdup(p->component);
	/* one of an earlier connection is not expected before it comes again */
	s->told = p->connection == in->connection &&
		  command_taken(in->server, p->id) == 0;
	TAILQ_INSERT_TAIL(&in->settled, s, entry);
	if (++in->settled_count > INTAKE_SETTLED_MAX)
		settled_free(in, TAILQ_FIRST(&in->settled));
}

/* True if it had been settled already; then it is told again. */
static bool
was_settled(struct intake *in, uint64_t id)
{
	struct settled *s;

	TAILQ_FOREACH(s, &in->settled, entry)
		if (s->id == id)
			break;
	if (s == NULL)
		return false;
	s->told = command_taken(in->server, id) == 0;
	TAILQ_REMOVE(&in->settled, s, entry);
	TAILQ_INSERT_TAIL(&in->settled, s, entry);
	return true;
}

/* The next that the symbolizer hears of, or NULL. */
static struct settled *
first_told(const struct intake *in)
{
	struct settled *s;

	TAILQ_FOREACH(s, &in->settled, entry)
		if (s->told)
			break;
	return s;
}

void
intake_taken(struct intake *in, uint64_t taken)
{
	struct settled *s;

	if (!in->taken_known)
		in->taken = taken;
	in->taken_known = true;
	for (; in->taken < taken && (s = first_told(in)) != NULL; in->taken++)
		settled_free(in, s);
	in->taken = taken;
	if (!in->reconnected)
		return;
	/* the rest was lost with the connection and will be asked for */
	in->reconnected = false;
	while ((s = first_told(in)) != NULL)
		s->told = false;
}

/* Its symbolizer is gone: what came from it is delivered from here. */
static void
give_credit(struct intake *in)
{
	struct settled *s;
	struct parcel *p;

	TAILQ_FOREACH(s, &in->settled, entry)
		account_credit(in->env.account, s->component, s->samples);
	TAILQ_FOREACH(p, &in->parcels, entry)
		if (p->session == in->session)
			account_credit(
			    in->env.account, p->component, p->samples);
}

/* True if it is here from an earlier connection and still not settled. */
static bool
is_here(struct intake *in, uint64_t id)
{
	struct parcel *p;

	TAILQ_FOREACH(p, &in->parcels, entry) {
		if (p->session == in->session && p->id == id) {
			p->connection = in->connection;
			return true;
		}
	}
	return false;
}

void
intake_hello(struct intake *in, uint64_t session)
{
	if (session != in->session) {
		give_credit(in);
		settled_clear(in);
		/* what a symbolizer did that we never knew is unknown */
		in->taken_known = in->session != 0;
		in->taken = 0;
	}
	in->reconnected = session == in->session;
	in->session = session;
	in->connection++;
}

/* ---- profiles */

static void
on_settled(void *arg, struct parcel *p)
{
	struct intake *in = arg;

	account_count(in->env.account, p->component, p->outcome);
	latency_observe(latency_get(in->env.fanout, p->component),
	    (now_ns(CLOCK_MONOTONIC) - p->arrived_ns) / (double)NSEC_PER_SEC);
	TAILQ_REMOVE(&in->parcels, p, entry);
	in->queued--;
	tell(in, p);
	parcel_free(p);
	in->env.on_settled(in->env.arg);
}

static const char *
component_name(const struct intake *in, uint32_t number)
{
	const struct profiler *p = running_profiler(in->env.running, number);

	return p != NULL ? p->id : NO_COMPONENT;
}

static struct parcel *
new_parcel(struct intake *in, const struct symbolizer_profile *profile)
{
	struct parcel *p = parcel_new(on_settled, in);

	p->session = profile->session;
	p->id = profile->id;
	p->connection = in->connection;
	p->component = estrdup(component_name(in, profile->component));
	p->labels = profile->labels;
	p->fd = profile->fd;
	p->size = profile->size;
	p->samples = profile->samples;
	p->time_ns = profile->time_ns;
	p->arrived_ns = now_ns(CLOCK_MONOTONIC);
	TAILQ_INSERT_TAIL(&in->parcels, p, entry);
	in->queued++;
	account_count(in->env.account, p->component, LEDGER_PROFILES_BUILT);
	return p;
}

/* Counts a profile that goes nowhere. Takes its fd and labels. */
static void
refuse(struct intake *in, const struct symbolizer_profile *profile,
    enum ledger_counter outcome, const char *why)
{
	static struct log_limit limit;

	if (log_limit_ok(&limit))
		log_warnx("intake", "%s: dropping a profile: %s%s",
		    component_name(in, profile->component), why,
		    log_limit_tail(&limit));
	parcel_settle(new_parcel(in, profile), outcome);
}

static void
count_service(struct intake *in, const struct symbolizer_profile *profile)
{
	const struct service_numbers numbers = {
		.pprofs = 1,
		.bytes = profile->size,
		.samples = profile->samples,
		.known_symbols = profile->known_symbols,
		.unknown_symbols = profile->unknown_symbols,
		.unknown_modules = profile->unknown_modules,
		.unknown_stacks = profile->unknown_stacks,
	};

	service_stats_add(in->env.services,
	    component_name(in, profile->component),
	    labels_get(profile->labels, "service_name"), &numbers);
}

void
intake_profile(struct intake *in, const struct symbolizer_profile *profile)
{
	struct parcel *p;

	if (was_settled(in, profile->id) || is_here(in, profile->id)) {
		close(profile->fd);
		free(profile->labels);
		return;
	}
	count_service(in, profile);
	if (in->queued >= INTAKE_PROFILES_MAX) {
		refuse(in, profile, LEDGER_PROFILES_DROPPED_QUEUE,
		    "too many wait to be pushed");
		return;
	}
	p = new_parcel(in, profile);
	if (running_forward(in->env.running, profile->component, p) == 0)
		parcel_settle(p, LEDGER_PROFILES_DROPPED_NO_RECEIVER);
	else
		parcel_settle(p, LEDGER_PROFILES_SENT);
}

void
intake_unfit(struct intake *in, const struct symbolizer_profile *profile,
    const char *why)
{
	if (!was_settled(in, profile->id))
		refuse(in, profile, LEDGER_PROFILES_DROPPED_REFUSED, why);
}

size_t
intake_queued(const struct intake *in)
{
	return in->queued;
}

size_t
intake_give_up(struct intake *in)
{
	size_t count = in->queued;

	while (!TAILQ_EMPTY(&in->parcels)) {
		struct parcel *p = TAILQ_FIRST(&in->parcels);

		p->pending = 1;
		parcel_settle(p, LEDGER_PROFILES_DROPPED_RETRIES);
	}
	return count;
}

void
intake_free(struct intake *in)
{
	if (in == NULL)
		return;
	while (!TAILQ_EMPTY(&in->parcels)) {
		struct parcel *p = TAILQ_FIRST(&in->parcels);

		TAILQ_REMOVE(&in->parcels, p, entry);
		parcel_free(p);
	}
	settled_clear(in);
	free(in);
}
