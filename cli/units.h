/* SPDX-License-Identifier: Apache-2.0 */
/* Values as a reader wants them: 1.23 s, 4.5 MiB, 17. */
#ifndef CLI_UNITS_H
#define CLI_UNITS_H

#include <stddef.h>
#include <stdint.h>

#include "cli/profile.h"

/* How all values of one column are shown. */
struct unit {
	double divisor;
	const char *name; /* "s", "MiB", "" */
	int decimals;
};

/* What suits values up to largest of the profile's chosen type. */
struct unit unit_for(const struct profile *profile, int64_t largest);

/* "1.23 s" into text. */
void unit_format(
    char *text, size_t size, const struct unit *unit, int64_t value);

#endif
