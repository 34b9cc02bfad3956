/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "shipper/ledger_file.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/log.h"
#include "shipper/account.h"
#include "shipper/write_stats.h"

void
ledger_file_read(const char *path, struct account *account)
{
	FILE *in = fopen(path, "re");

	if (in == NULL) {
		if (errno != ENOENT)
			log_warn("ledger", "%s", path);
		return;
	}
	account_read(account, in);
	fclose(in);
}

static bool
write_to(const char *path, const struct account *account,
    const struct write_stats_list *writes, uint64_t queued)
{
	FILE *out = fopen(path, "we");
	bool bad;

	if (out == NULL)
		return false;
	account_write(account, queued, out);
	write_stats_write(writes, out);
	bad = ferror(out) != 0;
	return fclose(out) == 0 && !bad;
}

void
ledger_file_write(const char *path, const struct account *account,
    const struct write_stats_list *writes, uint64_t queued)
{
	static struct log_limit limit;
	char *temporary;

	if (asprintf(&temporary, "%s.new", path) < 0)
		fatalx("out of memory");
	if (!write_to(temporary, account, writes, queued) ||
	    rename(temporary, path) < 0) {
		if (log_limit_ok(&limit))
			log_warn(
			    "ledger", "%s%s", path, log_limit_tail(&limit));
		unlink(temporary);
	}
	free(temporary);
}
