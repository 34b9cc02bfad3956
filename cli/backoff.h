/* SPDX-License-Identifier: Apache-2.0 */
/* How long to wait before a program that ended is started again. */
#ifndef CLI_BACKOFF_H
#define CLI_BACKOFF_H

#define RESTART_FIRST_MS 100
#define RESTART_MAX_MS 5000
#define RESTART_RESET_MS 60000 /* ran so long: the past is forgotten */

/* Zero it to start with. */
struct backoff {
	unsigned int restarts;
};

/*
 * Milliseconds to wait now that the program ended after ran_ms: none the
 * first time, then RESTART_FIRST_MS doubling up to RESTART_MAX_MS.
 */
unsigned int backoff_next(struct backoff *b, unsigned long long ran_ms);

#endif
