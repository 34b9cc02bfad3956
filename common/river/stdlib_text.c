/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Functions of the standard library for strings. These are bytes; where
 * characters count, a byte that is no UTF-8 is one of its own.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/river/eval.h"
#include "common/river/functions.h"
#include "common/river/utf8.h"

#define REPLACEMENT 0xfffd
#define RUNES 0x110000

/* Bytes of the first character of text, which is not empty. */
static size_t
first_rune(struct river_bytes text, uint32_t *rune)
{
	size_t n = utf8_decode(text.data, text.size, rune);

	if (n > 0)
		return n;
	*rune = REPLACEMENT;
	return 1;
}

static size_t
last_rune(struct river_bytes text, uint32_t *rune)
{
	for (size_t n = 2; n <= 4 && n <= text.size; n++)
		if (utf8_decode(text.data + text.size - n, n, rune) == n)
			return n;
	*rune = (unsigned char)text.data[text.size - 1];
	if (*rune >= 0x80)
		*rune = REPLACEMENT;
	return 1;
}

static const char *
give(struct river_value *result, const char *data, size_t size)
{
	result->type = RIVER_STRING;
	result->string = (struct river_bytes){ data, size };
	return NULL;
}

/* A part of text that ends where text ends, or a copy that ends there. */
static const char *
give_part(const struct river_call *call, struct river_value *result,
    struct river_bytes part)
{
	char *copy;

	if (part.data[part.size] == '\0')
		return give(result, part.data, part.size);
	copy = river_eval_alloc(call->eval, part.size + 1, 1);
	if (copy == NULL)
		return RIVER_TOO_LARGE;
	memcpy(copy, part.data, part.size);
	return give(result, copy, part.size);
}

/* ---- joining and splitting */

RIVER_FUNCTION(join)
{
	const struct river_bytes *item = call->args[0].strings.item;
	struct river_bytes between = call->args[1].bytes;
	size_t count = call->args[0].strings.count, size = 0, more;
	char *text, *out;

	for (size_t i = 0; i < count; i++)
		size += item[i].size;
	more = count > 1 ? count - 1 : 0;
	if (__builtin_mul_overflow(more, between.size, &more))
		return RIVER_TOO_LARGE;
	size += more;
	out = text = river_eval_alloc(call->eval, size + 1, 1);
	if (text == NULL)
		return RIVER_TOO_LARGE;
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			out = mempcpy(out, between.data, between.size);
		out = mempcpy(out, item[i].data, item[i].size);
	}
	return give(result, text, size);
}

/* Where what is not empty begins in size bytes at text, or NULL. */
static const char *
find(const char *text, size_t size, struct river_bytes what)
{
	/* by far the most often, and without a look at all of the rest */
	if (what.size == 1)
		return memchr(text, what.data[0], size);
	return memmem(text, size, what.data, what.size);
}

/* How often what is not empty is in text. */
static size_t
occurrences(struct river_bytes text, struct river_bytes what)
{
	const char *end = text.data + text.size, *at = text.data;
	size_t count = 0;

	while ((at = find(at, end - at, what)) != NULL) {
		at += what.size;
		count++;
	}
	return count;
}

static size_t
count_runes(struct river_bytes text)
{
	size_t count = 0, n;
	uint32_t rune;

	for (; text.size > 0; text.data += n, text.size -= n, count++)
		n = first_rune(text, &rune);
	return count;
}

/* Takes from text what stands before the separator, and that too. */
static struct river_bytes
take_field(struct river_bytes *text, struct river_bytes separator)
{
	struct river_bytes field = *text;
	const char *at;
	uint32_t rune;

	if (separator.size == 0) {
		field.size = first_rune(*text, &rune);
	} else {
		at = find(text->data, text->size, separator);
		if (at != NULL)
			field.size = at - text->data;
	}
	text->data += field.size;
	text->size -= field.size;
	if (text->size > 0) {
		text->data += separator.size;
		text->size -= separator.size;
	}
	return field;
}

RIVER_FUNCTION(split)
{
	struct river_bytes text = call->args[0].bytes;
	struct river_bytes separator = call->args[1].bytes;
	size_t count = separator.size > 0 ? occurrences(text, separator) + 1
					  : count_runes(text);
	struct river_value *items, *value;
	char *copy;

	items = river_eval_alloc(call->eval, count, sizeof(*items));
	/* each field is shorter than what is taken, by the NUL byte */
	copy = river_eval_alloc(call->eval, text.size + count, 1);
	if (items == NULL || copy == NULL)
		return RIVER_TOO_LARGE;
	for (value = items; value < items + count; value++) {
		struct river_bytes field = take_field(&text, separator);

		memcpy(copy, field.data, field.size);
		give(value, copy, field.size);
		copy += field.size + 1;
	}
	result->type = RIVER_ARRAY;
	result->array.items = items;
	result->array.count = count;
	return NULL;
}

static char *
put(char *out, struct river_bytes bytes)
{
	return mempcpy(out, bytes.data, bytes.size);
}

/* new before each character and at the end */
static char *
put_between(char *out, struct river_bytes text, struct river_bytes new)
{
	uint32_t rune;
	size_t n;

	for (; text.size > 0; text.data += n, text.size -= n) {
		n = first_rune(text, &rune);
		out = put(out, new);
		out = mempcpy(out, text.data, n);
	}
	return put(out, new);
}

static char *
put_replaced(char *out, struct river_bytes text, struct river_bytes old,
    struct river_bytes new)
{
	const char *at;

	while ((at = find(text.data, text.size, old)) != NULL) {
		size_t before = at - text.data;

		out = mempcpy(out, text.data, before);
		out = put(out, new);
		text.data += before + old.size;
		text.size -= before + old.size;
	}
	return put(out, text);
}

RIVER_FUNCTION(replace)
{
	struct river_bytes text = call->args[0].bytes;
	struct river_bytes old = call->args[1].bytes;
	struct river_bytes new = call->args[2].bytes;
	size_t count =
	    old.size > 0 ? occurrences(text, old) : count_runes(text) + 1;
	size_t added;
	char *out;

	if (__builtin_mul_overflow(count, new.size, &added))
		return RIVER_TOO_LARGE;
	out = river_eval_alloc(
	    call->eval, text.size - count * old.size + added + 1, 1);
	if (out == NULL)
		return RIVER_TOO_LARGE;
	if (old.size > 0)
		put_replaced(out, text, old, new);
	else
		put_between(out, text, new);
	return give(result, out, text.size - count * old.size + added);
}

RIVER_FUNCTION(regex_quote)
{
	static const char special[] = "\\.+*?()|[]{}^$";
	struct river_bytes text = call->args[0].bytes;
	char *quoted = river_eval_alloc(call->eval, 2 * text.size + 1, 1);
	char *out = quoted;

	if (quoted == NULL)
		return RIVER_TOO_LARGE;
	for (size_t i = 0; i < text.size; i++) {
		if (memchr(special, text.data[i], sizeof(special) - 1) != NULL)
			*out++ = '\\';
		*out++ = text.data[i];
	}
	return give(result, quoted, out - quoted);
}

/* ---- upper and lower case */

static const char *
map_runes(const struct river_call *call, struct river_value *result,
    uint32_t (*map)(uint32_t rune))
{
	struct river_bytes text = call->args[0].bytes;
	/* a byte that is no UTF-8 becomes a character of three bytes */
	char *mapped = river_eval_alloc(call->eval, 3 * text.size + 1, 1);
	char *out = mapped;
	uint32_t rune;
	size_t n;

	if (mapped == NULL)
		return RIVER_TOO_LARGE;
	for (; text.size > 0; text.data += n, text.size -= n) {
		n = first_rune(text, &rune);
		out += utf8_encode(map(rune), out);
	}
	return give(result, mapped, out - mapped);
}

RIVER_FUNCTION(to_lower)
{
	return map_runes(call, result, rune_lower);
}

RIVER_FUNCTION(to_upper)
{
	return map_runes(call, result, rune_upper);
}

/* ---- trimming */

/* What of text is left when runes that go are taken from both ends. */
static struct river_bytes
trim(struct river_bytes text, bool (*goes)(const void *set, uint32_t rune),
    const void *set)
{
	uint32_t rune;
	size_t n;

	while (text.size > 0) {
		n = first_rune(text, &rune);
		if (!goes(set, rune))
			break;
		text.data += n;
		text.size -= n;
	}
	while (text.size > 0) {
		n = last_rune(text, &rune);
		if (!goes(set, rune))
			break;
		text.size -= n;
	}
	return text;
}

static bool
is_space(const void *set, uint32_t rune)
{
	(void)set;
	return rune_is_space(rune);
}

/* set is a bit for each rune. */
static bool
is_in_set(const void *set, uint32_t rune)
{
	return ((const uint8_t *)set)[rune / 8] >> rune % 8 & 1;
}

RIVER_FUNCTION(trim)
{
	struct river_bytes cut = call->args[1].bytes, left;
	uint8_t *set = ecalloc(RUNES / 8, 1);
	uint32_t rune;
	size_t n;

	for (; cut.size > 0; cut.data += n, cut.size -= n) {
		n = first_rune(cut, &rune);
		set[rune / 8] |= 1 << rune % 8;
	}
	left = trim(call->args[0].bytes, is_in_set, set);
	free(set);
	return give_part(call, result, left);
}

RIVER_FUNCTION(trim_space)
{
	return give_part(
	    call, result, trim(call->args[0].bytes, is_space, NULL));
}

RIVER_FUNCTION(trim_prefix)
{
	struct river_bytes text = call->args[0].bytes;
	struct river_bytes prefix = call->args[1].bytes;

	if (text.size >= prefix.size &&
	    memcmp(text.data, prefix.data, prefix.size) == 0) {
		text.data += prefix.size;
		text.size -= prefix.size;
	}
	return give_part(call, result, text);
}

RIVER_FUNCTION(trim_suffix)
{
	struct river_bytes text = call->args[0].bytes;
	struct river_bytes suffix = call->args[1].bytes;
	const char *end = text.data + text.size;

	if (text.size >= suffix.size &&
	    memcmp(end - suffix.size, suffix.data, suffix.size) == 0)
		text.size -= suffix.size;
	return give_part(call, result, text);
}
