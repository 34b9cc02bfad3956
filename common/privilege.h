/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Giving up privilege: one table row per process in privilege.c, one call
 * each. Order in every program (DESIGN.md 2): options; open what needs
 * privilege; privilege_drop(); sandbox_enter(); read the first hostile byte.
 */
#ifndef COMMON_PRIVILEGE_H
#define COMMON_PRIVILEGE_H

#include <stdbool.h>
#include <sys/types.h>

enum process_kind {
	PROCESS_LISTENER,
	PROCESS_SAMPLER,
	PROCESS_OPENER,
	PROCESS_SYMBOLIZER,
	PROCESS_FILE_READER, /* the symbolizer's throw-away child */
	PROCESS_SHIPPER,
	PROCESS_CHECKER,  /* the shipper when it only checks a configuration */
	PROCESS_REPORTER, /* cli: reads the profile back, draws, prints */
	PROCESS_KINDS
};

/* Whom to become; (uid_t)-1 and (gid_t)-1: stay who we are. */
struct privilege_ids {
	uid_t uid;
	gid_t gid;
};

/*
 * "NAME", "UID" or "UID:GID" to ids. Without a group, that of the account,
 * or the uid's number. 0, or -errno with an explanation in *why.
 */
int privilege_parse_user(
    const char *text, struct privilege_ids *ids, const char **why);

/*
 * Supplementary groups, gid, uid; every capability that the process's row
 * does not keep leaves the permitted, effective, inheritable, ambient and
 * bounding sets; no_new_privs; not dumpable; resource limits of the row. Then
 * checks that all of it took effect. A parent-death signal set before (by the
 * supervisor, between fork and exec) stays in force. extra_caps is a mask (1 <<
 * CAP_X) of further capabilities to keep permitted for now (see
 * privilege_forget). 0 or -errno, with the failing step logged.
 */
int privilege_drop(enum process_kind kind, const struct privilege_ids *ids,
    unsigned long long extra_caps);

/*
 * A part of it for who needs its ids a little longer, behind a sandbox:
 * no_new_privs, not dumpable. 0 or -errno, with the failing step logged.
 */
int privilege_lock(enum process_kind kind);

/* Drops further capabilities of the mask for good. 0 or -errno. */
int privilege_forget(unsigned long long caps);

/* Capabilities of the row that this process does not have, as a mask. */
unsigned long long privilege_missing(enum process_kind kind);
/* Capabilities of the mask that this process does not have. */
unsigned long long privilege_lacks(unsigned long long caps);
/* "CAP_BPF CAP_PERFMON", for messages; static storage. */
const char *privilege_names(unsigned long long caps);

/*
 * For a child, after its last change of ids: die with the parent, whose pid
 * it was forked from. Exits at once if the parent is gone already.
 */
void privilege_die_with(pid_t parent);

#endif
