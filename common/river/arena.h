/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that is given back all at once: a syntax tree, the values of one
 * evaluation, the arguments of one component. Allocation never fails; running
 * out of memory ends the process as ecalloc() does.
 */
#ifndef COMMON_RIVER_ARENA_H
#define COMMON_RIVER_ARENA_H

#include <stdarg.h>
#include <stddef.h>

struct river_arena;

struct river_arena *river_arena_new(void);
/* Gives back everything that came from it. NULL is fine. */
void river_arena_free(struct river_arena *arena);

/*
 * Zeroed, aligned for any type; never NULL, not even for no bytes. n * size
 * must not overflow.
 */
void *river_arena_alloc(struct river_arena *arena, size_t n, size_t size);
/* A copy of size bytes with a NUL byte behind. */
char *river_arena_copy(
    struct river_arena *arena, const char *bytes, size_t size);
char *river_arena_printf(struct river_arena *arena, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
char *river_arena_vprintf(
    struct river_arena *arena, const char *fmt, va_list ap);

/* Bytes handed out so far. */
size_t river_arena_used(const struct river_arena *arena);

#endif
