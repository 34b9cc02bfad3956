/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/batch_writer.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "collector/processes.h"
#include "common/log.h"
#include "common/memfd.h"

#define PARTS_AT_ONCE (64 * sizeof(struct batch_stack_part))

static uint64_t last_id;

static void
buffer_add(struct buffer *b, const void *data, size_t size)
{
	if (b->size + size > b->room) {
		b->room = 2 * b->room + size + 256;
		b->data = erealloc(b->data, b->room, 1);
	}
	memcpy(b->data + b->size, data, size);
	b->size += size;
}

static void
set_error(struct batch_writer *w, int r)
{
	if (r < 0 && w->error == 0)
		w->error = r;
}

static int
need_memfd(struct batch_writer *w)
{
	if (w->fd < 0)
		w->fd = memfd_new(w->name);
	return w->fd < 0 ? w->fd : 0;
}

/* Appends the stack parts to the file, after room for the header. */
static void
flush_parts(struct batch_writer *w)
{
	if (w->error == 0)
		set_error(w, need_memfd(w));
	if (w->error == 0 && w->bytes == sizeof(w->header))
		set_error(
		    w, memfd_append(w->fd, &w->header, sizeof(w->header)));
	if (w->error == 0)
		set_error(w, memfd_append(w->fd, w->parts.data, w->parts.size));
	w->bytes += w->parts.size;
	w->parts.size = 0;
}

void
batch_writer_init(struct batch_writer *w, const char *name)
{
	memset(w, 0, sizeof(*w));
	w->header.magic = BATCH_MAGIC;
	w->header.version = BATCH_VERSION;
	w->id = ++last_id;
	w->name = name;
	w->fd = -1;
	w->bytes = sizeof(w->header);
	w->header.stack_parts.offset = w->bytes;
}

void
batch_writer_stack_part(
    struct batch_writer *w, const struct batch_stack_part *part)
{
	buffer_add(&w->parts, part, sizeof(*part));
	w->header.stack_parts.count++;
	if (w->parts.size >= PARTS_AT_ONCE)
		flush_parts(w);
}

void
batch_writer_count(
    struct batch_writer *w, struct process *p, struct batch_count *count)
{
	batch_writer_process(w, p, 0);
	count->generation = p->generation;
	buffer_add(&w->counts, count, sizeof(*count));
	w->header.counts.count++;
	w->samples += count->count;
}

void
batch_writer_cpu(struct batch_writer *w, const struct batch_cpu *cpu)
{
	buffer_add(&w->cpus, cpu, sizeof(*cpu));
	w->header.cpus.count++;
}

static void
add_mapping(struct batch_writer *w, const struct mapping *m)
{
	struct mapped_file *f = m->file;
	struct batch_mapping out = {
		.start = m->start,
		.end = m->end,
		.file_offset = m->file_offset,
		.inode = f->id.inode,
		.inode_generation = f->id.inode_generation,
		.major = f->id.major,
		.minor = f->id.minor,
		.path_size = f->path_size,
	};

	if (f->batch != w->id) {
		f->batch = w->id;
		f->batch_path = w->strings.size;
		buffer_add(&w->strings, f->path, f->path_size);
	}
	out.path = f->batch_path;
	buffer_add(&w->mappings, &out, sizeof(out));
	w->header.mappings.count++;
}

void
batch_writer_process(struct batch_writer *w, struct process *p, uint32_t flags)
{
	struct batch_process out = {
		.generation = p->generation,
		.start_time = p->start,
		.pid = p->pid,
		.flags =
		    p->flags | flags | (p->exited ? BATCH_PROCESS_EXIT : 0),
		.first_mapping = w->header.mappings.count,
		.parent = p->parent,
		.ancestor = p->ancestor,
	};

	if (p->batch == w->id)
		return;
	p->batch = w->id;
	p->batch_index = w->header.processes.count;
	if (!(flags & BATCH_PROCESS_EXIT)) {
		out.flags |= BATCH_PROCESS_COMPLETE;
		out.mappings = p->mappings->count;
		for (unsigned i = 0; i < p->mappings->count; i++)
			add_mapping(w, &p->mappings->m[i]);
	}
	buffer_add(&w->processes, &out, sizeof(out));
	w->header.processes.count++;
}

size_t
batch_writer_bytes(const struct batch_writer *w)
{
	return w->bytes + w->parts.size + w->counts.size + w->processes.size +
	       w->mappings.size + w->strings.size + w->cpus.size;
}

/* Writes all of the pieces, in one call as a rule. 0 or -errno. */
static int
write_pieces(int fd, const struct iovec *pieces, int count)
{
	size_t left = 0, done;
	ssize_t n;
	int r = 0;

	for (int i = 0; i < count; i++)
		left += pieces[i].iov_len;
	n = writev(fd, pieces, count);
	if (n < 0)
		return -errno;
	done = n;
	for (int i = 0; i < count && r == 0 && done < left; i++) {
		size_t size = pieces[i].iov_len;
		size_t skip = done < size ? done : size;

		r = memfd_append(
		    fd, (const char *)pieces[i].iov_base + skip, size - skip);
		done -= skip;
		left -= skip;
	}
	return r;
}

#define PIECES 7

/*
 * Sets where the sections lie. pieces: what is not in the file yet, in order,
 * the header first, unless that is in it.
 */
static void
lay_out(struct batch_writer *w, struct iovec pieces[PIECES])
{
	struct batch_header *h = &w->header;
	struct batch_section *sections[] = { &h->cpus, &h->processes,
		&h->mappings, &h->counts, &h->strings };
	const struct buffer *buffers[] = { &w->cpus, &w->processes,
		&w->mappings, &w->counts, &w->strings };
	bool begun = w->bytes > sizeof(*h);

	pieces[0] = (struct iovec){ h, begun ? 0 : sizeof(*h) };
	pieces[1] = (struct iovec){ w->parts.data, w->parts.size };
	w->bytes += w->parts.size;
	h->strings.count = w->strings.size;
	/* elements are a multiple of 8 bytes long; strings come last */
	for (int i = 0; i < 5; i++) {
		sections[i]->offset = w->bytes;
		w->bytes += buffers[i]->size;
		pieces[2 + i] =
		    (struct iovec){ buffers[i]->data, buffers[i]->size };
	}
}

/* Writes what is not written yet. */
static int
write_rest(struct batch_writer *w)
{
	bool begun = w->bytes > sizeof(w->header);
	struct iovec pieces[PIECES];
	int r;

	if ((r = need_memfd(w)) < 0)
		return r;
	lay_out(w, pieces);
	if (w->bytes > BATCH_MAX_BYTES)
		return -EFBIG;
	if ((r = write_pieces(w->fd, pieces, PIECES)) < 0 || !begun)
		return r;
	if (lseek(w->fd, 0, SEEK_SET) != 0)
		return -errno;
	return memfd_append(w->fd, &w->header, sizeof(w->header));
}

static void
free_buffers(struct batch_writer *w)
{
	free(w->parts.data);
	free(w->cpus.data);
	free(w->processes.data);
	free(w->mappings.data);
	free(w->counts.data);
	free(w->strings.data);
}

size_t
batch_writer_pack(struct batch_writer *w, void *data, size_t room)
{
	struct iovec pieces[PIECES];
	char *at = data;

	if (w->error != 0 || w->header.stack_parts.count > 0 ||
	    batch_writer_bytes(w) > room)
		return 0;
	lay_out(w, pieces);
	for (int i = 0; i < PIECES; i++) {
		if (pieces[i].iov_len > 0)
			memcpy(at, pieces[i].iov_base, pieces[i].iov_len);
		at += pieces[i].iov_len;
	}
	free_buffers(w);
	return w->bytes;
}

int
batch_writer_finish(struct batch_writer *w)
{
	if (w->error == 0)
		set_error(w, write_rest(w));
	if (w->error == 0)
		set_error(w, memfd_seal(w->fd));
	free_buffers(w);
	if (w->error == 0)
		return w->fd;
	if (w->fd >= 0)
		close(w->fd);
	return w->error;
}
