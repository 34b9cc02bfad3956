/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Throw-away children. Each parses one hostile thing (an ELF file, a perf
 * map, a list of mangled names), under limits on memory, CPU and time and a
 * narrower filter, leaves its result in a memfd and exits. Its crash or
 * time-out costs that thing and nothing else. The main loop never waits.
 */
#ifndef SYMBOLIZER_THROWAWAY_H
#define SYMBOLIZER_THROWAWAY_H

#include <stdbool.h>
#include <stdint.h>

#define THROWAWAY_INPUTS 2

struct event_base;
struct throwaway;

enum throwaway_result {
	THROWAWAY_OK,
	THROWAWAY_REFUSED, /* by the job: damaged, too large, ... */
	THROWAWAY_CRASHED, /* ended by a signal: a fault or a refused call */
	THROWAWAY_TIMEOUT, /* over its limit of CPU or time */
	THROWAWAY_FAILED,  /* no child could be made: try again later */
};

/* What a child works on. */
struct throwaway_input {
	int fd[THROWAWAY_INPUTS]; /* -1: none */
	uint64_t argument;
};

struct throwaway_job {
	const char *name;
	/*
	 * Runs in the child with only these descriptors open. Returns the
	 * exit status: 0, or a refusal.
	 */
	int (*run)(const struct throwaway_input *in, int out);
	const char *(*refusal)(int status); /* text for an exit status */
	unsigned long long memory_bytes, output_bytes;
	unsigned cpu_sec, wall_sec;
	/*
	 * What the child had written when it crashed or timed out is of use:
	 * done gets the memfd then, too.
	 */
	bool keep_partial;
};

struct throwaway_outcome {
	enum throwaway_result result;
	int memfd;       /* the sealed result, taken by who is told, or -1 */
	int status;      /* THROWAWAY_REFUSED: the job's exit status */
	const char *why; /* not THROWAWAY_OK: a short text */
	uint64_t cpu_ns; /* what it cost */
};

/* Called once, from the loop, when the child has ended. */
typedef void (*throwaway_done)(
    void *arg, const struct throwaway_outcome *outcome);

/*
 * Does job, which must outlive the child, in a child; takes the descriptors
 * of input. NULL if no child can be made now: done is then called with
 * THROWAWAY_FAILED before this returns.
 */
struct throwaway *throwaway_start(struct event_base *base,
    const struct throwaway_job *job, const struct throwaway_input *input,
    throwaway_done done, void *arg);
/*
 * Ends the child; done is not called any more. The loop reaps it, so base
 * must run once more. NULL is fine.
 */
void throwaway_cancel(struct throwaway *child);

/* Closes what is open of it. */
void throwaway_input_close(const struct throwaway_input *input);

/* Short text for a result, e.g. "crashed". */
const char *throwaway_result_name(enum throwaway_result result);

#endif
