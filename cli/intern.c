/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include "cli/intern.h"
#include "common/log.h"

static uint32_t hash_bytes(const void *key, size_t size);

#define HASH_FUNCTION(key, size, hash) (hash) = hash_bytes(key, size)
#define uthash_fatal(text) fatalx("%s", text)
#include <uthash.h>

struct intern_entry {
	UT_hash_handle hh;
	uint32_t number;
	char key[];
};

/* Random for each run, without a system call: from the kernel's own bytes. */
static const uint64_t *
seed(void)
{
	static uint64_t bytes[2];

	if (bytes[0] == 0) {
		memcpy(
		    bytes, (const void *)getauxval(AT_RANDOM), sizeof(bytes));
		bytes[0] |= 1;
	}
	return bytes;
}

static uint64_t
mix(uint64_t a, uint64_t b)
{
	__uint128_t product = (__uint128_t)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint32_t
hash_bytes(const void *key, size_t size)
{
	const unsigned char *p = key;
	const uint64_t *s = seed();
	uint64_t h = s[0] ^ size, word;

	for (; size > 0; p += sizeof(word)) {
		size_t n = size < sizeof(word) ? size : sizeof(word);

		word = 0;
		memcpy(&word, p, n);
		h = mix(h ^ word, s[1] | 1) + s[0];
		size -= n;
	}
	return mix(h, s[0]) >> 32;
}

uint32_t
intern(struct intern *t, const void *key, size_t size, bool *added)
{
	struct intern_entry *e = NULL;
	unsigned int hash = hash_bytes(key, size);

	HASH_FIND_BYHASHVALUE(hh, t->entries, key, size, hash, e);
	if (added != NULL)
		*added = e == NULL;
	if (e != NULL)
		return e->number;
	e = ecalloc(1, sizeof(*e) + size);
	memcpy(e->key, key, size);
	e->number = t->count++;
	HASH_ADD_KEYPTR_BYHASHVALUE(hh, t->entries, e->key, size, hash, e);
	return e->number;
}

void
intern_fini(struct intern *t)
{
	struct intern_entry *e, *next;

	HASH_ITER(hh, t->entries, e, next) {
		HASH_DEL(t->entries, e);
		free(e);
	}
	t->entries = NULL;
	t->count = 0;
}
