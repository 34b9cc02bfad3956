/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading the rings. The kernel writes them, so lengths are honest; they are
 * checked all the same, since text in the records is the processes' own.
 */
#include "collector/process_events.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "collector/processes.h"
#include "common/log.h"

#define RING_BYTES (64 * 1024)
#define RING_BYTES_LEAST (8 * 1024)
#define PROT_EXEC_BIT 4
/*
 * A wake-up is due when more than this has been written: by a new mapping, but
 * not by a lone fork or exit (48 bytes), which the reader's next turn finds.
 */
#define WAKE_BYTES 120

/* Ends every record, as sample_id_all with TID and TIME has it. */
struct sample_id {
	uint32_t pid, tid;
	uint64_t time;
};

struct fork_record { /* and exit */
	struct perf_event_header header;
	uint32_t pid, ppid, tid, ptid;
	uint64_t time;
};

struct comm_record {
	struct perf_event_header header;
	uint32_t pid, tid;
};

struct mmap2_record {
	struct perf_event_header header;
	uint32_t pid, tid;
	uint64_t addr, len, pgoff;
	uint32_t major, minor;
	uint64_t inode, inode_generation;
	uint32_t prot, flags;
	char path[];
};

struct lost_record {
	struct perf_event_header header;
	uint64_t id, lost;
};

struct ring {
	int fd;
	struct perf_event_mmap_page *meta;
	uint64_t head; /* what we read up to in this round */
};

/* A record of this round: where it lies in the arena. */
struct entry {
	uint64_t time;
	uint32_t offset, size;
};

struct process_events {
	unsigned count;
	struct ring *rings;
	size_t page, ring_bytes;
	uint64_t lost;
	char *arena;
	size_t arena_size, arena_room;
	struct entry *entries;
	size_t entry_count, entry_room;
};

static int
open_ring(struct process_events *pe, int cpu)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_DUMMY,
		.sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME,
		.sample_id_all = 1,
		.mmap = 1,
		.mmap2 = 1,
		.comm = 1,
		.comm_exec = 1,
		.task = 1,
		.watermark = 1,
		.wakeup_watermark = WAKE_BYTES,
		.use_clockid = 1,
		.clockid = CLOCK_BOOTTIME,
	};
	struct ring *ring = &pe->rings[pe->count];
	void *p;
	int r;

	ring->fd = syscall(
	    SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
	if (ring->fd < 0)
		return -errno;
	p = mmap(NULL, pe->page + pe->ring_bytes, PROT_READ | PROT_WRITE,
	    MAP_SHARED, ring->fd, 0);
	if (p == MAP_FAILED) {
		r = -errno;
		close(ring->fd);
		return r;
	}
	ring->meta = p;
	pe->count++;
	return 0;
}

static int
open_rings(struct process_events **out, const int *cpus, unsigned count,
    size_t ring_bytes)
{
	struct process_events *pe = ecalloc(1, sizeof(*pe));

	pe->page = sysconf(_SC_PAGESIZE);
	pe->ring_bytes = ring_bytes;
	pe->rings = ecalloc(count, sizeof(pe->rings[0]));
	for (unsigned i = 0; i < count; i++) {
		int r = open_ring(pe, cpus[i]);

		if (r < 0) {
			process_events_free(pe);
			return r;
		}
	}
	*out = pe;
	return 0;
}

/* kernel.perf_event_mlock_kb bounds the rings of all samplers together. */
int
process_events_open(
    struct process_events **out, const int *cpus, unsigned count)
{
	size_t bytes = RING_BYTES;
	int r;

	do {
		r = open_rings(out, cpus, count, bytes);
		bytes /= 2;
	} while (r == -EPERM && bytes >= RING_BYTES_LEAST &&
		 bytes >= (size_t)sysconf(_SC_PAGESIZE));
	return r;
}

void
process_events_free(struct process_events *pe)
{
	if (pe == NULL)
		return;
	for (unsigned i = 0; i < pe->count; i++) {
		munmap(pe->rings[i].meta, pe->page + pe->ring_bytes);
		close(pe->rings[i].fd);
	}
	free(pe->rings);
	free(pe->arena);
	free(pe->entries);
	free(pe);
}

unsigned
process_events_rings(const struct process_events *pe)
{
	return pe->count;
}

int
process_events_fd(const struct process_events *pe, unsigned ring)
{
	return pe->rings[ring].fd;
}

uint64_t
process_events_lost(const struct process_events *pe)
{
	return pe->lost;
}

/* ---- one record */

static void
apply_map(struct processes *ps, const struct mmap2_record *r, size_t size,
    uint64_t time)
{
	size_t room = size - sizeof(*r) - sizeof(struct sample_id);
	struct mapping_event m = {
		.start = r->addr,
		.end = r->addr + r->len,
		.file_offset = r->pgoff,
		.file = { r->inode, r->inode_generation, r->major, r->minor },
		.path = r->path,
		.path_size = strnlen(r->path, room),
	};

	if (!(r->prot & PROT_EXEC_BIT) || m.end <= m.start)
		return;
	/* misc says that the union holds a build id instead */
	if (r->header.misc & PERF_RECORD_MISC_MMAP_BUILD_ID)
		memset(&m.file, 0, sizeof(m.file));
	processes_map(ps, time, r->pid, &m);
}

static size_t
least_size(uint32_t type)
{
	switch (type) {
	case PERF_RECORD_FORK:
	case PERF_RECORD_EXIT:
		return sizeof(struct fork_record);
	case PERF_RECORD_COMM:
		return sizeof(struct comm_record);
	case PERF_RECORD_MMAP2:
		return sizeof(struct mmap2_record);
	case PERF_RECORD_LOST:
		return sizeof(struct lost_record);
	default:
		return sizeof(struct perf_event_header);
	}
}

/* 0: not a process that we can see; -1: none at all. */
static bool
is_pid(uint32_t pid)
{
	return pid != 0 && pid <= INT32_MAX;
}

static void
apply_task(struct processes *ps, const struct fork_record *r)
{
	if (!is_pid(r->pid))
		return;
	if (r->header.type == PERF_RECORD_EXIT) {
		if (r->pid == r->tid) /* its first thread */
			processes_exit(ps, r->time, r->pid);
	} else if (r->pid != r->ppid) { /* not a thread */
		processes_fork(ps, r->time, r->pid, r->ppid);
	}
}

uint64_t
process_events_apply(struct processes *ps, const void *record, size_t size)
{
	const struct perf_event_header *h = record;
	const struct comm_record *comm = record;
	const struct sample_id *id;

	if (size < sizeof(*h) ||
	    size < least_size(h->type) + sizeof(struct sample_id)) {
		processes_want_scan(ps);
		return 1;
	}
	id = (const void *)((const char *)record + size - sizeof(*id));
	switch (h->type) {
	case PERF_RECORD_FORK:
	case PERF_RECORD_EXIT:
		apply_task(ps, record);
		break;
	case PERF_RECORD_COMM:
		if ((h->misc & PERF_RECORD_MISC_COMM_EXEC) && is_pid(comm->pid))
			processes_exec(ps, id->time, comm->pid);
		break;
	case PERF_RECORD_MMAP2:
		if (is_pid(comm->pid))
			apply_map(ps, record, size, id->time);
		break;
	case PERF_RECORD_LOST:
		processes_want_scan(ps);
		return ((const struct lost_record *)record)->lost;
	}
	return 0;
}

/* ---- rings */

/* Copies size bytes at position at, which may wrap. */
static void
ring_copy(const struct process_events *pe, const struct ring *ring, uint64_t at,
    void *to, size_t size)
{
	const char *data = (const char *)ring->meta + pe->page;
	size_t offset = at % pe->ring_bytes, first = pe->ring_bytes - offset;

	if (first > size)
		first = size;
	memcpy(to, data + offset, first);
	memcpy((char *)to + first, data, size - first);
}

static void
add_entry(struct process_events *pe, const struct ring *ring, uint64_t at,
    size_t size, uint64_t time)
{
	if (pe->arena_size + size > pe->arena_room) {
		pe->arena_room = 2 * pe->arena_room + 4096 + size;
		pe->arena = erealloc(pe->arena, pe->arena_room, 1);
	}
	if (pe->entry_count == pe->entry_room) {
		pe->entry_room = 2 * pe->entry_room + 64;
		pe->entries = erealloc(
		    pe->entries, pe->entry_room, sizeof(pe->entries[0]));
	}
	ring_copy(pe, ring, at, pe->arena + pe->arena_size, size);
	pe->entries[pe->entry_count++] =
	    (struct entry){ time, pe->arena_size, size };
	pe->arena_size += size;
}

/* Takes the ring's records up to now. */
static void
collect(struct process_events *pe, struct ring *ring, uint64_t now)
{
	uint64_t tail = ring->meta->data_tail;

	while (tail < ring->head) {
		struct perf_event_header h;
		uint64_t time;

		ring_copy(pe, ring, tail, &h, sizeof(h));
		if (h.size < sizeof(h) + sizeof(struct sample_id) ||
		    h.size % 8 != 0 || h.size > ring->head - tail) {
			tail = ring->head;
			/* an empty record counts as a loss */
			add_entry(pe, ring, tail, 0, now);
			break;
		}
		ring_copy(pe, ring, tail + h.size - sizeof(time), &time,
		    sizeof(time));
		if (time > now)
			break;
		add_entry(pe, ring, tail, h.size, time);
		tail += h.size;
	}
	__atomic_store_n(&ring->meta->data_tail, tail, __ATOMIC_RELEASE);
}

static int
by_time(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->time != y->time)
		return x->time < y->time ? -1 : 1;
	return x->offset < y->offset ? -1 : 1;
}

bool
process_events_pending(const struct process_events *pe)
{
	for (unsigned i = 0; i < pe->count; i++)
		if (__atomic_load_n(&pe->rings[i].meta->data_head,
			__ATOMIC_RELAXED) != pe->rings[i].meta->data_tail)
			return true;
	return false;
}

unsigned
process_events_drain(
    struct process_events *pe, struct processes *ps, uint64_t now)
{
	unsigned count;

	/*
	 * now was taken before the heads: whatever is in one ring of that
	 * time or before, its cause in another is in that one too.
	 */
	for (unsigned i = 0; i < pe->count; i++)
		pe->rings[i].head = __atomic_load_n(
		    &pe->rings[i].meta->data_head, __ATOMIC_ACQUIRE);
	for (unsigned i = 0; i < pe->count; i++)
		if (pe->rings[i].head != pe->rings[i].meta->data_tail)
			collect(pe, &pe->rings[i], now);
	count = pe->entry_count;
	if (count > 1)
		qsort(pe->entries, count, sizeof(pe->entries[0]), by_time);
	for (unsigned i = 0; i < count; i++)
		pe->lost += process_events_apply(
		    ps, pe->arena + pe->entries[i].offset, pe->entries[i].size);
	pe->arena_size = 0;
	pe->entry_count = 0;
	return count;
}
