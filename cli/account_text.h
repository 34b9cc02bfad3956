/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shipper's ledger file (its man page: --ledger) as a few lines for
 * people. The file is the shipper's, so its text is hostile.
 */
#ifndef CLI_ACCOUNT_TEXT_H
#define CLI_ACCOUNT_TEXT_H

#include <stdint.h>

#include "common/ledger.h"

struct account_text {
	struct ledger ledger;
	uint64_t expected, idle, steal, unexplained, down; /* ticks */
	uint64_t queued;                                   /* profiles */
};

/* Takes the lines it knows and lets the others be. */
void account_text_parse(struct account_text *a, const char *text);

/* line: no line end, valid only during the call. */
typedef void account_line_fn(void *arg, const char *line);

/* Where every sample went; what was lost by reason only if there is any. */
void account_text_show(
    const struct account_text *a, account_line_fn *fn, void *arg);

#endif
