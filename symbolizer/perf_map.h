/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of a perf map, in which a process names the code that it made
 * itself: lines "START SIZE NAME", numbers in hex. Read in a throw-away child
 * into a symbol table whose addresses are the process's own.
 */
#ifndef SYMBOLIZER_PERF_MAP_H
#define SYMBOLIZER_PERF_MAP_H

#include <stddef.h>

struct throwaway_job;

/* Longer ones are refused. */
#define PERF_MAP_MAX_BYTES (64u * 1024 * 1024)

/* Why one was refused; the child's exit status. */
enum perf_map_refusal {
	PERF_MAP_ACCEPTED = 0,
	PERF_MAP_UNREADABLE = 40,
	PERF_MAP_TOO_LARGE,
	PERF_MAP_NO_MEMORY,
	PERF_MAP_OUTPUT,
	PERF_MAP_REFUSALS_END
};

/* The job that reads one. */
const struct throwaway_job *perf_map_job(void);

/*
 * Writes the table of size bytes of text to out. Where lines overlap, later
 * ones win: memory is used again. What is no such line is skipped.
 */
enum perf_map_refusal perf_map_parse(const char *text, size_t size, int out);

#endif
