/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process that waits until its maker is gone, in whatever way, and then
 * removes the maker's run directory: nothing stays behind even after kill -9.
 */
#ifndef CLI_JANITOR_H
#define CLI_JANITOR_H

#include <sys/types.h>

struct janitor {
	pid_t pid;
	int alive; /* its end of file says that we are gone */
};

/*
 * Forks it; name within the directory parent need not exist yet. Fork nothing
 * that outlives the maker without an exec or janitor_leave(). 0 or -errno.
 */
int janitor_start(struct janitor *j, int parent, const char *name);
/* For a forked child of the maker: be no reason to wait. */
void janitor_leave(struct janitor *j);
/* Has it done its work and waits for that. */
void janitor_end(struct janitor *j);

#endif
