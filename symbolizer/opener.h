/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our side of opener.sock: asks for descriptors, bounded in flight, with a
 * deadline. An opener that does not answer in time is hung up on: its
 * listener ends it and a new connection gets a new one.
 */
#ifndef SYMBOLIZER_OPENER_H
#define SYMBOLIZER_OPENER_H

#include <stdbool.h>
#include <stdint.h>

#define OPENER_IN_FLIGHT 16
#define OPENER_WAITING 8192
#define OPENER_DEADLINE_SEC 3

struct event_base;
struct opener;

struct open_question {
	uint32_t kind; /* phlare_OpenKind */
	uint32_t pid;
	uint64_t start_time, vma_start, vma_end;
};

/*
 * fd (the callee takes it) if error is 0, else -1 and a positive errno;
 * ETIMEDOUT: the opener hung on it.
 */
typedef void (*opener_answer)(void *arg, int fd, int error);

struct opener *opener_new(struct event_base *base, const char *path);
/* No answer is called any more. NULL is fine. */
void opener_free(struct opener *opener);

/* False: too many questions wait already; answer is not called. */
bool opener_ask(struct opener *opener, const struct open_question *question,
    opener_answer answer, void *arg);

/* NULL, or why there is no connection. */
const char *opener_trouble(const struct opener *opener);

#endif
