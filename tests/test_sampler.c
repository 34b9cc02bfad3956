/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sampler for real: loads BPF, drops privilege, enters its sandbox and
 * samples programs that we start. Needs root.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "collector/ksyms.h"
#include "collector/orphans.h"
#include "collector/sampler.h"
#include "common/ipc.h"
#include "common/log.h"
#include "common/memfd.h"
#include "tests/sampler_client.h"

#define NOBODY 65534
#define WAIT_MS 20000
#define DEPTH 8 /* of the ways down to spin() */

#define PROGRAMS_MAX 4

struct fixture {
	pid_t sampler;
	pid_t programs[PROGRAMS_MAX]; /* ended with the test, however it ends */
	int sock;
	struct ledger_page *page;
	uint64_t listener_session;
	/* of the batches received so far */
	uint64_t samples, batches, stackless;
	struct ledger done; /* of the last CollectDone */
	uint64_t last_sequence;
	uint32_t rate;  /* that it was asked for first */
	unsigned began; /* how often it said that it samples */
};

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static void
pause_ms(int ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000L };

	while (nanosleep(&ts, &ts) < 0)
		;
}

/* ---- programs to sample */

/* A function that the compiler neither inlines nor copies. */
#ifdef __clang__
#define AS_IT_IS __attribute__((noinline))
#else
#define AS_IT_IS __attribute__((noinline, noclone))
#endif

static volatile unsigned long sink;

AS_IT_IS static void
spin(void)
{
	for (unsigned long i = 0; i < 100000; i++)
		sink += i;
}

/* Address range of spin(), generously. */
#define SPIN_BYTES 512

/* Forks a program to be sampled; 0 in it. */
static pid_t
fork_program(struct fixture *f)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int i = 0; pid > 0 && i < PROGRAMS_MAX; i++)
		if (f->programs[i] == 0) {
			f->programs[i] = pid;
			break;
		}
	return pid;
}

static pid_t
start_spinning(struct fixture *f)
{
	pid_t pid = fork_program(f);

	if (pid == 0)
		for (;;)
			spin();
	return pid;
}

static void right(int depth, unsigned way);

/* A way down of left and right turns for each number: a stack of its own. */
AS_IT_IS static void
left(int depth, unsigned way)
{
	if (depth == 0)
		spin();
	else
		(way & 1 ? right : left)(depth - 1, way >> 1);
	sink++;
}

AS_IT_IS static void
right(int depth, unsigned way)
{
	if (depth == 0)
		spin();
	else
		(way & 1 ? right : left)(depth - 1, way >> 1);
	sink += 2;
}

static pid_t
start_spinning_deep(struct fixture *f)
{
	pid_t pid = fork_program(f);

	if (pid == 0)
		for (unsigned way = 0;; way++)
			left(DEPTH, way);
	return pid;
}

static void
end_process(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* ---- a sampler */

static void
start(struct fixture *f, uint32_t stack_parts, uint32_t counts)
{
	static const struct orphans none;
	int sv[2], page_fd = memfd_new("page");
	struct sampler_context ctx = {
		.listener = getpid(),
		.ids = { NOBODY, NOBODY },
		.listener_session = f->listener_session,
		.handed = &none,
		.page_fd = page_fd,
		.kallsyms = ksyms_open_file(),
		.stack_parts = stack_parts,
		.counts = counts,
	};

	assert_true(page_fd >= 0);
	assert_int_equal(ftruncate(page_fd, sizeof(*f->page)), 0);
	f->page = mmap(NULL, sizeof(*f->page), PROT_READ | PROT_WRITE,
	    MAP_SHARED, page_fd, 0);
	assert_true(f->page != MAP_FAILED);
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv), 0);
	f->sampler = fork();
	assert_true(f->sampler >= 0);
	if (f->sampler == 0) {
		close(sv[0]);
		ctx.client = sv[1];
		ctx.page = f->page;
		sampler_run(&ctx);
	}
	close(sv[1]);
	close(page_fd);
	close(ctx.kallsyms);
	f->sock = sv[0];
}

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->listener_session = 4711;
	f->sock = -1;
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	if (f->sock >= 0)
		close(f->sock);
	if (f->sampler > 0)
		end_process(f->sampler);
	for (int i = 0; i < PROGRAMS_MAX; i++)
		if (f->programs[i] > 0)
			end_process(f->programs[i]);
	if (f->page != NULL)
		munmap(f->page, sizeof(*f->page));
	free(f);
	return 0;
}

typedef void (*batch_fn)(
    struct fixture *f, const struct batch_view *v, void *arg);

static void
take_batch(
    struct fixture *f, const phlare_Batch *b, int fd, batch_fn fn, void *arg)
{
	struct batch_view v;
	uint64_t address[BATCH_MAX_FRAMES];

	assert_int_equal(batch_view_open(&v, fd), 0);
	assert_int_equal(v.header->sequence, b->sequence);
	assert_int_equal(b->sequence, f->batches + 1);
	assert_int_equal(batch_view_samples(&v), b->samples);
	for (uint32_t i = 0; i < v.header->counts.count; i++) {
		const struct batch_count *c = &v.counts[i];

		assert_non_null(batch_view_process(&v, c->generation));
		if ((c->user_stack != 0 &&
			batch_view_stack(&v, c->user_stack, address) == 0) ||
		    (c->kernel_stack != 0 &&
			batch_view_stack(&v, c->kernel_stack, address) == 0))
			f->stackless++;
	}
	f->samples += b->samples;
	f->batches++;
	if (fn != NULL)
		fn(f, &v, arg);
	batch_view_close(&v);
}

/* Takes events until one with the tag has come. */
static void
receive_until(struct fixture *f, unsigned tag, phlare_SamplerEvent *event,
    batch_fn fn, void *arg)
{
	int fd;

	do {
		assert_int_equal(
		    client_receive(f->sock, event, &fd, WAIT_MS), 1);
		if (event->which_body == phlare_SamplerEvent_batch_tag)
			take_batch(f, &event->body.batch, fd, fn, arg);
		else if (fd >= 0)
			close(fd);
		if (event->which_body == phlare_SamplerEvent_sampling_tag) {
			assert_int_equal(
			    event->body.sampling.sample_rate, f->rate);
			f->began++;
		}
	} while (event->which_body != tag);
}

/* Takes events for a while. */
static void
listen_for(struct fixture *f, int ms)
{
	double end = now() + ms / 1000.0;

	while (now() < end) {
		phlare_SamplerEvent event;
		int fd;

		if (client_receive(f->sock, &event, &fd, 20) != 1)
			continue;
		if (event.which_body == phlare_SamplerEvent_batch_tag)
			take_batch(f, &event.body.batch, fd, NULL, NULL);
		else if (fd >= 0)
			close(fd);
	}
}

static void
greet(struct fixture *f, uint32_t rate)
{
	phlare_SamplerEvent event;

	receive_until(f, phlare_SamplerEvent_hello_tag, &event, NULL, NULL);
	assert_int_equal(
	    event.body.hello.listener_session, f->listener_session);
	assert_true(event.body.hello.session != 0);
	assert_true(event.body.hello.map_bytes > 0);
	receive_until(f, phlare_SamplerEvent_stat_file_tag, &event, NULL, NULL);
	assert_int_equal(client_hello(f->sock), 0);
	f->rate = rate;
	assert_int_equal(client_settings(f->sock, rate, 1, 1), 0);
}

static void
take_done(struct fixture *f, batch_fn fn, void *arg)
{
	phlare_SamplerEvent event;

	receive_until(f, phlare_SamplerEvent_done_tag, &event, fn, arg);
	assert_int_equal(event.body.done.interval, 7);
	assert_int_equal(event.body.done.counters_count, LEDGER_COUNTERS);
	memcpy(f->done.n, event.body.done.counters, sizeof(f->done.n));
	f->last_sequence = event.body.done.last_sequence;
	assert_int_equal(f->last_sequence, f->batches);
}

static void
collect(struct fixture *f, batch_fn fn, void *arg)
{
	assert_int_equal(client_collect(f->sock, 7), 0);
	take_done(f, fn, arg);
}

/* The kernel's runs are all accounted for, give or take one that is running */
static void
check_ledger(const struct fixture *f)
{
	const struct ledger *l = &f->done;
	uint64_t known =
	    l->n[LEDGER_IDLE] + l->n[LEDGER_CAPTURED] + ledger_lost(l);
	uint64_t runs = l->n[LEDGER_RUNS];

	assert_true(runs > 0);
	assert_in_range(known + 2, runs, runs + 4);
	assert_int_equal(l->n[LEDGER_LOST_DRAIN], 0);
	assert_int_equal(f->stackless, 0);
}

/* ---- tests */

struct leaf_count {
	pid_t pid;
	uint64_t all, in_spin;
};

/* Samples of the process, and those whose leaf is in spin(). */
static void
count_leaves(struct fixture *f, const struct batch_view *v, void *arg)
{
	struct leaf_count *lc = arg;

	(void)f;
	for (uint32_t i = 0; i < v->header->counts.count; i++) {
		const struct batch_count *c = &v->counts[i];
		const struct batch_process *p =
		    batch_view_process(v, c->generation);
		uint64_t a[BATCH_MAX_FRAMES];

		if (p->pid != (uint32_t)lc->pid || c->user_stack == 0)
			continue;
		assert_true(batch_view_stack(v, c->user_stack, a) > 0);
		lc->all += c->count;
		if (a[0] >= (uintptr_t)spin &&
		    a[0] < (uintptr_t)spin + SPIN_BYTES)
			lc->in_spin += c->count;
	}
}

static void
test_a_busy_loop_is_where_the_time_goes(void **state)
{
	struct fixture *f = *state;
	struct leaf_count lc = { start_spinning(f), 0, 0 };

	start(f, 0, 0);
	greet(f, 500);
	pause_ms(1000);
	collect(f, count_leaves, &lc);
	check_ledger(f);
	/* half a CPU for it, at least */
	assert_true(lc.all > 200);
	assert_true(lc.in_spin * 100 >= lc.all * 95);
	/* what came later is captured but not in a batch yet */
	assert_true(f->done.n[LEDGER_CAPTURED] >= f->samples);
	assert_true(f->done.n[LEDGER_CAPTURED] <= f->samples + 100);
	assert_int_equal(f->page->session != 0, 1);
	assert_true(f->page->now.n[LEDGER_CAPTURED] > 0);
	assert_true(f->page->enabled > 1000000000ull);
}

/* Every frame above the leaf is in an executable mapping of its process. */
static void
check_addresses(struct fixture *f, const struct batch_view *v, void *arg)
{
	uint64_t *checked = arg;

	(void)f;
	for (uint32_t i = 0; i < v->header->counts.count; i++) {
		const struct batch_count *c = &v->counts[i];
		const struct batch_process *p =
		    batch_view_process(v, c->generation);
		uint64_t a[BATCH_MAX_FRAMES];
		unsigned n = batch_view_stack(v, c->user_stack, a);

		for (unsigned k = 1; k < n; k++) {
			bool inside = false;

			for (uint32_t m = 0; m < p->mappings; m++) {
				const struct batch_mapping *map =
				    &v->mappings[p->first_mapping + m];

				inside |= a[k] >= map->start && a[k] < map->end;
			}
			assert_true(inside);
			++*checked;
		}
	}
}

static void
test_only_code_addresses_leave(void **state)
{
	struct fixture *f = *state;
	uint64_t checked = 0;

	if (fork_program(f) == 0) {
		execl("/bin/sh", "sh", "-c",
		    "i=0; while :; do i=$((i+1)); x=${i#1}; done", NULL);
		_exit(127);
	}
	start(f, 0, 0);
	greet(f, 1000);
	pause_ms(1000);
	collect(f, check_addresses, &checked);
	check_ledger(f);
	assert_true(checked > 0);
}

static void
test_fifty_drains_lose_nothing(void **state)
{
	struct fixture *f = *state;
	uint64_t captured;

	start_spinning(f);
	start_spinning_deep(f);
	start(f, 0, 0);
	greet(f, 2000);
	for (int i = 0; i < 50; i++) {
		pause_ms(5);
		collect(f, NULL, NULL);
		check_ledger(f);
	}
	captured = f->done.n[LEDGER_CAPTURED];
	assert_true(captured > 500);
	assert_true(f->samples > 500);
	assert_int_equal(ledger_lost(&f->done), 0);
	/* all that was captured before the last flip has come */
	collect(f, NULL, NULL);
	assert_true(f->samples >= captured);
	assert_int_equal(f->done.n[LEDGER_LOST_DRAIN], 0);
}

static void
test_a_changed_rate_loses_nothing(void **state)
{
	struct fixture *f = *state;
	uint64_t before;

	start_spinning(f);
	start(f, 0, 0);
	greet(f, 100);
	pause_ms(300);
	collect(f, NULL, NULL);
	assert_int_equal(f->began, 1);
	before = f->done.n[LEDGER_RUNS];
	assert_int_equal(client_settings(f->sock, 2000, 1, 0), 0);
	pause_ms(300);
	collect(f, NULL, NULL);
	assert_true(f->done.n[LEDGER_RUNS] - before > 300);
	assert_int_equal(client_settings(f->sock, 100, 0, 1), 0);
	pause_ms(50);
	collect(f, NULL, NULL);
	before = f->done.n[LEDGER_CAPTURED];
	check_ledger(f);
	assert_true(f->samples <= before && f->samples + 100 > before);
	assert_int_equal(ledger_lost(&f->done), 0);
	assert_int_equal(f->began, 1);
}

static void
test_a_full_map_of_stacks_moves_its_counter(void **state)
{
	struct fixture *f = *state;

	start_spinning_deep(f);
	start_spinning_deep(f);
	start(f, 2, 0);
	greet(f, 1000);
	pause_ms(500);
	collect(f, NULL, NULL);
	check_ledger(f);
	assert_true(f->done.n[LEDGER_LOST_STACKS_FULL] > 0);
	assert_int_equal(
	    f->done.n[LEDGER_LOST_STACKS_FULL], ledger_lost(&f->done));
}

static void
test_a_full_map_of_counts_moves_its_counter(void **state)
{
	struct fixture *f = *state;

	start_spinning_deep(f);
	start_spinning_deep(f);
	start(f, 0, 2);
	greet(f, 1000);
	pause_ms(500);
	collect(f, NULL, NULL);
	check_ledger(f);
	assert_true(f->done.n[LEDGER_LOST_COUNTS_FULL] > 0);
	assert_int_equal(
	    f->done.n[LEDGER_LOST_COUNTS_FULL], ledger_lost(&f->done));
}

/* Longest stack of a process. */
static void
measure_depth(struct fixture *f, const struct batch_view *v, void *arg)
{
	struct leaf_count *lc = arg;

	(void)f;
	for (uint32_t i = 0; i < v->header->counts.count; i++) {
		const struct batch_count *c = &v->counts[i];
		uint64_t a[BATCH_MAX_FRAMES];
		unsigned n = batch_view_stack(v, c->user_stack, a);

		if (batch_view_process(v, c->generation)->pid ==
			(uint32_t)lc->pid &&
		    n > lc->all)
			lc->all = n;
	}
}

static void
test_stacks_are_walked_by_frame_pointers(void **state)
{
	struct fixture *f = *state;
	struct leaf_count lc = { start_spinning_deep(f), 0, 0 };

	start(f, 0, 0);
	greet(f, 500);
	pause_ms(300);
	collect(f, measure_depth, &lc);
	check_ledger(f);
	/* spin, the ways down, start_spinning_deep, the test */
	assert_true(lc.all >= 1 + DEPTH + 1 + 1);
}

static void
test_half_full_maps_are_drained_early(void **state)
{
	struct fixture *f = *state;

	start_spinning_deep(f);
	start_spinning_deep(f);
	start(f, 2048, 1024);
	greet(f, 2000);
	for (int i = 0; i < 10 && f->batches == 0; i++)
		listen_for(f, 1000);
	assert_true(f->batches > 0);
	collect(f, NULL, NULL);
	check_ledger(f);
	assert_true(f->batches > 1);
	assert_int_equal(ledger_lost(&f->done), 0);
}

/* Waits for news of pid with all the flags; false after a while. */
static bool
hears_of(struct fixture *f, pid_t pid, uint32_t flags, const char *path)
{
	double end = now() + 2;

	while (now() < end) {
		phlare_SamplerEvent e;
		struct batch_view v;
		bool found = false;
		int fd;

		if (client_receive(f->sock, &e, &fd, 100) != 1)
			continue;
		if (e.which_body != phlare_SamplerEvent_processes_tag) {
			close(fd);
			continue;
		}
		assert_int_equal(batch_view_open(&v, fd), 0);
		assert_int_equal(
		    v.header->processes.count, e.body.processes.count);
		for (uint32_t i = 0; i < v.header->processes.count; i++) {
			const struct batch_process *p = &v.processes[i];

			if (p->pid != (uint32_t)pid ||
			    (p->flags & flags) != flags)
				continue;
			found = path == NULL;
			for (uint32_t m = 0; m < p->mappings; m++) {
				const struct batch_mapping *map =
				    &v.mappings[p->first_mapping + m];

				found |= path != NULL &&
					 map->path_size == strlen(path) &&
					 memcmp(v.strings + map->path, path,
					     map->path_size) == 0;
			}
		}
		batch_view_close(&v);
		if (found)
			return true;
	}
	return false;
}

static void
test_the_client_hears_of_exec_and_exit_at_once(void **state)
{
	struct fixture *f = *state;
	char path[64];
	double before;
	ssize_t n;
	pid_t pid;

	/* the shell may be a link */
	n = readlink("/bin/sleep", path, sizeof(path));
	assert_true(n < 0);
	assert_non_null(realpath("/bin/sleep", path));
	start(f, 0, 0);
	greet(f, 100);
	assert_true(hears_of(f, getpid(), BATCH_PROCESS_NEW, NULL));
	before = now();
	pid = fork();
	if (pid == 0) {
		execl("/bin/sleep", "sleep", "100", NULL);
		_exit(127);
	}
	assert_true(hears_of(f, pid, BATCH_PROCESS_EXEC, path));
	assert_true(now() - before < 0.5);
	end_process(pid);
	assert_true(hears_of(f, pid, BATCH_PROCESS_EXIT, NULL));
}

static void
test_acknowledged_batches_are_shipped(void **state)
{
	struct fixture *f = *state;
	uint64_t samples;

	start_spinning(f);
	start(f, 0, 0);
	greet(f, 500);
	pause_ms(200);
	collect(f, NULL, NULL);
	samples = f->samples;
	assert_true(samples > 0);
	assert_int_equal(f->done.n[LEDGER_SHIPPED], 0);
	assert_int_equal(client_ack(f->sock, f->last_sequence), 0);
	collect(f, NULL, NULL);
	assert_int_equal(f->done.n[LEDGER_SHIPPED], samples);
	assert_int_equal(f->page->now.n[LEDGER_SHIPPED], samples);
	assert_true(f->page->acked.n[LEDGER_CAPTURED] >= samples);
}

/* The sampler ends by itself, with exit status 0. */
static bool
ends_well(struct fixture *f)
{
	int status;

	for (int i = 0; i < 500; i++) {
		if (waitpid(f->sampler, &status, WNOHANG) == f->sampler) {
			f->sampler = -1;
			return WIFEXITED(status) && WEXITSTATUS(status) == 0;
		}
		pause_ms(20);
	}
	return false;
}

/* After it nothing is left that the client would not have been handed. */
static void
test_the_last_collection_loses_nothing(void **state)
{
	struct fixture *f = *state;
	struct orphans left = { 0 }, none = { 0 };

	start_spinning(f); /* it must not hold our socket */
	start(f, 0, 0);
	greet(f, 1000);
	assert_int_equal(client_ack(f->sock, 0), 0);
	pause_ms(300);
	assert_int_equal(client_collect_last(f->sock, 7, 1), 0);
	take_done(f, NULL, NULL);
	assert_true(f->samples > 0);
	pause_ms(150); /* nothing is sampled any more */
	assert_int_equal(client_ack(f->sock, f->last_sequence), 0);
	close(f->sock);
	f->sock = -1;
	assert_true(ends_well(f));
	assert_int_equal(f->page->finished, 1);
	assert_int_equal(f->page->hello_acked, 1);
	orphans_add(&left, f->page, SESSION_LEFT, &none, UINT64_MAX);
	assert_memory_equal(&left, &none, sizeof(left));
}

static void
test_kernel_symbols_come_as_text(void **state)
{
	struct fixture *f = *state;
	phlare_SamplerEvent e;
	const void *data;
	size_t size;
	int fd;

	start(f, 0, 0);
	greet(f, 100);
	assert_int_equal(client_ask_kernel_symbols(f->sock), 0);
	do
		assert_int_equal(client_receive(f->sock, &e, &fd, WAIT_MS), 1);
	while (e.which_body != phlare_SamplerEvent_kernel_symbols_tag &&
	       (fd < 0 || close(fd) == 0));
	assert_int_equal(e.body.kernel_symbols.error, 0);
	assert_int_equal(memfd_map(fd, 64 << 20, &data, &size), 0);
	close(fd);
	assert_true(size > 100000);
	assert_non_null(memmem(data, size, " T vfs_read\n", 12));
	assert_null(memmem(data, size, "\n0 ", 3));
	memfd_unmap(data, size);
}

static void
test_settings_out_of_bounds_end_the_connection(void **state)
{
	static const uint32_t bad[][3] = { { 0, 1, 1 }, { 10001, 1, 1 },
		{ 100, 2, 1 }, { 100, 1, 99 }, { UINT32_MAX, 1, 1 } };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct fixture *f;

		setup((void **)&f);
		start(f, 16, 16);
		assert_int_equal(client_hello(f->sock), 0);
		assert_int_equal(
		    client_settings(f->sock, bad[i][0], bad[i][1], bad[i][2]),
		    0);
		assert_true(ends_well(f));
		teardown((void **)&f);
	}
	(void)state;
}

static void
test_an_acknowledgement_of_the_future_ends_the_connection(void **state)
{
	struct fixture *f = *state;

	start(f, 16, 16);
	greet(f, 100);
	assert_int_equal(client_ack(f->sock, 1000), 0);
	assert_true(ends_well(f));
}

static void
test_the_sampler_ends_with_its_client(void **state)
{
	struct fixture *f = *state;

	start(f, 0, 0);
	greet(f, 100);
	pause_ms(100);
	close(f->sock);
	f->sock = -1;
	assert_true(ends_well(f));
	assert_true(
	    f->page->now.n[LEDGER_RUNS] == f->page->now.n[LEDGER_IDLE] +
					       f->page->now.n[LEDGER_CAPTURED] +
					       ledger_lost(&f->page->now));
}

/* It is what `ps` would show: no uid 0, a filter, two capabilities. */
static void
test_the_sampler_runs_with_what_it_needs_only(void **state)
{
	struct fixture *f = *state;
	char path[64], line[256], caps[64] = "";
	int uid = -1, seccomp = -1, nnp = -1;
	FILE *file;

	start(f, 0, 0);
	greet(f, 100);
	snprintf(path, sizeof(path), "/proc/%d/status", (int)f->sampler);
	file = fopen(path, "re");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file) != NULL) {
		sscanf(line, "Uid: %*d %d", &uid);
		sscanf(line, "CapPrm: %63s", caps);
		sscanf(line, "Seccomp: %d", &seccomp);
		sscanf(line, "NoNewPrivs: %d", &nnp);
	}
	fclose(file);
	assert_int_equal(uid, NOBODY);
	assert_int_equal(seccomp, 2);
	assert_int_equal(nnp, 1);
	assert_string_equal(caps, "000000c000000000");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(test_a_busy_loop_is_where_the_time_goes),
		TEST(test_only_code_addresses_leave),
		TEST(test_fifty_drains_lose_nothing),
		TEST(test_a_changed_rate_loses_nothing),
		TEST(test_a_full_map_of_stacks_moves_its_counter),
		TEST(test_a_full_map_of_counts_moves_its_counter),
		TEST(test_stacks_are_walked_by_frame_pointers),
		TEST(test_half_full_maps_are_drained_early),
		TEST(test_the_client_hears_of_exec_and_exit_at_once),
		TEST(test_acknowledged_batches_are_shipped),
		TEST(test_the_last_collection_loses_nothing),
		TEST(test_kernel_symbols_come_as_text),
		cmocka_unit_test(
		    test_settings_out_of_bounds_end_the_connection),
		TEST(test_an_acknowledgement_of_the_future_ends_the_connection),
		TEST(test_the_sampler_ends_with_its_client),
		TEST(test_the_sampler_runs_with_what_it_needs_only),
	};

	log_init("test_sampler", getenv("DEBUG") != NULL);
	if (geteuid() != 0) {
		puts("1..0 # SKIP needs root to load BPF");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
