/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Under which ids the three programs run: the accounts of the packages where
 * they exist, else free numbers of the range that systemd's DynamicUser= uses
 * and that no account may have.
 */
#ifndef CLI_IDS_H
#define CLI_IDS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "cli/programs.h"
#include "common/privilege.h"

#define IDS_FIRST 61184u
#define IDS_LAST 65519u
#define IDS_COUNT (IDS_LAST - IDS_FIRST + 1)

/* Which numbers of the range someone uses. Zero it to start with. */
struct ids_used {
	bool id[IDS_COUNT];
};

/* Notes a uid or gid; one outside the range is nothing to us. */
void ids_note(struct ids_used *used, uint32_t id);

/*
 * Notes the numbers after "Uid:", "Gid:" and "Groups:" of a
 * /proc/PID/status.
 */
void ids_note_status(struct ids_used *used, const char *status);

/*
 * Notes the ids of all processes. Those of accounts are looked up by
 * ids_choose(). 0 or -errno.
 */
int ids_note_processes(struct ids_used *used);

/*
 * PROGRAMS free numbers in a row; seed spreads users that choose at
 * the same moment. 0 or -ENOENT.
 */
int ids_pick(const struct ids_used *used, unsigned int seed, uint32_t *first);

/* Fills in the ids of each program. 0 or -ENOENT. */
int ids_choose(const struct ids_used *used, unsigned int seed,
    struct privilege_ids ids[PROGRAMS]);

#endif
