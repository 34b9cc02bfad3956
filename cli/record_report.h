/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From what the shipper wrote to what the user gets. The files are the
 * shipper's and hold names that strangers chose: they are read by a child
 * without privilege, and what it hands back is bytes in memory files.
 */
#ifndef CLI_RECORD_REPORT_H
#define CLI_RECORD_REPORT_H

#include "common/privilege.h"

#define REPORT_FILES_MAX 8192

struct record_report {
	int profile; /* one pprof, gzip */
	int page;    /* the flame graph */
	int text;    /* account and table, printable */
};

/*
 * directory: of profiles; account: the shipper's ledger file. The child
 * becomes *ids. 0; -ENODATA when there was no profile, only the account; or
 * another -errno after it was logged. The memory files are closed by
 * record_report_close() in any case.
 */
int record_report_make(struct record_report *r, const char *directory,
    const char *account, const struct privilege_ids *ids);
void record_report_close(struct record_report *r);

/* The text onto standard output: whatever it holds, only as text. */
int record_report_print(const struct record_report *r);

#endif
