/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's side of sampling: the BPF object and one cpu-clock event per
 * online CPU. Opened stopped, while there is privilege; started, changed and
 * read afterwards without.
 */
#ifndef COLLECTOR_SAMPLING_H
#define COLLECTOR_SAMPLING_H

#include <stdbool.h>
#include <stdint.h>

#include "common/batch.h"
#include "common/ledger.h"

/*
 * Entries of one map that a command line may ask for: a pair that is full
 * still fits into a batch.
 */
#define SAMPLING_ENTRIES_MAX 524288

struct sampling;
struct sampler_bpf;

struct sampling_sizes {
	uint32_t stack_parts, counts; /* entries of each map; 0: by CPUs */
};

struct sampling_settings {
	uint32_t rate; /* samples per second and CPU */
	bool user, kernel;
};

/*
 * Loads the programs and opens the events. 0, or -errno after one log line
 * that says what is missing and how to give it.
 */
int sampling_open(struct sampling **out, const struct sampling_sizes *sizes);
void sampling_free(struct sampling *s);

/* The skeleton, for its maps and iterators; borrowed. */
struct sampler_bpf *sampling_bpf(struct sampling *s);
/* Kernel memory of all maps, bytes. */
uint64_t sampling_map_bytes(const struct sampling *s);
/* The CPUs sampled: their numbers, borrowed. */
const int *sampling_cpus(const struct sampling *s, unsigned *count);

/*
 * Puts the settings in force; the first call starts the events. No sample is
 * lost by a change. 0 or -errno.
 */
int sampling_set(struct sampling *s, const struct sampling_settings *settings);
/* Stops the events for good. */
void sampling_stop(struct sampling *s);
/* ns between samples of a CPU; 0 before the first sampling_set. */
uint64_t sampling_period(const struct sampling *s);

/* Turns the writers to the other pair of maps. The pair they leave. */
unsigned sampling_flip(struct sampling *s);
/* Returns when no program writes the pair left any more. */
void sampling_settle(void);
/* Samples that were ever put into a pair. */
uint64_t sampling_captured(const struct sampling *s, unsigned pair);

/* Readable when the active pair is half full. */
int sampling_wakeup_fd(const struct sampling *s);
/* Takes the wake-up. True if the active pair is half full. */
bool sampling_half_full(struct sampling *s);

/* Sets the counters that the kernel side keeps; leaves the others. */
void sampling_ledger(const struct sampling *s, struct ledger *ledger);
/* Totals of the nth CPU of sampling_cpus; asks the kernel for its time. */
void sampling_cpu(struct sampling *s, unsigned n, struct batch_cpu *cpu);
/* ns that events were enabled, over all CPUs; by our clock, costs nothing. */
uint64_t sampling_enabled(const struct sampling *s);

#endif
