/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the batches of one interval to profiles: match targets, drop what has
 * none, fetch the tables that are needed, name each distinct address once,
 * add up. No I/O of its own, so tests need no loop.
 */
#ifndef SYMBOLIZER_INTERVAL_H
#define SYMBOLIZER_INTERVAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/ledger.h"
#include "symbolizer/batch_view.h"
#include "symbolizer/frames.h"
#include "symbolizer/profile.h"

struct elf_cache;
struct kernel_symbols;
struct matching;
struct perf_maps;
struct process;
struct process_cache;
struct vdso;

struct interval_input {
	struct elf_cache *files;
	struct perf_maps *perf_maps;
	const struct vdso *vdso;
	struct process_cache *processes;
	const struct kernel_symbols *kernel; /* NULL: none */
	struct matching *matching;
	uint64_t now; /* for matching: ns, going forward */
	bool comm_frame, comm_label, pid_label;
};

struct interval_result {
	struct frames *frames;
	struct profile **profiles; /* by target number, NULL: none */
	int count;
	uint64_t named, unnamed; /* distinct frames with and without a name */
};

/*
 * The new processes of a batch: asks for their containers, and for files that
 * were never seen where their samples will have a target.
 */
void interval_prefetch(
    const struct interval_input *in, const struct batch_view *view);
/* The same for one process, when more is known about it. */
void interval_prefetch_process(
    const struct interval_input *in, struct process *process);

/* Asks for the containers of the processes of a batch where that is needed. */
void interval_match(
    const struct interval_input *in, const struct batch_view *view);

/* Asks for every table that the samples with a target need. */
void interval_want(
    const struct interval_input *in, const struct batch_view *view);

struct interval_result *interval_begin(const struct interval_input *in);
/*
 * Adds a batch. Each of its samples goes into a profile or into one of
 * ledger's counters FILTERED, DROPPED_*.
 */
void interval_add(struct interval_result *result,
    const struct interval_input *in, const struct batch_view *view,
    struct ledger *ledger);
void interval_free(struct interval_result *result);

#endif
