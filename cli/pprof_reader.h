/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads any valid pprof profile, plain or gzip, from a file that nobody
 * vouches for: sizes and counts are bounded, every index is checked. Memory
 * that runs out ends the process, so do this in one that may end.
 */
#ifndef CLI_PPROF_READER_H
#define CLI_PPROF_READER_H

#include <stddef.h>

#include "cli/profile.h"

#define PPROF_MAX_FILE (256u * 1024 * 1024)  /* bytes, as it is on disk */
#define PPROF_MAX_DATA (1024u * 1024 * 1024) /* bytes, uncompressed */

/* Why a profile was refused: one line without a line end. */
struct pprof_error {
	char text[160];
};

/*
 * NULL with *error filled in when it is not a profile. The result does not
 * refer to data; profile_free() it.
 */
struct profile *pprof_read(
    const void *data, size_t size, struct pprof_error *error);

/* The same for all of an open file, from where it stands; fd stays open. */
struct profile *pprof_read_fd(int fd, struct pprof_error *error);

#endif
