/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The commands that show a profile, and how they and record read one: in a
 * child without privilege, in the sandbox of PROCESS_REPORTER, whose files
 * were opened before.
 */
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include "common/privilege.h"

/*
 * The commands "flamegraph" and "top": argv[0] is the command's name. They
 * return the exit status: 0, 1 for failure, 2 for bad options.
 */
int report_flamegraph(int argc, char **argv);
int report_top(int argc, char **argv);

/*
 * Forks a child that gives up every privilege, becoming *ids (NULL: nobody
 * else's uid if we are root, else it keeps ours), enters the sandbox and
 * returns work(arg) as its exit status; waits for it. That status, or 1 with
 * the cause logged when the child could not be made or did not end by itself.
 * Flush stdio before.
 */
int report_in_child(
    const struct privilege_ids *ids, int (*work)(void *), void *arg);

/* Columns of the terminal on standard output, 0 if it is none. */
unsigned int report_width(void);

#endif
