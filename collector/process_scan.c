/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/process_scan.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "bpf/sampler.h"
#include "bpf/sampler.skel.h"
#include "collector/processes.h"
#include "common/log.h"
#include "common/now.h"

#define READ_BYTES 32768
#define KERNEL_MAJOR(device) ((device) >> 20)
#define KERNEL_MINOR(device) ((device)&0xfffff)

struct process_scan {
	struct bpf_link *link;
	bool proc_maps;
	struct processes *ps;
};

int
process_scan_open(
    struct process_scan **out, struct sampler_bpf *bpf, bool proc_maps)
{
	struct process_scan *scan = ecalloc(1, sizeof(*scan));

	scan->proc_maps =
	    proc_maps || !bpf_program__autoload(bpf->progs.scan_mappings);
	scan->link = bpf_program__attach_iter(
	    scan->proc_maps ? bpf->progs.scan_tasks : bpf->progs.scan_mappings,
	    NULL);
	if (scan->link == NULL) {
		int r = -errno;

		free(scan);
		return r;
	}
	*out = scan;
	return 0;
}

void
process_scan_free(struct process_scan *scan)
{
	if (scan == NULL)
		return;
	bpf_link__destroy(scan->link);
	free(scan);
}

bool
process_scan_lasts(const struct process_scan *scan)
{
	return !scan->proc_maps;
}

bool
process_scan_parse_maps(const char *line, size_t size, struct mapping_event *m)
{
	char text[256], perms[5];
	uint64_t start, end, offset, inode;
	unsigned major, minor;
	int path = 0;

	/* the fields before the path fit; the path is taken from the line */
	snprintf(text, sizeof(text), "%.*s", (int)size, line);
	if (sscanf(text,
		"%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %x:%x %" SCNu64 " %n",
		&start, &end, perms, &offset, &major, &minor, &inode,
		&path) < 7 ||
	    perms[2] != 'x' || start >= end)
		return false;
	if (path <= 0 || (size_t)path > size)
		path = size;
	*m = (struct mapping_event){
		.start = start,
		.end = end,
		.file_offset = offset,
		.file = { inode, 0, major, minor },
		.path = line + path,
		.path_size = size - path,
	};
	return true;
}

/* A process with the mappings that /proc/PID/maps has. */
static void
add_with_maps(struct processes *ps, const struct sampler_scan_record *r)
{
	char path[64], *line = NULL;
	size_t room = 0;
	ssize_t n;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%u/maps", r->pid);
	f = fopen(path, "re");
	processes_scan_add(
	    ps, r->time, r->pid, r->process_start, r->exec_id, NULL);
	if (f == NULL)
		return;
	while ((n = getline(&line, &room, f)) > 0) {
		struct mapping_event m;

		if (line[n - 1] == '\n')
			n--;
		if (process_scan_parse_maps(line, n, &m))
			processes_scan_add(ps, r->time, r->pid,
			    r->process_start, r->exec_id, &m);
	}
	free(line);
	fclose(f);
}

static void
add_record(struct process_scan *scan, const struct sampler_scan_record *r,
    const char *path)
{
	struct mapping_event m = {
		.start = r->start,
		.end = r->end,
		.file_offset = r->file_offset,
		.file = { r->inode, r->inode_generation,
		    KERNEL_MAJOR(r->device), KERNEL_MINOR(r->device) },
		.path = path,
		.path_size = r->path_size,
	};

	if (r->pid == 0) /* not in our pid namespace */
		return;
	if (scan->proc_maps) {
		add_with_maps(scan->ps, r);
		return;
	}
	if (m.path_size == 0) { /* as perf calls it */
		m.path = "//anon";
		m.path_size = 6;
	}
	processes_scan_add(
	    scan->ps, r->time, r->pid, r->process_start, r->exec_id, &m);
}

/* Takes whole records off data. How many bytes they took, or -errno. */
static ssize_t
take_records(struct process_scan *scan, const char *data, size_t size)
{
	size_t at = 0;

	for (;;) {
		struct sampler_scan_record r;

		if (size - at < sizeof(r))
			return at;
		memcpy(&r, data + at, sizeof(r));
		if (r.path_size > SAMPLER_SCAN_PATH)
			return -EBADMSG;
		if (size - at < sizeof(r) + r.path_size)
			return at;
		add_record(scan, &r, data + at + sizeof(r));
		at += sizeof(r) + r.path_size;
	}
}

static int
read_records(struct process_scan *scan, int fd)
{
	static char data[READ_BYTES];
	size_t have = 0;

	for (;;) {
		ssize_t n = read(fd, data + have, sizeof(data) - have), used;

		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return have == 0 ? 0 : -EBADMSG;
		have += n;
		used = take_records(scan, data, have);
		if (used < 0)
			return used;
		have -= used;
		memmove(data, data + used, have);
	}
}

int
process_scan_run(struct process_scan *scan, struct processes *ps)
{
	int fd = bpf_iter_create(bpf_link__fd(scan->link)), r;

	if (fd < 0)
		return fd;
	scan->ps = ps;
	processes_scan_begin(ps, now_ns(CLOCK_BOOTTIME));
	r = read_records(scan, fd);
	processes_scan_end(ps, now_ns(CLOCK_BOOTTIME), r == 0);
	close(fd);
	return r;
}
