/* SPDX-License-Identifier: Apache-2.0 */
#include "common/utf8.h"

#include <string.h>

/* Lead bytes: range, length, and the range of the second byte. */
static const struct lead {
	unsigned char first, last, length, low, high;
} leads[] = {
	{ 0x00, 0x7f, 1, 0, 0 },
	{ 0xc2, 0xdf, 2, 0x80, 0xbf },
	{ 0xe0, 0xe0, 3, 0xa0, 0xbf },
	{ 0xe1, 0xec, 3, 0x80, 0xbf },
	{ 0xed, 0xed, 3, 0x80, 0x9f }, /* no surrogates */
	{ 0xee, 0xef, 3, 0x80, 0xbf },
	{ 0xf0, 0xf0, 4, 0x90, 0xbf },
	{ 0xf1, 0xf3, 4, 0x80, 0xbf },
	{ 0xf4, 0xf4, 4, 0x80, 0x8f },
};

int
utf8_length(const char *s, size_t left)
{
	const unsigned char *u = (const unsigned char *)s;

	for (size_t i = 0; i < sizeof(leads) / sizeof(leads[0]) && left > 0;
	     i++) {
		const struct lead *l = &leads[i];

		if (u[0] < l->first || u[0] > l->last)
			continue;
		if (l->length > left)
			return 0;
		if (l->length > 1 && (u[1] < l->low || u[1] > l->high))
			return 0;
		for (int n = 2; n < l->length; n++)
			if ((u[n] & 0xc0) != 0x80)
				return 0;
		return l->length;
	}
	return 0;
}

size_t
utf8_clean(char *out, const char *in, size_t size)
{
	size_t used = 0;

	for (size_t at = 0; at < size;) {
		int n = utf8_length(in + at, size - at);

		if (n == 0 || in[at] == '\0') {
			memcpy(out + used, "\xef\xbf\xbd", 3);
			used += 3;
			at++;
			continue;
		}
		memcpy(out + used, in + at, n);
		used += n;
		at += n;
	}
	out[used] = '\0';
	return used;
}
