/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line per event on standard error: "program: module: text". Nothing is
 * opened to log. What is no valid UTF-8 or would move the cursor or turn the
 * direction of writing is escaped, so that a hostile name cannot forge a line.
 * Where JOURNAL_STREAM says that standard error leads to the journal (or to
 * `phlare-ebpf run`), each line begins with its level as "<4>" (LOG_WARNING of
 * syslog.h).
 */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include <stdbool.h>
#include <stdint.h>

/* program: a string that lives as long as the process. */
void log_init(const char *program, bool debug);

/*
 * The least important level (of syslog.h) that is shown, LOG_INFO at first.
 * With debug everything is.
 */
void log_set_level(int level);

/* Text and ": " and strerror(errno). errno is kept. */
void log_warn(const char *module, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Text alone. */
void log_warnx(const char *module, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void log_info(const char *module, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void log_debug(const char *module, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Text, with that of errno if it is set; exits 1. Start-up only. */
void fatal(const char *fmt, ...)
    __attribute__((format(printf, 1, 2), noreturn));
void fatalx(const char *fmt, ...)
    __attribute__((format(printf, 1, 2), noreturn));

/*
 * log_limit_ok() is true at most once a second for a site, and counts what it
 * swallowed:
 *
 *   static struct log_limit limit;
 *
 *   if (log_limit_ok(&limit))
 *       log_warnx("elf", "no symbols%s", log_limit_tail(&limit));
 */
struct log_limit {
	int64_t next_sec;
	unsigned long swallowed;
	char tail[48];
};
bool log_limit_ok(struct log_limit *limit);
/* "" or " (and N more like it)"; valid until the next call. */
const char *log_limit_tail(struct log_limit *limit);

/* Never NULL: allocation failure ends the process. */
void *ecalloc(unsigned long n, unsigned long size);
void *erealloc(void *p, unsigned long n, unsigned long size);
char *estrdup(const char *s);

#endif
