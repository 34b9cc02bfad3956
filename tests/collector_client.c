/* SPDX-License-Identifier: Apache-2.0 */
/*
 * collector_client SOCKET [OPTION...]: an honest client of collector.sock with
 * its own settings, for system tests. Prints what it gets, one line each:
 *   hello session=N listener=N map_bytes=N down_since=N NAME=N...   (orphans)
 *   news pid=N generation=N flags=N start=N mappings=N first=PATH
 *   batch sequence=N samples=N sum=N early=N counts=N parts=N processes=N
 *       mappings=N period=N truncated=N bytes=N
 *   cpu number=N enabled=N runs=N idle=N   (after each batch)
 *   done interval=N last=N NAME=N...   (counters, zeroes left out)
 *   ksyms error=N bytes=N
 *   stat
 *   closed WHY
 * and flushes each. Ends with 0 after --duration, 3 when the peer hung up.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/ipc.h"
#include "common/ledger.h"
#include "tests/sampler_client.h"

struct options {
	const char *socket;
	uint32_t rate, user, kernel;
	double duration, interval;
	uint32_t then_rate; /* after half of the duration; 0: no change */
	bool ack, news, ksyms;
};

static const struct option long_options[] = {
	{ "rate", required_argument, NULL, 'r' },
	{ "then-rate", required_argument, NULL, 't' },
	{ "no-user", no_argument, NULL, 'u' },
	{ "no-kernel", no_argument, NULL, 'k' },
	{ "duration", required_argument, NULL, 'd' },
	{ "interval", required_argument, NULL, 'i' },
	{ "no-ack", no_argument, NULL, 'a' },
	{ "no-news", no_argument, NULL, 'n' },
	{ "kernel-symbols", no_argument, NULL, 's' },
	{ NULL, 0, NULL, 0 },
};

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static bool
parse(int argc, char **argv, struct options *o)
{
	int c;

	*o = (struct options){ .rate = 99,
		.user = 1,
		.kernel = 1,
		.duration = 1,
		.interval = 1,
		.ack = true,
		.news = true };
	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		switch (c) {
		case 'r':
			o->rate = strtoul(optarg, NULL, 0);
			break;
		case 't':
			o->then_rate = strtoul(optarg, NULL, 0);
			break;
		case 'd':
			o->duration = strtod(optarg, NULL);
			break;
		case 'i':
			o->interval = strtod(optarg, NULL);
			break;
		case 'u':
			o->user = 0;
			break;
		case 'k':
			o->kernel = 0;
			break;
		case 'a':
			o->ack = false;
			break;
		case 'n':
			o->news = false;
			break;
		case 's':
			o->ksyms = true;
			break;
		default:
			return false;
		}
	}
	if (optind != argc - 1)
		return false;
	o->socket = argv[optind];
	return true;
}

static void
print_counters(const uint64_t *n, unsigned count)
{
	for (unsigned i = 0; i < count && i < LEDGER_COUNTERS; i++)
		if (n[i] != 0)
			printf(" %s=%" PRIu64, ledger_name(i), n[i]);
	putchar('\n');
}

static void
print_news(int fd)
{
	struct batch_view v;

	if (batch_view_open(&v, fd) < 0) {
		printf("news malformed\n");
		return;
	}
	for (uint32_t i = 0; i < v.header->processes.count; i++) {
		const struct batch_process *p = &v.processes[i];
		const struct batch_mapping *m = &v.mappings[p->first_mapping];

		printf("news pid=%u generation=%" PRIu64
		       " flags=%u start=%" PRIu64 " mappings=%u first=%.*s\n",
		    p->pid, p->generation, p->flags, p->start_time, p->mappings,
		    p->mappings > 0 ? (int)m->path_size : 0,
		    p->mappings > 0 ? v.strings + m->path : "");
	}
	batch_view_close(&v);
}

static void
print_batch(const phlare_Batch *b, int fd)
{
	struct batch_view v;
	uint64_t truncated = 0;

	if (batch_view_open(&v, fd) < 0) {
		printf("batch malformed\n");
		return;
	}
	for (uint32_t i = 0; i < v.header->counts.count; i++)
		if (v.counts[i].flags & BATCH_COUNT_USER_TRUNCATED)
			truncated += v.counts[i].count;
	printf("batch sequence=%" PRIu64 " samples=%" PRIu64 " sum=%" PRIu64
	       " early=%u counts=%u parts=%u processes=%u mappings=%u "
	       "period=%" PRIu64 " truncated=%" PRIu64 " bytes=%zu\n",
	    b->sequence, b->samples, batch_view_samples(&v), b->early,
	    v.header->counts.count, v.header->stack_parts.count,
	    v.header->processes.count, v.header->mappings.count,
	    v.header->period, truncated, v.size);
	for (uint32_t i = 0; i < v.header->cpus.count; i++)
		printf("cpu number=%u enabled=%" PRIu64 " runs=%" PRIu64
		       " idle=%" PRIu64 "\n",
		    v.cpus[i].cpu, v.cpus[i].enabled, v.cpus[i].runs,
		    v.cpus[i].idle);
	batch_view_close(&v);
}

/* Prints an event. Takes fd. True for CollectDone. */
static bool
on_event(
    const struct options *o, int sock, const phlare_SamplerEvent *e, int fd)
{
	struct stat st = { 0 };
	bool done = false;

	switch (e->which_body) {
	case phlare_SamplerEvent_hello_tag:
		printf("hello session=%" PRIu64 " listener=%" PRIu64
		       " map_bytes=%" PRIu64 " down_since=%" PRIu64,
		    e->body.hello.session, e->body.hello.listener_session,
		    e->body.hello.map_bytes, e->body.hello.down_since);
		print_counters(
		    e->body.hello.orphans, e->body.hello.orphans_count);
		break;
	case phlare_SamplerEvent_processes_tag:
		if (o->news) {
			print_news(fd);
			fd = -1;
		}
		break;
	case phlare_SamplerEvent_batch_tag:
		print_batch(&e->body.batch, fd);
		fd = -1;
		break;
	case phlare_SamplerEvent_done_tag:
		printf("done interval=%" PRIu64 " last=%" PRIu64,
		    e->body.done.interval, e->body.done.last_sequence);
		print_counters(
		    e->body.done.counters, e->body.done.counters_count);
		if (o->ack)
			client_ack(sock, e->body.done.last_sequence);
		done = true;
		break;
	case phlare_SamplerEvent_kernel_symbols_tag:
		fstat(fd, &st);
		printf("ksyms error=%u bytes=%lld\n",
		    (unsigned)e->body.kernel_symbols.error,
		    (long long)st.st_size);
		break;
	case phlare_SamplerEvent_stat_file_tag:
		printf("stat\n");
		break;
	case phlare_SamplerEvent_sampling_tag:
		printf("sampling %u\n", (unsigned)e->body.sampling.sample_rate);
		break;
	}
	fflush(stdout);
	if (fd >= 0)
		close(fd);
	return done;
}

static int
closed(int r)
{
	printf("closed %s\n", strerror(-r));
	fflush(stdout);
	return 3;
}

/* Reads until a time, or until CollectDone. 0, or 3: the peer hung up. */
static int
read_until(const struct options *o, int sock, double end, bool done_ends)
{
	double left;

	while ((left = end - now()) > 0) {
		phlare_SamplerEvent event;
		int fd, r;

		r = client_receive(sock, &event, &fd, left * 1000 + 1);
		if (r < 0)
			return closed(r);
		if (r > 0 && on_event(o, sock, &event, fd) && done_ends)
			return 0;
	}
	return 0;
}

static int
serve(const struct options *o, int sock)
{
	double start = now(), end = start + o->duration;
	bool changed = false;
	uint64_t interval = 0;
	int r;

	if ((r = client_hello(sock)) < 0 ||
	    (r = client_settings(sock, o->rate, o->user, o->kernel)) < 0 ||
	    (o->ksyms && (r = client_ask_kernel_symbols(sock)) < 0))
		return closed(r);
	while (now() < end) {
		double next = now() + o->interval;

		if ((r = read_until(o, sock, next < end ? next : end, false)))
			return r;
		if (o->then_rate && !changed &&
		    now() > start + o->duration / 2) {
			changed = true;
			client_settings(sock, o->then_rate, o->user, o->kernel);
		}
		if ((r = client_collect(sock, ++interval)) < 0)
			return closed(r);
		if ((r = read_until(o, sock, now() + 10, true)))
			return r;
	}
	/* what the last acknowledgement moved */
	if ((r = client_collect(sock, ++interval)) < 0)
		return closed(r);
	return read_until(o, sock, now() + 10, true);
}

int
main(int argc, char **argv)
{
	struct options o;
	int sock;

	if (!parse(argc, argv, &o)) {
		fprintf(stderr, "usage: collector_client SOCKET [OPTION...]\n");
		return 2;
	}
	sock = ipc_connect(o.socket);
	if (sock < 0) {
		fprintf(stderr, "collector_client: connect %s: %s\n", o.socket,
		    strerror(-sock));
		return 1;
	}
	return serve(&o, sock);
}
