/* SPDX-License-Identifier: Apache-2.0 */
#include "common/river/arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"

/* Of the first chunk, and what doubling leads to. */
#define FIRST_CHUNK_BYTES 4096
#define LAST_CHUNK_BYTES (64 * 1024)
#define ALIGN _Alignof(max_align_t)

struct chunk {
	struct chunk *next;
	_Alignas(max_align_t) char data[];
};

struct river_arena {
	struct chunk *chunks; /* the first is the one in use */
	char *at, *end;
	size_t next; /* chunk's size */
	size_t used;
};

struct river_arena *
river_arena_new(void)
{
	struct river_arena *arena = ecalloc(1, sizeof(*arena));

	arena->next = FIRST_CHUNK_BYTES;
	return arena;
}

void
river_arena_free(struct river_arena *arena)
{
	struct chunk *chunk, *next;

	if (arena == NULL)
		return;
	for (chunk = arena->chunks; chunk != NULL; chunk = next) {
		next = chunk->next;
		free(chunk);
	}
	free(arena);
}

/* A chunk of its own behind the one in use, which stays in use. */
static void *
alloc_large(struct river_arena *arena, size_t bytes)
{
	struct chunk *chunk = ecalloc(1, sizeof(*chunk) + bytes);

	if (arena->chunks == NULL) {
		arena->chunks = chunk;
	} else {
		chunk->next = arena->chunks->next;
		arena->chunks->next = chunk;
	}
	return chunk->data;
}

static void
add_chunk(struct river_arena *arena)
{
	struct chunk *chunk = ecalloc(1, sizeof(*chunk) + arena->next);

	chunk->next = arena->chunks;
	arena->chunks = chunk;
	arena->at = chunk->data;
	arena->end = chunk->data + arena->next;
	if (arena->next < LAST_CHUNK_BYTES)
		arena->next *= 2;
}

void *
river_arena_alloc(struct river_arena *arena, size_t n, size_t size)
{
	size_t bytes;
	void *p;

	if (__builtin_mul_overflow(n, size, &bytes) ||
	    bytes > SIZE_MAX / 2 - ALIGN)
		fatalx("out of memory");
	/* of nothing too there is an address */
	bytes = bytes == 0 ? ALIGN : (bytes + ALIGN - 1) / ALIGN * ALIGN;
	arena->used += bytes;
	if (bytes > FIRST_CHUNK_BYTES / 4)
		return alloc_large(arena, bytes);
	if (arena->at == NULL || (size_t)(arena->end - arena->at) < bytes)
		add_chunk(arena);
	p = arena->at;
	arena->at += bytes;
	return p;
}

char *
river_arena_copy(struct river_arena *arena, const char *bytes, size_t size)
{
	char *copy = river_arena_alloc(arena, size + 1, 1);

	if (size > 0)
		memcpy(copy, bytes, size);
	return copy;
}

char *
river_arena_vprintf(struct river_arena *arena, const char *fmt, va_list ap)
{
	va_list again;
	char *text;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n < 0)
		return river_arena_copy(arena, "", 0);
	text = river_arena_alloc(arena, (size_t)n + 1, 1);
	vsnprintf(text, (size_t)n + 1, fmt, ap);
	return text;
}

char *
river_arena_printf(struct river_arena *arena, const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = river_arena_vprintf(arena, fmt, ap);
	va_end(ap);
	return text;
}

size_t
river_arena_used(const struct river_arena *arena)
{
	return arena->used;
}
