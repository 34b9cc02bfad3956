/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/record_config.h"

#include <errno.h>
#include <string.h>

#include "cli/duration.h"

#define SECOND 1000000000LL
#define MINUTE (60 * SECOND)

/* The path of a URL: what may mean something else in one is spelled out. */
static void
file_url_quote(FILE *out, const char *directory)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz0123456789"
				    "-._~/";

	fputs("\"file://", out);
	for (; *directory != '\0'; directory++)
		if (strchr(plain, *directory) != NULL)
			fputc(*directory, out);
		else
			fprintf(out, "%%%02X", (unsigned char)*directory);
	fputc('"', out);
}

int64_t
record_interval(int64_t duration)
{
	return duration <= 2 * MINUTE    ? 5 * SECOND
	       : duration <= 30 * MINUTE ? 15 * SECOND
					 : MINUTE;
}

static void
write_targets(FILE *out, const struct record_options *o)
{
	fputs("\ttargets = [\n", out);
	for (int i = 0; i < o->pids_count; i++)
		fprintf(out, "\t\t{\"__process_pid__\" = \"%d\"},\n",
		    (int)o->pids[i]);
	fputs("\t]\n\ttargets_only = true\n", out);
}

int
record_config_write(
    FILE *out, const struct record_options *o, const char *directory)
{
	char interval[64];

	duration_format(
	    record_interval(o->duration), interval, sizeof(interval));
	fputs("phlare.write \"record\" {\n\tendpoint {\n\t\turl = ", out);
	file_url_quote(out, directory);
	fputs("\n\t}\n}\n\n"
	      "phlare.ebpf \"record\" {\n"
	      "\tforward_to = [phlare.write.record.receiver]\n",
	    out);
	fprintf(out, "\tsample_rate = %llu\n", (unsigned long long)o->rate);
	fprintf(out, "\tcollect_interval = \"%s\"\n", interval);
	/* room for a whole host: nothing is read twice */
	fputs("\tpid_cache_size = 512\n\telf_cache_size = 512\n", out);
	if (o->no_kernel)
		fputs("\tcollect_kernel_profile = false\n", out);
	if (o->pids_count > 0)
		write_targets(out, o);
	fputs("}\n", out);
	if (fflush(out) != 0 || ferror(out))
		return errno != 0 ? -errno : -EIO;
	return 0;
}
