/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A set of targets and their labels (spec/phlare-ebpf.md 2 and 3): which
 * process belongs to which target, and with which labels its profile goes
 * out. What a single target means is in common/target.h.
 */
#ifndef SYMBOLIZER_TARGETS_H
#define SYMBOLIZER_TARGETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TARGET_MAX_LABELS 128
#define LABEL_NAME_MAX 1024
#define LABEL_VALUE_MAX 2048
/* What fits into a Profile message. */
#define TARGET_LABELS_MAX 49152
/*
 * How much later than it really did a process may seem to have started
 * (common/batch.h).
 */
#define TARGETS_START_SLACK_NS 10000000ull

struct targets;

/*
 * Decodes a TargetSet of at most SETTINGS_TARGETS_MAX targets. component is
 * the full component id, the last resort for service_name. NULL and *why if
 * it is malformed or over a bound.
 */
struct targets *targets_decode(
    const void *data, size_t size, const char *component, const char **why);
void targets_free(struct targets *targets);

/* How many were given; how many distinct pids and containers they name. */
size_t targets_count(const struct targets *targets);
size_t targets_pids(const struct targets *targets);
size_t targets_containers(const struct targets *targets);

struct targets_process {
	uint32_t pid;        /* 0: not in our pid namespace */
	uint64_t start_time; /* as the sampler knows it */
	const char *container_id;
};

/*
 * The target of a process: by pid, if it had it when the set was decided on;
 * by the container's id; else the default target. A number for
 * targets_labels(), or -1: no target, its samples are filtered.
 */
int targets_find(
    const struct targets *targets, const struct targets_process *process);

/*
 * The labels that profiles of this target carry: an encoded message Target,
 * sorted by name. Targets with equal labels have the same number. What names
 * the process or container is none of them: no receiver sends it on, and the
 * containers of one service are one profile. Borrowed.
 */
const void *targets_labels(
    const struct targets *targets, int number, size_t *size);
/* Upper bound of the numbers. */
int targets_numbers(const struct targets *targets);

#endif
