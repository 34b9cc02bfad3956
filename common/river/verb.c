/* SPDX-License-Identifier: Apache-2.0 */
#include "common/river/verb.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/river/arena.h"
#include "common/river/format.h"
#include "common/river/utf8.h"

/* ---- output */

void
verb_put_bytes(struct verb_output *o, const char *bytes, size_t size)
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

void
verb_put(struct verb_output *o, const char *text)
{
	verb_put_bytes(o, text, strlen(text));
}

void
verb_put_many(struct verb_output *o, char c, size_t count)
{
	char some[256];

	memset(some, c, sizeof(some));
	for (size_t n; count > 0 && !o->full; count -= n) {
		n = count < sizeof(some) ? count : sizeof(some);
		verb_put_bytes(o, some, n);
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

void
verb_pad(struct verb_printer *p, const char *text, size_t size)
{
	const struct verb *v = &p->verb;
	size_t width = 0, fill = 0;

	if (v->has_width) {
		runes_size(text, size, v->width, &width);
		fill = v->width - width;
	}
	if (!v->minus)
		verb_put_many(&p->out, v->zero ? '0' : ' ', fill);
	verb_put_bytes(&p->out, text, size);
	if (v->minus)
		verb_put_many(&p->out, ' ', fill);
}

void
verb_pad_blanks(struct verb_printer *p, const char *text, size_t size)
{
	bool zero = p->verb.zero;

	p->verb.zero = false;
	verb_pad(p, text, size);
	p->verb.zero = zero;
}

/* ---- what is wrong */

const char *
verb_type(const struct river_value *value)
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

void
verb_put_wrong(struct verb_printer *p)
{
	char verb[4];

	verb_put(&p->out, "%!");
	verb_put_bytes(&p->out, verb, utf8_encode(p->verb.letter, verb));
}

void
verb_print_bad(struct verb_printer *p, const struct river_value *value)
{
	uint32_t verb = p->verb.letter;

	verb_put_wrong(p);
	verb_put(&p->out, "(");
	if (value->type == RIVER_NULL) {
		verb_put(&p->out, "<nil>");
	} else {
		verb_put(&p->out, verb_type(value));
		verb_put(&p->out, "=");
		p->verb.letter = 'v';
		verb_print(p, value, false);
		p->verb.letter = verb;
	}
	verb_put(&p->out, ")");
}

/* ---- strings */

char *
verb_ascii_only(struct verb_printer *p, const char *quoted)
{
	size_t size = strlen(quoted), n;
	char *text = river_arena_alloc(p->scratch, 3 * size + 1, 1);
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
print_quoted(struct verb_printer *p, struct river_bytes s)
{
	const char *quoted;

	if (p->verb.sharp && is_raw(s)) {
		quoted = river_arena_printf(
		    p->scratch, "`%.*s`", (int)s.size, s.data);
	} else {
		quoted = river_quote(p->scratch, s.data, s.size);
		if (p->verb.plus)
			quoted = verb_ascii_only(p, quoted);
	}
	verb_pad(p, quoted, strlen(quoted));
}

static void
print_hex_bytes(struct verb_printer *p, struct river_bytes s)
{
	const struct verb *v = &p->verb;
	const char *digit =
	    v->letter == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
	const char *prefix = !v->sharp ? "" : v->letter == 'X' ? "0X" : "0x";
	size_t size =
	    v->has_precision && v->precision < s.size ? v->precision : s.size;
	struct verb_output text = { .max = p->out.max };

	for (size_t i = 0; i < size && !text.full; i++) {
		unsigned char c = s.data[i];

		if (i > 0 && v->space)
			verb_put(&text, " ");
		if (i == 0 || v->space)
			verb_put(&text, prefix);
		verb_put_bytes(&text, &digit[c >> 4], 1);
		verb_put_bytes(&text, &digit[c & 15], 1);
	}
	verb_pad(p, text.data, text.size);
	p->out.full |= text.full;
	free(text.data);
}

static void
print_string(struct verb_printer *p, const struct river_value *value)
{
	struct river_bytes s = value->string;
	size_t count;

	if (p->verb.letter == 'x' || p->verb.letter == 'X') {
		print_hex_bytes(p, s);
		return;
	}
	if (p->verb.has_precision)
		s.size = runes_size(s.data, s.size, p->verb.precision, &count);
	if (p->verb.letter == 'q' ||
	    (p->verb.letter == 'v' && p->verb.go_syntax))
		print_quoted(p, s);
	else if (p->verb.letter == 'v' || p->verb.letter == 's')
		verb_pad(p, s.data, s.size);
	else
		verb_print_bad(p, value);
}

/* ---- the rest */

static void
print_word(
    struct verb_printer *p, const struct river_value *value, const char *word)
{
	if (p->verb.letter == 'v' ||
	    (p->verb.letter == 't' && value->type == RIVER_BOOL))
		verb_pad(p, word, strlen(word));
	else
		verb_print_bad(p, value);
}

static void
print_null(struct verb_printer *p, const struct river_value *value, bool nested)
{
	if (nested)
		verb_put(
		    &p->out, p->verb.go_syntax ? "interface {}(nil)" : "<nil>");
	else
		print_word(p, value, "<nil>");
}

static void
print_array(struct verb_printer *p, const struct river_value *array)
{
	bool go = p->verb.go_syntax;

	verb_put(&p->out, go ? "[]interface {}{" : "[");
	for (size_t i = 0; i < array->array.count && !p->out.full; i++) {
		if (i > 0)
			verb_put(&p->out, go ? ", " : " ");
		verb_print(p, &array->array.items[i], true);
	}
	verb_put(&p->out, go ? "}" : "]");
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
print_object(struct verb_printer *p, const struct river_value *object)
{
	size_t count = object->object.count;
	const struct river_member **sorted =
	    ecalloc(count + 1, sizeof(*sorted));
	bool go = p->verb.go_syntax;

	for (size_t i = 0; i < count; i++)
		sorted[i] = &object->object.members[i];
	qsort(sorted, count, sizeof(*sorted), compare_members);
	verb_put(&p->out, go ? "map[string]interface {}{" : "map[");
	for (size_t i = 0; i < count && !p->out.full; i++) {
		struct river_value key = { .type = RIVER_STRING,
			.string = sorted[i]->key };

		if (i > 0)
			verb_put(&p->out, go ? ", " : " ");
		verb_print(p, &key, true);
		verb_put(&p->out, ":");
		verb_print(p, &sorted[i]->value, true);
	}
	verb_put(&p->out, go ? "}" : "]");
	free(sorted);
}

void
verb_print(struct verb_printer *p, const struct river_value *value, bool nested)
{
	switch (value->type) {
	case RIVER_NUMBER:
		if (value->number.kind == RIVER_FLOAT)
			verb_print_float(p, value);
		else
			verb_print_int(p, value);
		break;
	case RIVER_STRING:
		print_string(p, value);
		break;
	case RIVER_BOOL:
		print_word(p, value, value->boolean ? "true" : "false");
		break;
	case RIVER_ARRAY:
		print_array(p, value);
		break;
	case RIVER_OBJECT:
		print_object(p, value);
		break;
	case RIVER_NULL:
		print_null(p, value, nested);
		break;
	default:
		print_word(p, value, verb_type(value));
	}
}
