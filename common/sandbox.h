/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a process may still ask of the kernel: Landlock by ABI and a seccomp
 * filter with argument checks, one table row per process in sandbox.c.
 * Nothing else calls libseccomp.
 */
#ifndef COMMON_SANDBOX_H
#define COMMON_SANDBOX_H

#include <stdbool.h>

#include "common/privilege.h"

/*
 * Parses --sandbox=MODE: "enforce" (the default) or "trap": then a refused
 * call ends the process after naming itself on stderr. There is no "off".
 * 0 or -EINVAL. To be called before sandbox_enter; children inherit it.
 */
int sandbox_set_mode(const char *mode);

/* "trap" was chosen: standard error must stay open. */
bool sandbox_is_trapping(void);

/* A path tree that the process may still use. */
struct sandbox_path {
	const char *path;
	bool write; /* else read only */
};

/*
 * Landlock (never in the collector; nothing at all but paths, which ends with
 * a NULL path and may be NULL), then the filter of kind. The filter applies
 * to all that this process does later. 0 or -errno with the step logged.
 */
int sandbox_enter(enum process_kind kind, const struct sandbox_path *paths);

/* Landlock ABI in force, 0: none (old kernel). For status. */
int sandbox_landlock_abi(void);

#endif
