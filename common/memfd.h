/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sealed memfds: how everything bulky travels between the processes. A sealed
 * one can neither change nor shrink under its reader.
 */
#ifndef COMMON_MEMFD_H
#define COMMON_MEMFD_H

#include <stddef.h>

/* A new memfd that may be sealed, close-on-exec; or -errno. */
int memfd_new(const char *name);

/* Appends all of data. 0 or -errno. */
int memfd_append(int fd, const void *data, size_t size);

/* Seals against write, grow, shrink and further seals. 0 or -errno. */
int memfd_seal(int fd);

/*
 * Maps a received memfd read-only after checking that it is one, sealed
 * against writing and shrinking, and at most max bytes long. *size is its
 * length; *data is NULL when that is 0. The caller keeps fd and unmaps.
 * 0 or -errno (-EPERM: not sealed, -EFBIG: too long).
 */
int memfd_map(int fd, size_t max, const void **data, size_t *size);
/*
 * The same for one that its writer still changes: it must be sealed against
 * shrinking. What is read there may change from one look to the next.
 */
int memfd_map_live(int fd, size_t max, const void **data, size_t *size);
void memfd_unmap(const void *data, size_t size);

#endif
