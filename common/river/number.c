/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers and durations of value.h: from text and to text. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/river/arena.h"
#include "common/river/format.h"
#include "common/river/value.h"

#define ELEMENTS(a) (sizeof(a) / sizeof((a)[0]))

/* Digits to a number of at most max; false if it is more or no number. */
static bool
parse_unsigned(
    const char *text, size_t size, unsigned base, uint64_t max, uint64_t *value)
{
	uint64_t n = 0;

	for (size_t i = 0; i < size; i++) {
		unsigned digit = (unsigned char)text[i] - '0';

		if (digit >= base || n > (max - digit) / base)
			return false;
		n = n * base + digit;
	}
	*value = n;
	return size > 0;
}

/* 0, -EINVAL when text is no float, -ERANGE. */
static int
parse_float(const char *text, size_t size, double *value)
{
	char *copy = ecalloc(size + 1, 1), *end;
	bool whole;

	memcpy(copy, text, size);
	*value = strtod(copy, &end);
	whole = size > 0 && end == copy + size;
	free(copy);
	return !whole ? -EINVAL : isinf(*value) ? -ERANGE : 0;
}

int
river_number_parse(const char *text, size_t size, struct river_number *number)
{
	unsigned base = size > 1 && text[0] == '0' ? 8 : 10;

	if (parse_unsigned(text, size, base, UINT64_MAX, &number->u)) {
		number->kind = number->u <= INT64_MAX ? RIVER_INT : RIVER_UINT;
		return 0;
	}
	number->kind = RIVER_FLOAT;
	return parse_float(text, size, &number->f);
}

void
river_float_shortest(double f, char out[RIVER_FLOAT_TEXT])
{
	for (int precision = 0; precision < 17; precision++) {
		snprintf(out, RIVER_FLOAT_TEXT, "%.*e", precision, f);
		if (strtod(out, NULL) == f)
			return;
	}
}

/* The number 0.DIGITS times ten to the point. */
static char *
put_digits(char *out, const char *digits, int count, int point)
{
	if (point <= 0)
		*out++ = '0';
	for (int i = 0; i < point; i++)
		*out++ = i < count ? digits[i] : '0';
	if (point < count)
		*out++ = '.';
	for (int i = point < 0 ? point : 0; i < 0; i++)
		*out++ = '0';
	for (int i = point > 0 ? point : 0; i < count; i++)
		*out++ = digits[i];
	*out = '\0';
	return out;
}

static struct river_bytes
float_text(struct river_arena *arena, double f)
{
	char text[RIVER_FLOAT_TEXT], digits[RIVER_FLOAT_TEXT], *out;
	struct river_bytes bytes;
	int count = 0;

	if (!isfinite(f)) {
		bytes.data = isnan(f) ? "NaN" : f > 0 ? "+Inf" : "-Inf";
		bytes.size = strlen(bytes.data);
		return bytes;
	}
	river_float_shortest(f, text);
	for (const char *s = text; *s != 'e'; s++)
		if (*s >= '0' && *s <= '9')
			digits[count++] = *s;
	if (f == 0)
		count = 1;
	out = river_arena_alloc(arena, 400, 1);
	bytes.data = out;
	if (signbit(f))
		*out++ = '-';
	out = put_digits(out, digits, count, atoi(strchr(text, 'e') + 1) + 1);
	bytes.size = out - bytes.data;
	return bytes;
}

struct river_bytes
river_number_text(struct river_arena *arena, struct river_number number)
{
	struct river_bytes bytes;

	if (number.kind == RIVER_FLOAT)
		return float_text(arena, number.f);
	if (number.kind == RIVER_INT)
		bytes.data = river_arena_printf(arena, "%" PRId64, number.i);
	else
		bytes.data = river_arena_printf(arena, "%" PRIu64, number.u);
	bytes.size = strlen(bytes.data);
	return bytes;
}

/* What is out of range becomes the smallest number, as on x86. */
int64_t
river_number_int(struct river_number number)
{
	if (number.kind != RIVER_FLOAT)
		return (int64_t)number.u;
	if (number.f >= -0x1p63 && number.f < 0x1p63)
		return (int64_t)number.f;
	return INT64_MIN;
}

uint64_t
river_number_uint(struct river_number number)
{
	if (number.kind != RIVER_FLOAT)
		return number.u;
	if (number.f >= 0x1p63 && number.f < 0x1p64)
		return (uint64_t)number.f;
	return (uint64_t)river_number_int(number);
}

double
river_number_float(struct river_number number)
{
	return number.kind == RIVER_FLOAT ? number.f
	       : number.kind == RIVER_INT ? (double)number.i
					  : (double)number.u;
}

enum river_order
river_number_order(struct river_number a, struct river_number b)
{
	bool a_below = a.kind == RIVER_INT && a.i < 0;
	bool b_below = b.kind == RIVER_INT && b.i < 0;

	if (a.kind == RIVER_FLOAT || b.kind == RIVER_FLOAT) {
		double x = river_number_float(a), y = river_number_float(b);

		return x < y    ? RIVER_LESS
		       : x > y  ? RIVER_GREATER
		       : x == y ? RIVER_EQUAL
				: RIVER_UNORDERED;
	}
	if (a_below != b_below)
		return a_below ? RIVER_LESS : RIVER_GREATER;
	return a.u < b.u ? RIVER_LESS : a.u > b.u ? RIVER_GREATER : RIVER_EQUAL;
}

static bool
looks_like_float(const char *text, size_t size)
{
	static const char characters[] = "0123456789.eE+-";
	bool marked = false;

	for (size_t i = 0; i < size; i++) {
		if (memchr(characters, text[i], sizeof(characters) - 1) == NULL)
			return false;
		marked |= memchr(".eE", text[i], 3) != NULL;
	}
	return marked;
}

int
river_number_from_string(struct river_bytes s, struct river_number *number)
{
	if (s.size > 0 && s.data[0] == '-') {
		number->kind = RIVER_INT;
		if (!parse_unsigned(s.data + 1, s.size - 1, 10,
			(uint64_t)INT64_MAX + 1, &number->u))
			return -EINVAL;
		number->u = -number->u;
		return 0;
	}
	if (looks_like_float(s.data, s.size)) {
		number->kind = RIVER_FLOAT;
		return parse_float(s.data, s.size, &number->f);
	}
	if (!parse_unsigned(s.data, s.size, 10, UINT64_MAX, &number->u))
		return -EINVAL;
	number->kind = number->u <= INT64_MAX ? RIVER_INT : RIVER_UINT;
	return 0;
}

static const struct unit {
	const char *name;
	int64_t ns;
} units[] = {
	{ "ns", 1 },
	{ "us", 1000 },
	{ "\xc2\xb5s", 1000 },
	{ "\xce\xbcs", 1000 },
	{ "ms", 1000000 },
	{ "s", 1000000000 },
	{ "m", 60000000000 },
	{ "h", 3600000000000 },
};

/* The value of digits, and how many; more than a number holds: false. */
static bool
duration_digits(struct river_bytes *rest, uint64_t *value)
{
	for (*value = 0; rest->size > 0; rest->data++, rest->size--) {
		unsigned digit = (unsigned char)rest->data[0] - '0';

		if (digit > 9)
			break;
		if (*value > ((uint64_t)1 << 63) / 10)
			return false;
		*value = *value * 10 + digit;
	}
	return *value <= (uint64_t)1 << 63;
}

/* What digits behind a point are worth, with 1 for the unit. */
static double
duration_fraction(struct river_bytes *rest)
{
	double value = 0, scale = 1;

	for (; rest->size > 0; rest->data++, rest->size--) {
		unsigned digit = (unsigned char)rest->data[0] - '0';

		if (digit > 9)
			break;
		if (scale < 1e18) {
			scale *= 10;
			value = value * 10 + digit;
		}
	}
	return value / scale;
}

static struct river_bytes
duration_unit(struct river_bytes *rest)
{
	struct river_bytes unit = { rest->data, 0 };

	while (unit.size < rest->size && unit.data[unit.size] != '.' &&
	       (unit.data[unit.size] < '0' || unit.data[unit.size] > '9'))
		unit.size++;
	rest->data += unit.size;
	rest->size -= unit.size;
	return unit;
}

static int64_t
unit_ns(struct river_bytes name)
{
	for (size_t i = 0; i < ELEMENTS(units); i++)
		if (strlen(units[i].name) == name.size &&
		    memcmp(units[i].name, name.data, name.size) == 0)
			return units[i].ns;
	return 0;
}

/* One number with its unit, added to *sum. NULL, or what is wrong. */
static const char *
duration_part(
    struct river_arena *arena, struct river_bytes *rest, uint64_t *sum)
{
	struct river_bytes unit, start = *rest;
	uint64_t whole, ns;
	double fraction = 0;
	bool digits;

	if (!duration_digits(rest, &whole))
		return "invalid duration ";
	digits = rest->data != start.data;
	if (rest->size > 0 && rest->data[0] == '.') {
		const char *point = rest->data++;

		rest->size--;
		fraction = duration_fraction(rest);
		digits |= rest->data > point + 1;
	}
	if (!digits)
		return "invalid duration ";
	unit = duration_unit(rest);
	if (unit.size == 0)
		return "missing unit in duration ";
	ns = unit_ns(unit);
	if (ns == 0)
		return river_arena_printf(arena, "unknown unit %s in duration ",
		    river_quote(arena, unit.data, unit.size));
	if (__builtin_mul_overflow(whole, ns, &whole) ||
	    __builtin_add_overflow(
		whole, (uint64_t)(fraction * (double)ns), &whole) ||
	    __builtin_add_overflow(*sum, whole, sum) ||
	    *sum > (uint64_t)1 << 63)
		return "invalid duration ";
	return NULL;
}

const char *
river_duration_parse(
    struct river_arena *arena, const char *text, size_t size, int64_t *ns)
{
	struct river_bytes rest = { text, size };
	const char *wrong = NULL;
	bool negative = false;
	uint64_t sum = 0;

	if (size > 0 && (text[0] == '-' || text[0] == '+')) {
		negative = text[0] == '-';
		rest.data++;
		rest.size--;
	}
	if (rest.size == 1 && rest.data[0] == '0') {
		*ns = 0;
		return NULL;
	}
	if (rest.size == 0)
		wrong = "invalid duration ";
	while (wrong == NULL && rest.size > 0)
		wrong = duration_part(arena, &rest, &sum);
	if (wrong == NULL && !negative && sum > INT64_MAX)
		wrong = "invalid duration ";
	if (wrong != NULL)
		return river_arena_printf(
		    arena, "time: %s%s", wrong, river_quote(arena, text, size));
	*ns = (int64_t)(negative ? -sum : sum);
	return NULL;
}

/* value / scale with its decimals: 1.5 for 1500 / 1000 */
static void
print_decimal(
    char *out, size_t size, uint64_t value, uint64_t scale, const char *unit)
{
	char fraction[24];
	size_t n;

	snprintf(fraction, sizeof(fraction), "%" PRIu64,
	    scale + value % scale); /* a 1 and the decimals */
	for (n = strlen(fraction); n > 1 && fraction[n - 1] == '0'; n--)
		fraction[n - 1] = '\0';
	fraction[0] = '.';
	snprintf(out, size, "%" PRIu64 "%s%s", value / scale,
	    n > 1 ? fraction : "", unit);
}

void
river_duration_text(int64_t ns, char *out, size_t size)
{
	uint64_t u = ns < 0 ? -(uint64_t)ns : (uint64_t)ns;
	const uint64_t second = 1000000000;
	const char *sign = ns < 0 ? "-" : "";
	char text[32];

	if (u == 0) {
		snprintf(out, size, "0s");
		return;
	}
	if (u < 1000)
		print_decimal(text, sizeof(text), u, 1, "ns");
	else if (u < 1000000)
		print_decimal(text, sizeof(text), u, 1000, "\xc2\xb5s");
	else if (u < second)
		print_decimal(text, sizeof(text), u, 1000000, "ms");
	else
		print_decimal(
		    text, sizeof(text), u % (60 * second), second, "s");
	if (u >= 3600 * second)
		snprintf(out, size, "%s%" PRIu64 "h%" PRIu64 "m%s", sign,
		    u / (3600 * second), u / (60 * second) % 60, text);
	else if (u >= 60 * second)
		snprintf(out, size, "%s%" PRIu64 "m%s", sign, u / (60 * second),
		    text);
	else
		snprintf(out, size, "%s%s", sign, text);
}
