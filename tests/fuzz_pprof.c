/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes at all as a profile. What the reader takes must also do as a
 * table, as a page, and merged and read again.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/flamegraph.h"
#include "cli/pprof_merge.h"
#include "cli/pprof_reader.h"
#include "cli/top.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
merge_twice(const struct profile *p)
{
	struct pprof_merge *m = pprof_merge_new();
	struct pprof_error error;
	void *data;
	size_t size;

	if (pprof_merge_add(m, p, &error) == 0) {
		/* may not fit in 63 bits */
		(void)pprof_merge_add(m, p, &error);
		pprof_merge_comment(m, "twice");
		if (pprof_merge_finish(m, &data, &size) < 0)
			abort();
		struct profile *sum = pprof_read(data, size, &error);

		/* what we write we can read */
		if (sum == NULL || sum->types_count != p->types_count)
			abort();
		profile_free(sum);
		free(data);
	}
	pprof_merge_free(m);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static FILE *null;
	struct top_options options = { 0 };
	struct pprof_error error;
	struct profile *p = pprof_read(data, size, &error);

	if (p == NULL)
		return 0;
	if (null == NULL)
		null = fopen("/dev/null", "w");
	if (top_print(null, p, &options) < 0 ||
	    flamegraph_write(null, p, "fuzz") < 0)
		abort();
	merge_twice(p);
	profile_free(p);
	return 0;
}
