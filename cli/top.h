/* SPDX-License-Identifier: Apache-2.0 */
/* The hottest functions of a profile as a table of plain text. */
#ifndef CLI_TOP_H
#define CLI_TOP_H

#include <stdbool.h>
#include <stdio.h>

#include "cli/profile.h"

struct top_options {
	unsigned int rows;  /* 0: all */
	unsigned int width; /* of the terminal, in columns; 0: 80 */
	bool by_total;      /* sort by total, else by self */
};

/*
 * A line about the whole profile, a line of headings, a line per function.
 * Names are escaped (text.h) and cut in the middle to fit the width. 0 or
 * -errno when out cannot be written.
 */
int top_print(FILE *out, const struct profile *profile,
    const struct top_options *options);

#endif
