/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolizer/file_reader.h"

#include "symbolizer/elf_reader.h"
#include "symbolizer/symbol_format.h"
#include "symbolizer/throwaway.h"

/* Of private memory, what the symbolizer itself has included. */
#define ELF_MEMORY_BYTES (512ULL * 1024 * 1024)
#define ELF_CPU_SEC 5
/* A cold file on a slow disk takes a while. */
#define ELF_WALL_SEC 20

static int
read_elf(const struct throwaway_input *in, int out)
{
	return elf_reader_run(in->fd[0], in->fd[1], in->argument, out);
}

const struct throwaway_job *
file_reader_elf(void)
{
	static const struct throwaway_job job = {
		.name = "elf",
		.run = read_elf,
		.refusal = elf_refusal_text,
		.memory_bytes = ELF_MEMORY_BYTES,
		.output_bytes = SYMBOL_FORMAT_BYTES,
		.cpu_sec = ELF_CPU_SEC,
		.wall_sec = ELF_WALL_SEC,
	};

	return &job;
}
