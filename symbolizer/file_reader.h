/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Throw-away children. Each parses one hostile thing (an ELF file, a list of
 * mangled names), under limits on memory, CPU and time and a narrower filter,
 * leaves its result in a memfd and exits. Its crash or time-out costs that
 * thing and nothing else. The main loop never waits.
 */
#ifndef SYMBOLIZER_FILE_READER_H
#define SYMBOLIZER_FILE_READER_H

#include <stddef.h>

struct event_base;
struct file_reader;

enum file_reader_result {
	FILE_READER_OK,
	FILE_READER_REFUSED, /* not an ELF file we can read, too large, ... */
	FILE_READER_CRASHED, /* ended by a signal: a fault or a refused call */
	FILE_READER_TIMEOUT, /* over its limit of CPU or time */
	FILE_READER_FAILED,  /* no child could be made: try again later */
};

/*
 * Called once from the loop when the child has ended. result is
 * FILE_READER_OK: memfd is the sealed table (symbol_table_open takes it);
 * else memfd is -1 and why a short text.
 */
typedef void (*file_reader_done)(
    void *arg, enum file_reader_result result, int memfd, const char *why);

/*
 * Reads the ELF file fd (takes it) in a child. NULL if no child can be made
 * now: done is then called with FILE_READER_FAILED before this returns.
 */
struct file_reader *file_reader_start(
    struct event_base *base, int fd, file_reader_done done, void *arg);
/*
 * Ends the child; done is not called any more. The loop reaps it, so base
 * must run once more. NULL is fine.
 */
void file_reader_cancel(struct file_reader *reader);

/* Short text for a result, e.g. "crashed". */
const char *file_reader_result_name(enum file_reader_result result);

#endif
