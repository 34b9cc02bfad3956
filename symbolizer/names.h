/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Readable forms of the names in profiles: each name is demangled once and
 * remembered, so that in the long run no interval needs a child for it.
 */
#ifndef SYMBOLIZER_NAMES_H
#define SYMBOLIZER_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "symbolizer/demangle.h"

/* What is remembered. */
#define NAMES_MAX 65536
#define NAMES_MAX_BYTES (16u * 1024 * 1024)

struct event_base;
struct frames;
struct names;

/* on_ready is called when what names_start() began is done. */
struct names *names_new(
    struct event_base *base, void (*on_ready)(void *arg), void *arg);
/* NULL is fine. */
void names_free(struct names *names);

/* Another mode forgets everything. */
void names_set_mode(struct names *names, enum demangle_mode mode);

/* The names of these frames will be applied: notes those that are unknown. */
void names_want(struct names *names, const struct frames *frames);
/* False: nothing to do, or nothing can be done. */
bool names_start(struct names *names);
/* What is not known by now stays raw; on_ready is not called any more. */
void names_stop(struct names *names);

/* Sets what readers see, as far as it is known. */
void names_apply(struct names *names, struct frames *frames);

/* The interval is done: forgets the least recently used ones over the bound. */
void names_sweep(struct names *names);

struct names_counts {
	size_t known, bytes;    /* now */
	uint64_t asked, failed; /* since the start: of children; in vain */
};
struct names_counts names_counts(const struct names *names);

#endif
