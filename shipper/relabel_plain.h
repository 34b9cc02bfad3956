/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The expressions that most rules have, matched without an engine: some text
 * as it is, ".*" or ".+" (in a group or not) within or instead of it. What
 * they cost does not depend on what a label says.
 */
#ifndef SHIPPER_RELABEL_PLAIN_H
#define SHIPPER_RELABEL_PLAIN_H

#include <stdbool.h>
#include <stddef.h>

struct plain {
	char *text; /* what is before and after the gap */
	size_t before, after;
	bool gap;     /* ".*" or ".+" */
	size_t least; /* bytes in it */
	bool group;   /* it is one */
};

/* Whether regex, which must be a valid one, is so simple. */
bool plain_init(struct plain *plain, const char *regex);
void plain_fini(struct plain *plain);

/* Whether all of the text matches; where the gap is, if there is one. */
bool plain_match(const struct plain *plain, const char *text, size_t size,
    size_t *gap_start, size_t *gap_end);

#endif
