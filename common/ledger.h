/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger: every sample ends in exactly one of these counters
 * (DESIGN.md 3). The one list of their names, used by the collector that
 * counts, the messages that carry them and everyone who shows them.
 */
#ifndef COMMON_LEDGER_H
#define COMMON_LEDGER_H

#include <stdint.h>
#include <stdio.h>

/*
 * X(NAME, name, help). All count samples unless they say
 * otherwise. They only grow. The position is the number on the wire: append,
 * never reorder.
 *
 *   runs     = idle + captured + lost_*
 *   captured = shipped + died_*          (+ what still waits in the maps)
 *   shipped  = delivered + filtered + dropped_*   (+ what is being built)
 *   profiles_built = sent + spooled + profiles_dropped_*  (+ queued)
 */
#define LEDGER_LIST(X)                                                         \
	/* counted in the kernel, by sampler.bpf.c */                          \
	X(RUNS, "runs", "runs of the BPF program")                             \
	X(IDLE, "idle", "runs on an idle CPU")                                 \
	X(CAPTURED, "captured", "samples put into the maps")                   \
	X(LOST_COUNTS_FULL, "lost_counts_full", "the map of counts was full")  \
	X(LOST_STACKS_FULL, "lost_stacks_full", "the map of stacks was full")  \
	X(LOST_STACK_ERROR, "lost_stack_error", "the stack could not be read") \
	X(LOST_INTERNAL, "lost_internal", "a map of ours was not there")       \
	/* counted by the collector */                                         \
	X(SHIPPED, "shipped", "acknowledged by the symbolizer")                \
	X(DIED_SAMPLER, "died_sampler", "captured by a sampler that died")     \
	X(DIED_CLIENT, "died_client", "captured for a client that left")       \
	X(LOST_DRAIN, "lost_drain", "counted but not found when drained")      \
	X(FOREIGN_PIDNS, "foreign_pidns",                                      \
	    "of processes outside our pid "                                    \
	    "namespace (not a loss)")                                          \
	X(RING_LOST, "ring_lost",                                              \
	    "side-band records the kernel dropped "                            \
	    "(records, not samples)")                                          \
	/* counted by the symbolizer */                                        \
	X(DELIVERED, "delivered", "samples in a profile handed on")            \
	X(FILTERED, "filtered", "samples of processes without a target")       \
	X(DROPPED_NO_STACK, "dropped_no_stack", "no frame at all was left")    \
	X(DROPPED_MALFORMED, "dropped_malformed", "bad data in a batch")       \
	X(DROPPED_MEMORY, "dropped_memory", "over the memory bound")           \
	X(DROPPED_SHIPPER, "dropped_shipper",                                  \
	    "in profiles the shipper did not take in time")                    \
	X(PROFILES_BUILT, "profiles_built", "profiles (not samples)")          \
	X(PROFILES_DROPPED_SHIPPER, "profiles_dropped_shipper",                \
	    "profiles the shipper did not take in time (not samples)")         \
	/* counted by the shipper; profiles, not samples */                    \
	X(PROFILES_SENT, "profiles_sent",                                      \
	    "profiles accepted by every "                                      \
	    "endpoint")                                                        \
	X(PROFILES_SPOOLED, "profiles_spooled",                                \
	    "profiles put on disk for "                                        \
	    "later")                                                           \
	X(PROFILES_DROPPED_REFUSED, "profiles_dropped_refused",                \
	    "profiles an endpoint refused for good")                           \
	X(PROFILES_DROPPED_RETRIES, "profiles_dropped_retries",                \
	    "profiles whose retries ran out")                                  \
	X(PROFILES_DROPPED_QUEUE, "profiles_dropped_queue",                    \
	    "profiles that a full queue could not hold")                       \
	X(PROFILES_DROPPED_NO_RECEIVER, "profiles_dropped_no_receiver",        \
	    "profiles whose component is gone")                                \
	X(PROFILES_DROPPED_DISK, "profiles_dropped_disk",                      \
	    "profiles a file endpoint could not write")

#define LEDGER_ENUM(name, text, help) LEDGER_##name,
enum ledger_counter { LEDGER_LIST(LEDGER_ENUM) LEDGER_COUNTERS };
#undef LEDGER_ENUM

/* Room in messages for counters that later versions append. */
#define LEDGER_WIRE_MAX 64

struct ledger {
	uint64_t n[LEDGER_COUNTERS];
};

/* The counter's name as metrics and reports show it, e.g. "lost_drain". */
const char *ledger_name(enum ledger_counter c);
/* One line of help for the counter. */
const char *ledger_help(enum ledger_counter c);

/* sum += add, counter by counter. */
void ledger_add(struct ledger *sum, const struct ledger *add);

/* Sum of all lost_* counters of the kernel side. */
uint64_t ledger_lost(const struct ledger *l);
/* Sum of all dropped_* counters of samples. */
uint64_t ledger_dropped(const struct ledger *l);
/* Sum of all profiles_dropped_* counters. */
uint64_t ledger_profiles_dropped(const struct ledger *l);

#endif
