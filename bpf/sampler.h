/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Structs that the BPF program and the collector share. */
#ifndef BPF_SAMPLER_H
#define BPF_SAMPLER_H

#include <linux/types.h>

#define SAMPLER_FRAMES 127     /* of a user or a kernel stack */
#define SAMPLER_PART 32        /* addresses in a part of a stack */
#define SAMPLER_PARTS 4        /* parts of a stack, at most */
#define SAMPLER_RANGES 32      /* ranges of an ordinary process */
#define SAMPLER_RANGES_BIG 512 /* of one in processes_big */
#define SAMPLER_PROCESSES 4096
#define SAMPLER_PROCESSES_BIG 64
#define SAMPLER_COMM 16
/* No address of a user lies there: pads ranges. */
#define SAMPLER_NO_ADDRESS 0x7fffffffffffffffULL

/* Flags of a count. */
#define SAMPLER_USER_TRUNCATED 1
#define SAMPLER_KERNEL_TRUNCATED 2
#define SAMPLER_KERNEL_THREAD 4
#define SAMPLER_FOREIGN 8 /* not in our pid namespace */

/*
 * What is counted. A process is (tgid, start, exec_id): the kernel's own
 * identity of one exec of one program.
 */
struct sampler_count_key {
	__u32 tgid;
	__u32 exec_id; /* low half of the kernel's self_exec_id */
	__u64 start;   /* CLOCK_BOOTTIME ns */
	__u64 user_stack, kernel_stack;
	char comm[SAMPLER_COMM];
	__u32 flags;
	__u32 zero;
};

struct sampler_stack_key {
	__u64 stack; /* never 0 */
	__u32 part;
	__u32 zero;
};

struct sampler_stack_part {
	__u64 address[SAMPLER_PART];
	__u64 frames; /* in part 0: of the whole stack; else 0 */
};

/*
 * The executable ranges of a process, sorted, apart, padded with
 * SAMPLER_NO_ADDRESS. They hold for the process that runs as tgid if it
 * started no later than start_latest and has this exec_id.
 */
struct sampler_process {
	__u64 start_latest;
	__u32 exec_id;
	__u32 ranges; /* more than SAMPLER_RANGES: see processes_big */
	__u64 start[SAMPLER_RANGES], end[SAMPLER_RANGES];
};

struct sampler_process_big {
	__u64 start[SAMPLER_RANGES_BIG], end[SAMPLER_RANGES_BIG];
};

/*
 * One per possible CPU. A run ends in exactly one of the counters between
 * idle and lost_internal. captured is counted by pair of maps.
 */
struct sampler_outcomes {
	__u64 runs;
	__u64 idle;
	__u64 captured[2];
	__u64 lost_counts_full;
	__u64 lost_stacks_full;
	__u64 lost_stack_error;
	__u64 lost_internal;
	__u64 foreign; /* of the captured: not in our pid namespace */
	__u64 unused[7];
};

/* The switches, in .bss: the sampler writes them, the program reads. */
struct sampler_control {
	__u32 active; /* the pair that is written, 0 or 1 */
	__u32 collect_user, collect_kernel;
	__u32 pid_namespace; /* inode of ours; 0: the initial one */
	struct {
		__u64 seed, multiplier; /* random; multiplier is odd */
		/* entries since the pair was taken into use */
		__u64 counts, stack_parts;
		__u32 woken; /* the sampler was told that it is half full */
		__u32 unused;
	} pair[2];
	__u64 counts_half, stack_parts_half;
	__u32 page_shift;
	__u32 unused;
};

/* What the iterators print; a mapping is followed by path_size bytes. */
struct sampler_scan_record {
	__u32 pid;
	__u32 exec_id;
	__u64 process_start; /* CLOCK_BOOTTIME ns */
	__u64 time;          /* of the look, CLOCK_BOOTTIME ns */
	__u64 start, end;    /* of the mapping; 0, 0: none */
	__u64 file_offset;   /* bytes */
	__u64 inode;
	__u32 inode_generation;
	__u32 device; /* as the kernel has it: major << 20 | minor */
	__u32 path_size;
	__u32 zero;
};

#define SAMPLER_SCAN_PATH 1024

#endif
