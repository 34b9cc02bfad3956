/* SPDX-License-Identifier: Apache-2.0 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/profile.h"
#include "cli/text.h"
#include "common/log.h"

#define ESCAPE_MAX 10 /* "\U0010ffff" */
#define ELLIPSIS "\xe2\x80\xa6"

struct range {
	int32_t first, last;
};

/* Never shown as they are. */
static const struct range unsafe[] = {
	{ 0x0000, 0x001f },   /* controls */
	{ 0x007f, 0x009f },   /* delete, more controls */
	{ 0x00ad, 0x00ad },   /* soft hyphen */
	{ 0x034f, 0x034f },   /* combining grapheme joiner */
	{ 0x061c, 0x061c },   /* Arabic letter mark */
	{ 0x115f, 0x1160 },   /* Hangul fillers */
	{ 0x17b4, 0x17b5 },   /* invisible Khmer vowels */
	{ 0x180b, 0x180f },   /* Mongolian selectors and separator */
	{ 0x200b, 0x200f },   /* zero width, direction marks */
	{ 0x2028, 0x202e },   /* separators, embeddings, overrides */
	{ 0x2060, 0x206f },   /* invisible operators, isolates */
	{ 0x3164, 0x3164 },   /* Hangul filler */
	{ 0xfdd0, 0xfdef },   /* no characters */
	{ 0xfe00, 0xfe0f },   /* variation selectors */
	{ 0xfeff, 0xfeff },   /* byte order mark */
	{ 0xffa0, 0xffa0 },   /* Hangul filler */
	{ 0xfff0, 0xfffb },   /* interlinear annotation */
	{ 0xfffe, 0xffff },   /* no characters */
	{ 0x1bca0, 0x1bca3 }, /* shorthand format controls */
	{ 0x1d173, 0x1d17a }, /* musical format controls */
	{ 0xe0000, 0xe0fff }, /* tags, more selectors */
};

/* Two columns wide. */
static const struct range wide[] = {
	{ 0x1100, 0x115e },
	{ 0x2e80, 0x303e },
	{ 0x3041, 0xa4cf },
	{ 0xa960, 0xa97c },
	{ 0xac00, 0xd7a3 },
	{ 0xf900, 0xfaff },
	{ 0xfe30, 0xfe6f },
	{ 0xff00, 0xff60 },
	{ 0xffe0, 0xffe6 },
	{ 0x1f300, 0x1f64f },
	{ 0x1f680, 0x1f6ff },
	{ 0x1f900, 0x1f9ff },
	{ 0x20000, 0x3fffd },
};

/* Drawn over the character before: no column of their own. */
static const struct range combining[] = {
	{ 0x0300, 0x036f },
	{ 0x0483, 0x0489 },
	{ 0x0591, 0x05bd },
	{ 0x0610, 0x061a },
	{ 0x064b, 0x065f },
	{ 0x1ab0, 0x1aff },
	{ 0x1dc0, 0x1dff },
	{ 0x20d0, 0x20ff },
	{ 0xfe20, 0xfe2f },
};

static bool
within(const struct range *ranges, size_t n, int32_t c)
{
	for (size_t i = 0; i < n; i++) {
		if (c >= ranges[i].first && c <= ranges[i].last)
			return true;
	}
	return false;
}

#define WITHIN(ranges, c) within(ranges, sizeof(ranges) / sizeof(*ranges), c)

int32_t
text_decode(const char *data, size_t size, size_t *used)
{
	static const int32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *s = (const unsigned char *)data;
	size_t n = s[0] < 0x80 ? 1 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	int32_t c;

	*used = 1;
	if (n == 1)
		return s[0];
	if (s[0] < 0xc2 || s[0] > 0xf4 || size < n)
		return -1;
	c = s[0] & (0x7f >> n);
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return -1;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return -1;
	*used = n;
	return c;
}

/* Writes the character at s, escaped if it must be; what it wrote. */
static size_t
put(char *out, const char *s, size_t size, bool printable, size_t *used)
{
	int32_t c = text_decode(s, size, used);

	if (c <= 0)
		return sprintf(out, "\\x%02x", (unsigned char)*s);
	if (!printable || !WITHIN(unsafe, c)) {
		memcpy(out, s, *used);
		return *used;
	}
	if (c < 0x80)
		return sprintf(out, "\\x%02x", c);
	return sprintf(out, c > 0xffff ? "\\U%08x" : "\\u%04x", c);
}

static char *
escape(struct profile_string s, bool printable)
{
	size_t at = 0, length = 0, room = s.size + 2 * ESCAPE_MAX;
	char *out = erealloc(NULL, room, 1);

	while (at < s.size) {
		size_t used;

		if (room - length < ESCAPE_MAX + 2)
			out = erealloc(out, room *= 2, 1);
		length += put(
		    out + length, s.data + at, s.size - at, printable, &used);
		at += used;
	}
	out[length] = '\0';
	return out;
}

char *
text_printable(struct profile_string s)
{
	return escape(s, true);
}

char *
text_utf8(struct profile_string s)
{
	return escape(s, false);
}

/* Columns of the character at s, which is terminated; its bytes in *used. */
static unsigned int
columns_at(const char *s, size_t *used)
{
	int32_t c = text_decode(s, strlen(s) < 4 ? strlen(s) : 4, used);

	return WITHIN(combining, c) ? 0 : WITHIN(wide, c) ? 2 : 1;
}

unsigned int
text_columns(const char *text)
{
	unsigned int columns = 0;
	size_t used;

	for (; *text != '\0'; text += used)
		columns += columns_at(text, &used);
	return columns;
}

/* How many bytes of text fit in so many columns. */
static size_t
head_bytes(const char *text, unsigned int columns)
{
	size_t at = 0, used;

	while (text[at] != '\0') {
		unsigned int c = columns_at(text + at, &used);

		if (c > columns)
			break;
		columns -= c;
		at += used;
	}
	return at;
}

/* Where the last so many columns of text start. */
static size_t
tail_start(const char *text, unsigned int columns)
{
	unsigned int all = text_columns(text);
	size_t at = 0, used;

	for (; text[at] != '\0' && all > columns; at += used)
		all -= columns_at(text + at, &used);
	return at;
}

char *
text_fit(const char *text, unsigned int columns)
{
	unsigned int left = columns / 2;
	char *out;

	if (columns < 1 || text_columns(text) <= columns)
		return estrdup(text);
	if (asprintf(&out, "%.*s%s%s", (int)head_bytes(text, left), text,
		ELLIPSIS, text + tail_start(text, columns - left - 1)) < 0)
		fatalx("out of memory");
	return out;
}
