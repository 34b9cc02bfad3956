/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "symbolizer/file_reader.h"
#include "symbolizer/throwaway.h"

#include <unistd.h>

#include "common/log.h"
#include "symbolizer/elf_reader.h"
#include "symbolizer/symbol_format.h"

/* Of private memory, what the symbolizer itself has included. */
#define READER_MEMORY_BYTES (768ULL * 1024 * 1024)
#define READER_CPU_SEC 5
/* A cold file on a slow disk takes a while. */
#define READER_WALL_SEC 20

static int
run_elf_reader(int in, int out)
{
	return elf_reader_run(in, out);
}

static const struct throwaway_job elf_job = {
	.name = "elf",
	.run = run_elf_reader,
	.refusal = elf_refusal_text,
	.memory_bytes = READER_MEMORY_BYTES,
	.output_bytes = SYMBOL_FORMAT_BYTES,
	.cpu_sec = READER_CPU_SEC,
	.wall_sec = READER_WALL_SEC,
};

struct file_reader *
file_reader_start(
    struct event_base *base, int fd, file_reader_done done, void *arg)
{
	return throwaway_start(base, fd, &elf_job, done, arg);
}

const char *
file_reader_result_name(enum file_reader_result result)
{
	static const char *const names[] = {
		[FILE_READER_OK] = "ok",
		[FILE_READER_REFUSED] = "refused",
		[FILE_READER_CRASHED] = "crashed",
		[FILE_READER_TIMEOUT] = "timed out",
		[FILE_READER_FAILED] = "could not start",
	};

	return names[result];
}
