/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several profiles made one: equal stacks with equal labels are summed, equal
 * functions, locations and mappings become one. Strings come out as valid
 * UTF-8: any other byte is spelled out (\xff).
 */
#ifndef CLI_PPROF_MERGE_H
#define CLI_PPROF_MERGE_H

#include <stddef.h>

#include "cli/pprof_reader.h"
#include "cli/profile.h"

struct pprof_merge;

struct pprof_merge *pprof_merge_new(void);
void pprof_merge_free(struct pprof_merge *merge);

/*
 * Adds a profile, which may be freed afterwards. 0, or -EINVAL with *error
 * filled in when its sample types or its period are not those of the first
 * one or the sum might not fit in 63 bits; the merge is unchanged then.
 */
int pprof_merge_add(struct pprof_merge *merge, const struct profile *profile,
    struct pprof_error *error);

/*
 * Adds a line of text that flamegraph and top show in their heads (pprof's
 * comment), such as what was captured and lost.
 */
void pprof_merge_comment(struct pprof_merge *merge, const char *text);

/*
 * Encodes and compresses the sum into *data (malloc, the caller frees). Its
 * time is the earliest, its duration that during which at least one of them
 * ran. 0 or -errno: -ENODATA when nothing was added, -EFBIG when it is longer
 * than pprof_read() takes.
 */
int pprof_merge_finish(struct pprof_merge *merge, void **data, size_t *size);

#endif
