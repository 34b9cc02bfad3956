/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolizer/names.h"

#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "common/log.h"
#include "symbolizer/frames.h"

/* The hash keeps the order of insertion: one that is used goes to its end. */
struct name {
	UT_hash_handle hh;
	char *shown; /* NULL: as it is */
	bool known;  /* else it is wanted */
	size_t size;
	char raw[];
};

struct names {
	struct event_base *base;
	void (*on_ready)(void *arg);
	void *arg;
	enum demangle_mode mode;
	struct name *by_raw;
	struct name **wanted; /* these are at work, or wait for names_start() */
	size_t wanted_count, wanted_room;
	struct demangle *work;
	bool starting;
	struct names_counts counts;
};

struct names *
names_new(struct event_base *base, void (*on_ready)(void *arg), void *arg)
{
	struct names *n = ecalloc(1, sizeof(*n));

	n->base = base;
	n->on_ready = on_ready;
	n->arg = arg;
	return n;
}

static size_t
cost(const struct name *name)
{
	return sizeof(*name) + name->size + 1 +
	       (name->shown != NULL ? strlen(name->shown) + 1 : 0);
}

static void
name_free(struct names *n, struct name *name)
{
	HASH_DEL(n->by_raw, name);
	n->counts.bytes -= cost(name);
	free(name->shown);
	free(name);
}

static void
forget_all(struct names *n)
{
	struct name *name, *next;

	names_stop(n);
	HASH_ITER(hh, n->by_raw, name, next)
		name_free(n, name);
}

void
names_free(struct names *names)
{
	if (names == NULL)
		return;
	forget_all(names);
	free(names->wanted);
	free(names);
}

void
names_set_mode(struct names *names, enum demangle_mode mode)
{
	if (names->mode == mode)
		return;
	forget_all(names);
	names->mode = mode;
}

/* The entry of raw, now the most recently used; NULL if there is none. */
static struct name *
find(struct names *n, const char *raw, size_t size)
{
	struct name *name;

	HASH_FIND(hh, n->by_raw, raw, size, name);
	if (name == NULL)
		return NULL;
	HASH_DEL(n->by_raw, name);
	HASH_ADD_KEYPTR(hh, n->by_raw, name->raw, size, name);
	return name;
}

static void
want(struct names *n, const char *raw, size_t size)
{
	struct name *name = ecalloc(1, sizeof(*name) + size + 1);

	memcpy(name->raw, raw, size);
	name->size = size;
	n->counts.bytes += cost(name);
	HASH_ADD_KEYPTR(hh, n->by_raw, name->raw, size, name);
	if (n->wanted_count == n->wanted_room) {
		n->wanted_room = n->wanted_room ? 2 * n->wanted_room : 256;
		n->wanted =
		    erealloc(n->wanted, n->wanted_room, sizeof(*n->wanted));
	}
	n->wanted[n->wanted_count++] = name;
}

void
names_want(struct names *names, const struct frames *frames)
{
	for (size_t i = 1; i <= frames_names(frames); i++) {
		const char *raw = frames_name_text(frames, i);
		size_t size = strlen(raw);

		if (demangle_wanted(raw, names->mode) &&
		    find(names, raw, size) == NULL)
			want(names, raw, size);
	}
}

static void
on_demangled(void *arg, const char *const *readable, size_t settled,
    size_t count, size_t failed)
{
	struct names *n = arg;
	size_t was = n->wanted_count;

	(void)count;
	n->work = NULL;
	n->counts.failed += failed;
	for (size_t i = 0; i < settled; i++) {
		struct name *name = n->wanted[i];

		n->counts.bytes -= cost(name);
		name->known = true;
		if (readable[i] != NULL)
			name->shown = estrdup(readable[i]);
		n->counts.bytes += cost(name);
	}
	/* names_stop() forgets the others, who may be asked for again */
	memmove(n->wanted, n->wanted + settled,
	    (was - settled) * sizeof(*n->wanted));
	n->wanted_count -= settled;
	names_stop(n);
	if (!n->starting) /* else names_start() says that it is over */
		n->on_ready(n->arg);
}

bool
names_start(struct names *names)
{
	const char **raw;

	if (names->wanted_count == 0)
		return false;
	raw = ecalloc(names->wanted_count, sizeof(*raw));
	for (size_t i = 0; i < names->wanted_count; i++)
		raw[i] = names->wanted[i]->raw;
	names->counts.asked += names->wanted_count;
	names->starting = true;
	names->work = demangle_start(names->base, raw, names->wanted_count,
	    names->mode, on_demangled, names);
	names->starting = false;
	free(raw);
	return names->work != NULL;
}

void
names_stop(struct names *names)
{
	demangle_cancel(names->work);
	names->work = NULL;
	for (size_t i = 0; i < names->wanted_count; i++)
		name_free(names, names->wanted[i]);
	names->wanted_count = 0;
}

void
names_apply(struct names *names, struct frames *frames)
{
	for (size_t i = 1; i <= frames_names(frames); i++) {
		const char *raw = frames_name_text(frames, i);
		struct name *name = NULL;

		if (demangle_wanted(raw, names->mode))
			HASH_FIND(hh, names->by_raw, raw, strlen(raw), name);
		if (name != NULL && name->shown != NULL)
			frames_set_shown(frames, i, name->shown);
	}
}

void
names_sweep(struct names *names)
{
	struct name *name, *next;

	HASH_ITER(hh, names->by_raw, name, next) {
		if (HASH_COUNT(names->by_raw) <= NAMES_MAX &&
		    names->counts.bytes <= NAMES_MAX_BYTES)
			break;
		name_free(names, name);
	}
}

struct names_counts
names_counts(const struct names *names)
{
	struct names_counts counts = names->counts;

	counts.known = HASH_COUNT(names->by_raw);
	return counts;
}
