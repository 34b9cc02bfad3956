/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "shipper/re2_text.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/river/utf8.h"

int
re2_fail_at(
    struct re2_scan *scan, const char *what, const char *from, const char *to)
{
	if (scan->why == NULL &&
	    asprintf(&scan->why, "error parsing regexp: %s: `%.*s`", what,
		(int)(to - from), from) < 0)
		fatalx("out of memory");
	return -EINVAL;
}

int
re2_fail(struct re2_scan *scan, const char *what, const char *from)
{
	return re2_fail_at(scan, what, from, scan->at);
}

bool
re2_next_is(const struct re2_scan *scan, const char *word)
{
	/* ends at the NUL byte at the latest */
	return strncmp(scan->at, word, strlen(word)) == 0;
}

int
re2_take_rune(struct re2_scan *scan, uint32_t *rune)
{
	size_t n = utf8_decode(scan->at, scan->end - scan->at, rune);

	if (n == 0)
		return re2_fail_at(scan, "invalid UTF-8", scan->at, scan->end);
	scan->at += n;
	return 0;
}

int
re2_check_utf8(struct re2_scan *scan, const char *from, const char *to)
{
	uint32_t rune;

	while (from < to) {
		size_t n = utf8_decode(from, to - from, &rune);

		if (n == 0)
			return re2_fail_at(scan, "invalid UTF-8", from, to);
		from += n;
	}
	return 0;
}

static int
hex_digit(uint32_t rune)
{
	if (rune >= '0' && rune <= '9')
		return rune - '0';
	if (rune >= 'a' && rune <= 'f')
		return rune - 'a' + 10;
	if (rune >= 'A' && rune <= 'F')
		return rune - 'A' + 10;
	return -1;
}

/* What follows \x{. */
static int
take_braced_hex(struct re2_scan *scan, uint32_t *rune)
{
	uint32_t c = 0, value = 0;
	int digits = 0, r;

	for (; scan->at < scan->end; digits++) {
		if ((r = re2_take_rune(scan, &c)) < 0)
			return r;
		if (c == '}' && digits > 0) {
			*rune = value;
			return 0;
		}
		if (hex_digit(c) < 0)
			return -EDOM;
		value = value * 16 + hex_digit(c);
		if (value > RUNE_MAX)
			return -EDOM;
	}
	return -EDOM;
}

/* What follows \x; -EDOM: no number. */
static int
take_hex(struct re2_scan *scan, uint32_t *rune)
{
	uint32_t c[2] = { 0, 0 };
	int r;

	for (int i = 0; i < 2; i++) {
		if (scan->at == scan->end)
			return -EDOM;
		if ((r = re2_take_rune(scan, &c[i])) < 0)
			return r;
		if (i == 0 && c[0] == '{')
			return take_braced_hex(scan, rune);
	}
	if (hex_digit(c[0]) < 0 || hex_digit(c[1]) < 0)
		return -EDOM;
	*rune = hex_digit(c[0]) * 16 + hex_digit(c[1]);
	return 0;
}

static bool
is_octal(char c)
{
	return c >= '0' && c <= '7';
}

/* Up to two digits more. A digit alone but 0 would be a backreference. */
static int
take_octal(struct re2_scan *scan, uint32_t first, uint32_t *rune)
{
	*rune = first - '0';
	if (first != '0' && !is_octal(*scan->at))
		return -EDOM;
	for (int i = 0; i < 2 && is_octal(*scan->at); i++)
		*rune = *rune * 8 + (*scan->at++ - '0');
	return 0;
}

/* The same letters as in C. */
static const char letters[] = "afnrtv", meanings[] = "\a\f\n\r\t\v";

static int
take_escaped(struct re2_scan *scan, uint32_t *rune)
{
	const char *letter;
	uint32_t c = 0;
	int r;

	if ((r = re2_take_rune(scan, &c)) < 0)
		return r;
	if (c >= '0' && c <= '7')
		return take_octal(scan, c, rune);
	if (c == 'x')
		return take_hex(scan, rune);
	letter = c < 0x80 ? strchr(letters, (int)c) : NULL;
	if (letter != NULL)
		*rune = (unsigned char)meanings[letter - letters];
	else if (c < 0x80 && !isalnum((int)c))
		*rune = c;
	else
		return -EDOM;
	return 0;
}

int
re2_take_escape(struct re2_scan *scan, uint32_t *rune)
{
	const char *start = scan->at++;
	int r;

	if (scan->at == scan->end)
		return re2_fail_at(scan,
		    "trailing backslash at end of expression", scan->end,
		    scan->end);
	r = take_escaped(scan, rune);
	return r == -EDOM ? re2_fail(scan, "invalid escape sequence", start)
			  : r;
}

/* ---- writing */

static void
make_room(struct re2_out *out, size_t size)
{
	size_t room = out->room > 0 ? out->room : 64;

	while (room < out->size + size + 1)
		room *= 2;
	if (room == out->room)
		return;
	out->text = erealloc(out->text, room, 1);
	out->room = room;
}

void
re2_put(struct re2_out *out, const char *text)
{
	re2_insert(out, out->size, text);
}

void
re2_insert(struct re2_out *out, size_t offset, const char *text)
{
	size_t size = strlen(text);

	make_room(out, size);
	memmove(
	    out->text + offset + size, out->text + offset, out->size - offset);
	memcpy(out->text + offset, text, size);
	out->size += size;
	out->text[out->size] = '\0';
}

void
re2_putf(struct re2_out *out, const char *fmt, ...)
{
	char text[128];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	re2_put(out, text);
}

void
re2_put_rune(struct re2_out *out, uint32_t rune)
{
	if (rune < 0x80 && (isalnum((int)rune) || rune == '_'))
		re2_putf(out, "%c", (int)rune);
	else if (rune > 0x20 && rune < 0x7f)
		re2_putf(out, "\\%c", (int)rune);
	else
		re2_putf(out, "\\x{%x}", rune);
}
