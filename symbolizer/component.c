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
	struct batch_view *view; /* NULL: its samples are lost, for a reason */
	enum ledger_counter reason;
	uint64_t samples;
};

TAILQ_HEAD(batches, batch);

/* Batches of one period added up; profiles once the names are readable. */
struct worked {
	TAILQ_ENTRY(worked) entry;
	struct interval_result *result;
	struct pprof_meta meta;
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
	struct event *tick, *patience, *finished, *news;
	struct batches batches, working;
	TAILQ_HEAD(, worked) worked;
	struct names *names;
	size_t waiting_bytes;
	struct change change;
	enum phase phase;
	uint64_t interval, session, last_sequence;
	bool ack_due;     /* up to last_sequence */
	uint64_t untaken; /* profiles handed over */
	uint64_t down_since, map_bytes;
	int64_t next_time; /* no profile that is to come begins before it */
	uint64_t named, unnamed;
	uint64_t failed; /* intervals */
	bool finishing, finish_asked;
	bool resting; /* finished: the shipper that asked is about to go */
	bool leaving; /* finishing, and nothing comes after that */
	bool stopped; /* as it leaves, its sampler was told to stop */
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

static bool
change_waits(const struct component *c)
{
	return c->change.settings_set || c->change.targets != NULL;
}

/* ---- the sampler */

/*
 * Once the shipper has the counters in its books, the sampler need not hand
 * them to whoever comes after us.
 */
static void
report(struct component *c)
{
	phlare_SamplerRequest m = phlare_SamplerRequest_init_zero;

	if (!c->host->report(c->host->arg, c) || !c->ack_due)
		return;
	m.which_body = phlare_SamplerRequest_ack_tag;
	m.body.ack.sequence = c->last_sequence;
	if (link_send(c->sampler, &m, -1) < 0)
		return;
	account_acked(&c->account);
	c->ack_due = false;
}

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
	if (b->view != NULL)
		c->waiting_bytes -= b->view->size;
	batch_view_free(b->view);
	free(b);
}

static void
on_sampler_down(void *owner)
{
	struct component *c = owner;
	uint64_t seen = account_end(&c->account);

	notify_send("STATUS=waiting for the collector");
	if (c->session != 0)
		c->down_since = seen != 0 ? seen : boottime();
	c->session = 0;
	c->ack_due = c->stopped = false;
	if (c->phase == COLLECTING) {
		c->phase = WAITING;
		event_del(c->patience);
		arm(c->tick, c->settings.collect_interval_ns);
	}
	event_active(c->news, EV_TIMEOUT, 0);
	if (c->finishing || change_waits(c))
		arm(c->tick, 0); /* that does not wait for another one */
}

/* How long nobody has sampled; of our own sampler we know it ourselves. */
static void
count_gap(struct component *c, const phlare_SamplerHello *hello)
{
	uint64_t since = c->down_since, now = boottime(), ns = 0;

	if (since == 0) {
		since = hello->down_since;
		ns = hello->down_ns;
	}
	if (since != 0 && since < now)
		ns += now - since;
	c->down_since = 0;
	clock_down(c->clock, ns, NS_PER_SEC / c->settings.sample_rate);
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
	c->ack_due = true;
	c->map_bytes = hello->map_bytes;
	count_gap(c, hello);
	send_settings(c);
	report(c);
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

/* Samples that are lost, to be counted when their interval is. */
static void
add_lost(struct component *c, enum ledger_counter reason, uint64_t samples)
{
	struct batch *b = TAILQ_LAST(&c->batches, batches);

	if (b == NULL || b->view != NULL || b->reason != reason) {
		b = ecalloc(1, sizeof(*b));
		b->reason = reason;
		TAILQ_INSERT_TAIL(&c->batches, b, entry);
	}
	b->samples += samples;
}

static void
add_batch(struct component *c, struct batch_view *view, uint64_t samples)
{
	struct batch *b = ecalloc(1, sizeof(*b));

	b->view = view;
	b->samples = samples;
	c->waiting_bytes += view->size;
	TAILQ_INSERT_TAIL(&c->batches, b, entry);
}

/* The last one of a rate: its clock ends here. */
static void
watch_rate(struct component *c, const struct batch_view *view)
{
	uint64_t period = view->header->period;

	if (period == NS_PER_SEC / c->settings.sample_rate)
		return;
	clock_update(c->clock, view->cpus, view->header->cpus.count, period);
	clock_new_rate(c->clock, view->cpus, view->header->cpus.count);
}

static void
on_batch(void *arg, const void *body, int fd)
{
	struct component *c = link_owner(arg);
	const phlare_Batch *message = body;
	struct batch_view *view = batch_view_open(fd);
	bool whole =
	    view != NULL && batch_view_samples(view) == message->samples;

	account_received(&c->account, message->samples);
	if (whole && c->waiting_bytes + view->size <= WAITING_MAX_BYTES) {
		watch_rate(c, view);
		add_batch(c, view, message->samples);
		return;
	}
	log_warnx("component", "a batch of %llu samples %s",
	    (unsigned long long)message->samples,
	    whole ? "is too much" : "does not hold together");
	add_lost(c, whole ? LEDGER_DROPPED_MEMORY : LEDGER_DROPPED_MALFORMED,
	    message->samples);
	batch_view_free(view);
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

/* ---- changes */

static void
apply_settings(struct component *c, const phlare_Settings *new)
{
	phlare_Settings old = c->settings;

	c->settings = *new;
	elf_cache_resize(c->files, new->elf_cache_size);
	process_cache_resize(c->processes, new->pid_cache_size);
	matching_resize(c->matching, new->container_id_cache_size);
	names_set_mode(c->names, (enum demangle_mode) new->demangle);
	if (c->session != 0 && (old.sample_rate != new->sample_rate ||
				   old.collect_user != new->collect_user ||
				   old.collect_kernel != new->collect_kernel))
		send_settings(c);
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

/* What the parts of one target's profile have in common. */
struct handing_over {
	struct component *component;
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
		c->untaken++;
		c->host->on_profile(c->host->arg, &p);
		/* they are the whole profile's, and told with its first part */
		h->profile.names = (struct profile_names){ 0 };
	} else {
		account_outcome(&c->account, LEDGER_DROPPED_MEMORY, p.samples);
		if (p.fd >= 0)
			close(p.fd);
	}
	free(packed);
	free(part->data);
}

static void
build_profiles(struct component *c, const struct interval_result *r, int target,
    const struct pprof_meta *meta)
{
	struct handing_over h = { .component = c,
		.profile = { .component = c->settings.component,
		    .duration_ns = meta->duration_ns } };
	int64_t next;

	h.profile.labels =
	    targets_labels(c->targets, target, &h.profile.labels_size);
	h.profile.names = *profile_names(r->profiles[target]);
	next = pprof_encode_all(
	    r->frames, r->profiles[target], meta, hand_over, &h);
	if (c->next_time < next)
		c->next_time = next;
}

/* Adds a batch to the result; what is not in it counts for its reason. */
static void
add_to_result(struct component *c, struct interval_result *r,
    const struct interval_input *in, const struct batch_view *view)
{
	struct ledger lost = { 0 };

	interval_add(r, in, view, &lost);
	for (int i = 0; i < LEDGER_COUNTERS; i++)
		if (lost.n[i] > 0)
			account_outcome(&c->account, i, lost.n[i]);
}

/* The batches at the front of the list that share one period. */
static void
work_off_views(struct component *c)
{
	struct interval_input in = input_of(c);
	const struct batch_header *h = TAILQ_FIRST(&c->working)->view->header;
	struct worked *w = ecalloc(1, sizeof(*w));
	uint64_t start = h->boot_start, end = h->boot_end;
	struct batch *b;

	w->result = interval_begin(&in);
	w->meta.period_ns = h->period;
	w->meta.time_ns = h->wall_start;
	while ((b = TAILQ_FIRST(&c->working)) != NULL && b->view != NULL &&
	       b->view->header->period == w->meta.period_ns) {
		add_to_result(c, w->result, &in, b->view);
		end = b->view->header->boot_end;
		batch_free(c, &c->working, b);
	}
	w->meta.duration_ns = end > start ? end - start : 0;
	c->named += w->result->named;
	c->unnamed += w->result->unnamed;
	TAILQ_INSERT_TAIL(&c->worked, w, entry);
}

static void
work_off(struct component *c)
{
	struct batch *b;

	while ((b = TAILQ_FIRST(&c->working)) != NULL) {
		if (b->view != NULL) {
			work_off_views(c);
			continue;
		}
		account_outcome(&c->account, b->reason, b->samples);
		batch_free(c, &c->working, b);
	}
}

static void
worked_free(struct component *c, struct worked *w)
{
	TAILQ_REMOVE(&c->worked, w, entry);
	interval_free(w->result);
	free(w);
}

static void
build_all(struct component *c)
{
	struct worked *w;

	while ((w = TAILQ_FIRST(&c->worked)) != NULL) {
		const struct interval_result *r = w->result;

		names_apply(c->names, r->frames);
		if (w->meta.time_ns < c->next_time)
			w->meta.time_ns = c->next_time;
		for (int t = 0; t < r->count; t++)
			if (r->profiles[t] != NULL)
				build_profiles(c, r, t, &w->meta);
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
	event_del(c->patience);
	names_stop(c->names);
	c->phase = WAITING;
	build_all(c);
	sweep(c);
	report(c);
	if (c->stopped) {
		/* one that is wanted again needs a new sampler */
		c->stopped = false;
		link_stop(c->sampler);
		if (!c->leaving)
			link_start(c->sampler);
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
	struct worked *w;

	event_del(c->patience);
	c->phase = NAMING;
	work_off(c);
	TAILQ_FOREACH(w, &c->worked, entry)
		names_want(c->names, w->result->frames);
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
	TAILQ_CONCAT(&c->working, &c->batches, entry);
	TAILQ_FOREACH(b, &c->working, entry)
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
	TAILQ_FOREACH(b, &c->working, entry)
		if (b->view != NULL)
			interval_want(&in, b->view);
	if (fetch_is_busy(c->fetch))
		arm(c->patience, FILES_SEC * NS_PER_SEC);
	else
		begin_naming(c);
}

static void
read_clock(struct component *c)
{
	const struct batch *last = TAILQ_LAST(&c->batches, batches);

	if (last != NULL && last->view != NULL)
		clock_update(c->clock, last->view->cpus,
		    last->view->header->cpus.count, last->view->header->period);
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
	c->last_sequence = m->last_sequence;
	c->ack_due = true;
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
		link_restart(c->sampler);
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
		link_stop(c->sampler);
	/* what it counted comes with the next one, if there is a next one */
	if (c->finish_asked && c->session == 0)
		account_settle(&c->account);
	if (account_is_open(&c->account) || TAILQ_EMPTY(&c->batches) ||
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
	phlare_SamplerRequest m = phlare_SamplerRequest_init_zero;

	c->finish_asked = c->finishing;
	m.which_body = phlare_SamplerRequest_collect_tag;
	m.body.collect.interval = ++c->interval;
	m.body.collect.last = c->leaving;
	if (c->session == 0 || c->targets == NULL) {
		go_on_without(c);
		return;
	}
	if (link_send(c->sampler, &m, -1) < 0) {
		link_restart(c->sampler);
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
	c->sampler =
	    link_new(host->base, host->collector_path, &sampler_role, c);
	arm(c->tick, settings->collect_interval_ns);
	return c;
}

void
component_free(struct component *component)
{
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
	kernel_symbols_free(component->kernel);
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
			link_start(component->sampler);
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
	status->intervals_failed = component->failed;
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
