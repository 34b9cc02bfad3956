/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which process runs which program since when, and what it maps executable:
 * the sampler's memory of what the kernel told (process_events.c) or listed
 * (process_scan.c). Each exec gets a generation of its own. Pure book-keeping:
 * no system call, no clock; times are CLOCK_BOOTTIME ns as the kernel gave
 * them. Bounded in processes, mappings and bytes of paths; what does not fit
 * is counted.
 */
#ifndef COLLECTOR_PROCESSES_H
#define COLLECTOR_PROCESSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include <uthash.h>

struct processes;

/* What a file is called in the kernel's records. */
struct mapped_file_id {
	uint64_t inode, inode_generation;
	uint32_t major, minor;
};

struct mapped_file {
	UT_hash_handle hh;
	unsigned refs;
	uint64_t batch;      /* of batch_writer.c: last batch it is in, */
	uint32_t batch_path; /* and where its path lies there */
	uint32_t path_size;
	struct mapped_file_id id; /* id and path: the key of its table */
	char path[];              /* hostile bytes, not terminated */
};

struct mapping {
	uint64_t start, end;
	uint64_t file_offset;
	struct mapped_file *file;
};

/* Sorted, without overlaps; shared by processes that forked. */
struct mapping_set {
	unsigned refs, count, room;
	struct mapping m[];
};

/* One exec of one program. */
struct process {
	uint32_t pid;
	uint32_t flags; /* enum batch_process_flag: NEW, EXEC, KERNEL, */
			/* FOREIGN */
	uint64_t generation;
	uint64_t parent, ancestor; /* as in struct batch_process */
	uint64_t start;            /* as the client gets it */
	uint64_t start_latest;     /* the kernel's own is no later */
	uint64_t ended;            /* by exit or the next exec; 0: runs */
	uint64_t seen;             /* older records have nothing new to say */
	uint32_t exec_id;          /* low half of the kernel's self_exec_id */
	bool exec_known;
	bool exited;                  /* that is how it ended */
	struct mapping_set *mappings; /* never NULL */

	/* of batch_writer.c: last batch it is in, and its index there */
	uint64_t batch;
	uint32_t batch_index;

	/* private to processes.c */
	bool announced, changed, published, refused;
	bool on_dirty, on_news;
	uint64_t announced_at;
	uint64_t scan;
	struct mapping_set *scanned;
	struct process *older; /* that had the same pid */
	UT_hash_handle hh;     /* by pid; only the newest of it */
	TAILQ_ENTRY(process) all, dirty, news;
};

struct processes_limits {
	size_t processes; /* generations, also ended ones */
	size_t mappings, mappings_per_process;
	size_t path_bytes;
};

/* NULL limits: the usual ones. Never NULL. */
struct processes *processes_new(const struct processes_limits *limits);
void processes_free(struct processes *ps);

/* ---- what the kernel tells, in order of time */

struct mapping_event {
	uint64_t start, end, file_offset;
	struct mapped_file_id file;
	const char *path; /* not terminated */
	size_t path_size;
};

void processes_fork(
    struct processes *ps, uint64_t time, uint32_t pid, uint32_t parent);
void processes_exec(struct processes *ps, uint64_t time, uint32_t pid);
void processes_map(struct processes *ps, uint64_t time, uint32_t pid,
    const struct mapping_event *m);
void processes_exit(struct processes *ps, uint64_t time, uint32_t pid);

/* ---- a full list, e.g. at the start or after records were lost */

void processes_scan_begin(struct processes *ps, uint64_t now);
/*
 * A process as it was at time; with m NULL it is only known to exist. May be
 * called several times for a process, once per mapping.
 */
void processes_scan_add(struct processes *ps, uint64_t time, uint32_t pid,
    uint64_t start, uint32_t exec_id, const struct mapping_event *m);
/* complete: what the list did not have is gone. */
void processes_scan_end(struct processes *ps, uint64_t now, bool complete);
/* A list is wanted: something does not fit together. Cleared by scan_end. */
bool processes_scan_wanted(const struct processes *ps);
void processes_want_scan(struct processes *ps);

/* ---- use */

/*
 * The process that the kernel calls (pid, start, exec_id), or NULL. start is
 * the kernel's own.
 */
struct process *processes_find(
    struct processes *ps, uint32_t pid, uint64_t start, uint32_t exec_id);
/*
 * Like processes_find, but makes up an entry without mappings for one that is
 * not known. flags: BATCH_PROCESS_KERNEL or _FOREIGN if so. Never NULL.
 */
struct process *processes_adopt(struct processes *ps, uint64_t now,
    uint32_t pid, uint64_t start, uint32_t exec_id, uint32_t flags);

/*
 * The executable ranges, sorted and joined, as far as max. How many there
 * are, which may be more than max.
 */
unsigned processes_ranges(
    const struct process *p, uint64_t *start, uint64_t *end, unsigned max);

/*
 * Calls fn for each process whose ranges or life changed since the last call:
 * ended != 0 or its ranges are to be put in force. A negative answer: try
 * again after the next reap.
 */
void processes_publish(struct processes *ps,
    int (*fn)(void *arg, const struct process *p), void *arg);

/*
 * Calls fn for each process the client should hear of, with NEW, EXEC or EXIT
 * in flags, until fn answers false: that one and the rest stay. Changes of
 * mappings of one process come at most every 100 ms.
 */
void processes_news(struct processes *ps, uint64_t now,
    bool (*fn)(void *arg, struct process *p, uint32_t flags), void *arg);
/* Something for processes_news: besides exits; at all. */
bool processes_has_news(const struct processes *ps);
bool processes_any_news(const struct processes *ps);

/* Forgets what ended at time or before; its counts have been drained. */
void processes_reap(struct processes *ps, uint64_t time);

/* How many: generations known, of these ended; refused for want of room. */
struct processes_counts {
	size_t known, ended, mappings, path_bytes;
	uint64_t refused_processes, refused_mappings;
};
void processes_count(
    const struct processes *ps, struct processes_counts *counts);

#endif
