/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "cli/units.h"

/* From large to small: the first that the value reaches is taken. */
static const struct scale {
	const char *unit; /* of the sample type */
	double least;     /* in that unit */
	struct unit shown;
} scales[] = {
	{ "nanoseconds", 1e14, { 3.6e12, "h", 2 } },
	{ "nanoseconds", 1e12, { 1e9, "s", 1 } },
	{ "nanoseconds", 1e9, { 1e9, "s", 2 } },
	{ "nanoseconds", 1e6, { 1e6, "ms", 1 } },
	{ "nanoseconds", 1e3, { 1e3, "us", 1 } },
	{ "nanoseconds", 0, { 1, "ns", 0 } },
	{ "microseconds", 1e6, { 1e6, "s", 2 } },
	{ "microseconds", 0, { 1e3, "ms", 1 } },
	{ "milliseconds", 1e3, { 1e3, "s", 2 } },
	{ "milliseconds", 0, { 1, "ms", 0 } },
	{ "seconds", 0, { 1, "s", 0 } },
	{ "bytes", 10737418240.0, { 1073741824, "GiB", 1 } },
	{ "bytes", 10485760, { 1048576, "MiB", 1 } },
	{ "bytes", 10240, { 1024, "KiB", 1 } },
	{ "bytes", 0, { 1, "B", 0 } },
};

struct unit
unit_for(const struct profile *p, int64_t largest)
{
	uint32_t name = p->types[p->type].unit;

	for (size_t i = 0; i < sizeof(scales) / sizeof(*scales); i++) {
		if (profile_string_is(p, name, scales[i].unit) &&
		    largest >= scales[i].least)
			return scales[i].shown;
	}
	return (struct unit){ 1, "", 0 };
}

void
unit_format(char *text, size_t size, const struct unit *u, int64_t value)
{
	snprintf(text, size, "%.*f%s%s", u->decimals, value / u->divisor,
	    u->name[0] != '\0' ? " " : "", u->name);
}
