/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mechanism behind file_reader.h and demangle.h: a child with one input
 * descriptor, one memfd for its result, limits, and the narrowest filter.
 */
#ifndef SYMBOLIZER_THROWAWAY_H
#define SYMBOLIZER_THROWAWAY_H

#include <stdbool.h>

#include "symbolizer/file_reader.h"

struct throwaway_job {
	const char *name;
	/*
	 * Runs in the child with only these descriptors open. Returns the
	 * exit status: 0, or a refusal.
	 */
	int (*run)(int in, int out);
	const char *(*refusal)(int status); /* text for an exit status */
	unsigned long long memory_bytes, output_bytes;
	unsigned cpu_sec, wall_sec;
	/*
	 * What the child had written when it crashed or timed out is of use:
	 * done gets the memfd then, too.
	 */
	bool keep_partial;
};

/* As file_reader_start(). job must outlive the child. Takes fd. */
struct file_reader *throwaway_start(struct event_base *base, int fd,
    const struct throwaway_job *job, file_reader_done done, void *arg);

#endif
