/* SPDX-License-Identifier: Apache-2.0 */
/* Which files the shipper may still reach once it is sandboxed. */
#ifndef SHIPPER_REACHABLE_H
#define SHIPPER_REACHABLE_H

struct config;
struct reachable;
struct sandbox_path;

/*
 * What names of hosts and certificates need; the directories of path and
 * ledger (may be NULL); what config names. Directories, so that a file that is
 * replaced is found.
 */
struct reachable *reachable_new(
    const struct config *config, const char *path, const char *ledger);
/* NULL is fine. */
void reachable_free(struct reachable *r);

/* The last one has path NULL. */
const struct sandbox_path *reachable_paths(const struct reachable *r);

#endif
