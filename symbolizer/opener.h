/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our side of opener.sock: asks for descriptors, bounded in flight, with a
 * deadline. An opener that does not answer in time is hung up on: its
 * listener ends it and a new connection gets a new one.
 */
#ifndef SYMBOLIZER_OPENER_H
#define SYMBOLIZER_OPENER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OPENER_IN_FLIGHT 16
#define OPENER_WAITING 8192
/* From so many on only urgent ones are taken. */
#define OPENER_WAITING_LEISURE 2048
#define OPENER_DEADLINE_SEC 3
#define OPENER_NAME_MAX 255

struct event_base;
struct opener;

struct open_question {
	uint32_t kind; /* phlare_OpenKind */
	uint32_t pid;
	uint64_t start_time, vma_start, vma_end;
	const void *name; /* OPEN_DEBUG_*; copied, cut at OPENER_NAME_MAX */
	size_t name_size;
	bool urgent; /* somebody waits for it: before all that is not */
};

struct open_answer {
	int fd;    /* taken by the callee if error is 0, else -1 */
	int error; /* a positive errno; ETIMEDOUT: the opener hung on it */
	/* Which file it is, as fstat and fstatfs say, if error is 0. */
	uint64_t device, inode, changed_ns, size;
	uint32_t owner, file_system;
};

typedef void (*opener_answered)(void *arg, const struct open_answer *answer);

struct opener *opener_new(struct event_base *base, const char *path);
/* No answer is called any more. NULL is fine. */
void opener_free(struct opener *opener);

/* False: too many questions wait already; answered is not called. */
bool opener_ask(struct opener *opener, const struct open_question *question,
    opener_answered answered, void *arg);

/* NULL, or why there is no connection. */
const char *opener_trouble(const struct opener *opener);

#endif
