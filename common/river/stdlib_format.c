/* SPDX-License-Identifier: Apache-2.0 */
/*
 * format(), with the verbs of Go's fmt.Sprintf. It does not fail: what does
 * not fit together is said in the text, as "%!d(string=x)".
 */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/river/arena.h"
#include "common/river/eval.h"
#include "common/river/format.h"
#include "common/river/functions.h"
#include "common/river/utf8.h"

/* A number over this ends the width, precision or index it stands in. */
#define MAX_NUMBER 1000000
/* More than any float has. */
#define MAX_DECIMALS 1100
#define SCRATCH_BYTES 65536
#define MAX_RUNE 0x10ffff
#define REPLACEMENT 0xfffd

/* Text that grows up to max bytes; what is more is left out. */
struct output {
	char *data;
	size_t size, room, max;
	bool full;
};

/* What stands between a percent sign and its verb. */
struct directive {
	bool minus, plus, sharp, space, zero;
	bool go_syntax; /* %#v */
	bool has_width, has_precision;
	size_t width, precision;
	uint32_t verb;
	bool good_index; /* of its argument */
};

struct formatter {
	struct output out;
	struct river_arena *scratch;
	const char *text, *end; /* what is left of the format */
	const struct river_argument *args;
	size_t count, next;
	bool reordered; /* by an index: what is not used is no mistake */
	struct directive d;
};

static void print_value(
    struct formatter *f, const struct river_value *value, bool nested);

/* ---- output */

static void
put_bytes(struct output *o, const char *bytes, size_t size)
{
	if (o->full || size > o->max - o->size) {
		o->full = true;
		return;
	}
	if (size > o->room - o->size) {
		o->room = 2 * (o->size + size);
		o->data = erealloc(o->data, o->room, 1);
	}
	if (size > 0)
		memcpy(o->data + o->size, bytes, size);
	o->size += size;
}

static void
put(struct output *o, const char *text)
{
	put_bytes(o, text, strlen(text));
}

static void
put_many(struct output *o, char c, size_t count)
{
	char some[256];

	memset(some, c, sizeof(some));
	for (size_t n; count > 0 && !o->full; count -= n) {
		n = count < sizeof(some) ? count : sizeof(some);
		put_bytes(o, some, n);
	}
}

/* Bytes of the first most characters of text; and how many those are. */
static size_t
runes_size(const char *text, size_t size, size_t most, size_t *count)
{
	size_t at = 0, n;
	uint32_t rune;

	for (*count = 0; at < size && *count < most; (*count)++) {
		n = utf8_decode(text + at, size - at, &rune);
		at += n > 0 ? n : 1;
	}
	return at;
}

/* text, filled up to the width. */
static void
pad(struct formatter *f, const char *text, size_t size)
{
	const struct directive *d = &f->d;
	size_t width = 0, fill = 0;

	if (d->has_width) {
		runes_size(text, size, d->width, &width);
		fill = d->width - width;
	}
	if (!d->minus)
		put_many(&f->out, d->zero ? '0' : ' ', fill);
	put_bytes(&f->out, text, size);
	if (d->minus)
		put_many(&f->out, ' ', fill);
}

static void
pad_with_blanks(struct formatter *f, const char *text, size_t size)
{
	bool zero = f->d.zero;

	f->d.zero = false;
	pad(f, text, size);
	f->d.zero = zero;
}

/* ---- what is wrong */

static const char *
go_type(const struct river_value *value)
{
	switch (value->type) {
	case RIVER_NUMBER:
		if (value->number.kind == RIVER_FLOAT)
			return "float64";
		return value->number.kind == RIVER_UINT &&
			       value->number.u > INT64_MAX
			   ? "uint64"
			   : "int";
	case RIVER_ARRAY:
		return "[]interface {}";
	case RIVER_OBJECT:
		return "map[string]interface {}";
	default:
		return river_type_name(value->type);
	}
}

/* The beginning of "%!d(MISSING)". */
static void
put_wrong_verb(struct formatter *f)
{
	char verb[4];

	put(&f->out, "%!");
	put_bytes(&f->out, verb, utf8_encode(f->d.verb, verb));
}

/* "%!d(string=x)" */
static void
print_bad_verb(struct formatter *f, const struct river_value *value)
{
	uint32_t verb = f->d.verb;

	put_wrong_verb(f);
	put(&f->out, "(");
	if (value->type == RIVER_NULL) {
		put(&f->out, "<nil>");
	} else {
		put(&f->out, go_type(value));
		put(&f->out, "=");
		f->d.verb = 'v';
		print_value(f, value, false);
		f->d.verb = verb;
	}
	put(&f->out, ")");
}

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
base_prefix(const struct directive *d, unsigned base, bool starts_with_zero)
{
	switch (base) {
	case 2:
		return "0b";
	case 8:
		return starts_with_zero ? "" : "0";
	case 16:
		return d->verb == 'X' ? "0X" : "0x";
	default:
		return "";
	}
}

/* How many digits it must have. */
static size_t
least_digits(const struct directive *d, bool sign)
{
	if (d->has_precision)
		return d->precision;
	if (d->zero && !d->minus && d->has_width && d->width > 0)
		return d->width - sign;
	return 0;
}

static void
print_whole(struct formatter *f, bool negative, uint64_t n, unsigned base)
{
	struct directive *d = &f->d;
	const char *sign = negative ? "-" : d->plus ? "+" : d->space ? " " : "";
	size_t least = least_digits(d, sign[0] != '\0'), count, at;
	struct output number = { .max = f->out.max };
	char digits[DIGITS];

	at = put_digits(n, base, d->verb == 'X', digits);
	count = DIGITS - at;
	if (!d->has_precision || d->precision > 0 || n > 0) {
		put(&number, sign);
		put(&number, d->verb == 'O' ? "0o" : "");
		if (d->sharp)
			put(&number,
			    base_prefix(d, base, least > count || n == 0));
		put_many(&number, '0', least > count ? least - count : 0);
		put_bytes(&number, digits + at, count);
	}
	pad_with_blanks(f, number.data, number.size);
	f->out.full |= number.full;
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
print_rune(struct formatter *f, uint64_t n)
{
	uint32_t rune;
	char text[4];
	size_t size = encode(n, &rune, text);

	pad(f, text, size);
}

/* quoted, with an escape for what is not ASCII. */
static char *
ascii_only(struct formatter *f, const char *quoted)
{
	size_t size = strlen(quoted), n;
	char *text = river_arena_alloc(f->scratch, 3 * size + 1, 1);
	char *out = text;
	uint32_t rune;

	for (; size > 0; quoted += n, size -= n) {
		n = utf8_decode(quoted, size, &rune);
		if (rune < 0x80)
			*out++ = rune;
		else
			out += sprintf(
			    out, rune < 0x10000 ? "\\u%04x" : "\\U%08x", rune);
	}
	return text;
}

/* 'x' */
static void
print_quoted_rune(struct formatter *f, uint64_t n)
{
	uint32_t rune;
	char text[4], *quoted;
	size_t size = encode(n, &rune, text);

	quoted = (char *)river_quote(f->scratch, text, size);
	if (f->d.plus)
		quoted = ascii_only(f, quoted);
	if (rune == '"')
		quoted = river_arena_copy(f->scratch, "'\"'", 3);
	if (rune == '\'')
		quoted = river_arena_copy(f->scratch, "'\\''", 4);
	size = strlen(quoted);
	quoted[0] = quoted[size - 1] = '\'';
	pad(f, quoted, size);
}

/* U+0041, or U+0041 'A' */
static void
print_code_point(struct formatter *f, uint64_t n)
{
	const struct directive *d = &f->d;
	struct output text = { .max = f->out.max };
	size_t least = d->has_precision && d->precision > 4 ? d->precision : 4;
	size_t at, count;
	char digits[DIGITS], utf8[4];
	uint32_t rune;

	at = put_digits(n, 16, true, digits);
	count = DIGITS - at;
	put(&text, "U+");
	put_many(&text, '0', least > count ? least - count : 0);
	put_bytes(&text, digits + at, count);
	if (d->sharp && n <= MAX_RUNE && rune_is_printable(n)) {
		count = encode(n, &rune, utf8);
		put(&text, " '");
		put_bytes(&text, utf8, count);
		put(&text, "'");
	}
	pad_with_blanks(f, text.data, text.size);
	f->out.full |= text.full;
	free(text.data);
}

/* %#v of what only an unsigned number can hold */
static void
print_go_unsigned(struct formatter *f, uint64_t n)
{
	f->d.sharp = true;
	print_whole(f, false, n, 16);
	f->d.sharp = false;
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

static void
print_int(struct formatter *f, const struct river_value *value)
{
	const struct river_number *n = &value->number;
	bool negative = n->kind == RIVER_INT && n->i < 0;
	unsigned base = base_of(f->d.verb);

	if (f->d.go_syntax && !negative && n->u > INT64_MAX)
		print_go_unsigned(f, n->u);
	else if (base > 0)
		print_whole(f, negative, negative ? -n->u : n->u, base);
	else if (f->d.verb == 'c')
		print_rune(f, n->u);
	else if (f->d.verb == 'q')
		print_quoted_rune(f, n->u);
	else if (f->d.verb == 'U')
		print_code_point(f, n->u);
	else
		print_bad_verb(f, value);
}

/* ---- floats: texts that start with their sign */

static char *
exponent_text(struct formatter *f, const char *digits, char letter, int n)
{
	return river_arena_printf(f->scratch, "%s%c%c%02d", digits, letter,
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
shortest_text(struct formatter *f, double x)
{
	char digits[RIVER_FLOAT_TEXT], *e;
	int exponent, decimals;

	river_float_shortest(fabs(x), digits);
	e = strchr(digits, 'e');
	exponent = atoi(e + 1);
	*e = '\0';
	if (f->d.sharp)
		fill_digits(digits);
	decimals = (int)strlen(digits + 1) - (digits[1] == '.') - exponent;
	if (exponent >= -4 && exponent < 6)
		return river_arena_printf(f->scratch,
		    f->d.sharp ? "%+#.*f" : "%+.*f",
		    decimals > 0 ? decimals : 0, x);
	return exponent_text(f,
	    river_arena_printf(
		f->scratch, "%c%s", signbit(x) ? '-' : '+', digits),
	    f->d.verb == 'G' ? 'E' : 'e', exponent);
}

/* "+0x1.8p+01"; precision < 0: as many digits as it takes */
static char *
hexadecimal_text(struct formatter *f, double x, int precision)
{
	int exponent = 0;
	double mantissa = x != 0 ? 2 * frexp(x, &exponent) : x;
	bool upper = f->d.verb == 'X';
	char *text, *p;

	text = precision < 0 ? river_arena_printf(f->scratch, "%+a", mantissa)
			     : river_arena_printf(
				   f->scratch, "%+.*a", precision, mantissa);
	p = strchr(text, 'p');
	exponent += x != 0 ? atoi(p + 1) - 1 : 0;
	*p = '\0';
	if (text[3] == '2') { /* rounded up to the next power */
		text[3] = '1';
		exponent++;
	}
	for (char *s = text; upper && *s != '\0'; s++)
		*s = rune_upper((unsigned char)*s);
	return exponent_text(f, text, upper ? 'P' : 'p', exponent);
}

/* "+6755399441055744p-52": a whole number and a power of two */
static char *
binary_text(struct formatter *f, double x)
{
	int exponent = 0;

	frexp(x, &exponent);
	exponent -= 53;
	if (x == 0 || exponent < -1074)
		exponent = -1074;
	return river_arena_printf(
	    f->scratch, "%+.0fp%+d", ldexp(x, -exponent), exponent);
}

/* precision < 0: none is given; NULL: not a verb of floats */
static char *
float_text(struct formatter *f, double x, int precision)
{
	struct river_arena *a = f->scratch;
	bool sharp = f->d.sharp;
	int decimals = precision < 0 ? 6 : precision;

	switch (f->d.verb) {
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
		return shortest_text(f, x);
	case 'g':
	case 'v':
		if (precision >= 0)
			return river_arena_printf(
			    a, sharp ? "%+#.*g" : "%+.*g", precision, x);
		return shortest_text(f, x);
	case 'x':
	case 'X':
		return hexadecimal_text(f, x, precision);
	case 'b':
		return binary_text(f, x);
	default:
		return NULL;
	}
}

static void
print_special(struct formatter *f, double x)
{
	const char *text = isnan(x) ? "+NaN" : x > 0 ? "+Inf" : "-Inf";

	if (f->d.space && !f->d.plus && text[0] == '+')
		text = isnan(x) ? " NaN" : " Inf";
	else if (isnan(x) && !f->d.plus)
		text++;
	pad_with_blanks(f, text, strlen(text));
}

/* A sign goes before the zeros that fill up the width. */
static void
print_signed(struct formatter *f, char *text)
{
	const struct directive *d = &f->d;
	size_t size = strlen(text);

	if (text[0] == '+' && !d->plus) {
		if (!d->space) {
			pad(f, text + 1, size - 1);
			return;
		}
		text[0] = ' ';
	}
	if (!d->zero || d->minus || !d->has_width || d->width <= size) {
		pad(f, text, size);
		return;
	}
	put_bytes(&f->out, text, 1);
	put_many(&f->out, '0', d->width - size);
	put_bytes(&f->out, text + 1, size - 1);
}

/* Where there are no more digits, there are zeros: before the exponent. */
static char *
add_zeros(struct formatter *f, char *text, size_t count)
{
	size_t size = strlen(text), digits = strcspn(text, "eE");
	char *longer = river_arena_alloc(f->scratch, size + count + 1, 1);
	char *out = mempcpy(longer, text, digits);

	memset(out, '0', count);
	strcpy(out + count, text + digits);
	return longer;
}

static void
print_float(struct formatter *f, const struct river_value *value)
{
	int precision = f->d.has_precision ? (int)f->d.precision : -1;
	int zeros = precision > MAX_DECIMALS ? precision - MAX_DECIMALS : 0;
	double x = value->number.f;
	char *text;

	text = float_text(f, isfinite(x) ? x : 0, precision - zeros);
	if (text == NULL)
		print_bad_verb(f, value);
	else if (!isfinite(x))
		print_special(f, x);
	else if (zeros > 0 && strchr("eEfF", (int)f->d.verb) != NULL)
		print_signed(f, add_zeros(f, text, zeros));
	else
		print_signed(f, text);
}

/* ---- strings */

/* Whether it can stand between back quotes. */
static bool
is_raw(struct river_bytes s)
{
	uint32_t rune;
	size_t n;

	for (size_t at = 0; at < s.size; at += n) {
		n = utf8_decode(s.data + at, s.size - at, &rune);
		if (n == 0 || rune == '`' || rune == 0x7f || rune == 0xfeff ||
		    (rune < ' ' && rune != '\t'))
			return false;
	}
	return true;
}

static void
print_quoted(struct formatter *f, struct river_bytes s)
{
	const char *quoted;

	if (f->d.sharp && is_raw(s)) {
		quoted = river_arena_printf(
		    f->scratch, "`%.*s`", (int)s.size, s.data);
	} else {
		quoted = river_quote(f->scratch, s.data, s.size);
		if (f->d.plus)
			quoted = ascii_only(f, quoted);
	}
	pad(f, quoted, strlen(quoted));
}

static void
print_hex_bytes(struct formatter *f, struct river_bytes s)
{
	const struct directive *d = &f->d;
	const char *digit =
	    d->verb == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
	const char *prefix = !d->sharp ? "" : d->verb == 'X' ? "0X" : "0x";
	size_t size =
	    d->has_precision && d->precision < s.size ? d->precision : s.size;
	struct output text = { .max = f->out.max };

	for (size_t i = 0; i < size && !text.full; i++) {
		unsigned char c = s.data[i];

		if (i > 0 && d->space)
			put(&text, " ");
		if (i == 0 || d->space)
			put(&text, prefix);
		put_bytes(&text, &digit[c >> 4], 1);
		put_bytes(&text, &digit[c & 15], 1);
	}
	pad(f, text.data, text.size);
	f->out.full |= text.full;
	free(text.data);
}

static void
print_string(struct formatter *f, const struct river_value *value)
{
	struct river_bytes s = value->string;
	size_t count;

	if (f->d.verb == 'x' || f->d.verb == 'X') {
		print_hex_bytes(f, s);
		return;
	}
	if (f->d.has_precision)
		s.size = runes_size(s.data, s.size, f->d.precision, &count);
	if (f->d.verb == 'q' || (f->d.verb == 'v' && f->d.go_syntax))
		print_quoted(f, s);
	else if (f->d.verb == 'v' || f->d.verb == 's')
		pad(f, s.data, s.size);
	else
		print_bad_verb(f, value);
}

/* ---- the rest */

static void
print_word(
    struct formatter *f, const struct river_value *value, const char *word)
{
	if (f->d.verb == 'v' || (f->d.verb == 't' && value->type == RIVER_BOOL))
		pad(f, word, strlen(word));
	else
		print_bad_verb(f, value);
}

static void
print_null(struct formatter *f, const struct river_value *value, bool nested)
{
	if (nested)
		put(&f->out, f->d.go_syntax ? "interface {}(nil)" : "<nil>");
	else
		print_word(f, value, "<nil>");
}

static void
print_array(struct formatter *f, const struct river_value *array)
{
	bool go = f->d.go_syntax;

	put(&f->out, go ? "[]interface {}{" : "[");
	for (size_t i = 0; i < array->array.count && !f->out.full; i++) {
		if (i > 0)
			put(&f->out, go ? ", " : " ");
		print_value(f, &array->array.items[i], true);
	}
	put(&f->out, go ? "}" : "]");
}

static int
compare_members(const void *a, const void *b)
{
	const struct river_bytes *x = &(*(struct river_member *const *)a)->key;
	const struct river_bytes *y = &(*(struct river_member *const *)b)->key;
	int order =
	    memcmp(x->data, y->data, x->size < y->size ? x->size : y->size);

	return order != 0 ? order : (x->size > y->size) - (x->size < y->size);
}

static void
print_object(struct formatter *f, const struct river_value *object)
{
	size_t count = object->object.count;
	const struct river_member **sorted =
	    ecalloc(count + 1, sizeof(*sorted));
	bool go = f->d.go_syntax;

	for (size_t i = 0; i < count; i++)
		sorted[i] = &object->object.members[i];
	qsort(sorted, count, sizeof(*sorted), compare_members);
	put(&f->out, go ? "map[string]interface {}{" : "map[");
	for (size_t i = 0; i < count && !f->out.full; i++) {
		struct river_value key = { .type = RIVER_STRING,
			.string = sorted[i]->key };

		if (i > 0)
			put(&f->out, go ? ", " : " ");
		print_value(f, &key, true);
		put(&f->out, ":");
		print_value(f, &sorted[i]->value, true);
	}
	put(&f->out, go ? "}" : "]");
	free(sorted);
}

static void
print_value(struct formatter *f, const struct river_value *value, bool nested)
{
	switch (value->type) {
	case RIVER_NUMBER:
		if (value->number.kind == RIVER_FLOAT)
			print_float(f, value);
		else
			print_int(f, value);
		break;
	case RIVER_STRING:
		print_string(f, value);
		break;
	case RIVER_BOOL:
		print_word(f, value, value->boolean ? "true" : "false");
		break;
	case RIVER_ARRAY:
		print_array(f, value);
		break;
	case RIVER_OBJECT:
		print_object(f, value);
		break;
	case RIVER_NULL:
		print_null(f, value, nested);
		break;
	default:
		print_word(f, value, go_type(value));
	}
}

/* ---- reading the format */

static bool
at(const struct formatter *f, char c)
{
	return f->text < f->end && *f->text == c;
}

/* Digits; false: there is none, or too many, which end the format. */
static bool
read_number(struct formatter *f, size_t *number)
{
	bool any = false;

	for (*number = 0; f->text < f->end; f->text++) {
		unsigned digit = (unsigned char)*f->text - '0';

		if (digit > 9)
			break;
		if (*number > MAX_NUMBER) {
			f->text = f->end;
			return false;
		}
		*number = *number * 10 + digit;
		any = true;
	}
	return any;
}

static void
read_flags(struct formatter *f)
{
	for (; f->text < f->end; f->text++) {
		switch (*f->text) {
		case '#':
			f->d.sharp = true;
			break;
		case '0':
			f->d.zero = true;
			break;
		case '+':
			f->d.plus = true;
			break;
		case '-':
			f->d.minus = true;
			break;
		case ' ':
			f->d.space = true;
			break;
		default:
			return;
		}
	}
}

/* "[2]": which argument comes next. Whether there is a number. */
static bool
read_index(struct formatter *f)
{
	const char *close;
	size_t number;
	bool found;

	if (!at(f, '['))
		return false;
	f->reordered = true;
	close = f->end - f->text < 3 ? NULL
				     : memchr(f->text, ']', f->end - f->text);
	f->text++;
	if (close == NULL) {
		f->d.good_index = false;
		return false;
	}
	found = read_number(f, &number) && f->text == close;
	f->text = close + 1;
	if (found && number > 0 && number <= f->count)
		f->next = number - 1;
	else
		f->d.good_index = false;
	return found;
}

/* The argument of a star. */
static bool
take_number(struct formatter *f, int64_t *number)
{
	const struct river_value *value;

	*number = 0;
	if (f->next >= f->count)
		return false;
	value = &f->args[f->next++].value;
	if (value->type != RIVER_NUMBER || value->number.kind == RIVER_FLOAT ||
	    (value->number.kind == RIVER_UINT && value->number.u > INT64_MAX))
		return false;
	*number = value->number.i;
	return *number >= -MAX_NUMBER && *number <= MAX_NUMBER;
}

/* Both of these: whether an index came last. */

static bool
read_width(struct formatter *f)
{
	struct directive *d = &f->d;
	bool after_index = read_index(f);
	int64_t number;

	if (!at(f, '*')) {
		d->has_width = read_number(f, &d->width);
		if (after_index && d->has_width) /* "%[3]2d" */
			d->good_index = false;
		return after_index;
	}
	f->text++;
	d->has_width = take_number(f, &number);
	if (!d->has_width)
		put(&f->out, "%!(BADWIDTH)");
	d->width = number < 0 ? -number : number;
	d->minus |= number < 0;
	return false;
}

static bool
read_precision(struct formatter *f, bool after_index)
{
	struct directive *d = &f->d;
	int64_t number;

	if (!at(f, '.') || f->text + 1 == f->end)
		return after_index;
	f->text++;
	if (after_index) /* "%[3].2d" */
		d->good_index = false;
	after_index = read_index(f);
	d->has_precision = true;
	if (!at(f, '*')) {
		if (!read_number(f, &d->precision))
			d->precision = 0;
		return after_index;
	}
	f->text++;
	d->has_precision = take_number(f, &number) && number >= 0;
	if (d->has_precision)
		d->precision = number;
	else
		put(&f->out, "%!(BADPREC)");
	return false;
}

/* The verb, or false at the end of the format. */
static bool
read_verb(struct formatter *f)
{
	size_t n;

	if (f->text == f->end)
		return false;
	n = utf8_decode(f->text, f->end - f->text, &f->d.verb);
	if (n == 0) {
		n = 1;
		f->d.verb = REPLACEMENT;
	}
	f->text += n;
	return true;
}

/* %T */
static void
print_type(struct formatter *f, const struct river_value *value)
{
	const char *type = go_type(value);
	size_t size = strlen(type);

	if (f->d.has_precision && f->d.precision < size)
		size = f->d.precision;
	if (value->type == RIVER_NULL)
		pad(f, "<nil>", 5);
	else
		pad(f, type, size);
}

static void
print_argument(struct formatter *f, const struct river_value *value)
{
	if (f->d.verb == 'v' || f->d.verb == 'w') {
		f->d.go_syntax = f->d.sharp;
		f->d.sharp = false;
		f->d.plus = false;
	}
	switch (f->d.verb) {
	case 'T':
		print_type(f, value);
		break;
	case 'p': /* nothing has an address */
	case 'w':
		print_bad_verb(f, value);
		break;
	default:
		print_value(f, value, false);
	}
}

/* What a directive needed is not kept for the next, once it is a lot. */
static void
clear_scratch(struct formatter *f)
{
	if (river_arena_used(f->scratch) < SCRATCH_BYTES)
		return;
	river_arena_free(f->scratch);
	f->scratch = river_arena_new();
}

/* What follows a percent sign. */
static void
print_directive(struct formatter *f)
{
	f->d = (struct directive){ .good_index = true };
	read_flags(f);
	if (!read_precision(f, read_width(f)))
		read_index(f);
	if (!read_verb(f)) {
		put(&f->out, "%!(NOVERB)");
	} else if (f->d.verb == '%') {
		put(&f->out, "%");
	} else if (!f->d.good_index) {
		put_wrong_verb(f);
		put(&f->out, "(BADINDEX)");
	} else if (f->next >= f->count) {
		put_wrong_verb(f);
		put(&f->out, "(MISSING)");
	} else {
		print_argument(f, &f->args[f->next++].value);
	}
}

/* Arguments that no verb has asked for. */
static void
print_extra(struct formatter *f)
{
	f->d = (struct directive){ .verb = 'v' };
	put(&f->out, "%!(EXTRA ");
	for (size_t i = f->next; i < f->count && !f->out.full; i++) {
		const struct river_value *value = &f->args[i].value;

		if (i > f->next)
			put(&f->out, ", ");
		if (value->type != RIVER_NULL) {
			put(&f->out, go_type(value));
			put(&f->out, "=");
		}
		print_value(f, value, false);
	}
	put(&f->out, ")");
}

static void
print_all(struct formatter *f)
{
	while (f->text < f->end && !f->out.full) {
		const char *percent = memchr(f->text, '%', f->end - f->text);
		const char *stop = percent != NULL ? percent : f->end;

		put_bytes(&f->out, f->text, stop - f->text);
		f->text = stop;
		if (percent != NULL) {
			f->text++;
			print_directive(f);
			clear_scratch(f);
		}
	}
	if (!f->reordered && f->next < f->count)
		print_extra(f);
}

RIVER_FUNCTION(format)
{
	struct river_bytes text = call->args[0].bytes;
	struct formatter f = {
		.out.max = river_eval_left(call->eval),
		.scratch = river_arena_new(),
		.text = text.data,
		.end = text.data + text.size,
		.args = call->args + 1,
		.count = call->count - 1,
	};
	char *copy = NULL;

	print_all(&f);
	if (!f.out.full)
		copy = river_eval_alloc(call->eval, f.out.size + 1, 1);
	if (copy != NULL && f.out.size > 0)
		memcpy(copy, f.out.data, f.out.size);
	result->type = RIVER_STRING;
	result->string = (struct river_bytes){ copy, f.out.size };
	river_arena_free(f.scratch);
	free(f.out.data);
	return copy != NULL ? NULL : RIVER_TOO_LARGE;
}
