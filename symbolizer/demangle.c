/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names go to a child in a memfd: the mode, then each name terminated. The
 * child answers each as it goes, so that what it wrote tells which name it
 * did not survive.
 */
#include "config.h"

#include "symbolizer/demangle.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "common/memfd.h"
#include "symbolizer/demangle_child.h"
#include "symbolizer/throwaway.h"

/* What one child gets at most; more names take several. */
#define CHILD_NAMES 16384
#define CHILD_INPUT_BYTES (4u * 1024 * 1024)
#define CHILD_OUTPUT_BYTES (80u * 1024 * 1024)
#define CHILD_MEMORY_BYTES (512ULL * 1024 * 1024)
#define CHILD_CPU_SEC 1
#define CHILD_WALL_SEC 5
/* Names that may end their child before the rest stays raw. */
#define FAILURES_MAX 4

enum status { BAD_INPUT = 20, BAD_OUTPUT };

struct demangle {
	const struct throwaway_job *job;
	struct event_base *base;
	struct throwaway *child;
	enum demangle_mode mode;
	char **raw, **readable;
	size_t count, next; /* all before next are settled */
	size_t sent;        /* to the child that runs */
	size_t failed;
	bool starting;
	demangle_done done;
	void *arg;
};

/* ---- the child */

static int
answer(int out, const char *text, uint32_t size)
{
	struct {
		uint32_t size;
		char text[DEMANGLE_MAX_BYTES];
	} record = { .size = size };

	memcpy(record.text, text, size);
	return memfd_append(out, &record, sizeof(record.size) + size);
}

int
demangle_answer(demangler demangle, int in, int out)
{
	static char input[CHILD_INPUT_BYTES + 1];
	char text[DEMANGLE_MAX_BYTES];
	ssize_t size = pread(in, input, CHILD_INPUT_BYTES, 0);
	const char *end = input + size;

	if (size < 1)
		return BAD_INPUT;
	for (const char *p = input + 1; p < end; p += strlen(p) + 1) {
		bool ok = demangle(p, input[0], text, sizeof(text));

		if (answer(out, text, ok ? strlen(text) : 0) < 0)
			return BAD_OUTPUT;
	}
	return 0;
}

static int
run_child(const struct throwaway_input *in, int out)
{
	return demangle_answer(demangle_name, in->fd[0], out);
}

static const char *
refusal(int status)
{
	return status == BAD_INPUT    ? "no names"
	       : status == BAD_OUTPUT ? "no room for the names"
				      : "unknown";
}

static const struct throwaway_job demangle_job = {
	.name = "demangle",
	.run = run_child,
	.refusal = refusal,
	.memory_bytes = CHILD_MEMORY_BYTES,
	.output_bytes = CHILD_OUTPUT_BYTES,
	.cpu_sec = CHILD_CPU_SEC,
	.wall_sec = CHILD_WALL_SEC,
	.keep_partial = true,
};

/* ---- the parent */

static void
demangle_free(struct demangle *d)
{
	for (size_t i = 0; i < d->count; i++) {
		free(d->raw[i]);
		free(d->readable[i]);
	}
	free(d->raw);
	free(d->readable);
	free(d);
}

/* Takes the answers in data for the names from next on. */
static void
take_answers(struct demangle *d, const char *data, size_t size)
{
	size_t last = d->next + d->sent;
	uint32_t length;

	while (d->next < last && size >= sizeof(length)) {
		memcpy(&length, data, sizeof(length));
		data += sizeof(length);
		size -= sizeof(length);
		if (length > size || length >= DEMANGLE_MAX_BYTES)
			break;
		if (length > 0 && memchr(data, '\0', length) == NULL) {
			char *text = ecalloc(length + 1, 1);

			memcpy(text, data, length);
			d->readable[d->next] = text;
		}
		d->next++;
		data += length;
		size -= length;
	}
}

static void
take_memfd(struct demangle *d, int memfd)
{
	const void *data;
	size_t size;
	int r = memfd_map(memfd, CHILD_OUTPUT_BYTES, &data, &size);

	close(memfd);
	if (r < 0)
		return;
	take_answers(d, data, size);
	memfd_unmap(data, size);
}

/* A memfd with the mode and as many names as one child may have. */
static int
pack_names(struct demangle *d)
{
	char *text = malloc(CHILD_INPUT_BYTES);
	size_t used = 1;
	int fd = memfd_new("names"), r = -ENOMEM;

	d->sent = 0;
	if (fd < 0 || text == NULL)
		goto out;
	text[0] = d->mode;
	for (size_t i = d->next; i < d->count; i++) {
		size_t size = strlen(d->raw[i]) + 1;

		if (d->sent == CHILD_NAMES || size > CHILD_INPUT_BYTES - used)
			break;
		memcpy(text + used, d->raw[i], size);
		used += size;
		d->sent++;
	}
	r = memfd_append(fd, text, used);
out:
	free(text);
	if (fd >= 0 && r < 0)
		close(fd);
	return fd < 0 || r == 0 ? fd : r;
}

static struct demangle *advance(struct demangle *d);

/* The child is done, or the name at next was too much for it. */
static void
on_child(void *arg, const struct throwaway_outcome *o)
{
	struct demangle *d = arg;
	size_t last = d->next + d->sent;

	if (d->starting) /* advance() sees that there is no child */
		return;
	d->child = NULL;
	if (o->memfd >= 0)
		take_memfd(d, o->memfd);
	if (d->next < last) {
		log_debug("demangle", "%s (%s): %s",
		    throwaway_result_name(o->result), o->why, d->raw[d->next]);
		d->next++;
		d->failed++;
	}
	advance(d);
}

/* The next child, or the end: NULL. */
static struct demangle *
advance(struct demangle *d)
{
	struct throwaway_input in = { .fd = { -1, -1 } };

	if (d->next < d->count && d->failed < FAILURES_MAX &&
	    (in.fd[0] = pack_names(d)) >= 0) {
		d->starting = true;
		d->child = throwaway_start(d->base, d->job, &in, on_child, d);
		d->starting = false;
		if (d->child != NULL)
			return d;
	}
	d->failed += d->count - d->next;
	d->done(d->arg, (const char *const *)d->readable, d->next, d->count,
	    d->failed);
	demangle_free(d);
	return NULL;
}

struct demangle *
demangle_start_with(const struct throwaway_job *job, struct event_base *base,
    const char *const *names, size_t count, enum demangle_mode mode,
    demangle_done done, void *arg)
{
	struct demangle *d = ecalloc(1, sizeof(*d));

	d->job = job;
	d->base = base;
	d->mode = mode;
	d->count = count;
	d->done = done;
	d->arg = arg;
	d->raw = ecalloc(count + 1, sizeof(*d->raw));
	d->readable = ecalloc(count + 1, sizeof(*d->readable));
	for (size_t i = 0; i < count; i++) {
		size_t size = strnlen(names[i], DEMANGLE_RAW_MAX_BYTES);

		d->raw[i] = ecalloc(size + 1, 1);
		memcpy(d->raw[i], names[i], size);
	}
	return advance(d);
}

struct demangle *
demangle_start(struct event_base *base, const char *const *names, size_t count,
    enum demangle_mode mode, demangle_done done, void *arg)
{
	return demangle_start_with(
	    &demangle_job, base, names, count, mode, done, arg);
}

void
demangle_cancel(struct demangle *d)
{
	if (d == NULL)
		return;
	throwaway_cancel(d->child);
	demangle_free(d);
}
