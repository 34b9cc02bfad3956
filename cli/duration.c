/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/duration.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Longer names first where one begins another. */
static const struct unit {
	const char *name;
	int64_t ns;
} units[] = {
	{ "ns", 1 },
	{ "us", 1000 },
	{ "\u00b5s", 1000 }, /* micro sign */
	{ "\u03bcs", 1000 }, /* Greek mu */
	{ "ms", 1000000 },
	{ "s", 1000000000 },
	{ "m", 60 * 1000000000LL },
	{ "h", 3600 * 1000000000LL },
};
#define UNITS (sizeof(units) / sizeof(units[0]))

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static const struct unit *
unit_at(const char *text)
{
	for (size_t i = 0; i < UNITS; i++)
		if (strncmp(text, units[i].name, strlen(units[i].name)) == 0)
			return &units[i];
	return NULL;
}

/* Adds one "12.5m" at *text to *ns and steps behind it. */
static int
part_parse(const char **text, int64_t *ns)
{
	const char *s = *text;
	int64_t whole = 0, numerator = 0, denominator = 1;
	const struct unit *unit;
	bool digits = false;

	for (; is_digit(*s); s++, digits = true)
		if (__builtin_mul_overflow(whole, 10, &whole) ||
		    __builtin_add_overflow(whole, *s - '0', &whole))
			return -ERANGE;
	if (*s == '.')
		for (s++; is_digit(*s); s++, digits = true)
			/* further digits are below a nanosecond's part */
			if (denominator < 1000000000) {
				numerator = numerator * 10 + (*s - '0');
				denominator *= 10;
			}
	if (!digits || (unit = unit_at(s)) == NULL)
		return -EINVAL;
	/* the fraction as a double: its error is far below a nanosecond */
	if (__builtin_mul_overflow(whole, unit->ns, &whole) ||
	    __builtin_add_overflow(*ns, whole, ns) ||
	    __builtin_add_overflow(*ns,
		(int64_t)((long double)numerator / denominator * unit->ns), ns))
		return -ERANGE;
	*text = s + strlen(unit->name);
	return 0;
}

int
duration_parse(const char *text, int64_t *ns)
{
	bool negative = *text == '-';
	int r;

	*ns = 0;
	if (*text == '-' || *text == '+')
		text++;
	if (strcmp(text, "0") == 0)
		return 0;
	do {
		if ((r = part_parse(&text, ns)) < 0)
			return r;
	} while (*text != '\0');
	if (negative)
		*ns = -*ns;
	return 0;
}

/* "1.5s": at most nine digits after the point, none that says nothing. */
static void
format_fraction(
    int64_t ns, int64_t unit, const char *name, char *out, size_t size)
{
	char digits[32];
	size_t n;

	snprintf(digits, sizeof(digits), "%lld.%09lld", (long long)(ns / unit),
	    (long long)(ns % unit * (1000000000 / unit)));
	n = strlen(digits);
	while (digits[n - 1] == '0')
		n--;
	if (digits[n - 1] == '.')
		n--;
	snprintf(out, size, "%.*s%s", (int)n, digits, name);
}

void
duration_format(int64_t ns, char *out, size_t size)
{
	int64_t hours = ns / units[UNITS - 1].ns;
	int64_t minutes = ns / units[UNITS - 2].ns % 60;
	char seconds[32] = "";

	if (ns < 1000000000) {
		const struct unit *unit = ns >= 1000000 ? &units[4]
					  : ns >= 1000  ? &units[1]
							: &units[0];

		if (ns == 0)
			unit = &units[5];
		format_fraction(ns, unit->ns, unit->name, out, size);
		return;
	}
	ns %= units[UNITS - 2].ns;
	if (ns != 0)
		format_fraction(ns, 1000000000, "s", seconds, sizeof(seconds));
	out[0] = '\0';
	if (hours > 0)
		snprintf(out, size, "%lldh", (long long)hours);
	if (minutes > 0)
		snprintf(out + strlen(out), size - strlen(out), "%lldm",
		    (long long)minutes);
	snprintf(out + strlen(out), size - strlen(out), "%s", seconds);
}
