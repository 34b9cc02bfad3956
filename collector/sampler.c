/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One client's sampler: its loop, its requests, its ledger. Sampling, the
 * registry and draining are next door; here is what happens when.
 */
#include "collector/sampler.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <event2/event.h>

#include "bpf/sampler.h"
#include "bpf/sampler.skel.h"
#include "collector/acks.h"
#include "collector/batch_writer.h"
#include "collector/drain.h"
#include "collector/ksyms.h"
#include "collector/orphans.h"
#include "collector/process_events.h"
#include "collector/process_scan.h"
#include "collector/processes.h"
#include "collector/sampling.h"
#include "collector/sampling_trouble.h"
#include "common/collector.pb.h"
#include "common/ipc.h"
#include "common/log.h"
#include "common/now.h"
#include "common/sandbox.h"
#include "common/version.h"

#define RATE_MAX 10000
#define TICK_MS 100
#define GATHER_NS 5000000      /* an exec makes some 10 records in a row */
#define NEWS_NS 15000000       /* what is over by then is no news */
#define SCAN_GAP_NS 1000000000 /* between lists of all processes, at least */
#define SCAN_SHARE 100         /* and this often as long as one takes */
#define ENDED_MAX 2048         /* processes that wait for a drain */
#define NEWS_BYTES (1024 * 1024)
#define NEWS_QUEUED 16 /* the client is slow: it hears of less, later */
/*
 * The kernel's queue to the client, small: so that few batches pile up there
 * when the client does not read, before we see that it does not.
 */
#define SOCKET_BYTES 4096
#define SYMBOLS_GAP_NS 10000000000 /* between copies of all kernel symbols */

struct sampler {
	const struct sampler_context *ctx;
	struct event_base *base;
	struct ipc *ipc;
	struct event *tick, *half_full, *news, **rings;
	struct sampling *sampling;
	struct process_events *events;
	struct process_scan *scan;
	struct processes *processes;
	struct drain *drain;
	struct ksyms *ksyms;
	int stat_file;
	uint64_t session, sequence;
	bool greeted, started;
	bool has_big;    /* processes_big was ever used */
	bool collecting; /* a Collect waits for its drain */
	bool symbols_wanted;
	uint64_t interval;
	int64_t next_scan, next_symbols;
	struct acks acks;
	struct ledger ledger;
};

/* ---- ledger */

static void
update_page(struct sampler *s)
{
	struct ledger_page *page = s->ctx->page;

	sampling_ledger(s->sampling, &s->ledger);
	s->ledger.n[LEDGER_RING_LOST] = process_events_lost(s->events);
	page->now = s->ledger;
	page->enabled = sampling_enabled(s->sampling);
	__atomic_store_n(
	    &page->updated, now_ns(CLOCK_BOOTTIME), __ATOMIC_RELEASE);
}

/* ---- end */

/* The client is gone or unwanted: what we hold is the listener's to count. */
static void __attribute__((noreturn)) finish(struct sampler *s)
{
	sampling_stop(s->sampling);
	update_page(s);
	exit(0);
}

static void __attribute__((noreturn))
violation(struct sampler *s, const char *what)
{
	log_warnx("sampler", "disconnecting symbolizer: %s", what);
	finish(s);
}

static void
on_close(void *arg, const char *why)
{
	log_debug("sampler", "client: %s", why);
	finish(arg);
}

/* An event for the client; without room for it the client is hopeless. */
static void
send_event(struct sampler *s, const phlare_SamplerEvent *event, int fd)
{
	int r = ipc_send(s->ipc, event, fd);

	if (r == -ENOBUFS)
		violation(s, "it does not read");
	else if (r < 0 && r != -EPIPE)
		log_warnx("sampler", "send: %s", strerror(-r));
}

/* ---- processes */

static int
publish_big(struct sampler_bpf *bpf, const struct process *p)
{
	static struct sampler_process_big big;

	for (int i = 0; i < SAMPLER_RANGES_BIG; i++) {
		big.start[i] = SAMPLER_NO_ADDRESS;
		big.end[i] = SAMPLER_NO_ADDRESS;
	}
	processes_ranges(
	    p, (uint64_t *)big.start, (uint64_t *)big.end, SAMPLER_RANGES_BIG);
	return bpf_map_update_elem(
	    bpf_map__fd(bpf->maps.processes_big), &p->pid, &big, BPF_ANY);
}

/* Puts the ranges of a process in force in the kernel, or takes them back. */
static int
publish(void *arg, const struct process *p)
{
	struct sampler *s = arg;
	struct sampler_bpf *bpf = sampling_bpf(s->sampling);
	int fd = bpf_map__fd(bpf->maps.processes);
	struct sampler_process v = {
		.start_latest = p->start_latest,
		.exec_id = p->exec_id,
	};

	if (p->ended != 0) {
		bpf_map_delete_elem(fd, &p->pid);
		if (s->has_big)
			bpf_map_delete_elem(
			    bpf_map__fd(bpf->maps.processes_big), &p->pid);
		return 0;
	}
	for (int i = 0; i < SAMPLER_RANGES; i++) {
		v.start[i] = SAMPLER_NO_ADDRESS;
		v.end[i] = SAMPLER_NO_ADDRESS;
	}
	v.ranges = processes_ranges(
	    p, (uint64_t *)v.start, (uint64_t *)v.end, SAMPLER_RANGES);
	if (v.ranges > SAMPLER_RANGES) {
		s->has_big = true;
		publish_big(bpf, p);
	}
	return bpf_map_update_elem(fd, &p->pid, &v, BPF_ANY);
}

struct news {
	struct batch_writer writer;
	uint32_t count;
};

static bool
add_news(void *arg, struct process *p, uint32_t flags)
{
	struct news *news = arg;

	if (batch_writer_bytes(&news->writer) > NEWS_BYTES)
		return false;
	batch_writer_process(&news->writer, p, flags & ~p->flags);
	news->count++;
	return true;
}

/* Tells the client of processes; what it has no room for waits. */
static void
send_news(struct sampler *s)
{
	phlare_SamplerEvent event = {
		.which_body = phlare_SamplerEvent_processes_tag,
	};
	phlare_ProcessNews *body = &event.body.processes;
	struct news news = { .count = 0 };
	int fd = -1;

	if (ipc_queued(s->ipc) > NEWS_QUEUED)
		return;
	batch_writer_init(&news.writer, "news");
	news.writer.header.session = s->session;
	processes_news(s->processes, now_ns(CLOCK_BOOTTIME), add_news, &news);
	body->count = news.count;
	body->data.size = batch_writer_pack(
	    &news.writer, body->data.bytes, sizeof(body->data.bytes));
	if (body->data.size == 0 &&
	    (fd = batch_writer_finish(&news.writer)) < 0) {
		log_warnx("sampler", "memfd: %s", strerror(-fd));
		return;
	}
	if (news.count > 0)
		send_event(s, &event, fd);
	if (fd >= 0)
		close(fd);
}

/* Takes in what the kernel told of processes up to now. */
static void
follow_processes(struct sampler *s)
{
	process_events_drain(s->events, s->processes, now_ns(CLOCK_BOOTTIME));
	processes_publish(s->processes, publish, s);
}

static void
scan_processes(struct sampler *s)
{
	uint64_t before = now_ns(CLOCK_BOOTTIME), took;
	int r = process_scan_run(s->scan, s->processes);

	if (r < 0)
		log_warnx("sampler", "list processes: %s", strerror(-r));
	processes_publish(s->processes, publish, s);
	took = now_ns(CLOCK_BOOTTIME) - before;
	s->next_scan =
	    now_ns(CLOCK_BOOTTIME) +
	    (took * SCAN_SHARE > SCAN_GAP_NS ? took * SCAN_SHARE : SCAN_GAP_NS);
}

/*
 * The first record of several: waits for the others, with no wake-up for each,
 * and takes them together. A loop that is away for a millisecond hurts nobody.
 */
static void
on_ring(evutil_socket_t fd, short what, void *arg)
{
	const struct timespec gather = { 0, GATHER_NS };
	const struct timeval wait = { 0, NEWS_NS / 1000 };
	struct sampler *s = arg;

	(void)fd;
	(void)what;
	if (!process_events_pending(s->events))
		return; /* taken by another ring's call */
	nanosleep(&gather, NULL);
	follow_processes(s);
	if (processes_has_news(s->processes) &&
	    !event_pending(s->news, EV_TIMEOUT, NULL))
		event_add(s->news, &wait);
}

static void
on_news(evutil_socket_t fd, short what, void *arg)
{
	struct sampler *s = arg;

	(void)fd;
	(void)what;
	if (process_events_pending(s->events))
		follow_processes(s);
	if (processes_has_news(s->processes))
		send_news(s);
}

/* ---- draining */

static void
send_batch(struct sampler *s, const struct drain_result *result, bool early)
{
	phlare_SamplerEvent event = {
		.which_body = phlare_SamplerEvent_batch_tag,
		.body.batch = {
			.sequence = s->sequence,
			.samples = result->samples,
			.early = early,
		},
	};

	acks_batch(&s->acks, s->sequence, result->samples);
	send_event(s, &event, result->fd);
	close(result->fd);
}

/* The second half of a drain, after drain_flip(). */
static void
finish_drain(struct sampler *s, uint64_t period, bool early)
{
	struct drain_result result;

	sampling_settle();
	follow_processes(s);
	send_news(s);
	drain_finish(
	    s->drain, s->processes, s->session, ++s->sequence, period, &result);
	s->ledger.n[LEDGER_LOST_DRAIN] += result.lost;
	if (result.fd < 0) {
		log_warnx("sampler", "batch: %s", strerror(-result.fd));
		s->sequence--;
	} else {
		send_batch(s, &result, early);
	}
	update_page(s);
}

/* Everything that was sent has been read: more may be. */
static bool
client_reads(const struct sampler *s)
{
	return ipc_queued(s->ipc) == 0;
}

static void
drain_now(struct sampler *s, bool early)
{
	drain_flip(s->drain);
	finish_drain(s, sampling_period(s->sampling), early);
}

static void
drain_early(struct sampler *s)
{
	struct processes_counts counts;

	processes_count(s->processes, &counts);
	if ((sampling_half_full(s->sampling) || counts.ended > ENDED_MAX) &&
	    client_reads(s))
		drain_now(s, true);
}

static void
on_half_full(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	drain_early(arg);
}

/*
 * The ledger of what has been drained. What was captured since the last flip
 * belongs to the next interval, with the runs that captured it.
 */
static struct ledger
drained_ledger(const struct sampler *s)
{
	struct ledger ledger = s->ledger;
	uint64_t drained = drain_captured(s->drain);

	ledger.n[LEDGER_RUNS] -= ledger.n[LEDGER_CAPTURED] - drained;
	ledger.n[LEDGER_CAPTURED] = drained;
	return ledger;
}

static void
collect(struct sampler *s)
{
	struct ledger ledger;
	phlare_SamplerEvent event = {
		.which_body = phlare_SamplerEvent_done_tag,
		.body.done = {
			.interval = s->interval,
			.counters_count = LEDGER_COUNTERS,
		},
	};

	if (!client_reads(s))
		return; /* again at the next tick */
	s->collecting = false;
	if (s->started)
		drain_now(s, false);
	update_page(s);
	ledger = drained_ledger(s);
	event.body.done.last_sequence = s->sequence;
	memcpy(event.body.done.counters, ledger.n, sizeof(ledger.n));
	acks_done(&s->acks, &ledger);
	send_event(s, &event, -1);
}

/*
 * A copy takes 10 MB for as long as the client keeps it: one that asks and
 * asks, or does not read, does not get more.
 */
static void
send_symbols(struct sampler *s)
{
	phlare_SamplerEvent event = {
		.which_body = phlare_SamplerEvent_kernel_symbols_tag,
	};
	int memfd;

	if (!client_reads(s))
		return; /* again at the next tick */
	s->symbols_wanted = false;
	s->next_symbols = now_ns(CLOCK_BOOTTIME) + SYMBOLS_GAP_NS;
	memfd = ksyms_read(s->ksyms);
	if (memfd < 0) {
		log_warnx("sampler", "kernel symbols: %s", strerror(-memfd));
		event.body.kernel_symbols.error = -memfd;
	}
	send_event(s, &event, memfd < 0 ? -1 : memfd);
	if (memfd >= 0)
		close(memfd);
}

/* ---- time */

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct sampler *s = arg;

	(void)fd;
	(void)what;
	if (process_events_pending(s->events))
		follow_processes(s);
	if (processes_scan_wanted(s->processes) &&
	    now_ns(CLOCK_BOOTTIME) >= s->next_scan &&
	    process_scan_lasts(s->scan))
		scan_processes(s);
	if (processes_any_news(s->processes))
		send_news(s);
	drain_early(s);
	if (s->collecting)
		collect(s);
	if (s->symbols_wanted)
		send_symbols(s);
	update_page(s);
}

/* ---- requests */

static void
on_hello(void *arg, const void *body, int fd)
{
	const phlare_Hello *hello = body;
	struct sampler *s = arg;

	(void)fd;
	if (s->greeted)
		violation(s, "a second hello");
	if (hello->protocol_version != IPC_PROTOCOL_VERSION) {
		log_warnx("sampler",
		    "disconnecting symbolizer: it speaks protocol version %u, "
		    "we speak %u",
		    (unsigned)hello->protocol_version, IPC_PROTOCOL_VERSION);
		finish(s);
	}
	s->greeted = true;
	send_news(s);
}

static void
send_sampling(struct sampler *s, unsigned rate)
{
	const phlare_SamplerEvent event = {
		.which_body = phlare_SamplerEvent_sampling_tag,
		.body.sampling.sample_rate = rate,
	};

	send_event(s, &event, -1);
}

static bool
settings_ok(const phlare_SamplerSettings *in)
{
	return in->sample_rate >= 1 && in->sample_rate <= RATE_MAX &&
	       in->collect_user <= 1 && in->collect_kernel <= 1;
}

static void
on_settings(void *arg, const void *body, int fd)
{
	const phlare_SamplerSettings *in = body;
	struct sampling_settings settings;
	struct sampler *s = arg;
	uint64_t period = sampling_period(s->sampling);
	int r;

	(void)fd;
	if (!s->greeted)
		violation(s, "settings before hello");
	if (!settings_ok(in))
		violation(s, "settings out of bounds");
	settings.rate = in->sample_rate;
	settings.user = in->collect_user;
	settings.kernel = in->collect_kernel;
	/* what was sampled with the old period is a batch of its own */
	if (s->started)
		drain_flip(s->drain);
	else
		drain_start(s->drain);
	if ((r = sampling_set(s->sampling, &settings)) < 0) {
		log_warnx("sampler", "set the rate: %s", strerror(-r));
		finish(s);
	}
	if (s->started)
		finish_drain(s, period, true);
	else
		send_sampling(s, settings.rate);
	s->started = true;
	log_debug("sampler", "%u samples per second and CPU", settings.rate);
}

static void
on_collect(void *arg, const void *body, int fd)
{
	const phlare_Collect *in = body;
	struct sampler *s = arg;

	(void)fd;
	if (!s->greeted)
		violation(s, "collect before hello");
	if (in->last > 1)
		violation(s, "collect out of bounds");
	if (in->last) {
		sampling_stop(s->sampling);
		s->ctx->page->finished = 1;
	}
	s->interval = in->interval;
	s->collecting = true;
	collect(s);
}

static void
on_ack(void *arg, const void *body, int fd)
{
	const phlare_BatchAck *in = body;
	struct sampler *s = arg;
	struct ledger_page *page = s->ctx->page;
	struct ledger acked = page->acked;

	(void)fd;
	if (!s->greeted)
		violation(s, "an acknowledgement before hello");
	if (!acks_take(
		&s->acks, in->sequence, &s->ledger.n[LEDGER_SHIPPED], &acked))
		violation(s, "acknowledges what was never sent");
	update_page(s); /* first: what is acknowledged has been counted */
	page->acked = acked;
	page->hello_acked = 1;
}

static void
on_kernel_symbols(void *arg, const void *body, int fd)
{
	phlare_SamplerEvent again = {
		.which_body = phlare_SamplerEvent_kernel_symbols_tag,
		.body.kernel_symbols.error = EAGAIN,
	};
	struct sampler *s = arg;

	(void)body;
	(void)fd;
	if (!s->greeted)
		violation(s, "a request before hello");
	if (s->symbols_wanted || now_ns(CLOCK_BOOTTIME) < s->next_symbols) {
		send_event(s, &again, -1);
		return;
	}
	s->symbols_wanted = true;
	send_symbols(s);
}

static const struct ipc_handler handlers[] = {
	{ phlare_SamplerRequest_hello_tag, 0, on_hello },
	{ phlare_SamplerRequest_settings_tag, 0, on_settings },
	{ phlare_SamplerRequest_collect_tag, 0, on_collect },
	{ phlare_SamplerRequest_ack_tag, 0, on_ack },
	{ phlare_SamplerRequest_kernel_symbols_tag, 0, on_kernel_symbols },
	{ 0, 0, NULL },
};

static const struct ipc_role role = {
	.peer = "symbolizer",
	.recv = phlare_SamplerRequest_fields,
	.recv_size = sizeof(phlare_SamplerRequest),
	.recv_body = offsetof(phlare_SamplerRequest, body),
	.send = phlare_SamplerEvent_fields,
	.handlers = handlers,
	.on_close = on_close,
};

/* ---- start */

static void
send_hello(struct sampler *s)
{
	const struct orphans *handed = s->ctx->handed;
	phlare_SamplerEvent event = {
		.which_body = phlare_SamplerEvent_hello_tag,
		.body.hello = {
			.protocol_version = IPC_PROTOCOL_VERSION,
			.program_version = PROGRAM_VERSION,
			.session = s->session,
			.listener_session = s->ctx->listener_session,
			.map_bytes = sampling_map_bytes(s->sampling),
			.orphans_count = LEDGER_COUNTERS,
			.down_since =
			    handed->gaps > 0 ? handed->down_since[0] : 0,
			.down_ns = handed->down_ns,
		},
	};

	memcpy(event.body.hello.orphans, handed->ledger.n,
	    sizeof(handed->ledger.n));
	send_event(s, &event, s->ctx->page_fd);
	close(s->ctx->page_fd);
	event = (phlare_SamplerEvent){
		.which_body = phlare_SamplerEvent_stat_file_tag,
	};
	send_event(s, &event, s->stat_file);
	close(s->stat_file);
}

/* All that needs privilege. 0, or -errno after a log line. */
static int
open_privileged(struct sampler *s)
{
	const struct sampling_sizes sizes = { s->ctx->stack_parts,
		s->ctx->counts };
	const int *cpus;
	unsigned count;
	int r;

	if ((r = sampling_open(&s->sampling, &sizes)) < 0)
		return r;
	cpus = sampling_cpus(s->sampling, &count);
	if ((r = process_events_open(&s->events, cpus, count)) < 0) {
		sampling_trouble_rings(r);
		return r;
	}
	r = process_scan_open(&s->scan, sampling_bpf(s->sampling), false);
	if (r < 0) {
		log_warnx("sampler", "process iterator: %s", strerror(-r));
		return r;
	}
	s->ksyms = ksyms_open(sampling_bpf(s->sampling), s->ctx->kallsyms);
	s->stat_file = open("/proc/stat", O_RDONLY | O_CLOEXEC);
	if (s->stat_file < 0) {
		log_warn("sampler", "open /proc/stat");
		return -errno;
	}
	s->processes = processes_new(NULL);
	scan_processes(s);
	return 0;
}

static void
add_event(struct sampler *s, struct event **event, int fd, event_callback_fn fn,
    const struct timeval *every)
{
	*event = event_new(
	    s->base, fd, fd < 0 ? EV_PERSIST : EV_READ | EV_PERSIST, fn, s);
	if (*event == NULL || event_add(*event, every) < 0)
		fatalx("out of memory");
}

static void
start_loop(struct sampler *s)
{
	const struct timeval every = { 0, TICK_MS * 1000 };
	unsigned rings = process_events_rings(s->events);

	s->rings = ecalloc(rings, sizeof(s->rings[0]));
	for (unsigned i = 0; i < rings; i++)
		add_event(s, &s->rings[i], process_events_fd(s->events, i),
		    on_ring, NULL);
	add_event(s, &s->half_full, sampling_wakeup_fd(s->sampling),
	    on_half_full, NULL);
	add_event(s, &s->tick, -1, on_tick, &every);
	s->news = evtimer_new(s->base, on_news, s);
	if (s->news == NULL)
		fatalx("out of memory");
}

void
sampler_run(const struct sampler_context *ctx)
{
	static struct sampler s;
	const int bytes = SOCKET_BYTES;

	s.ctx = ctx;
	if (open_privileged(&s) < 0)
		exit(1);
	s.drain = drain_new(s.sampling);
	s.base = event_base_new();
	if (s.base == NULL ||
	    getrandom(&s.session, sizeof(s.session), 0) != sizeof(s.session))
		fatal("sampler");
	if (privilege_drop(PROCESS_SAMPLER, &ctx->ids, 0) < 0)
		exit(1);
	privilege_die_with(ctx->listener);
	setsockopt(ctx->client, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	malloc_trim(0); /* loading took more than sampling will */
	if (sandbox_enter(PROCESS_SAMPLER, NULL) < 0)
		exit(1);
	ctx->page->session = s.session;
	ctx->page->started = now_ns(CLOCK_BOOTTIME);
	s.ipc = ipc_new(s.base, ctx->client, &role, &s);
	start_loop(&s);
	send_hello(&s);
	update_page(&s);
	event_base_dispatch(s.base);
	finish(&s);
}
