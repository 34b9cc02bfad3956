/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is under way to learn about files: questions to the opener and
 * children that read. Few children run at once. Whose files have cost the
 * least CPU time lately go first, and what strangers' files may cost in the
 * long run is bounded, so that a flood of files made to be slow delays their
 * owner and neither the host nor others.
 */
#ifndef SYMBOLIZER_FETCH_H
#define SYMBOLIZER_FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "symbolizer/opener.h"
#include "symbolizer/throwaway.h"

/* Descriptors that may wait for a child. */
#define FETCH_WAITING 128

struct event_base;
struct fetch;

struct fetch_limits {
	int children; /* at once */
	/* CPU time of children over files that are not root's: */
	uint64_t burst_ns; /* at once, */
	unsigned share;    /* for good: one part in so many */
};

/*
 * on_settled is called whenever nothing is under way any more. NULL limits:
 * the usual ones.
 */
struct fetch *fetch_new(struct event_base *base, struct opener *opener,
    const struct fetch_limits *limits, void (*on_settled)(void *arg),
    void *arg);
/* Its readings must be over or cancelled. NULL is fine. */
void fetch_free(struct fetch *fetch);

/* As opener_ask(); the question counts as under way until it is answered. */
bool fetch_ask(struct fetch *fetch, const struct open_question *question,
    opener_answered answered, void *arg);

/* A file for a child; kept by the caller until it is done or cancelled. */
struct fetch_reading {
	/* by the caller */
	const struct throwaway_job *job;
	uint32_t owner; /* uid of the file */
	throwaway_done done;
	void *arg;
	/* private to fetch.c */
	struct fetch *fetch;
	struct throwaway_input input;
	struct throwaway *child;
	bool waits, runs;
	TAILQ_ENTRY(fetch_reading) entry;
};

/* Takes input. False: too many wait; done is not called. */
bool fetch_read(struct fetch *fetch, struct fetch_reading *reading,
    const struct throwaway_input *input);
/* done is not called any more. Nothing happens to one that is over. */
void fetch_cancel(struct fetch_reading *reading);

bool fetch_is_busy(const struct fetch *fetch);

#endif
