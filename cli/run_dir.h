/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The directory of one supervisor, /run/phlare-ebpf-PID: its sockets and what
 * its programs write for it. It is locked as long as its owner lives, so that
 * the next one can tell and remove what a killed one left.
 */
#ifndef CLI_RUN_DIR_H
#define CLI_RUN_DIR_H

#include "cli/ids.h"

#define RUN_DIR_PARENT "/run"
#define RUN_DIR_PREFIX "phlare-ebpf-"

struct run_dir {
	char name[32]; /* within parent */
	char path[64];
	int parent; /* the directory that holds it */
	int fd;     /* locked */
};

/* Removes what dead owners left in parent. */
void run_dirs_clean(const char *parent);

/*
 * Only names it, before the janitor is told: nothing is made. parent must be
 * a directory. 0 or -errno.
 */
int run_dir_name(struct run_dir *dir, const char *parent);
/* Makes it, mode 0711, and locks it. 0 or -errno. */
int run_dir_make(struct run_dir *dir);
/* Closes; the janitor removes. */
void run_dir_close(struct run_dir *dir);

/*
 * Chooses ids that no process, account or other run directory uses and notes
 * them in the directory's group, where others look. 0 or -errno.
 */
int run_dir_choose_ids(struct run_dir *dir, struct privilege_ids ids[PROGRAMS]);

#endif
