/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/drain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "bpf/sampler.h"
#include "bpf/sampler.skel.h"
#include "collector/batch_writer.h"
#include "collector/processes.h"
#include "collector/sampling.h"
#include "common/log.h"
#include "common/now.h"

/* A call that takes long keeps its CPU from being sampled: small steps. */
#define ENTRIES_AT_ONCE 128

_Static_assert(SAMPLER_PART == BATCH_STACK_PART, "parts are copied");
_Static_assert(SAMPLER_FRAMES == BATCH_MAX_FRAMES, "frames are copied");
_Static_assert(SAMPLER_COMM == BATCH_COMM, "names are copied");

struct drain {
	struct sampling *sampling;
	unsigned pair;        /* being drained */
	uint64_t captured[2]; /* of each pair, up to its last drain */
	int64_t wall_start, wall_end;
	uint64_t boot_start, boot_end;
	struct batch_cpu *cpus; /* as they were at the flip */
	unsigned count;
	/* of the current batch */
	struct batch_writer writer;
	struct processes *processes;
};

/* One map to be emptied. */
struct emptying {
	int fd;
	size_t key_size, value_size;
	uint32_t entries; /* of the map */
	void (*take)(struct drain *d, const void *key, const void *value);
};

struct drain *
drain_new(struct sampling *sampling)
{
	struct drain *d = ecalloc(1, sizeof(*d));

	d->sampling = sampling;
	sampling_cpus(sampling, &d->count);
	d->cpus = ecalloc(d->count, sizeof(*d->cpus));
	drain_start(d);
	return d;
}

void
drain_free(struct drain *d)
{
	if (d == NULL)
		return;
	free(d->cpus);
	free(d);
}

void
drain_start(struct drain *d)
{
	d->wall_end = now_ns(CLOCK_REALTIME);
	d->boot_end = now_ns(CLOCK_BOOTTIME);
}

void
drain_flip(struct drain *d)
{
	d->wall_start = d->wall_end;
	d->boot_start = d->boot_end;
	d->wall_end = now_ns(CLOCK_REALTIME);
	d->boot_end = now_ns(CLOCK_BOOTTIME);
	d->pair = sampling_flip(d->sampling);
	for (unsigned i = 0; i < d->count; i++)
		sampling_cpu(d->sampling, i, &d->cpus[i]);
}

static void
take_stack(struct drain *d, const void *k, const void *v)
{
	const struct sampler_stack_key *key = k;
	const struct sampler_stack_part *part = v;
	struct batch_stack_part out = {
		.stack = key->stack,
		.part = key->part,
		.frames = part->frames,
	};

	memcpy(out.address, part->address, sizeof(out.address));
	batch_writer_stack_part(&d->writer, &out);
}

static void
take_count(struct drain *d, const void *k, const void *v)
{
	const struct sampler_count_key *key = k;
	struct batch_count out = {
		.user_stack = key->user_stack,
		.kernel_stack = key->kernel_stack,
	};
	uint32_t flags = 0;

	memcpy(&out.count, v, sizeof(out.count));
	memcpy(out.comm, key->comm, sizeof(out.comm));
	if (key->flags & SAMPLER_USER_TRUNCATED)
		out.flags |= BATCH_COUNT_USER_TRUNCATED;
	if (key->flags & SAMPLER_KERNEL_TRUNCATED)
		out.flags |= BATCH_COUNT_KERNEL_TRUNCATED;
	if (key->flags & SAMPLER_KERNEL_THREAD)
		flags |= BATCH_PROCESS_KERNEL;
	if (key->flags & SAMPLER_FOREIGN)
		flags |= BATCH_PROCESS_FOREIGN;
	batch_writer_count(&d->writer,
	    processes_adopt(d->processes, d->boot_end, key->tgid, key->start,
		key->exec_id, flags),
	    &out);
}

/*
 * One step of a lookup-and-delete in batches. *count: in: room, out: entries
 * read. 1: more may follow, 0: that was the last, or -errno.
 */
static int
step(const struct emptying *e, bool first, uint32_t *at, void *keys,
    void *values, uint32_t *count)
{
	LIBBPF_OPTS(bpf_map_batch_opts, opts);
	uint32_t next;
	int r = bpf_map_lookup_and_delete_batch(
	    e->fd, first ? NULL : at, &next, keys, values, count, &opts);

	if (r < 0 && r != -ENOENT) {
		*count = 0;
		return r;
	}
	*at = next;
	return r == 0;
}

/* Empties a map. 0 or -errno: then the rest was not found. */
static int
empty(struct drain *d, const struct emptying *e)
{
	uint32_t room = ENTRIES_AT_ONCE, at = 0, count;
	char *keys = ecalloc(room, e->key_size);
	char *values = ecalloc(room, e->value_size);
	bool first = true;
	int r;

	do {
		count = room;
		r = step(e, first, &at, keys, values, &count);
		if (r == -ENOSPC && room < e->entries) {
			/* more entries share a bucket than there is room for */
			room *= 2;
			keys = erealloc(keys, room, e->key_size);
			values = erealloc(values, room, e->value_size);
			r = 1;
			continue;
		}
		first = false;
		for (uint32_t i = 0; i < count; i++)
			e->take(d, keys + i * e->key_size,
			    values + i * e->value_size);
	} while (r > 0);
	free(keys);
	free(values);
	return r;
}

static void
empty_pair(struct drain *d)
{
	struct sampler_bpf *bpf = sampling_bpf(d->sampling);
	struct bpf_map *maps[2] = {
		d->pair == 0 ? bpf->maps.stacks_0 : bpf->maps.stacks_1,
		d->pair == 0 ? bpf->maps.counts_0 : bpf->maps.counts_1,
	};

	for (int i = 0; i < 2; i++) {
		struct emptying e = {
			.fd = bpf_map__fd(maps[i]),
			.key_size = bpf_map__key_size(maps[i]),
			.value_size = bpf_map__value_size(maps[i]),
			.entries = bpf_map__max_entries(maps[i]),
			.take = i == 0 ? take_stack : take_count,
		};
		int r = empty(d, &e);

		if (r < 0)
			log_warnx("drain", "read map %s: %s",
			    bpf_map__name(maps[i]), strerror(-r));
	}
}

void
drain_finish(struct drain *d, struct processes *ps, uint64_t session,
    uint64_t sequence, uint64_t period, struct drain_result *result)
{
	struct batch_writer *w = &d->writer;
	uint64_t captured = sampling_captured(d->sampling, d->pair);
	uint64_t expected = captured - d->captured[d->pair];

	d->captured[d->pair] = captured;
	d->processes = ps;
	batch_writer_init(w, "batch");
	w->header.session = session;
	w->header.sequence = sequence;
	w->header.wall_start = d->wall_start;
	w->header.wall_end = d->wall_end;
	w->header.boot_start = d->boot_start;
	w->header.boot_end = d->boot_end;
	w->header.period = period;
	empty_pair(d);
	for (unsigned i = 0; i < d->count; i++)
		batch_writer_cpu(w, &d->cpus[i]);
	result->samples = w->samples;
	result->fd = batch_writer_finish(w);
	if (result->fd < 0)
		result->samples = 0;
	result->lost =
	    expected > result->samples ? expected - result->samples : 0;
	processes_reap(ps, d->boot_end);
}

uint64_t
drain_captured(const struct drain *d)
{
	return d->captured[0] + d->captured[1];
}
