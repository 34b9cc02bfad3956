/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of one configuration file, and where in it something lies. A place
 * is a byte offset; lines and columns are counted from 1, columns in bytes.
 */
#ifndef COMMON_RIVER_SOURCE_H
#define COMMON_RIVER_SOURCE_H

#include <stddef.h>
#include <stdint.h>

/* A longer file is refused. */
#define RIVER_MAX_FILE_BYTES (32u * 1024 * 1024)

#define RIVER_NOWHERE UINT32_MAX

/*
 * First and last byte (inclusive). end may be RIVER_NOWHERE: only the start
 * is known; both RIVER_NOWHERE: no place at all.
 */
struct river_range {
	uint32_t start, end;
};

#define RIVER_NO_RANGE ((struct river_range){ RIVER_NOWHERE, RIVER_NOWHERE })

struct river_position {
	uint32_t line, column;
};

struct river_source {
	const char *name; /* as diagnostics show it; "" for none */
	const char *text; /* size bytes and a NUL byte behind */
	uint32_t size;
	uint32_t *line; /* offset of each line's first byte */
	uint32_t lines; /* one more than newlines */
};

/*
 * Copies name and size bytes of text. NULL and errno EFBIG when it is over
 * RIVER_MAX_FILE_BYTES.
 */
struct river_source *river_source_new(
    const char *name, const char *text, size_t size);
/*
 * Reads fd to its end; fd stays the caller's. NULL and errno: EFBIG as above,
 * EISDIR, EIO and so on.
 */
struct river_source *river_source_read(const char *name, int fd);
/* NULL is fine. Everything that points into it must be gone. */
void river_source_free(struct river_source *source);

/* Line and column of an offset (at most size). */
struct river_position river_source_position(
    const struct river_source *source, uint32_t offset);

#endif
