/* SPDX-License-Identifier: Apache-2.0 */
/* Uncompresses gzip data of unknown size and origin. */
#ifndef CLI_GUNZIP_H
#define CLI_GUNZIP_H

#include <stdbool.h>
#include <stddef.h>

/* Whether data starts as gzip does. */
bool gunzip_is(const void *data, size_t size);

/*
 * All members of data one after the other into *out (malloc, the caller
 * frees). 0, -EBADMSG when it is damaged or cut short, -EFBIG when it is more
 * than max bytes, -ENOMEM.
 */
int gunzip(
    const void *data, size_t size, size_t max, void **out, size_t *out_size);

#endif
