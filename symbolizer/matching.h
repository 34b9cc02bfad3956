/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which target each process belongs to (spec/phlare-ebpf.md 2.3). The
 * container id of a process, one exec of it, is read once from its cgroup
 * file and kept in an LRU of container_id_cache_size; a process without one
 * may still join a container, so it is asked again, ever more rarely. A child
 * is where its parent is, also if it was gone before anyone could look. As
 * long as nothing changes, matching a process costs one hash lookup per
 * interval. No I/O of its own, no clock: times are any that go forward, in ns.
 */
#ifndef SYMBOLIZER_MATCHING_H
#define SYMBOLIZER_MATCHING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "symbolizer/opener.h"
#include "symbolizer/process.h"

/* From one look at a process without a container to the next. */
#define MATCHING_AGAIN_NS 1000000000ull
#define MATCHING_AGAIN_MAX_NS (300 * MATCHING_AGAIN_NS)

struct matching;
struct targets;

struct matching_host {
	void *arg;
	/* As opener_ask(). */
	bool (*ask)(void *arg, const struct open_question *question,
	    opener_answered answer, void *answer_arg);
	/* Whether this process is in a container has been looked at. */
	void (*on_known)(void *arg, struct process_id id);
	/* Nothing that matching_await() waits for is being read any more. */
	void (*on_settled)(void *arg);
};

struct matching_counts {
	uint64_t cached, evicted;
	uint64_t asked;   /* cgroup files */
	uint64_t lookups; /* in the hash of processes */
};

struct matching *matching_new(
    const struct matching_host *host, size_t capacity);
/* What ask() was called for must not be answered any more. NULL is fine. */
void matching_free(struct matching *matching);
void matching_resize(struct matching *matching, size_t capacity);

/* Lent until the next call. What is known of processes stays. */
void matching_set_targets(
    struct matching *matching, const struct targets *targets);

/* Whether there are targets that a container id leads to. */
bool matching_needs_containers(const struct matching *matching);

/*
 * Asks for the container id of the process unless it is known, of no use, or
 * not due again.
 */
void matching_want(
    struct matching *matching, struct process *process, uint64_t now);
/* The same, and on_settled is called when it is there. */
void matching_await(
    struct matching *matching, struct process *process, uint64_t now);
bool matching_busy(const struct matching *matching);

/* Its number for targets_labels(), as far as is known; -1: no target. */
int matching_target(struct matching *matching, struct process *process);

/* The interval is done: evicts down to the capacity, oldest use first. */
void matching_sweep(struct matching *matching);

struct matching_counts matching_counts(const struct matching *matching);

#endif
