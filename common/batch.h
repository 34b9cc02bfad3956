/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a batch memfd holds: sampler to symbolizer, same host, same build, so
 * plain structs in native byte order. The symbolizer checks every offset and
 * count; nothing in here is a pointer.
 *
 * A process is one exec of one program: it has a generation, a number that is
 * unique within the sampler's session and never 0. start_time is
 * CLOCK_BOOTTIME in ns as far as the sampler knows it: at most 10 ms later
 * than the kernel's own, never earlier by more than a clock tick.
 */
#ifndef COMMON_BATCH_H
#define COMMON_BATCH_H

#include <stdint.h>

#include "common/ledger.h"

#define BATCH_MAGIC 0x68635462 /* "bTch" */
#define BATCH_VERSION 2
/* A batch is never longer, a receiver refuses one that is. */
#define BATCH_MAX_BYTES (256u * 1024 * 1024)

#define BATCH_STACK_PART 32 /* addresses per part */
#define BATCH_MAX_FRAMES 127
#define BATCH_COMM 16

/* Where a section lies: offset in bytes from the start, 8-aligned. */
struct batch_section {
	uint32_t offset;
	uint32_t count; /* of elements; of bytes for strings */
};

struct batch_header {
	uint32_t magic;
	uint32_t version;
	uint64_t session;
	uint64_t sequence; /* 0 in ProcessNews */
	/* when the maps of this batch were taken into use and flipped away */
	int64_t wall_start, wall_end;     /* CLOCK_REALTIME, ns */
	uint64_t boot_start, boot_end;    /* CLOCK_BOOTTIME, ns */
	uint64_t period;                  /* ns per sample of a CPU */
	struct batch_section cpus;        /* struct batch_cpu */
	struct batch_section processes;   /* struct batch_process */
	struct batch_section mappings;    /* struct batch_mapping */
	struct batch_section counts;      /* struct batch_count */
	struct batch_section stack_parts; /* struct batch_stack_part */
	struct batch_section strings;     /* bytes */
};

/* A CPU's totals since the session began. */
struct batch_cpu {
	uint32_t cpu;
	uint32_t reserved;
	uint64_t enabled; /* ns its event was enabled */
	uint64_t runs;    /* of the BPF program */
	uint64_t idle;    /* of these, while idle */
};

enum batch_process_flag {
	BATCH_PROCESS_NEW = 1,      /* first seen (forked or found) */
	BATCH_PROCESS_EXEC = 2,     /* a new program in an old process */
	BATCH_PROCESS_EXIT = 4,     /* it is gone: open nothing of it */
	BATCH_PROCESS_KERNEL = 8,   /* kernel thread: no mappings ever */
	BATCH_PROCESS_FOREIGN = 16, /* not in our pid namespace */
	/*
	 * The mappings given here are all it has now; without this flag they
	 * are additions to what was given before.
	 */
	BATCH_PROCESS_COMPLETE = 32,
};

struct batch_process {
	uint64_t generation;
	uint64_t start_time;
	uint32_t pid; /* tgid */
	uint32_t flags;
	uint32_t first_mapping, mappings; /* into the mappings section */
	/*
	 * The generation that it came from, by a fork or an exec; and the
	 * nearest one on that way which news had told of by then. 0: none.
	 */
	uint64_t parent, ancestor;
};

/* An executable mapping. */
struct batch_mapping {
	uint64_t start, end;
	uint64_t file_offset; /* bytes */
	uint64_t inode;
	uint64_t inode_generation;
	uint32_t major, minor;
	uint32_t path, path_size; /* into strings; the kernel's name for it */
				  /* ("/usr/bin/x", "[vdso]", "//anon"), */
				  /* hostile bytes, not terminated */
};

/* Counts of one key; user_stack and kernel_stack 0: none. */
struct batch_count {
	uint64_t generation; /* of a process in this batch */
	uint64_t user_stack, kernel_stack;
	uint64_t count;
	uint32_t flags; /* enum batch_count_flag */
	uint32_t reserved;
	char comm[BATCH_COMM]; /* of the thread, not always terminated */
};

enum batch_count_flag {
	BATCH_COUNT_USER_TRUNCATED = 1, /* the user stack misses its root */
	BATCH_COUNT_KERNEL_TRUNCATED = 2,
};

/*
 * Addresses part * 32 ... of a stack, leaf first. Part 0 carries the number
 * of frames of the whole stack; a stack whose parts are not all there, or
 * that has no part 0, is absent.
 */
struct batch_stack_part {
	uint64_t stack;
	uint32_t part;
	uint32_t frames; /* in part 0: of the whole stack; else 0 */
	uint64_t address[BATCH_STACK_PART];
};

/* The live ledger of a sampler, see SamplerHello. */
struct ledger_page {
	uint64_t session;
	uint64_t started;    /* CLOCK_BOOTTIME ns */
	uint64_t updated;    /* CLOCK_BOOTTIME ns, at least every 100 ms */
	uint64_t enabled;    /* ns, summed over the CPUs */
	struct ledger now;   /* as CollectDone would give it */
	struct ledger acked; /* as the client has acknowledged it */
	/* the client has accounted for what it was handed in its hello */
	uint32_t hello_acked;
	uint32_t finished; /* sampling was stopped as the client asked */
};

#endif
