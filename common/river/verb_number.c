/* SPDX-License-Identifier: Apache-2.0 */
#include "common/river/verb.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/river/arena.h"
#include "common/river/format.h"
#include "common/river/utf8.h"

#define MAX_RUNE 0x10ffff
#define REPLACEMENT 0xfffd
/* More than any float has. */
#define MAX_DECIMALS 1100

/* ---- whole numbers */

#define DIGITS 64

/* Puts digits before the end of text; where they start. */
static size_t
put_digits(uint64_t n, unsigned base, bool upper, char text[DIGITS])
{
	const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
	size_t at = DIGITS;

	do {
		text[--at] = digits[n % base];
		n /= base;
	} while (n > 0);
	return at;
}

static const char *
base_prefix(const struct verb *v, unsigned base, bool starts_with_zero)
{
	switch (base) {
	case 2:
		return "0b";
	case 8:
		return starts_with_zero ? "" : "0";
	case 16:
		return v->letter == 'X' ? "0X" : "0x";
	default:
		return "";
	}
}

/* How many digits it must have. */
static size_t
least_digits(const struct verb *v, bool sign)
{
	if (v->has_precision)
		return v->precision;
	if (v->zero && !v->minus && v->has_width && v->width > 0)
		return v->width - sign;
	return 0;
}

static void
print_whole(struct verb_printer *p, bool negative, uint64_t n, unsigned base)
{
	struct verb *v = &p->verb;
	const char *sign = negative ? "-" : v->plus ? "+" : v->space ? " " : "";
	size_t least = least_digits(v, sign[0] != '\0'), count, at;
	struct verb_output number = { .max = p->out.max };
	char digits[DIGITS];

	at = put_digits(n, base, v->letter == 'X', digits);
	count = DIGITS - at;
	if (!v->has_precision || v->precision > 0 || n > 0) {
		verb_put(&number, sign);
		verb_put(&number, v->letter == 'O' ? "0o" : "");
		if (v->sharp)
			verb_put(&number,
			    base_prefix(v, base, least > count || n == 0));
		verb_put_many(&number, '0', least > count ? least - count : 0);
		verb_put_bytes(&number, digits + at, count);
	}
	verb_pad_blanks(p, number.data, number.size);
	p->out.full |= number.full;
	free(number.data);
}

/* The character of that number; of none, U+FFFD. */
static size_t
encode(uint64_t n, uint32_t *rune, char text[4])
{
	size_t size = n <= MAX_RUNE ? utf8_encode(*rune = n, text) : 0;

	return size > 0 ? size : utf8_encode(*rune = REPLACEMENT, text);
}

static void
print_rune(struct verb_printer *p, uint64_t n)
{
	uint32_t rune;
	char text[4];
	size_t size = encode(n, &rune, text);

	verb_pad(p, text, size);
}

/* 'x' */
static void
print_quoted_rune(struct verb_printer *p, uint64_t n)
{
	uint32_t rune;
	char text[4], *quoted;
	size_t size = encode(n, &rune, text);

	quoted = (char *)river_quote(p->scratch, text, size);
	if (p->verb.plus)
		quoted = verb_ascii_only(p, quoted);
	if (rune == '"')
		quoted = river_arena_copy(p->scratch, "'\"'", 3);
	if (rune == '\'')
		quoted = river_arena_copy(p->scratch, "'\\''", 4);
	size = strlen(quoted);
	quoted[0] = quoted[size - 1] = '\'';
	verb_pad(p, quoted, size);
}

/* U+0041, or U+0041 'A' */
static void
print_code_point(struct verb_printer *p, uint64_t n)
{
	const struct verb *v = &p->verb;
	struct verb_output text = { .max = p->out.max };
	size_t least = v->has_precision && v->precision > 4 ? v->precision : 4;
	size_t at, count;
	char digits[DIGITS], utf8[4];
	uint32_t rune;

	at = put_digits(n, 16, true, digits);
	count = DIGITS - at;
	verb_put(&text, "U+");
	verb_put_many(&text, '0', least > count ? least - count : 0);
	verb_put_bytes(&text, digits + at, count);
	if (v->sharp && n <= MAX_RUNE && rune_is_printable(n)) {
		count = encode(n, &rune, utf8);
		verb_put(&text, " '");
		verb_put_bytes(&text, utf8, count);
		verb_put(&text, "'");
	}
	verb_pad_blanks(p, text.data, text.size);
	p->out.full |= text.full;
	free(text.data);
}

/* %#v of what only an unsigned number can hold */
static void
print_go_unsigned(struct verb_printer *p, uint64_t n)
{
	p->verb.sharp = true;
	print_whole(p, false, n, 16);
	p->verb.sharp = false;
}

static unsigned
base_of(uint32_t verb)
{
	switch (verb) {
	case 'd':
	case 'v':
		return 10;
	case 'b':
		return 2;
	case 'o':
	case 'O':
		return 8;
	case 'x':
	case 'X':
		return 16;
	default:
		return 0;
	}
}

void
verb_print_int(struct verb_printer *p, const struct river_value *value)
{
	const struct river_number *n = &value->number;
	bool negative = n->kind == RIVER_INT && n->i < 0;
	unsigned base = base_of(p->verb.letter);

	if (p->verb.go_syntax && !negative && n->u > INT64_MAX)
		print_go_unsigned(p, n->u);
	else if (base > 0)
		print_whole(p, negative, negative ? -n->u : n->u, base);
	else if (p->verb.letter == 'c')
		print_rune(p, n->u);
	else if (p->verb.letter == 'q')
		print_quoted_rune(p, n->u);
	else if (p->verb.letter == 'U')
		print_code_point(p, n->u);
	else
		verb_print_bad(p, value);
}

/* ---- floats: texts that start with their sign */

static char *
exponent_text(struct verb_printer *p, const char *digits, char letter, int n)
{
	return river_arena_printf(p->scratch, "%s%c%c%02d", digits, letter,
	    n < 0 ? '-' : '+', abs(n));
}

/* Zeros behind digits ("1", "1.5") so that there are six of them. */
static void
fill_digits(char digits[RIVER_FLOAT_TEXT])
{
	size_t size = strlen(digits);

	if (size == 1)
		digits[size++] = '.';
	while (size < 7)
		digits[size++] = '0';
	digits[size] = '\0';
}

/* As %g, with the fewest digits that stand for x again. */
static char *
shortest_text(struct verb_printer *p, double x)
{
	char digits[RIVER_FLOAT_TEXT], *e;
	int exponent, decimals;

	river_float_shortest(fabs(x), digits);
	e = strchr(digits, 'e');
	exponent = atoi(e + 1);
	*e = '\0';
	if (p->verb.sharp)
		fill_digits(digits);
	decimals = (int)strlen(digits + 1) - (digits[1] == '.') - exponent;
	if (exponent >= -4 && exponent < 6)
		return river_arena_printf(p->scratch,
		    p->verb.sharp ? "%+#.*f" : "%+.*f",
		    decimals > 0 ? decimals : 0, x);
	return exponent_text(p,
	    river_arena_printf(
		p->scratch, "%c%s", signbit(x) ? '-' : '+', digits),
	    p->verb.letter == 'G' ? 'E' : 'e', exponent);
}

/* "+0x1.8p+01"; precision < 0: as many digits as it takes */
static char *
hexadecimal_text(struct verb_printer *p, double x, int precision)
{
	int exponent = 0;
	double mantissa = x != 0 ? 2 * frexp(x, &exponent) : x;
	bool upper = p->verb.letter == 'X';
	char *text, *tail;

	text = precision < 0 ? river_arena_printf(p->scratch, "%+a", mantissa)
			     : river_arena_printf(
				   p->scratch, "%+.*a", precision, mantissa);
	tail = strchr(text, 'p');
	exponent += x != 0 ? atoi(tail + 1) - 1 : 0;
	*tail = '\0';
	if (text[3] == '2') { /* rounded up to the next power */
		text[3] = '1';
		exponent++;
	}
	for (char *s = text; upper && *s != '\0'; s++)
		*s = rune_upper((unsigned char)*s);
	return exponent_text(p, text, upper ? 'P' : 'p', exponent);
}

/* "+6755399441055744p-52": a whole number and a power of two */
static char *
binary_text(struct verb_printer *p, double x)
{
	int exponent = 0;

	frexp(x, &exponent);
	exponent -= 53;
	if (x == 0 || exponent < -1074)
		exponent = -1074;
	return river_arena_printf(
	    p->scratch, "%+.0fp%+d", ldexp(x, -exponent), exponent);
}

/* precision < 0: none is given; NULL: not a verb of floats */
static char *
float_text(struct verb_printer *p, double x, int precision)
{
	struct river_arena *a = p->scratch;
	bool sharp = p->verb.sharp;
	int decimals = precision < 0 ? 6 : precision;

	switch (p->verb.letter) {
	case 'e':
		return river_arena_printf(
		    a, sharp ? "%+#.*e" : "%+.*e", decimals, x);
	case 'E':
		return river_arena_printf(
		    a, sharp ? "%+#.*E" : "%+.*E", decimals, x);
	case 'f':
	case 'F':
		return river_arena_printf(
		    a, sharp ? "%+#.*f" : "%+.*f", decimals, x);
	case 'G':
		if (precision >= 0)
			return river_arena_printf(
			    a, sharp ? "%+#.*G" : "%+.*G", precision, x);
		return shortest_text(p, x);
	case 'g':
	case 'v':
		if (precision >= 0)
			return river_arena_printf(
			    a, sharp ? "%+#.*g" : "%+.*g", precision, x);
		return shortest_text(p, x);
	case 'x':
	case 'X':
		return hexadecimal_text(p, x, precision);
	case 'b':
		return binary_text(p, x);
	default:
		return NULL;
	}
}

static void
print_special(struct verb_printer *p, double x)
{
	const char *text = isnan(x) ? "+NaN" : x > 0 ? "+Inf" : "-Inf";

	if (p->verb.space && !p->verb.plus && text[0] == '+')
		text = isnan(x) ? " NaN" : " Inf";
	else if (isnan(x) && !p->verb.plus)
		text++;
	verb_pad_blanks(p, text, strlen(text));
}

/* A sign goes before the zeros that fill up the width. */
static void
print_signed(struct verb_printer *p, char *text)
{
	const struct verb *v = &p->verb;
	size_t size = strlen(text);

	if (text[0] == '+' && !v->plus) {
		if (!v->space) {
			verb_pad(p, text + 1, size - 1);
			return;
		}
		text[0] = ' ';
	}
	if (!v->zero || v->minus || !v->has_width || v->width <= size) {
		verb_pad(p, text, size);
		return;
	}
	verb_put_bytes(&p->out, text, 1);
	verb_put_many(&p->out, '0', v->width - size);
	verb_put_bytes(&p->out, text + 1, size - 1);
}

/* Where there are no more digits, there are zeros: before the exponent. */
static char *
add_zeros(struct verb_printer *p, char *text, size_t count)
{
	size_t size = strlen(text), digits = strcspn(text, "eE");
	char *longer = river_arena_alloc(p->scratch, size + count + 1, 1);
	char *out = mempcpy(longer, text, digits);

	memset(out, '0', count);
	strcpy(out + count, text + digits);
	return longer;
}

void
verb_print_float(struct verb_printer *p, const struct river_value *value)
{
	int precision = p->verb.has_precision ? (int)p->verb.precision : -1;
	int zeros = precision > MAX_DECIMALS ? precision - MAX_DECIMALS : 0;
	double x = value->number.f;
	char *text;

	text = float_text(p, isfinite(x) ? x : 0, precision - zeros);
	if (text == NULL)
		verb_print_bad(p, value);
	else if (!isfinite(x))
		print_special(p, x);
	else if (zeros > 0 && strchr("eEfF", (int)p->verb.letter) != NULL)
		print_signed(p, add_zeros(p, text, zeros));
	else
		print_signed(p, text);
}
