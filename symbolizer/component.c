/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolizer/component.h"

#include <assert.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <event2/event.h>

#include "common/log.h"
#include "common/notify.h"
#include "common/now.h"
#include "symbolizer/account.h"
#include "symbolizer/batches.h"
#include "symbolizer/clock.h"
#include "symbolizer/elf_cache.h"
#include "symbolizer/fetch.h"
#include "symbolizer/interval.h"
#include "symbolizer/matching.h"
#include "symbolizer/names.h"
#include "symbolizer/opener.h"
#include "symbolizer/perf_maps.h"
#include "symbolizer/process.h"
#include "symbolizer/sampler.h"
#include "symbolizer/targets.h"
#include "symbolizer/vdso.h"
#include "symbolizer/work.h"

static_assert((int)DEMANGLE_NONE == (int)phlare_Demangle_DEMANGLE_NONE &&
		  (int)DEMANGLE_FULL == (int)phlare_Demangle_DEMANGLE_FULL,
    "settings carry the numbers of enum demangle_mode");

/* How long an interval waits for CollectDone, for files, for cgroup files. */
#define COLLECT_SEC 10
#define FILES_SEC 2
#define NAMES_SEC 3
#define CONTAINERS_SEC 1
#define NS_PER_SEC 1000000000ULL

enum phase {
	WAITING,    /* for the timer */
	COLLECTING, /* Collect is sent, batches come in */
	MATCHING,   /* container ids of their processes are being read */
	FETCHING,   /* tables that the batches need are on their way */
	NAMING,     /* all is added up, names are being demangled */
};

/* What the shipper wants from the next interval on. */
struct change {
	bool settings_set;
	phlare_Settings settings;
	struct targets *targets;
};

struct component {
	const struct component_host *host;
	phlare_Settings settings;
	struct targets *targets;
	struct sampler *sampler;
	struct opener *opener;
	struct fetch *fetch;
	struct elf_cache *files;
	struct perf_maps *perf_maps;
	struct vdso *vdso;
	struct process_cache *processes;
	struct matching *matching;
	struct account account;
	struct clock_ledger *clock;
	struct event *tick, *patience, *finished, *news;
	struct batches batches;
	struct work *work;
	struct names *names;
	struct change change;
	enum phase phase;
	uint64_t interval; /* the last one that began */
	uint64_t untaken;  /* profiles handed over */
	uint64_t failed;   /* intervals */
	bool finishing, finish_asked;
	bool resting; /* finished: the shipper that asked is about to go */
	bool leaving; /* finishing, and nothing comes after that */
	bool stopped; /* as it leaves, its sampler was told to stop */
};

static void start_interval(struct component *c);
static void on_files_settled(void *arg);
static void begin_fetching(struct component *c);

static void
arm(struct event *timer, uint64_t ns)
{
	struct timeval tv = { .tv_sec = ns / NS_PER_SEC,
		.tv_usec = ns % NS_PER_SEC / 1000 };

	event_add(timer, &tv);
}

static struct interval_input
input_of(const struct component *c)
{
	return (struct interval_input){
		.files = c->files,
		.perf_maps = c->perf_maps,
		.vdso = c->vdso,
		.processes = c->processes,
		.kernel = sampler_kernel(c->sampler),
		.matching = c->matching,
		.now = now_ns(CLOCK_BOOTTIME),
		.comm_frame = c->settings.comm & 2,
		.comm_label = c->settings.comm & 1,
		.pid_label = c->settings.pid_label != 0,
	};
}

static bool
change_waits(const struct component *c)
{
	return c->change.settings_set || c->change.targets != NULL;
}

/* ---- the sampler */

static void
report(struct component *c)
{
	if (c->host->report(c->host->arg, c))
		sampler_acknowledge(c->sampler);
}

static void
on_sampler_begin(void *arg)
{
	report(arg);
	notify_send(NOTIFY_SAMPLING);
}

static void
on_sampler_gone(void *arg)
{
	struct component *c = arg;

	notify_send("STATUS=waiting for the collector");
	c->stopped = false;
	if (c->phase == COLLECTING) {
		c->phase = WAITING;
		event_del(c->patience);
		arm(c->tick, c->settings.collect_interval_ns);
	}
	event_active(c->news, EV_TIMEOUT, 0);
	if (c->finishing || change_waits(c))
		arm(c->tick, 0); /* that does not wait for another one */
}

static void
on_new_processes(void *arg, const struct batch_view *news)
{
	struct component *c = arg;
	struct interval_input in = input_of(c);

	if (c->targets != NULL)
		interval_prefetch(&in, news);
}

/* ---- changes */

static void
apply_settings(struct component *c, const phlare_Settings *new)
{
	c->settings = *new;
	elf_cache_resize(c->files, new->elf_cache_size);
	process_cache_resize(c->processes, new->pid_cache_size);
	matching_resize(c->matching, new->container_id_cache_size);
	names_set_mode(c->names, (enum demangle_mode) new->demangle);
	sampler_set(c->sampler, new);
}

static void
apply_targets(struct component *c, struct targets *new)
{
	matching_set_targets(c->matching, new);
	targets_free(c->targets);
	c->targets = new;
	if (targets_count(new) > 0 &&
	    targets_containers(new) + targets_pids(new) == 0)
		log_warnx("targets",
		    "%s: no container IDs found in targets (%zu given)",
		    c->settings.name, targets_count(new));
}

static void
apply_change(struct component *c)
{
	struct change *change = &c->change;

	if (!change_waits(c))
		return;
	if (change->settings_set)
		apply_settings(c, &change->settings);
	if (change->targets != NULL)
		apply_targets(c, change->targets);
	memset(change, 0, sizeof(*change));
	arm(c->tick, c->settings.collect_interval_ns);
}

/* What was sampled so far is collected first, as it was wanted then. */
static void
change_soon(struct component *c)
{
	if (c->phase == WAITING)
		start_interval(c);
}

/* ---- an interval */

/* All that was asked for is done: says so from the loop. */
static void
finish_if_done(struct component *c)
{
	if (c->finish_asked && c->phase == WAITING && c->untaken == 0)
		event_active(c->finished, EV_TIMEOUT, 0);
}

static void
on_finished(evutil_socket_t fd, short what, void *arg)
{
	struct component *c = arg;

	(void)fd;
	(void)what;
	if (!c->finish_asked || c->phase != WAITING || c->untaken > 0)
		return;
	c->finish_asked = c->finishing = false;
	c->resting = true;
	c->host->on_finished(c->host->arg, c);
}

static void
on_profile(void *arg, const struct finished_profile *profile)
{
	struct component *c = arg;

	c->untaken++;
	c->host->on_profile(c->host->arg, profile);
}

static void
sweep(struct component *c)
{
	process_cache_sweep(c->processes);
	matching_sweep(c->matching);
	elf_cache_sweep(c->files);
	names_sweep(c->names);
	malloc_trim(0);
}

static void
end_interval(struct component *c)
{
	event_del(c->patience);
	names_stop(c->names);
	c->phase = WAITING;
	work_build(c->work, c->names, c->targets);
	sweep(c);
	report(c);
	if (c->stopped) {
		/* one that is wanted again needs a new sampler */
		c->stopped = false;
		sampler_stop(c->sampler);
		if (!c->leaving)
			sampler_start(c->sampler);
	}
	apply_change(c);
	if (c->finishing && !c->finish_asked)
		start_interval(c); /* it was asked for during this one */
	else
		finish_if_done(c);
}

static void
begin_naming(struct component *c)
{
	struct interval_input in = input_of(c);

	event_del(c->patience);
	c->phase = NAMING;
	work_add(c->work, &in, &c->batches, c->names);
	if (names_start(c->names))
		arm(c->patience, NAMES_SEC * NS_PER_SEC);
	else
		end_interval(c);
}

static void
on_names_ready(void *arg)
{
	struct component *c = arg;

	if (c->phase == NAMING)
		end_interval(c);
}

static void
on_files_settled(void *arg)
{
	struct component *c = arg;

	if (c->phase == FETCHING)
		event_active(c->patience, EV_TIMEOUT, 0);
}

/* ---- whose samples they are */

static bool
ask_opener(void *arg, const struct open_question *question,
    opener_answered answer, void *answer_arg)
{
	const struct component *c = arg;

	return opener_ask(c->opener, question, answer, answer_arg);
}

/* Its files are fetched while it lives, once it is known to have a target. */
static void
on_container_known(void *arg, struct process_id id)
{
	struct component *c = arg;
	struct interval_input in = input_of(c);
	struct process *p = process_cache_find(c->processes, id);

	if (p != NULL)
		interval_prefetch_process(&in, p);
}

static void
on_containers_settled(void *arg)
{
	struct component *c = arg;

	if (c->phase == MATCHING)
		event_active(c->patience, EV_TIMEOUT, 0);
}

static void
begin_matching(struct component *c)
{
	struct interval_input in = input_of(c);
	struct batch *b;

	c->phase = MATCHING;
	batches_take(&c->batches);
	TAILQ_FOREACH(b, &c->batches.working, entry)
		if (b->view != NULL)
			interval_match(&in, b->view);
	if (matching_busy(c->matching))
		arm(c->patience, CONTAINERS_SEC * NS_PER_SEC);
	else
		begin_fetching(c);
}

static void
begin_fetching(struct component *c)
{
	struct interval_input in = input_of(c);
	struct batch *b;

	c->phase = FETCHING;
	TAILQ_FOREACH(b, &c->batches.working, entry)
		if (b->view != NULL)
			interval_want(&in, b->view);
	if (fetch_is_busy(c->fetch))
		arm(c->patience, FILES_SEC * NS_PER_SEC);
	else
		begin_naming(c);
}

static void
on_collected(void *arg)
{
	struct component *c = arg;

	event_del(c->patience);
	report(c);
	begin_matching(c);
}

/* The sampler or a file took too long: go on with what there is. */
static void
on_patience(evutil_socket_t fd, short what, void *arg)
{
	struct component *c = arg;

	(void)fd;
	(void)what;
	if (c->phase == COLLECTING) {
		log_warnx("component", "no answer from the sampler in %d s",
		    COLLECT_SEC);
		c->failed++;
		sampler_restart(c->sampler);
	} else if (c->phase == MATCHING) {
		begin_fetching(c);
	} else if (c->phase == FETCHING) {
		begin_naming(c);
	} else if (c->phase == NAMING) {
		end_interval(c);
	}
}

/* There is no sampler to ask: what one left behind is still worked on. */
static void
go_on_without(struct component *c)
{
	c->failed++;
	if (c->leaving)
		sampler_stop(c->sampler);
	/* what it counted comes with the next one, if there is a next one */
	if (c->finish_asked && sampler_session(c->sampler) == 0)
		account_settle(&c->account);
	if (account_is_open(&c->account) || TAILQ_EMPTY(&c->batches.came) ||
	    c->targets == NULL) {
		apply_change(c);
		report(c);
		finish_if_done(c);
	} else {
		begin_matching(c);
	}
}

static void
start_interval(struct component *c)
{
	c->finish_asked = c->finishing;
	c->interval++;
	if (sampler_session(c->sampler) == 0 || c->targets == NULL) {
		go_on_without(c);
		return;
	}
	if (!sampler_collect(c->sampler, c->interval, c->leaving)) {
		sampler_restart(c->sampler);
		return;
	}
	c->stopped = c->leaving;
	c->phase = COLLECTING;
	arm(c->patience, COLLECT_SEC * NS_PER_SEC);
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct component *c = arg;

	(void)fd;
	(void)what;
	arm(c->tick, c->settings.collect_interval_ns);
	if (c->phase == WAITING && !c->resting)
		start_interval(c);
}

static void
on_news(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	report(arg);
}

/* ---- from outside */

struct component *
component_new(
    const struct component_host *host, const phlare_Settings *settings)
{
	struct component *c = ecalloc(1, sizeof(*c));

	c->host = host;
	c->settings = *settings;
	batches_init(&c->batches);
	c->tick = evtimer_new(host->base, on_tick, c);
	c->patience = evtimer_new(host->base, on_patience, c);
	c->finished = evtimer_new(host->base, on_finished, c);
	c->news = evtimer_new(host->base, on_news, c);
	if (c->news == NULL || c->tick == NULL || c->patience == NULL ||
	    c->finished == NULL)
		fatalx("out of memory");
	c->clock = clock_new();
	c->opener = opener_new(host->base, host->opener_path);
	c->fetch = fetch_new(host->base, c->opener, NULL, on_files_settled, c);
	c->files = elf_cache_new(
	    c->fetch, settings->elf_cache_size, ELF_CACHE_MAX_BYTES);
	c->perf_maps = perf_maps_new(c->fetch, PERF_MAPS_MAX_BYTES);
	c->vdso = vdso_new(c->fetch);
	c->names = names_new(host->base, on_names_ready, c);
	names_set_mode(c->names, (enum demangle_mode)settings->demangle);
	c->processes = process_cache_new(settings->pid_cache_size, c->files);
	c->matching =
	    matching_new(&(const struct matching_host){ c, ask_opener,
			     on_container_known, on_containers_settled },
		settings->container_id_cache_size);
	c->work = work_new(&(const struct work_host){
	    settings->component, &c->account, c, on_profile });
	c->sampler = sampler_new(
	    &(const struct sampler_host){
		.base = host->base,
		.path = host->collector_path,
		.account = &c->account,
		.clock = c->clock,
		.batches = &c->batches,
		.arg = c,
		.on_begin = on_sampler_begin,
		.on_gone = on_sampler_gone,
		.on_news = on_new_processes,
		.on_collected = on_collected,
	    },
	    settings);
	arm(c->tick, settings->collect_interval_ns);
	return c;
}

void
component_free(struct component *component)
{
	if (component == NULL)
		return;
	sampler_free(component->sampler);
	opener_free(component->opener);
	process_cache_free(component->processes);
	matching_free(component->matching);
	elf_cache_free(component->files);
	perf_maps_free(component->perf_maps);
	vdso_free(component->vdso);
	fetch_free(component->fetch);
	names_free(component->names);
	work_free(component->work);
	batches_fini(&component->batches);
	targets_free(component->targets);
	targets_free(component->change.targets);
	account_fini(&component->account);
	clock_free(component->clock);
	event_free(component->tick);
	event_free(component->patience);
	event_free(component->finished);
	event_free(component->news);
	free(component);
}

void
component_configure(
    struct component *component, const phlare_Settings *settings)
{
	if (component->leaving) {
		component->leaving = false;
		component->finishing = component->finish_asked = false;
		component->resting = false;
		if (!component->stopped)
			sampler_start(component->sampler);
	}
	component->change.settings = *settings;
	component->change.settings_set = true;
	change_soon(component);
}

bool
component_set_targets(struct component *component, const void *data,
    size_t size, const char **why)
{
	struct targets *new =
	    targets_decode(data, size, component->settings.name, why);

	if (new == NULL)
		return false;
	targets_free(component->change.targets);
	component->change.targets = new;
	change_soon(component);
	return true;
}

void
component_finish(struct component *component)
{
	component->finishing = true;
	component->finish_asked = false;
	if (component->phase == WAITING)
		start_interval(component);
}

void
component_resume(struct component *component)
{
	component->resting = false;
	if (!component->leaving)
		component->finishing = component->finish_asked = false;
}

void
component_leave(struct component *component)
{
	if (component->leaving)
		return;
	component->leaving = true;
	component_finish(component);
}

bool
component_leaving(const struct component *component)
{
	return component->leaving;
}

bool
component_finishing(const struct component *component)
{
	return component->finishing;
}

void
component_taken(struct component *component, uint64_t samples, bool delivered)
{
	struct account *a = &component->account;

	if (delivered) {
		account_outcome(a, LEDGER_DELIVERED, samples);
	} else {
		account_outcome(a, LEDGER_DROPPED_SHIPPER, samples);
		a->own.n[LEDGER_PROFILES_BUILT]++;
		a->own.n[LEDGER_PROFILES_DROPPED_SHIPPER]++;
	}
	component->untaken--;
	report(component);
	finish_if_done(component);
}

void
component_tell(struct component *component)
{
	report(component);
}

uint32_t
component_number(const struct component *component)
{
	return component->settings.component;
}

void
component_report(const struct component *component, phlare_LedgerReport *report)
{
	struct ledger total = account_total(&component->account);
	struct clock_cpu sum = clock_sum(component->clock);
	const struct clock_cpu *cpu;

	*report = (phlare_LedgerReport)phlare_LedgerReport_init_zero;
	report->component = component->settings.component;
	report->counters_count = LEDGER_COUNTERS;
	memcpy(report->counters, total.n, sizeof(total.n));
	report->ticks_expected = sum.expected;
	report->ticks_idle = sum.idle;
	report->ticks_steal = sum.steal;
	report->ticks_unexplained = sum.unexplained;
	report->ticks_down = clock_down_ticks(component->clock);
	if (sampler_samples(component->sampler))
		report->collector_session = sampler_session(component->sampler);
	for (size_t i = 0; (cpu = clock_get(component->clock, i)) != NULL &&
			   i < sizeof(report->cpus) / sizeof(report->cpus[0]);
	     i++)
		report->cpus[report->cpus_count++] = (phlare_CpuClock){
			.cpu = i,
			.expected = cpu->expected,
			.runs = cpu->runs,
			.idle = cpu->idle,
			.steal = cpu->steal,
			.unexplained = cpu->unexplained,
		};
}

void
component_status(
    const struct component *component, phlare_SymbolizerStatus *status)
{
	struct elf_cache_counts files = elf_cache_counts(component->files);
	struct perf_maps_counts maps = perf_maps_counts(component->perf_maps);
	struct process_cache_counts pids =
	    process_cache_counts(component->processes);
	struct matching_counts containers =
	    matching_counts(component->matching);
	const char *trouble = sampler_trouble(component->sampler);

	*status = (phlare_SymbolizerStatus)phlare_SymbolizerStatus_init_zero;
	if (trouble == NULL)
		trouble = opener_trouble(component->opener);
	status->component = component->settings.component;
	status->healthy = trouble == NULL;
	snprintf(
	    status->text, sizeof(status->text), "%s", trouble ? trouble : "");
	status->interval = component->interval;
	status->pids_cached = pids.cached;
	status->pids_evicted = pids.evicted;
	status->files_cached = files.cached + maps.cached;
	status->files_parsed = files.parsed + maps.parsed;
	status->files_refused = files.refused + maps.refused;
	status->files_evicted = files.evicted + maps.evicted;
	status->table_bytes = files.bytes + maps.bytes;
	status->map_bytes = sampler_map_bytes(component->sampler);
	status->frames_named = work_named(component->work);
	status->frames_unnamed = work_unnamed(component->work);
	if (component->targets != NULL) {
		status->container_targets =
		    targets_containers(component->targets);
		status->pid_targets = targets_pids(component->targets);
	}
	status->container_ids_cached = containers.cached;
	status->container_ids_evicted = containers.evicted;
	status->cgroups_asked = containers.asked;
	status->intervals_failed = component->failed;
}
