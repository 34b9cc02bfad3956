/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starting one program: a session of its own (Ctrl-C is for the supervisor),
 * nothing inherited but what is named here, death with the supervisor.
 */
#ifndef CLI_SPAWN_H
#define CLI_SPAWN_H

#include <stdbool.h>
#include <sys/types.h>

#define SPAWN_MAX_FDS 4
#define SPAWN_NOT_EXECUTED 127 /* exit code: it could not be executed */

struct spawn {
	const char *path;
	char *const *argv; /* ends with NULL */
	/* passed from descriptor 3 on, as LISTEN_FDS */
	int fds[SPAWN_MAX_FDS];
	int fds_count;
	const char *fd_names; /* LISTEN_FDNAMES */
	const char *notify;   /* NOTIFY_SOCKET */
	bool environment;     /* it may see ours: a configuration may use it */
};

/*
 * The pid, whose standard error (and output) is read from *stderr_fd,
 * non-blocking, to be closed by the caller; or -errno.
 */
pid_t spawn_program(const struct spawn *s, int *stderr_fd);

#endif
