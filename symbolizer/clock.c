/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolizer/clock.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"

#define STAT_BYTES (1024 * 1024)
#define NS_PER_SEC 1000000000ULL

struct cpu_state {
	struct clock_cpu total; /* of sessions and rates that are over */
	struct clock_cpu now;   /* of this one, which began with: */
	struct clock_stat first;
	uint64_t enabled, runs, idle; /* as in struct batch_cpu */
};

struct clock_ledger {
	int fd;
	struct cpu_state *cpus;
	size_t count;
	uint64_t down;       /* ticks of all CPUs */
	double down_per_cpu; /* ticks while no CPU was known */
};

struct clock_ledger *
clock_new(void)
{
	struct clock_ledger *c = ecalloc(1, sizeof(*c));

	c->fd = -1;
	return c;
}

void
clock_free(struct clock_ledger *clock)
{
	if (clock == NULL)
		return;
	if (clock->fd >= 0)
		close(clock->fd);
	free(clock->cpus);
	free(clock);
}

static void
add(struct clock_cpu *sum, const struct clock_cpu *c)
{
	sum->expected += c->expected;
	sum->runs += c->runs;
	sum->idle += c->idle;
	sum->steal += c->steal;
	sum->unexplained += c->unexplained;
}

size_t
clock_parse_stat(const char *text, struct clock_stat *stats, size_t max)
{
	size_t count = 0;

	while (text != NULL && *text != '\0') {
		uint64_t v[8] = { 0 };
		unsigned cpu;

		if (sscanf(text,
			"cpu%u %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
			" %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64,
			&cpu, &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &v[6],
			&v[7]) == 9 &&
		    strncmp(text, "cpu ", 4) != 0 && cpu < max) {
			stats[cpu].idle = v[3] + v[4];
			stats[cpu].steal = v[7];
			if (cpu + 1 > count)
				count = cpu + 1;
		} else if (strncmp(text, "cpu", 3) != 0) {
			break;
		}
		text = strchr(text, '\n');
		if (text != NULL)
			text++;
	}
	return count;
}

static size_t
read_stat(int fd, struct clock_stat *stats, size_t max)
{
	char *text;
	ssize_t n;
	size_t count = 0;

	if (fd < 0)
		return 0;
	text = ecalloc(STAT_BYTES + 1, 1);
	n = pread(fd, text, STAT_BYTES, 0);
	if (n > 0)
		count = clock_parse_stat(text, stats, max);
	free(text);
	return count;
}

static void
make_room(struct clock_ledger *c, size_t count)
{
	if (count <= c->count)
		return;
	c->cpus = erealloc(c->cpus, count, sizeof(*c->cpus));
	memset(c->cpus + c->count, 0, (count - c->count) * sizeof(*c->cpus));
	c->count = count;
}

/* What was counted stays; from here it counts anew. */
static void
begin_cpu(struct cpu_state *s, const struct batch_cpu *from)
{
	add(&s->total, &s->now);
	memset(&s->now, 0, sizeof(s->now));
	s->enabled = from->enabled;
	s->runs = from->runs;
	s->idle = from->idle;
}

void
clock_begin(struct clock_ledger *clock, int stat_fd)
{
	struct clock_stat *stats = ecalloc(CLOCK_MAX_CPUS, sizeof(*stats));
	size_t known = read_stat(stat_fd, stats, CLOCK_MAX_CPUS);

	if (clock->fd >= 0)
		close(clock->fd);
	clock->fd = stat_fd;
	make_room(clock, known);
	for (size_t i = 0; i < clock->count; i++) {
		struct cpu_state *s = &clock->cpus[i];

		begin_cpu(s, &(const struct batch_cpu){ .cpu = i });
		if (i < known)
			s->first = stats[i];
	}
	free(stats);
}

void
clock_new_rate(
    struct clock_ledger *clock, const struct batch_cpu *cpus, size_t count)
{
	struct clock_stat *stats = ecalloc(CLOCK_MAX_CPUS, sizeof(*stats));
	size_t known = read_stat(clock->fd, stats, CLOCK_MAX_CPUS);

	for (size_t i = 0; i < count; i++) {
		uint32_t n = cpus[i].cpu;

		if (n >= known || n >= clock->count)
			continue;
		begin_cpu(&clock->cpus[n], &cpus[i]);
		clock->cpus[n].first = stats[n];
	}
	free(stats);
}

/* USER_HZ ticks to ticks of the sampling clock. */
static uint64_t
in_ticks(uint64_t jiffies, uint64_t period)
{
	static long hz;

	if (hz == 0)
		hz = sysconf(_SC_CLK_TCK);
	return jiffies * (NS_PER_SEC / (uint64_t)hz) / period;
}

/* What is missing is idle time as far as there was any, then stolen time. */
static void
explain(struct cpu_state *s, const struct batch_cpu *cpu,
    const struct clock_stat *stat, uint64_t period)
{
	struct clock_cpu *n = &s->now;
	uint64_t missing, idle, steal, idle_runs;

	n->expected = (cpu->enabled - s->enabled) / period;
	n->runs = cpu->runs - s->runs;
	idle_runs = cpu->idle - s->idle;
	missing = n->expected > n->runs ? n->expected - n->runs : 0;
	idle = in_ticks(stat->idle - s->first.idle, period);
	idle = idle > idle_runs ? idle - idle_runs : 0;
	steal = in_ticks(stat->steal - s->first.steal, period);
	n->idle = missing < idle ? missing : idle;
	missing -= n->idle;
	n->steal = missing < steal ? missing : steal;
	n->unexplained = missing - n->steal;
}

const struct clock_cpu *
clock_get(const struct clock_ledger *clock, size_t cpu)
{
	static struct clock_cpu sum;

	if (cpu >= clock->count)
		return NULL;
	sum = clock->cpus[cpu].total;
	add(&sum, &clock->cpus[cpu].now);
	return &sum;
}

struct clock_cpu
clock_sum(const struct clock_ledger *clock)
{
	struct clock_cpu sum = { 0 };

	for (size_t i = 0; i < clock->count; i++)
		add(&sum, clock_get(clock, i));
	return sum;
}

/* The share of time that was not idle while we looked. */
static double
busy_share(const struct clock_ledger *clock)
{
	struct clock_cpu sum = clock_sum(clock);

	if (sum.expected == 0)
		return 1;
	return (double)(sum.expected - sum.idle) / sum.expected;
}

void
clock_down(struct clock_ledger *clock, uint64_t ns, uint64_t period)
{
	double ticks = period > 0 ? (double)ns / period : 0;

	if (clock_sum(clock).expected == 0)
		clock->down_per_cpu += ticks;
	else
		clock->down += ticks * clock->count * busy_share(clock);
}

/* Now it is known how many CPUs there are, and how busy. */
static void
count_waiting(struct clock_ledger *clock)
{
	clock->down += clock->down_per_cpu * clock->count * busy_share(clock);
	clock->down_per_cpu = 0;
}

void
clock_update(struct clock_ledger *clock, const struct batch_cpu *cpus,
    size_t count, uint64_t period)
{
	struct clock_stat *stats = ecalloc(CLOCK_MAX_CPUS, sizeof(*stats));
	size_t known = read_stat(clock->fd, stats, CLOCK_MAX_CPUS);

	for (size_t i = 0; i < count && period > 0; i++) {
		uint32_t n = cpus[i].cpu;
		struct cpu_state *s;

		if (n >= known)
			continue;
		make_room(clock, n + 1);
		s = &clock->cpus[n];
		explain(s, &cpus[i], &stats[n], period);
	}
	free(stats);
	if (clock_sum(clock).expected > 0)
		count_waiting(clock);
}

uint64_t
clock_down_ticks(const struct clock_ledger *clock)
{
	return clock->down;
}
