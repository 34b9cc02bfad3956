/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The expressions that most rules have, matched without an engine: one of
 * some texts, or ".*" or ".+" (in a group or not) with text around it. What
 * they cost does not depend on what a label says.
 */
#ifndef SHIPPER_RELABEL_PLAIN_H
#define SHIPPER_RELABEL_PLAIN_H

#include <stdbool.h>
#include <stddef.h>

struct plain_text {
	const char *data;
	size_t size;
};

struct plain {
	char *memory;
	/* What matches, sorted; with a gap: what is before and after it. */
	struct plain_text *text;
	size_t texts;
	bool gap;     /* ".*" or ".+" */
	size_t least; /* bytes in it */
	bool group;   /* it is one */
};

/* Whether regex, which must be a valid one, is so simple. */
bool plain_init(struct plain *plain, const char *regex);
void plain_fini(struct plain *plain);

/* Whether all of the text matches; where the gap is, if there is one. */
bool plain_match(const struct plain *plain, const char *data, size_t size,
    size_t *gap_start, size_t *gap_end);

#endif
