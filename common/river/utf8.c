/* SPDX-License-Identifier: Apache-2.0 */
#include "common/river/utf8.h"

#include "common/river/rune_case.h"
#include "common/river/runes.h"

#define ELEMENTS(a) (sizeof(a) / sizeof((a)[0]))

size_t
utf8_decode(const char *s, size_t size, uint32_t *rune)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *p = (const unsigned char *)s;
	size_t n;
	uint32_t r;

	if (size == 0)
		return 0;
	if (p[0] < 0x80) {
		*rune = p[0];
		return 1;
	}
	n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	if (p[0] < 0xc0 || p[0] > 0xf4 || n > size)
		return 0;
	r = p[0] & (0xff >> (n + 1));
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		r = r << 6 | (p[i] & 0x3f);
	}
	if (r < least[n] || r > 0x10ffff || (r >= 0xd800 && r < 0xe000))
		return 0;
	*rune = r;
	return n;
}

size_t
utf8_encode(uint32_t rune, char *out)
{
	size_t n = rune < 0x80 ? 1 : rune < 0x800 ? 2 : rune < 0x10000 ? 3 : 4;

	if (rune > 0x10ffff || (rune >= 0xd800 && rune < 0xe000))
		return 0;
	if (n == 1) {
		out[0] = rune;
		return 1;
	}
	for (size_t i = n - 1; i > 0; i--, rune >>= 6)
		out[i] = 0x80 | (rune & 0x3f);
	out[0] = (0xf00 >> n) | rune;
	return n;
}

static bool
in_ranges(const struct rune_range *ranges, size_t count, uint32_t rune)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (rune > ranges[middle].last)
			low = middle + 1;
		else if (rune < ranges[middle].first)
			high = middle;
		else
			return true;
	}
	return false;
}

bool
rune_is_letter(uint32_t rune)
{
	if (rune < 0x80)
		return (rune | 0x20) >= 'a' && (rune | 0x20) <= 'z';
	return in_ranges(letters, ELEMENTS(letters), rune);
}

bool
rune_is_digit(uint32_t rune)
{
	if (rune < 0x80)
		return rune >= '0' && rune <= '9';
	return in_ranges(digits, ELEMENTS(digits), rune);
}

bool
rune_is_printable(uint32_t rune)
{
	if (rune < 0x80)
		return rune >= ' ' && rune < 0x7f;
	return rune <= 0x10ffff &&
	       !in_ranges(invisible, ELEMENTS(invisible), rune);
}

bool
rune_is_space(uint32_t rune)
{
	static const struct rune_range spaces[] = { { 0x9, 0xd },
		{ 0x20, 0x20 }, { 0x85, 0x85 }, { 0xa0, 0xa0 },
		{ 0x1680, 0x1680 }, { 0x2000, 0x200a }, { 0x2028, 0x2029 },
		{ 0x202f, 0x202f }, { 0x205f, 0x205f }, { 0x3000, 0x3000 } };

	return in_ranges(spaces, ELEMENTS(spaces), rune);
}

static uint32_t
map_rune(const struct rune_mapping *map, size_t count, uint32_t rune)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct rune_mapping *m = &map[middle];

		if (rune > m->last)
			low = middle + 1;
		else if (rune < m->first)
			high = middle;
		else
			return (rune - m->first) % m->step == 0 ? rune + m->add
								: rune;
	}
	return rune;
}

uint32_t
rune_lower(uint32_t rune)
{
	if (rune < 0x80)
		return rune >= 'A' && rune <= 'Z' ? rune + 0x20 : rune;
	return map_rune(to_lower, ELEMENTS(to_lower), rune);
}

uint32_t
rune_upper(uint32_t rune)
{
	if (rune < 0x80)
		return rune >= 'a' && rune <= 'z' ? rune - 0x20 : rune;
	return map_rune(to_upper, ELEMENTS(to_upper), rune);
}
