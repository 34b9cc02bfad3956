/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolizer/component.h"

#include <assert.h>
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include "common/batch.h"
#include "common/collector.pb.h"
#include "common/log.h"
#include "common/memfd.h"
#include "common/notify.h"
#include "common/settings.h"
#include "common/version.h"
#include "symbolizer/account.h"
#include "symbolizer/batch_view.h"
#include "symbolizer/clock.h"
#include "symbolizer/elf_cache.h"
#include "symbolizer/fetch.h"
#include "symbolizer/interval.h"
#include "symbolizer/kernel_symbols.h"
#include "symbolizer/link.h"
#include "symbolizer/matching.h"
#include "symbolizer/names.h"
#include "symbolizer/opener.h"
#include "symbolizer/pprof.h"
#include "symbolizer/perf_maps.h"
#include "symbolizer/process.h"
#include "symbolizer/targets.h"
#include "symbolizer/vdso.h"

static_assert((int)DEMANGLE_NONE == (int)phlare_Demangle_DEMANGLE_NONE &&
		  (int)DEMANGLE_FULL == (int)phlare_Demangle_DEMANGLE_FULL,
    "settings carry the numbers of enum demangle_mode");

/* How long an interval waits for CollectDone, for files, for cgroup files. */
#define COLLECT_SEC 10
#define FILES_SEC 2
#define NAMES_SEC 3
#define CONTAINERS_SEC 1
#define PAGE_MAX_BYTES 65536
#define KERNEL_TEXT_MAX (64u * 1024 * 1024)
#define NS_PER_SEC 1000000000ULL
/* Samples of batches that may wait to be worked on, in bytes of memfd. */
#define WAITING_MAX_BYTES (256u * 1024 * 1024)

enum phase {
	WAITING,    /* for the timer */
	COLLECTING, /* Collect is sent, batches come in */
	MATCHING,   /* container ids of their processes are being read */
	FETCHING,   /* tables that the batches need are on their way */
	NAMING,     /* all is added up, names are being demangled */
};

struct batch {
	TAILQ_ENTRY(batch) entry;
	struct batch_view *view;
	uint64_t samples;
};

TAILQ_HEAD(batches, batch);

/* Batches of one period added up; profiles once the names are readable. */
struct worked {
	TAILQ_ENTRY(worked) entry;
	struct interval_result *result;
	struct pprof_meta meta;
};

/* An interval whose profiles are not all taken yet. */
struct debt {
	TAILQ_ENTRY(debt) entry;
	uint64_t interval, last_sequence, session;
	uint64_t samples; /* of its batches */
	struct ledger counters;
	uint32_t untaken;
	bool closed; /* all its profiles are handed over */
};

struct component {
	const struct component_host *host;
	phlare_Settings settings;
	struct targets *targets;
	struct link *sampler;
	struct opener *opener;
	struct fetch *fetch;
	struct elf_cache *files;
	struct perf_maps *perf_maps;
	struct vdso *vdso;
	struct process_cache *processes;
	struct matching *matching;
	struct kernel_symbols *kernel;
	struct account account;
	struct clock_ledger *clock;
	struct event *tick, *patience;
	struct batches batches, working;
	TAILQ_HEAD(, worked) worked;
	struct names *names;
	struct debt *debt; /* of the interval that is worked on */
	size_t waiting_bytes;
	TAILQ_HEAD(, debt) debts;
	enum phase phase;
	uint64_t interval, session, last_sequence, last_samples;
	struct ledger last_counters;
	uint64_t period, down_since, map_bytes;
	int64_t next_time; /* no profile that is to come begins before it */
	uint64_t named, unnamed;
	bool finishing, finish_asked;
	char trouble[256];
};

static void start_interval(struct component *c);
static void on_files_settled(void *arg);
static void begin_fetching(struct component *c);

static uint64_t
boottime(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return ts.tv_sec * NS_PER_SEC + ts.tv_nsec;
}

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
		.kernel = c->kernel,
		.matching = c->matching,
		.now = boottime(),
		.comm_frame = c->settings.comm & 2,
		.comm_label = c->settings.comm & 1,
		.pid_label = c->settings.pid_label != 0,
	};
}

/* ---- the sampler */

static void
send_settings(struct component *c)
{
	phlare_SamplerRequest m = phlare_SamplerRequest_init_zero;

	m.which_body = phlare_SamplerRequest_settings_tag;
	m.body.settings.sample_rate = c->settings.sample_rate;
	m.body.settings.collect_user = c->settings.collect_user;
	m.body.settings.collect_kernel = c->settings.collect_kernel;
	link_send(c->sampler, &m, -1);
}

static void
on_sampler_up(void *owner)
{
	struct component *c = owner;
	phlare_SamplerRequest m = phlare_SamplerRequest_init_zero;

	m.which_body = phlare_SamplerRequest_hello_tag;
	m.body.hello.protocol_version = IPC_PROTOCOL_VERSION;
	m.body.hello.program_version = PROGRAM_VERSION;
	m.body.hello.session = c->settings.component;
	link_send(c->sampler, &m, -1);
}

static void
batch_free(struct component *c, struct batches *list, struct batch *b)
{
	TAILQ_REMOVE(list, b, entry);
	c->waiting_bytes -= b->view->size;
	batch_view_free(b->view);
	free(b);
}

static void
on_sampler_down(void *owner)
{
	struct component *c = owner;

	account_end(&c->account);
	notify_send("STATUS=waiting for the collector");
	if (c->session != 0)
		c->down_since = boottime();
	c->session = 0;
	if (c->phase == COLLECTING) {
		c->phase = WAITING;
		event_del(c->patience);
		arm(c->tick, c->settings.collect_interval_ns);
	}
}

static void
on_sampler_hello(void *arg, const void *body, int fd)
{
	struct component *c = link_owner(arg);
	const phlare_SamplerHello *hello = body;
	phlare_SamplerRequest m = phlare_SamplerRequest_init_zero;
	const void *page = NULL;
	size_t size = 0;

	if (!link_version_ok(c->sampler, hello->protocol_version)) {
		close(fd);
		return;
	}
	if (memfd_map_live(fd, PAGE_MAX_BYTES, &page, &size) < 0 ||
	    size < sizeof(struct ledger_page)) {
		log_warnx("component", "the sampler's ledger page is no good");
		memfd_unmap(page, size);
		page = NULL;
	}
	close(fd);
	account_begin(&c->account, hello->listener_session, page, size,
	    hello->orphans, hello->orphans_count);
	c->session = hello->session;
	c->last_sequence = 0;
	c->last_samples = 0;
	c->map_bytes = hello->map_bytes;
	if (c->down_since == 0)
		c->down_since = hello->down_since;
	if (c->down_since != 0 && c->period != 0)
		clock_down(c->clock, boottime() - c->down_since, c->period);
	c->down_since = 0;
	send_settings(c);
	m.which_body = phlare_SamplerRequest_kernel_symbols_tag;
	link_send(c->sampler, &m, -1);
	notify_send(NOTIFY_SAMPLING);
}

static void
on_stat_file(void *arg, const void *body, int fd)
{
	struct component *c = link_owner(arg);

	(void)body;
	clock_begin(c->clock, fd);
}

static void
on_processes(void *arg, const void *body, int fd)
{
	struct component *c = link_owner(arg);
	struct interval_input in = input_of(c);
	const phlare_ProcessNews *news = body;
	struct batch_view *view =
	    fd >= 0 ? batch_view_open(fd)
		    : batch_view_copy(news->data.bytes, news->data.size);

	if (view == NULL) {
		log_warnx("component", "process news do not hold together");
		return;
	}
	if (c->targets != NULL)
		interval_prefetch(&in, view);
	batch_view_free(view);
}

static void
on_batch(void *arg, const void *body, int fd)
{
	struct component *c = link_owner(arg);
	const phlare_Batch *message = body;
	struct batch *b;
	struct batch_view *view = batch_view_open(fd);

	account_received(&c->account, message->samples);
	c->last_samples += message->samples;
	if (view == NULL || batch_view_samples(view) != message->samples ||
	    c->waiting_bytes + view->size > WAITING_MAX_BYTES) {
		log_warnx("component",
		    "a batch of %llu samples does not hold together",
		    (unsigned long long)message->samples);
		c->account.own.n[LEDGER_DROPPED_MALFORMED] += message->samples;
		batch_view_free(view);
		return;
	}
	b = ecalloc(1, sizeof(*b));
	b->view = view;
	b->samples = message->samples;
	c->waiting_bytes += view->size;
	TAILQ_INSERT_TAIL(&c->batches, b, entry);
}

static void
on_kernel_symbols(void *arg, const void *body, int fd)
{
	struct component *c = link_owner(arg);
	const phlare_KernelSymbols *m = body;
	const char *why = strerror(m->error);
	const void *text = NULL;
	size_t size = 0;

	if (m->error == 0 && fd >= 0 &&
	    memfd_map(fd, KERNEL_TEXT_MAX, &text, &size) == 0) {
		struct kernel_symbols *new =
		    kernel_symbols_parse(text, size, &why);

		memfd_unmap(text, size);
		if (new != NULL) {
			kernel_symbols_free(c->kernel);
			c->kernel = new;
			why = NULL;
		}
		malloc_trim(0);
	}
	if (why != NULL)
		log_warnx("component", "no kernel symbols: %s", why);
	if (fd >= 0)
		close(fd);
}

/* ---- an interval */

static struct debt *
debt_new(struct component *c)
{
	struct debt *d = ecalloc(1, sizeof(*d));

	d->interval = c->interval;
	d->session = c->session;
	d->last_sequence = c->last_sequence;
	d->samples = c->last_samples;
	d->counters = c->last_counters;
	c->last_samples = 0;
	TAILQ_INSERT_TAIL(&c->debts, d, entry);
	return d;
}

/* Acknowledges what is out of our hands, in order. */
static void
pay_debts(struct component *c)
{
	struct debt *d;
	bool paid = false;

	while ((d = TAILQ_FIRST(&c->debts)) != NULL && d->closed &&
	       d->untaken == 0) {
		TAILQ_REMOVE(&c->debts, d, entry);
		if (d->session == c->session && c->session != 0) {
			phlare_SamplerRequest m =
			    phlare_SamplerRequest_init_zero;

			account_acked(&c->account, d->samples, &d->counters);
			c->host->on_interval(c->host->arg, c);
			m.which_body = phlare_SamplerRequest_ack_tag;
			m.body.ack.sequence = d->last_sequence;
			link_send(c->sampler, &m, -1);
			paid = true;
		}
		free(d);
	}
	if (!paid)
		c->host->on_interval(c->host->arg, c);
	if (c->finish_asked && TAILQ_EMPTY(&c->debts) && c->phase == WAITING) {
		c->finish_asked = c->finishing = false;
		c->host->on_finished(c->host->arg, c);
	}
}

/* What the parts of one target's profile have in common. */
struct handing_over {
	struct component *component;
	struct debt *debt;
	struct finished_profile profile;
};

/* Compresses one encoded part and hands it over. Takes data. */
static void
hand_over(void *arg, const struct pprof_part *part)
{
	struct handing_over *h = arg;
	struct component *c = h->component;
	struct finished_profile p = h->profile;
	void *packed = NULL;

	p.fd = -1;
	p.samples = part->samples;
	p.time_ns = part->time_ns;
	p.raw_bytes = part->size;
	if (pprof_compress(part->data, part->size, &packed, &p.bytes) == 0 &&
	    p.bytes <= SETTINGS_PROFILE_MAX_BYTES &&
	    (p.fd = memfd_new("profile")) >= 0 &&
	    memfd_append(p.fd, packed, p.bytes) == 0 && memfd_seal(p.fd) == 0) {
		c->account.own.n[LEDGER_PROFILES_BUILT]++;
		h->debt->untaken++;
		c->host->on_profile(c->host->arg, &p);
	} else {
		c->account.own.n[LEDGER_DROPPED_MEMORY] += p.samples;
		if (p.fd >= 0)
			close(p.fd);
	}
	free(packed);
	free(part->data);
}

static void
build_profiles(struct component *c, struct debt *d,
    const struct interval_result *r, int target, const struct pprof_meta *meta)
{
	struct handing_over h = { .component = c,
		.debt = d,
		.profile = { .component = c->settings.component,
		    .interval = d->interval,
		    .duration_ns = meta->duration_ns } };
	int64_t next;

	h.profile.labels =
	    targets_labels(c->targets, target, &h.profile.labels_size);
	next = pprof_encode_all(
	    r->frames, r->profiles[target], meta, hand_over, &h);
	if (c->next_time < next)
		c->next_time = next;
}

/* The batches at the front of the list that share one period. */
static void
work_off(struct component *c)
{
	struct interval_input in = input_of(c);
	const struct batch_header *h = TAILQ_FIRST(&c->working)->view->header;
	struct worked *w = ecalloc(1, sizeof(*w));
	uint64_t start = h->boot_start, end = h->boot_end;
	struct batch *b;

	w->result = interval_begin(&in);
	w->meta.period_ns = h->period;
	w->meta.time_ns = h->wall_start;
	while ((b = TAILQ_FIRST(&c->working)) != NULL &&
	       b->view->header->period == w->meta.period_ns) {
		interval_add(w->result, &in, b->view, &c->account.own);
		end = b->view->header->boot_end;
		batch_free(c, &c->working, b);
	}
	w->meta.duration_ns = end > start ? end - start : 0;
	c->named += w->result->named;
	c->unnamed += w->result->unnamed;
	TAILQ_INSERT_TAIL(&c->worked, w, entry);
}

static void
worked_free(struct component *c, struct worked *w)
{
	TAILQ_REMOVE(&c->worked, w, entry);
	interval_free(w->result);
	free(w);
}

static void
build_all(struct component *c, struct debt *d)
{
	struct worked *w;

	while ((w = TAILQ_FIRST(&c->worked)) != NULL) {
		const struct interval_result *r = w->result;

		names_apply(c->names, r->frames);
		if (w->meta.time_ns < c->next_time)
			w->meta.time_ns = c->next_time;
		for (int t = 0; t < r->count; t++)
			if (r->profiles[t] != NULL)
				build_profiles(c, d, r, t, &w->meta);
		worked_free(c, w);
	}
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
	struct debt *d = c->debt;

	event_del(c->patience);
	names_stop(c->names);
	c->phase = WAITING;
	build_all(c, d);
	c->debt = NULL;
	d->closed = true;
	sweep(c);
	if (c->finishing && !c->finish_asked) {
		start_interval(c); /* it was asked for during this one */
		return;
	}
	pay_debts(c);
}

static void
begin_naming(struct component *c)
{
	struct worked *w;

	event_del(c->patience);
	c->phase = NAMING;
	while (!TAILQ_EMPTY(&c->working))
		work_off(c);
	TAILQ_FOREACH(w, &c->worked, entry)
		names_want(c->names, w->result->frames);
	if (names_start(c->names))
		arm(c->patience, NAMES_SEC * NS_PER_SEC);
	else
		end_interval(c);
}

/* What is added up goes by the targets that it was added up for. */
static void
end_naming(struct component *c)
{
	if (c->phase == NAMING)
		end_interval(c);
}

static void
on_names_ready(void *arg)
{
	end_naming(arg);
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
	c->debt = debt_new(c);
	TAILQ_CONCAT(&c->working, &c->batches, entry);
	TAILQ_FOREACH(b, &c->working, entry)
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
	TAILQ_FOREACH(b, &c->working, entry)
		interval_want(&in, b->view);
	if (fetch_is_busy(c->fetch))
		arm(c->patience, FILES_SEC * NS_PER_SEC);
	else
		begin_naming(c);
}

static void
read_clock(struct component *c)
{
	struct batch *last = TAILQ_LAST(&c->batches, batches);

	if (last == NULL)
		return;
	c->period = last->view->header->period;
	clock_update(c->clock, last->view->cpus, last->view->header->cpus.count,
	    c->period);
}

static void
on_done(void *arg, const void *body, int fd)
{
	struct component *c = link_owner(arg);
	const phlare_CollectDone *m = body;

	(void)fd;
	if (c->phase != COLLECTING || m->interval != c->interval)
		return;
	event_del(c->patience);
	read_clock(c);
	account_collected(&c->account, m->counters, m->counters_count);
	c->last_counters = c->account.latest;
	c->last_sequence = m->last_sequence;
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
		link_restart(c->sampler);
	} else if (c->phase == MATCHING) {
		begin_fetching(c);
	} else if (c->phase == FETCHING) {
		begin_naming(c);
	} else if (c->phase == NAMING) {
		end_interval(c);
	}
}

static void
start_interval(struct component *c)
{
	phlare_SamplerRequest m = phlare_SamplerRequest_init_zero;

	c->finish_asked = c->finishing;
	m.which_body = phlare_SamplerRequest_collect_tag;
	m.body.collect.interval = ++c->interval;
	if (c->session == 0 || c->targets == NULL ||
	    link_send(c->sampler, &m, -1) < 0) {
		/* nothing new; what a sampler left behind is still worked on */
		if (!TAILQ_EMPTY(&c->batches) && c->targets != NULL)
			begin_matching(c);
		else
			pay_debts(c);
		return;
	}
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
	if (c->phase == WAITING)
		start_interval(c);
}

/* ---- from outside */

static const struct ipc_handler sampler_handlers[] = {
	{ phlare_SamplerEvent_hello_tag, IPC_FD, on_sampler_hello },
	{ phlare_SamplerEvent_processes_tag, IPC_FD_OPTIONAL, on_processes },
	{ phlare_SamplerEvent_batch_tag, IPC_FD, on_batch },
	{ phlare_SamplerEvent_done_tag, 0, on_done },
	{ phlare_SamplerEvent_kernel_symbols_tag, IPC_FD_OPTIONAL,
	    on_kernel_symbols },
	{ phlare_SamplerEvent_stat_file_tag, IPC_FD, on_stat_file },
	{ 0 },
};

static const struct link_role sampler_role = {
	.peer = "sampler",
	.recv = phlare_SamplerEvent_fields,
	.recv_size = sizeof(phlare_SamplerEvent),
	.recv_body = offsetof(phlare_SamplerEvent, body),
	.send = phlare_SamplerRequest_fields,
	.handlers = sampler_handlers,
	.on_up = on_sampler_up,
	.on_down = on_sampler_down,
};

struct component *
component_new(
    const struct component_host *host, const phlare_Settings *settings)
{
	struct component *c = ecalloc(1, sizeof(*c));

	c->host = host;
	c->settings = *settings;
	TAILQ_INIT(&c->batches);
	TAILQ_INIT(&c->working);
	TAILQ_INIT(&c->worked);
	TAILQ_INIT(&c->debts);
	c->tick = evtimer_new(host->base, on_tick, c);
	c->patience = evtimer_new(host->base, on_patience, c);
	if (c->tick == NULL || c->patience == NULL)
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
	c->sampler =
	    link_new(host->base, host->collector_path, &sampler_role, c);
	arm(c->tick, settings->collect_interval_ns);
	return c;
}

void
component_free(struct component *component)
{
	struct debt *d;

	if (component == NULL)
		return;
	link_free(component->sampler);
	opener_free(component->opener);
	process_cache_free(component->processes);
	matching_free(component->matching);
	elf_cache_free(component->files);
	perf_maps_free(component->perf_maps);
	vdso_free(component->vdso);
	fetch_free(component->fetch);
	names_free(component->names);
	while (!TAILQ_EMPTY(&component->worked))
		worked_free(component, TAILQ_FIRST(&component->worked));
	TAILQ_CONCAT(&component->working, &component->batches, entry);
	while (!TAILQ_EMPTY(&component->working))
		batch_free(component, &component->working,
		    TAILQ_FIRST(&component->working));
	while ((d = TAILQ_FIRST(&component->debts)) != NULL) {
		TAILQ_REMOVE(&component->debts, d, entry);
		free(d);
	}
	kernel_symbols_free(component->kernel);
	targets_free(component->targets);
	account_fini(&component->account);
	clock_free(component->clock);
	event_free(component->tick);
	event_free(component->patience);
	free(component);
}

void
component_configure(
    struct component *component, const phlare_Settings *settings)
{
	phlare_Settings old = component->settings;

	component->settings = *settings;
	elf_cache_resize(component->files, settings->elf_cache_size);
	process_cache_resize(component->processes, settings->pid_cache_size);
	matching_resize(component->matching, settings->container_id_cache_size);
	if (old.demangle != settings->demangle) {
		end_naming(component);
		names_set_mode(
		    component->names, (enum demangle_mode)settings->demangle);
	}
	if (old.collect_interval_ns != settings->collect_interval_ns)
		arm(component->tick, settings->collect_interval_ns);
	if (component->session != 0 &&
	    (old.sample_rate != settings->sample_rate ||
		old.collect_user != settings->collect_user ||
		old.collect_kernel != settings->collect_kernel))
		send_settings(component);
}

bool
component_set_targets(struct component *component, const void *data,
    size_t size, const char **why)
{
	struct targets *new =
	    targets_decode(data, size, component->settings.name, why);

	if (new == NULL)
		return false;
	end_naming(component);
	matching_set_targets(component->matching, new);
	targets_free(component->targets);
	component->targets = new;
	if (targets_count(new) > 0 &&
	    targets_containers(new) + targets_pids(new) == 0)
		log_warnx("targets",
		    "%s: no container IDs found in targets (%zu given)",
		    component->settings.name, targets_count(new));
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

bool
component_finishing(const struct component *component)
{
	return component->finishing;
}

void
component_taken(struct component *component, uint64_t interval,
    uint64_t samples, bool delivered)
{
	struct ledger *own = &component->account.own;
	struct debt *d;

	if (delivered) {
		own->n[LEDGER_DELIVERED] += samples;
	} else {
		own->n[LEDGER_DROPPED_SHIPPER] += samples;
		own->n[LEDGER_PROFILES_DROPPED_SHIPPER]++;
	}
	TAILQ_FOREACH(d, &component->debts, entry)
		if (d->interval == interval && d->untaken > 0) {
			d->untaken--;
			break;
		}
	pay_debts(component);
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
	report->collector_session = component->session;
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
	const char *trouble = link_trouble(component->sampler);

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
	status->map_bytes = component->map_bytes;
	status->frames_named = component->named;
	status->frames_unnamed = component->unnamed;
	if (component->targets != NULL) {
		status->container_targets =
		    targets_containers(component->targets);
		status->pid_targets = targets_pids(component->targets);
	}
	status->container_ids_cached = containers.cached;
	status->container_ids_evicted = containers.evicted;
	status->cgroups_asked = containers.asked;
}

#define IN(value, low, high) ((value) >= (low) && (value) <= (high))

bool
component_settings_ok(const phlare_Settings *settings, const char **why)
{
	const struct {
		bool good;
		const char *why;
	} checks[] = {
		{ IN(settings->component, 1, SETTINGS_COMPONENTS_MAX),
		    "component" },
		{ settings->name[0] != '\0', "name" },
		{ IN(settings->sample_rate, 1, SETTINGS_RATE_MAX),
		    "sample_rate" },
		{ IN(settings->collect_interval_ns, SETTINGS_INTERVAL_MIN_NS,
		      SETTINGS_INTERVAL_MAX_NS),
		    "collect_interval" },
		{ IN(settings->pid_cache_size, 1, SETTINGS_PID_CACHE_MAX),
		    "pid_cache_size" },
		{ IN(settings->elf_cache_size, 1, SETTINGS_ELF_CACHE_MAX),
		    "elf_cache_size" },
		{ IN(settings->container_id_cache_size, 1,
		      SETTINGS_PID_CACHE_MAX),
		    "container_id_cache_size" },
		{ settings->collect_user <= 1, "collect_user" },
		{ settings->collect_kernel <= 1, "collect_kernel" },
		{ settings->demangle <= phlare_Demangle_DEMANGLE_FULL,
		    "demangle" },
		{ settings->comm <= phlare_Comm_COMM_BOTH, "comm" },
		{ settings->pid_label <= 1, "pid_label" },
	};

	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
		if (!checks[i].good) {
			*why = checks[i].why;
			return false;
		}
	return true;
}
