/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_stackid RATE: samples all CPUs with stackid.bpf.c until SIGTERM or
 * SIGINT, emptying its maps every 10 s as such samplers do, then prints
 *   samples N idle N distinct N runs N run_time_ns N
 */
#include <errno.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "tests/bench/stackid.skel.h"

#define DRAIN_SEC 10

static volatile sig_atomic_t stopped;

static void
on_signal(int signo)
{
	(void)signo;
	stopped = 1;
}

/* Reads and deletes one entry after the other; how many there were. */
static unsigned long
empty_map(int fd, size_t key_size)
{
	char key[64], value[127 * 8];
	unsigned long n = 0;

	if (key_size > sizeof(key))
		return 0;
	while (bpf_map_get_next_key(fd, NULL, key) == 0) {
		bpf_map_lookup_elem(fd, key, value);
		if (bpf_map_delete_elem(fd, key) < 0)
			break;
		n++;
	}
	return n;
}

static int
attach(struct stackid_bpf *skel, int cpu, int rate)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.freq = 1,
		.sample_freq = rate,
	};
	int fd = syscall(
	    SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);

	if (fd < 0)
		return -errno;
	return bpf_program__attach_perf_event(skel->progs.sample, fd) == NULL
		   ? -errno
		   : 0;
}

static void
report(struct stackid_bpf *skel, unsigned long distinct)
{
	struct bpf_prog_info info = { 0 };
	__u32 size = sizeof(info);

	bpf_obj_get_info_by_fd(
	    bpf_program__fd(skel->progs.sample), &info, &size);
	printf("samples %llu idle %llu distinct %lu runs %llu run_time_ns "
	       "%llu\n",
	    (unsigned long long)skel->bss->samples,
	    (unsigned long long)skel->bss->idle, distinct,
	    (unsigned long long)info.run_cnt,
	    (unsigned long long)info.run_time_ns);
}

int
main(int argc, char **argv)
{
	int rate = argc > 1 ? atoi(argv[1]) : 0, r;
	int cpus = libbpf_num_possible_cpus(), stats;
	struct stackid_bpf *skel;
	unsigned long distinct = 0;

	if (rate < 1) {
		fprintf(stderr, "usage: bench_stackid RATE\n");
		return 2;
	}
	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	stats = bpf_enable_stats(BPF_STATS_RUN_TIME);
	skel = stackid_bpf__open_and_load();
	if (skel == NULL) {
		fprintf(stderr, "bench_stackid: load: %s\n", strerror(errno));
		return 1;
	}
	for (int cpu = 0; cpu < cpus; cpu++) {
		r = attach(skel, cpu, rate);
		if (r < 0 && r != -ENODEV) {
			fprintf(stderr, "bench_stackid: cpu %d: %s\n", cpu,
			    strerror(-r));
			return 1;
		}
	}
	for (int sec = 1; !stopped; sec++) {
		sleep(1);
		if (sec % DRAIN_SEC == 0 || stopped) {
			empty_map(bpf_map__fd(skel->maps.counts), 28);
			distinct +=
			    empty_map(bpf_map__fd(skel->maps.stacks), 4);
		}
	}
	report(skel, distinct);
	close(stats);
	stackid_bpf__destroy(skel);
	return 0;
}
