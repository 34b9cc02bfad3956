/* SPDX-License-Identifier: Apache-2.0 */
/* Loading, starting and reading the sampler program. */
#include "collector/sampling.h"

#include <ctype.h>
#include <errno.h>
#include <linux/membarrier.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "bpf/sampler.h"
#include "bpf/sampler.skel.h"
#include "collector/sampling_trouble.h"
#include "common/log.h"
#include "common/now.h"

/* Entries per CPU and map, within a budget for large machines. */
#define STACK_PARTS_PER_CPU 4096
#define STACK_PARTS_MIN 8192
#define STACK_PARTS_MAX 65536
#define COUNTS_PER_CPU 4096
#define COUNTS_MIN 8192
#define COUNTS_MAX 32768

_Static_assert(SAMPLING_ENTRIES_MAX *(sizeof(struct batch_stack_part) +
				      sizeof(struct batch_count)) <
		   BATCH_MAX_BYTES / 4 * 3,
    "a full pair fits into a batch, with its processes");

#define INITIAL_PID_NAMESPACE 0xEFFFFFFCu /* its inode, fixed in the kernel */
#define SETTLE_NS 50000000                /* where membarrier is refused */

struct sampling {
	struct sampler_bpf *bpf;
	struct ring_buffer *wakeups;
	const struct sampler_outcomes *outcomes; /* by CPU number */
	size_t outcomes_size;
	unsigned possible, count;
	int *cpus, *events; /* count of each */
	uint64_t period;
	uint64_t started; /* CLOCK_MONOTONIC ns */
	uint64_t map_bytes;
};

static uint32_t
clamp(uint64_t n, uint32_t min, uint32_t max)
{
	return n < min ? min : n > max ? max : n;
}

static int
set_sizes(struct sampling *s, const struct sampling_sizes *sizes)
{
	uint32_t parts = clamp((uint64_t)s->possible * STACK_PARTS_PER_CPU,
	    STACK_PARTS_MIN, STACK_PARTS_MAX);
	uint32_t counts = clamp(
	    (uint64_t)s->possible * COUNTS_PER_CPU, COUNTS_MIN, COUNTS_MAX);
	struct sampler_control *c = &s->bpf->bss->control;
	int r;

	if (sizes->stack_parts > 0)
		parts = clamp(sizes->stack_parts, 1, SAMPLING_ENTRIES_MAX);
	if (sizes->counts > 0)
		counts = clamp(sizes->counts, 1, SAMPLING_ENTRIES_MAX);
	c->stack_parts_half = parts / 2;
	c->counts_half = counts / 2;
	if ((r = bpf_map__set_max_entries(s->bpf->maps.stacks_0, parts)) < 0 ||
	    (r = bpf_map__set_max_entries(s->bpf->maps.stacks_1, parts)) < 0 ||
	    (r = bpf_map__set_max_entries(s->bpf->maps.counts_0, counts)) < 0 ||
	    (r = bpf_map__set_max_entries(s->bpf->maps.counts_1, counts)) < 0)
		return r;
	return bpf_map__set_max_entries(s->bpf->maps.outcomes, s->possible);
}

/*
 * Leaves out the iterators that this kernel does not have, or all that there
 * is another way for.
 */
static int
choose_programs(struct sampling *s, bool iterators)
{
	struct btf *btf = btf__load_vmlinux_btf();
	bool vma, ksym;

	if (btf == NULL)
		return -errno;
	vma = btf__find_by_name_kind(
		  btf, "bpf_iter__task_vma", BTF_KIND_STRUCT) > 0;
	ksym =
	    btf__find_by_name_kind(btf, "bpf_iter__ksym", BTF_KIND_STRUCT) > 0;
	btf__free(btf);
	bpf_program__set_autoload(
	    s->bpf->progs.scan_mappings, vma && iterators);
	bpf_program__set_autoload(
	    s->bpf->progs.scan_symbols, ksym && iterators);
	return 0;
}

/* A new hash for the stacks of a pair. */
static void
reset_pair(struct sampler_control *c, unsigned pair)
{
	uint64_t r[2];

	if (getrandom(r, sizeof(r), 0) != sizeof(r))
		fatal("getrandom");
	c->pair[pair].seed = r[0];
	c->pair[pair].multiplier = r[1] | 1;
	c->pair[pair].counts = 0;
	c->pair[pair].stack_parts = 0;
	c->pair[pair].woken = 0;
}

static void
set_constants(struct sampler_control *c)
{
	struct stat st;

	c->page_shift = __builtin_ctzl(sysconf(_SC_PAGESIZE));
	if (stat("/proc/self/ns/pid", &st) == 0 &&
	    st.st_ino != INITIAL_PID_NAMESPACE)
		c->pid_namespace = st.st_ino;
	reset_pair(c, 0);
	reset_pair(c, 1);
}

static int
load_some(
    struct sampling *s, const struct sampling_sizes *sizes, bool iterators)
{
	int r;

	s->bpf = sampler_bpf__open();
	if (s->bpf == NULL)
		return -errno;
	if ((r = choose_programs(s, iterators)) < 0 ||
	    (r = set_sizes(s, sizes)) < 0)
		return r;
	set_constants(&s->bpf->bss->control);
	return sampler_bpf__load(s->bpf);
}

/* A kernel whose verifier does not like an iterator can do without. */
static int
load(struct sampling *s, const struct sampling_sizes *sizes)
{
	int r = load_some(s, sizes, true);

	if (s->bpf == NULL || (r != -EACCES && r != -EINVAL))
		return r;
	sampler_bpf__destroy(s->bpf);
	return load_some(s, sizes, false);
}

static int
on_wakeup(void *ctx, void *data, size_t size)
{
	(void)ctx;
	(void)data;
	(void)size;
	return 0;
}

static int
map_memory(struct sampling *s)
{
	void *p;

	s->outcomes_size = (size_t)s->possible * sizeof(*s->outcomes);
	p = mmap(NULL, s->outcomes_size, PROT_READ, MAP_SHARED,
	    bpf_map__fd(s->bpf->maps.outcomes), 0);
	if (p == MAP_FAILED)
		return -errno;
	s->outcomes = p;
	s->wakeups = ring_buffer__new(
	    bpf_map__fd(s->bpf->maps.wakeups), on_wakeup, NULL, NULL);
	return s->wakeups == NULL ? -errno : 0;
}

/* What the kernel says that a map takes. */
static uint64_t
map_bytes(int fd)
{
	char path[64], line[128];
	unsigned long long bytes = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "re");
	if (f == NULL)
		return 0;
	while (fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "memlock: %llu", &bytes) == 1)
			break;
	fclose(f);
	return bytes;
}

static int
open_event(int cpu, int prog)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_period = 1000000000,
		.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED,
		.disabled = 1,
	};
	int fd = syscall(
	    SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
	int r;

	if (fd < 0)
		return -errno;
	if (ioctl(fd, PERF_EVENT_IOC_SET_BPF, prog) < 0) {
		r = -errno;
		close(fd);
		return r;
	}
	return fd;
}

static int
open_events(struct sampling *s)
{
	int prog = bpf_program__fd(s->bpf->progs.sample);

	s->cpus = ecalloc(s->possible, sizeof(s->cpus[0]));
	s->events = ecalloc(s->possible, sizeof(s->events[0]));
	for (unsigned cpu = 0; cpu < s->possible; cpu++) {
		int fd = open_event(cpu, prog);

		if (fd == -ENODEV) /* not online */
			continue;
		if (fd < 0)
			return fd;
		s->cpus[s->count] = cpu;
		s->events[s->count++] = fd;
	}
	return s->count > 0 ? 0 : -ENODEV;
}

/*
 * One more than the highest number that a CPU can have, the last in a list such
 * as "0,2-3". libbpf would count them.
 */
static unsigned
possible_cpus(void)
{
	FILE *f = fopen("/sys/devices/system/cpu/possible", "re");
	unsigned n = 0, last = 0;
	int c;

	if (f == NULL)
		return sysconf(_SC_NPROCESSORS_CONF);
	while ((c = getc(f)) != EOF) {
		if (isdigit(c))
			last = n = 10 * n + c - '0';
		else
			n = 0;
	}
	fclose(f);
	return last + 1;
}

int
sampling_open(struct sampling **out, const struct sampling_sizes *sizes)
{
	struct sampling *s = ecalloc(1, sizeof(*s));
	struct bpf_map *map;
	int r;

	sampling_trouble_listen();
	s->possible = possible_cpus();
	if ((r = load(s, sizes)) < 0) {
		sampling_trouble_load(r);
		goto fail;
	}
	if ((r = map_memory(s)) < 0) {
		log_warnx("sampler", "map BPF memory: %s", strerror(-r));
		goto fail;
	}
	if ((r = open_events(s)) < 0) {
		sampling_trouble_event(r);
		goto fail;
	}
	bpf_object__for_each_map(map, s->bpf->obj) s->map_bytes +=
	    map_bytes(bpf_map__fd(map));
	*out = s;
	return 0;
fail:
	sampling_free(s);
	return r;
}

void
sampling_free(struct sampling *s)
{
	if (s == NULL)
		return;
	for (unsigned i = 0; i < s->count; i++)
		close(s->events[i]);
	free(s->events);
	free(s->cpus);
	ring_buffer__free(s->wakeups);
	if (s->outcomes != NULL)
		munmap((void *)s->outcomes, s->outcomes_size);
	sampler_bpf__destroy(s->bpf);
	free(s);
}

struct sampler_bpf *
sampling_bpf(struct sampling *s)
{
	return s->bpf;
}

uint64_t
sampling_map_bytes(const struct sampling *s)
{
	return s->map_bytes;
}

const int *
sampling_cpus(const struct sampling *s, unsigned *count)
{
	*count = s->count;
	return s->cpus;
}

int
sampling_set(struct sampling *s, const struct sampling_settings *settings)
{
	struct sampler_control *c = &s->bpf->bss->control;
	uint64_t period = 1000000000ull / settings->rate;
	bool first = s->period == 0;

	c->collect_user = settings->user;
	c->collect_kernel = settings->kernel;
	if (period != s->period)
		for (unsigned i = 0; i < s->count; i++)
			if (ioctl(s->events[i], PERF_EVENT_IOC_PERIOD,
				&period) < 0)
				return -errno;
	s->period = period;
	if (!first)
		return 0;
	s->started = now_ns(CLOCK_MONOTONIC);
	for (unsigned i = 0; i < s->count; i++)
		if (ioctl(s->events[i], PERF_EVENT_IOC_ENABLE, 0) < 0)
			return -errno;
	return 0;
}

void
sampling_stop(struct sampling *s)
{
	for (unsigned i = 0; i < s->count; i++)
		ioctl(s->events[i], PERF_EVENT_IOC_DISABLE, 0);
}

uint64_t
sampling_period(const struct sampling *s)
{
	return s->period;
}

unsigned
sampling_flip(struct sampling *s)
{
	struct sampler_control *c = &s->bpf->bss->control;
	unsigned left = c->active, next = !left;

	reset_pair(c, next);
	__atomic_store_n(&c->active, next, __ATOMIC_SEQ_CST);
	return left;
}

void
sampling_settle(void)
{
	struct timespec wait = { 0, SETTLE_NS };

	/* the kernel's synchronize_rcu(): every program that ran has ended */
	if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) == 0)
		return;
	while (nanosleep(&wait, &wait) < 0 && errno == EINTR)
		;
}

/* Looks at a CPU's counters until none of its runs is half counted. */
#define PEEKS_MAX 10000

/* What the program itself counts. */
static const enum ledger_counter counted[] = { LEDGER_RUNS, LEDGER_IDLE,
	LEDGER_CAPTURED, LEDGER_LOST_COUNTS_FULL, LEDGER_LOST_STACKS_FULL,
	LEDGER_LOST_STACK_ERROR, LEDGER_LOST_INTERNAL, LEDGER_FOREIGN_PIDNS };

/* A counter that the program on another CPU may be writing. */
static uint64_t
peek(const __u64 *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

uint64_t
sampling_captured(const struct sampling *s, unsigned pair)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < s->possible; i++)
		sum += peek(&s->outcomes[i].captured[pair]);
	return sum;
}

int
sampling_wakeup_fd(const struct sampling *s)
{
	return ring_buffer__epoll_fd(s->wakeups);
}

bool
sampling_half_full(struct sampling *s)
{
	const struct sampler_control *c = &s->bpf->bss->control;

	ring_buffer__consume(s->wakeups);
	return c->pair[c->active].woken != 0;
}

static struct sampler_outcomes
peek_all(const struct sampler_outcomes *o)
{
	return (struct sampler_outcomes){
		.runs = peek(&o->runs),
		.idle = peek(&o->idle),
		.captured = { peek(&o->captured[0]), peek(&o->captured[1]) },
		.lost_counts_full = peek(&o->lost_counts_full),
		.lost_stacks_full = peek(&o->lost_stacks_full),
		.lost_stack_error = peek(&o->lost_stack_error),
		.lost_internal = peek(&o->lost_internal),
		.foreign = peek(&o->foreign),
	};
}

static bool
closes(const struct sampler_outcomes *o)
{
	return o->runs == o->idle + o->captured[0] + o->captured[1] +
			      o->lost_counts_full + o->lost_stacks_full +
			      o->lost_stack_error + o->lost_internal;
}

/* A CPU's counters between two runs: a run takes some microseconds. */
static struct sampler_outcomes
peek_between_runs(const struct sampler_outcomes *o)
{
	struct sampler_outcomes all = peek_all(o);

	for (int i = 0; i < PEEKS_MAX && !closes(&all); i++)
		all = peek_all(o);
	return all;
}

void
sampling_ledger(const struct sampling *s, struct ledger *ledger)
{
	struct ledger sum = { 0 };

	for (unsigned i = 0; i < s->possible; i++) {
		struct sampler_outcomes o = peek_between_runs(&s->outcomes[i]);

		sum.n[LEDGER_RUNS] += o.runs;
		sum.n[LEDGER_IDLE] += o.idle;
		sum.n[LEDGER_CAPTURED] += o.captured[0] + o.captured[1];
		sum.n[LEDGER_LOST_COUNTS_FULL] += o.lost_counts_full;
		sum.n[LEDGER_LOST_STACKS_FULL] += o.lost_stacks_full;
		sum.n[LEDGER_LOST_STACK_ERROR] += o.lost_stack_error;
		sum.n[LEDGER_LOST_INTERNAL] += o.lost_internal;
		sum.n[LEDGER_FOREIGN_PIDNS] += o.foreign;
	}
	for (size_t i = 0; i < sizeof(counted) / sizeof(counted[0]); i++)
		ledger->n[counted[i]] = sum.n[counted[i]];
}

void
sampling_cpu(struct sampling *s, unsigned n, struct batch_cpu *cpu)
{
	const struct sampler_outcomes *o = &s->outcomes[s->cpus[n]];
	uint64_t value[2] = { 0, 0 }; /* count, time enabled */

	cpu->cpu = s->cpus[n];
	cpu->reserved = 0;
	cpu->runs = peek(&o->runs);
	cpu->idle = peek(&o->idle);
	cpu->enabled = 0;
	if (read(s->events[n], value, sizeof(value)) == sizeof(value))
		cpu->enabled = value[1];
}

uint64_t
sampling_enabled(const struct sampling *s)
{
	return s->period == 0
		   ? 0
		   : (now_ns(CLOCK_MONOTONIC) - s->started) * s->count;
}
