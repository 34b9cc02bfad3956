/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger against the clock: what the sampling clock should have ticked,
 * what it did, and how much of the difference idle and stolen time explain.
 * Per CPU, in ticks of the sampling clock, since this component began.
 */
#ifndef SYMBOLIZER_CLOCK_H
#define SYMBOLIZER_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "common/batch.h"

#define CLOCK_MAX_CPUS 4096

struct clock_cpu {
	uint64_t expected, runs, idle, steal, unexplained;
};

struct clock_ledger;

struct clock_ledger *clock_new(void);
void clock_free(struct clock_ledger *clock);

/*
 * A new sampler: its counts start at 0. stat_fd: its /proc/stat, taken over.
 */
void clock_begin(struct clock_ledger *clock, int stat_fd);

/*
 * Once per interval, as soon after the counts were taken as can be. period:
 * ns of the sampling clock.
 */
void clock_update(struct clock_ledger *clock, const struct batch_cpu *cpus,
    size_t count, uint64_t period);

/*
 * The rate has changed; cpus are the counts at that moment, of which
 * clock_update() has been told with the old period.
 */
void clock_new_rate(
    struct clock_ledger *clock, const struct batch_cpu *cpus, size_t count);

/*
 * Nobody sampled for this many ns of CLOCK_BOOTTIME. It counts as far as the
 * CPUs were busy while somebody did; before that is known, later.
 */
void clock_down(struct clock_ledger *clock, uint64_t ns, uint64_t period);

/* CPUs are 0 ... count - 1; NULL past the last. */
const struct clock_cpu *clock_get(const struct clock_ledger *clock, size_t cpu);
struct clock_cpu clock_sum(const struct clock_ledger *clock);
uint64_t clock_down_ticks(const struct clock_ledger *clock);

/*
 * Parses the cpuN line of /proc/stat text: idle (with iowait) and steal, in
 * USER_HZ. For clock.c and its test. The number of CPUs seen.
 */
struct clock_stat {
	uint64_t idle, steal;
};
size_t clock_parse_stat(const char *text, struct clock_stat *stats, size_t max);

#endif
