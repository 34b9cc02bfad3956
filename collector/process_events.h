/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Perf's side-band: what the kernel says of fork, exec, exit and executable
 * mappings, some 30 us after the fact. One small ring per CPU; the records of
 * all are put in order of time and told to the registry. Lost records are
 * counted and make the registry want a list.
 */
#ifndef COLLECTOR_PROCESS_EVENTS_H
#define COLLECTOR_PROCESS_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct processes;
struct process_events;

/* Opens a ring for each of the CPUs and starts it. 0 or -errno. */
int process_events_open(
    struct process_events **out, const int *cpus, unsigned count);
void process_events_free(struct process_events *pe);

/* How many rings, and the descriptor to poll of each. */
unsigned process_events_rings(const struct process_events *pe);
int process_events_fd(const struct process_events *pe, unsigned ring);

/* Whether there is anything in the rings; costs no system call. */
bool process_events_pending(const struct process_events *pe);

/*
 * Tells ps all that is in the rings and happened by now (CLOCK_BOOTTIME ns);
 * what is later waits for the next call. The number of records.
 */
unsigned process_events_drain(
    struct process_events *pe, struct processes *ps, uint64_t now);

/* Records that the kernel dropped, or that made no sense, so far. */
uint64_t process_events_lost(const struct process_events *pe);

/*
 * One record, as it stands in a ring with size its whole length, told to ps.
 * The records it says were lost. For drain, and for tests.
 */
uint64_t process_events_apply(
    struct processes *ps, const void *record, size_t size);

#endif
