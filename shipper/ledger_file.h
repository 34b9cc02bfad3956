/* SPDX-License-Identifier: Apache-2.0 */
/* The file of --ledger: read at the start, replaced whenever it changes. */
#ifndef SHIPPER_LEDGER_FILE_H
#define SHIPPER_LEDGER_FILE_H

#include <stdint.h>

struct account;
struct write_stats_list;

/* Goes on from what is there; a file that cannot be read is a warning. */
void ledger_file_read(const char *path, struct account *account);

/* Whole or not at all. Says so, at most once a second, when it fails. */
void ledger_file_write(const char *path, const struct account *account,
    const struct write_stats_list *writes, uint64_t queued);

#endif
