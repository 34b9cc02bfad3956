/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sets of characters: [a-z], \d, [[:alpha:]], \pN, \p{Greek}. Written out as
 * ranges, because the same names mean other sets to pcre2.
 */
#ifndef SHIPPER_RE2_CLASS_H
#define SHIPPER_RE2_CLASS_H

#include <stdbool.h>

struct re2_out;
struct re2_scan;

/* Takes what begins with "[". 0, or -EINVAL and a mistake. */
int re2_take_class(struct re2_scan *scan, struct re2_out *out, bool fold);

/*
 * Takes \d, \pN and the like. 1, or 0 when none is next, or -EINVAL and a
 * mistake. fold: under (?i).
 */
int re2_take_set(struct re2_scan *scan, struct re2_out *out, bool fold);

#endif
