/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Configurations checked the way a shipper that starts reads them, by the
 * same functions, and nothing made or started.
 */
#ifndef SHIPPER_CHECK_H
#define SHIPPER_CHECK_H

#include <stddef.h>

struct privilege_ids;

/*
 * Says all mistakes of each, and on standard output which have none. ids: whom
 * the shipper would become, (uid_t)-1 for who we are. 0, or 1 if any has a
 * mistake: an exit status. Stays in the sandbox of PROCESS_CHECKER.
 */
int check_configs(
    char *const *paths, size_t count, const struct privilege_ids *ids);

/*
 * Before the first hostile byte of a program that only reads: files may be
 * read, with the rights of who asks, and that is all. Root keeps its ids for
 * now. 0 or -errno.
 */
int check_enter(void);

/* Root becomes ids, if any are given. 0 or -errno. */
int check_become(const struct privilege_ids *ids);

#endif
