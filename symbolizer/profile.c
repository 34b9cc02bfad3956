/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolizer/profile.h"

#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "common/log.h"

/* The key is comm, pid and the frames. */
struct entry {
	UT_hash_handle hh;
	uint64_t count;
	uint32_t words;
	uint32_t key[];
};

struct profile {
	struct entry *by_key;
	struct entry **list;
	size_t count, room, bytes;
	uint64_t total;
	struct profile_names names;
};

struct profile *
profile_new(void)
{
	return ecalloc(1, sizeof(struct profile));
}

void
profile_free(struct profile *profile)
{
	struct entry *e, *next;

	if (profile == NULL)
		return;
	HASH_ITER(hh, profile->by_key, e, next) {
		HASH_DEL(profile->by_key, e);
		free(e);
	}
	free(profile->list);
	free(profile);
}

static struct entry *
append(struct profile *p, const uint32_t *key, uint32_t words)
{
	size_t size = sizeof(struct entry) + words * sizeof(*key);
	struct entry *e;

	if (p->bytes + size > PROFILE_MAX_BYTES)
		return NULL;
	if (p->count == p->room) {
		p->room = p->room ? 2 * p->room : 256;
		p->list = erealloc(p->list, p->room, sizeof(*p->list));
	}
	e = ecalloc(1, size);
	e->words = words;
	memcpy(e->key, key, words * sizeof(*key));
	p->list[p->count++] = e;
	p->bytes += size;
	HASH_ADD_KEYPTR(hh, p->by_key, e->key, words * sizeof(*key), e);
	return e;
}

bool
profile_add(struct profile *profile, const struct profile_sample *sample)
{
	uint32_t words = sample->frames + 2;
	uint32_t key[words];
	struct entry *e;

	key[0] = sample->comm;
	key[1] = sample->pid;
	memcpy(key + 2, sample->frame, sample->frames * sizeof(*key));
	HASH_FIND(hh, profile->by_key, key, words * sizeof(*key), e);
	if (e == NULL)
		e = append(profile, key, words);
	if (e == NULL)
		return false;
	e->count += sample->count;
	profile->total += sample->count;
	return true;
}

size_t
profile_samples(const struct profile *profile)
{
	return profile->count;
}

struct profile_sample
profile_get(const struct profile *profile, size_t i)
{
	const struct entry *e = profile->list[i];

	return (struct profile_sample){
		.count = e->count,
		.comm = e->key[0],
		.pid = e->key[1],
		.frames = e->words - 2,
		.frame = e->key + 2,
	};
}

struct profile_names *
profile_names(struct profile *profile)
{
	return &profile->names;
}

uint64_t
profile_count(const struct profile *profile)
{
	return profile->total;
}
