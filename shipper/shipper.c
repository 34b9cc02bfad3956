/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "shipper/shipper.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include <event2/event.h>

#include "common/log.h"
#include "common/now.h"
#include "shipper/account.h"
#include "shipper/command.h"
#include "shipper/config_file.h"
#include "shipper/config_files.h"
#include "shipper/config_source.h"
#include "shipper/endpoint.h"
#include "shipper/http_client.h"
#include "shipper/http_server.h"
#include "shipper/intake.h"
#include "shipper/latency.h"
#include "shipper/ledger_file.h"
#include "shipper/logging_args.h"
#include "shipper/metrics.h"
#include "shipper/pages.h"
#include "shipper/reachable.h"
#include "shipper/running.h"
#include "shipper/service_stats.h"
#include "shipper/symbolizer_server.h"
#include "shipper/target_lists.h"

#define NSEC_PER_SEC 1000000000LL

/* So long a component may take to get its sampler. */
#define HEALTH_START_NS (5 * NSEC_PER_SEC)
/* And so long one that leaves stays for it. */
#define TAKEOVER_SEC 5

/* What the symbolizer last said of a component. */
struct status {
	bool reported;
	int64_t first_ns, reported_ns; /* CLOCK_MONOTONIC */
	bool was_healthy, warned;
	/* when it last changed: samples taken, frames with and without name */
	int64_t runs_ns, named_ns, unnamed_ns;
	uint64_t runs;
	phlare_SymbolizerStatus last;
};

struct shipper {
	struct event_base *base;
	struct shipper_options options;
	struct config *config; /* lent by running, once it is applied */
	struct running *running;
	struct endpoint_env env;
	struct account *account;
	struct intake *intake;
	struct symbolizer_server *server;
	struct http_server *http;
	struct reachable *reachable;
	struct pages_source pages;

	struct latency_list fanout;
	struct service_stats *services;
	struct target_lists *lists;
	struct status status[SETTINGS_COMPONENTS_MAX];
	struct metrics_component shown[SETTINGS_COMPONENTS_MAX];
	int64_t started_ns;
	bool config_good;
	int64_t config_loaded_sec;

	struct event *settled;  /* coalesces what many profiles ask for */
	struct event *takeover; /* ends the wait for those that start */
	struct event *stop_limit;
	bool stopping, gave_up;
	bool finished; /* the symbolizer has handed over all it had */
};

static uint64_t
random_number(void)
{
	uint64_t n = 0;

	if (getrandom(&n, sizeof(n), 0) != sizeof(n))
		fatal("getrandom");
	return n | 1; /* 0 means: none */
}

/* ---- the ledger file, and the end */

static void
write_ledger(struct shipper *s)
{
	if (s->options.ledger != NULL)
		ledger_file_write(s->options.ledger, s->account, &s->env.stats,
		    intake_queued(s->intake));
}

static void
end_if_done(struct shipper *s)
{
	if (s->stopping && s->finished && intake_queued(s->intake) == 0)
		event_base_loopbreak(s->base);
}

static void
on_settled_event(evutil_socket_t fd, short what, void *arg)
{
	struct shipper *s = arg;

	(void)fd;
	(void)what;
	running_sweep(s->running);
	write_ledger(s);
	end_if_done(s);
}

static void
on_settled(void *arg)
{
	struct shipper *s = arg;

	event_active(s->settled, 0, 0);
}

/* ---- what it is told */

/* Tells the symbolizer what a component is to be; p is NULL if it never was. */
static int
tell(struct shipper *s, uint32_t number, struct profiler *p)
{
	if (p != NULL)
		p->changed = false;
	return p != NULL && p->component != NULL
		   ? command_run(s->server, number, p)
		   : command_remove(s->server, number);
}

static void
send_change(struct shipper *s, uint32_t number, struct profiler *p)
{
	int r = tell(s, number, p);

	memset(&s->status[number - 1], 0, sizeof(s->status[number - 1]));
	if (r < 0 && r != -ENOTCONN) {
		errno = -r;
		log_warn("symbolizer", "%s", p->id);
	}
}

/* To a symbolizer that is there: what has changed of those. */
static void
send_those(struct shipper *s, bool wanted)
{
	if (s->stopping) /* all of them were told to finish */
		return;
	for (uint32_t n = 1; n <= SETTINGS_COMPONENTS_MAX; n++) {
		struct profiler *p = running_profiler(s->running, n);

		if (p != NULL && p->changed && (p->component != NULL) == wanted)
			send_change(s, n, p);
	}
}

/*
 * One that leaves may be taking its place from one that comes, by another name:
 * it goes on sampling until that one does.
 */
static void
send_changes(struct shipper *s)
{
	const struct timeval limit = { TAKEOVER_SEC, 0 };

	send_those(s, true);
	if (!running_starting(s->running)) {
		event_del(s->takeover);
		send_those(s, false);
	} else if (!event_pending(s->takeover, EV_TIMEOUT, NULL)) {
		event_add(s->takeover, &limit);
	}
}

static void
on_takeover(evutil_socket_t fd, short what, void *arg)
{
	struct shipper *s = arg;

	(void)fd;
	(void)what;
	send_those(s, false);
}

/* It samples, or has sampled. */
static void
note_sampler(struct shipper *s, struct profiler *p)
{
	if (!p->starting)
		return;
	p->starting = false;
	send_changes(s);
}

/* ---- what the symbolizer says */

static void
on_hello(void *arg, uint64_t session)
{
	struct shipper *s = arg;

	intake_hello(s->intake, session);
	account_session(s->account, session);
	for (uint32_t n = 1; n <= SETTINGS_COMPONENTS_MAX; n++) {
		struct profiler *p = running_profiler(s->running, n);
		int r = tell(s, n, p);

		if (r < 0 && r != -EPIPE) { /* it died while it waited */
			errno = -r;
			log_warn("symbolizer", "component %u", (unsigned)n);
		}
	}
	if (s->stopping)
		command_finish(s->server);
}

static void
on_profile(void *arg, const struct symbolizer_profile *profile)
{
	struct shipper *s = arg;

	intake_profile(s->intake, profile);
}

static void
on_unfit(void *arg, const struct symbolizer_profile *profile, const char *why)
{
	struct shipper *s = arg;

	intake_unfit(s->intake, profile, why);
}

static void
note_runs(struct status *known, uint64_t runs)
{
	if (runs != known->runs || known->runs_ns == 0)
		known->runs_ns = now_ns(CLOCK_MONOTONIC);
	known->runs = runs;
}

static void
note_frames(struct status *known, const phlare_SymbolizerStatus *status)
{
	int64_t now = now_ns(CLOCK_MONOTONIC);

	if (status->frames_named != known->last.frames_named ||
	    known->named_ns == 0)
		known->named_ns = now;
	if (status->frames_unnamed != known->last.frames_unnamed)
		known->unnamed_ns = now;
}

static void
on_report(void *arg, const phlare_LedgerReport *report)
{
	struct shipper *s = arg;
	struct profiler *p = running_profiler(s->running, report->component);
	struct account_sum sum = { 0 };

	if (p == NULL)
		return;
	for (size_t i = 0; i < report->counters_count && i < LEDGER_COUNTERS;
	     i++)
		sum.ledger.n[i] = report->counters[i];
	sum.ticks[ACCOUNT_TICK_expected] = report->ticks_expected;
	sum.ticks[ACCOUNT_TICK_idle] = report->ticks_idle;
	sum.ticks[ACCOUNT_TICK_steal] = report->ticks_steal;
	sum.ticks[ACCOUNT_TICK_unexplained] = report->ticks_unexplained;
	sum.ticks[ACCOUNT_TICK_down] = report->ticks_down;
	note_runs(&s->status[report->component - 1], sum.ledger.n[LEDGER_RUNS]);
	account_report(s->account, p->id, &sum);
	intake_taken(s->intake, report->taken);
	if (report->collector_session != 0)
		note_sampler(s, p);
	event_active(s->settled, 0, 0);
}

/*
 * Once for each trouble. One that is only starting is not healthy yet, which
 * is worth a word when it stays so.
 */
static void
log_health(
    struct status *known, const char *id, const phlare_SymbolizerStatus *status)
{
	bool starting =
	    !known->reported ||
	    (!known->was_healthy &&
		now_ns(CLOCK_MONOTONIC) - known->first_ns < HEALTH_START_NS);

	if (status->healthy) {
		if (known->warned)
			log_info("health", "%s: healthy again", id);
		known->was_healthy = true;
		known->warned = false;
	} else if (!starting && (!known->warned || strcmp(known->last.text,
						       status->text) != 0)) {
		log_warnx("health", "%s: %s", id, status->text);
		known->warned = true;
	}
}

static void
on_status(void *arg, const phlare_SymbolizerStatus *status)
{
	struct shipper *s = arg;
	const struct profiler *p =
	    running_profiler(s->running, status->component);
	struct status *known;

	if (p == NULL)
		return;
	known = &s->status[status->component - 1];
	log_health(known, p->id, status);
	if (!known->reported)
		known->first_ns = now_ns(CLOCK_MONOTONIC);
	note_frames(known, status);
	known->reported = true;
	known->reported_ns = now_ns(CLOCK_MONOTONIC);
	known->last = *status;
}

static void
on_finished(void *arg)
{
	struct shipper *s = arg;

	if (!s->stopping)
		return;
	s->finished = true;
	event_active(s->settled, 0, 0);
}

static void
on_removed(void *arg, uint32_t component)
{
	struct shipper *s = arg;
	const struct profiler *p = running_profiler(s->running, component);

	if (p == NULL)
		return;
	account_end(s->account, p->id);
	running_left(s->running, component);
	send_changes(s);
	event_active(s->settled, 0, 0);
}

/* It comes back later, or nothing more will come. */
static void
on_gone(void *arg)
{
	on_finished(arg);
}

static const struct symbolizer_callbacks callbacks = { on_hello, on_profile,
	on_unfit, on_report, on_status, on_finished, on_removed, on_gone };

/* ---- pages */

static void
show(void *arg, struct metrics_view *view)
{
	struct shipper *s = arg;

	*view = (struct metrics_view){
		.account = s->account,
		.writes = &s->env.stats,
		.fanout = &s->fanout,
		.services = s->services,
		.component = s->shown,
		.connected = symbolizer_server_connected(s->server),
		.started_ns = s->started_ns,
		.now_ns = now_ns(CLOCK_MONOTONIC),
		.queued = intake_queued(s->intake),
		.config_good = s->config_good,
		.config_loaded_sec = s->config_loaded_sec,
	};
	view->list = target_lists_all(s->lists, &view->lists);
	for (uint32_t n = 1; n <= SETTINGS_COMPONENTS_MAX; n++) {
		const struct profiler *p = running_profiler(s->running, n);
		const struct status *known = &s->status[n - 1];
		const struct ebpf_args *args;

		if (p == NULL || p->component == NULL)
			continue;
		args = p->component->args;
		s->shown[view->components++] =
		    (struct metrics_component){ .id = p->id,
			    .reported = known->reported,
			    .reported_ns = known->reported_ns,
			    .interval_ns = args->collect_interval,
			    .sample_rate = args->sample_rate,
			    .runs_ns = known->runs_ns,
			    .named_ns = known->named_ns,
			    .unnamed_ns = known->unnamed_ns,
			    .status = known->last };
	}
}

/* ---- configuration */

static int
apply(struct shipper *s, struct config *config)
{
	char *why = NULL;

	if (running_apply(s->running, config, &why) < 0) {
		log_warnx("config", "%s: %s",
		    config_source_path(s->options.source), why);
		free(why);
		return -1;
	}
	for (size_t i = 0; i < config->count; i++)
		if (config->item[i].role == COMPONENT_EBPF)
			latency_get(&s->fanout, config->item[i].id);
	target_lists_apply(s->lists, config);
	s->config = config;
	s->config_good = true;
	s->config_loaded_sec = now_ns(CLOCK_REALTIME) / NSEC_PER_SEC;
	return 0;
}

int
shipper_probe(struct shipper *s)
{
	return config_files_probe(s->config, !s->options.check);
}

const char *
shipper_reload(struct shipper *s)
{
	struct config *config = config_source_read(s->options.source);
	const char *why = config_source_why(s->options.source);

	if (config == NULL || config_files_probe(config, true) < 0 ||
	    apply(s, config) < 0) {
		if (config != NULL)
			config_free(config);
		s->config_good = false;
		log_warnx("config", "the configuration before it stays");
		return why != NULL ? why : "it cannot be set up: see the log";
	}
	send_changes(s);
	log_info("config", "reloaded");
	log_set_level(logging_args_level(config));
	return NULL;
}

static const char *
reload(void *arg)
{
	return shipper_reload(arg);
}

/* ---- life */

/* What has not been delivered by now counts as dropped, and that is told. */
static void
give_up(struct shipper *s)
{
	size_t lost;

	running_cancel(s->running);
	lost = intake_give_up(s->intake);
	if (lost > 0)
		log_warnx(
		    "shipper", "%zu profiles could not be delivered", lost);
}

/* Time is up; the symbolizer gets some more to close its own books. */
static void
on_stop_limit(evutil_socket_t fd, short what, void *arg)
{
	const struct timeval last = { SHIPPER_LAST_SEC, 0 };
	struct shipper *s = arg;

	(void)fd;
	(void)what;
	if (s->gave_up)
		event_base_loopbreak(s->base);
	s->gave_up = true;
	give_up(s);
	event_add(s->stop_limit, &last);
}

static struct event *
new_event(struct shipper *s, event_callback_fn fn)
{
	struct event *e = event_new(s->base, -1, 0, fn, s);

	if (e == NULL)
		fatalx("out of memory");
	return e;
}

struct shipper *
shipper_new(struct event_base *base, const struct shipper_options *options)
{
	struct shipper *s = ecalloc(1, sizeof(*s));
	struct config *config;

	s->base = base;
	s->options = *options;
	s->settled = new_event(s, on_settled_event);
	s->takeover = new_event(s, on_takeover);
	s->stop_limit = new_event(s, on_stop_limit);
	s->started_ns = now_ns(CLOCK_MONOTONIC);
	s->env = (struct endpoint_env){ .base = base,
		.http = http_client_new(base),
		.random = { random_number() },
		.user_agent = "phlare-ebpf/" PACKAGE_VERSION };
	TAILQ_INIT(&s->env.stats);
	TAILQ_INIT(&s->fanout);
	s->services = service_stats_new();
	s->account = account_new();
	s->running = running_new(&s->env);
	s->lists = target_lists_new();
	s->intake = intake_new(&(const struct intake_env){
	    s->account, s->running, &s->fanout, s->services, on_settled, s });
	config = config_source_read(options->source);
	if (config == NULL || apply(s, config) < 0) {
		config_free(config);
		shipper_free(s);
		return NULL;
	}
	if (options->ledger != NULL)
		ledger_file_read(options->ledger, s->account);
	return s;
}

static void
close_books(struct shipper *s)
{
	give_up(s);
	symbolizer_server_flush(s->server);
	write_ledger(s);
}

void
shipper_free(struct shipper *s)
{
	if (s == NULL)
		return;
	if (s->server != NULL)
		close_books(s);
	http_server_free(s->http);
	symbolizer_server_free(s->server);
	running_free(s->running);
	intake_free(s->intake);
	account_free(s->account);
	target_lists_free(s->lists);
	write_stats_free_all(&s->env.stats);
	latency_free_all(&s->fanout);
	service_stats_free(s->services);
	http_client_free(s->env.http);
	reachable_free(s->reachable);
	event_free(s->settled);
	event_free(s->takeover);
	event_free(s->stop_limit);
	free(s);
}

const struct sandbox_path *
shipper_paths(struct shipper *s)
{
	reachable_free(s->reachable);
	s->reachable = reachable_new(s->config,
	    config_source_path(s->options.source), s->options.ledger);
	return reachable_paths(s->reachable);
}

void
shipper_start(struct shipper *s)
{
	log_set_level(logging_args_level(s->config));
	s->server = symbolizer_server_new(
	    s->base, s->options.symbolizer_fd, random_number(), &callbacks, s);
	intake_set_server(s->intake, s->server);
	s->pages = (struct pages_source){ show, reload,
		config_source_path(s->options.source), s };
	if (s->options.http_fd >= 0)
		s->http = http_server_new(
		    s->base, s->options.http_fd, pages, &s->pages);
	write_ledger(s);
}

void
shipper_stop(struct shipper *s)
{
	const struct timeval limit = { SHIPPER_STOP_SEC, 0 };

	if (s->stopping) {
		event_base_loopbreak(s->base);
		return;
	}
	s->stopping = true;
	event_add(s->stop_limit, &limit);
	s->finished = command_finish(s->server) < 0;
	if (intake_queued(s->intake) > 0)
		log_info("shipper", "delivering %zu profiles before the end",
		    intake_queued(s->intake));
	event_active(s->settled, 0, 0);
}
