/* SPDX-License-Identifier: Apache-2.0 */
/* What a program writes to standard error, as lines with levels. */
#ifndef CLI_LOG_LINES_H
#define CLI_LOG_LINES_H

#include <stddef.h>

#define LOG_LINE_MAX 4096 /* a longer one is cut into several */

/* Zero it to start with. */
struct log_lines {
	char buffer[LOG_LINE_MAX];
	size_t used;
};

/* line: printable text without a line end. level: of syslog.h. */
typedef void log_line_fn(void *arg, int level, const char *line);

/*
 * Calls fn for each line that is complete with data. A line that does not
 * begin with "<4>" or the like is a warning: it comes from a library, or from
 * a program that is in trouble.
 */
void log_lines_feed(struct log_lines *l, const char *data, size_t size,
    log_line_fn *fn, void *arg);
/* The same for what is left at the end of the file. */
void log_lines_end(struct log_lines *l, log_line_fn *fn, void *arg);

#endif
