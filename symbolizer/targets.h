/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Targets and their labels (spec/phlare-ebpf.md 2 and 3): which process
 * belongs to which target, and with which labels its profile goes out.
 */
#ifndef SYMBOLIZER_TARGETS_H
#define SYMBOLIZER_TARGETS_H

#include <stddef.h>
#include <stdint.h>

#define TARGETS_MAX 65536
#define TARGETS_MAX_BYTES (64u * 1024 * 1024)
#define TARGET_MAX_LABELS 128
#define LABEL_NAME_MAX 1024
#define LABEL_VALUE_MAX 2048
/* What fits into a Profile message. */
#define TARGET_LABELS_MAX 49152

struct targets;

/*
 * Decodes a TargetSet. component is the full component id, the last resort
 * for service_name. NULL and *why if it is malformed or over a bound.
 */
struct targets *targets_decode(
    const void *data, size_t size, const char *component, const char **why);
void targets_free(struct targets *targets);

size_t targets_count(const struct targets *targets);

/*
 * The target of a process: by pid, else the default target. A number for
 * targets_labels, or -1: no target, its samples are filtered.
 */
int targets_find(const struct targets *targets, uint32_t pid);

/*
 * The labels that profiles of this target carry: an encoded message Target,
 * sorted by name. Targets with equal labels have the same number. Borrowed.
 */
const void *targets_labels(
    const struct targets *targets, int number, size_t *size);
/* Upper bound of the numbers. */
int targets_numbers(const struct targets *targets);

#endif
