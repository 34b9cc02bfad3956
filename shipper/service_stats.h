/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What came in for each service_name of each component, and what symbols were
 * worth there (spec/phlare-ebpf.md 8). Names come from labels of containers:
 * beyond so many they are counted together.
 */
#ifndef SHIPPER_SERVICE_STATS_H
#define SHIPPER_SERVICE_STATS_H

#include <stddef.h>
#include <stdint.h>

#define SERVICE_STATS_MAX 1000
#define SERVICE_STATS_OTHERS "(others)"

/* A row for each number: X(member, metric, what it counts). */
#define SERVICE_NUMBERS(X)                                                     \
	X(pprofs, "phlare_ebpf_pprofs_total", "Profiles built.")               \
	X(bytes, "phlare_ebpf_pprof_bytes_total", "Their compressed bytes.")   \
	X(samples, "phlare_ebpf_pprof_samples_total", "Samples in them.")      \
	X(known_symbols, "phlare_symtab_known_symbols_total",                  \
	    "Frames of their stacks with a symbol.")                           \
	X(unknown_symbols, "phlare_symtab_unknown_symbols_total",              \
	    "Frames in a file or in the kernel without a symbol.")             \
	X(unknown_modules, "phlare_symtab_unknown_modules_total",              \
	    "Frames in no file.")                                              \
	X(unknown_stacks, "phlare_symtab_unknown_stacks_total",                \
	    "Stacks with more unknown frames than known ones.")

#define SERVICE_MEMBER(member, metric, what) uint64_t member;
struct service_numbers {
	SERVICE_NUMBERS(SERVICE_MEMBER)
};
#undef SERVICE_MEMBER

struct service_stats;

struct service_stats *service_stats_new(void);
/* NULL is fine. */
void service_stats_free(struct service_stats *stats);

void service_stats_add(struct service_stats *stats, const char *component,
    const char *service, const struct service_numbers *numbers);

/* Calls fn for each service, in the order in which they came. */
void service_stats_each(const struct service_stats *stats,
    void (*fn)(void *arg, const char *component, const char *service,
	const struct service_numbers *numbers),
    void *arg);

#endif
