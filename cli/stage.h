/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must be there before the three programs can start: the programs, ids
 * for them, a directory, and the sockets on which they meet. The sockets live
 * as long as the supervisor, so that clients of a program that is being
 * restarted wait in them.
 */
#ifndef CLI_STAGE_H
#define CLI_STAGE_H

#include <limits.h>

#include "cli/janitor.h"
#include "cli/programs.h"
#include "cli/run_dir.h"
#include "common/privilege.h"

enum stage_socket { SOCKET_COLLECTOR, SOCKET_OPENER, SOCKET_SHIPPER, SOCKETS };

struct stage {
	char program[PROGRAMS][PATH_MAX];
	struct privilege_ids ids[PROGRAMS];
	struct run_dir dir;
	struct janitor janitor;
	int listener[SOCKETS];
	char socket_path[SOCKETS][96];
	int notify[PROGRAMS]; /* datagrams of sd_notify(3) */
	char notify_path[PROGRAMS][96];
};

/*
 * Checks privilege, then sets all of it up. 0, or -errno with the cause
 * logged. The stage is to be ended in both cases.
 */
int stage_set(struct stage *s, const char *command);
void stage_end(struct stage *s);

/*
 * Makes a directory of that name in the run directory, which belongs to the
 * shipper alone; its path goes to path. 0 or -errno.
 */
int stage_scratch(struct stage *s, const char *name, char *path, size_t size);

#endif
