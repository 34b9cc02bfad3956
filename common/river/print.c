/* SPDX-License-Identifier: Apache-2.0 */
#include "common/river/print.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "common/river/arena.h"
#include "common/river/format.h"
#include "common/river/lexer.h"
#include "common/river/utf8.h"
#include "common/river/value.h"

static void
print_string(struct river_bytes s, FILE *out)
{
	struct river_arena *arena = river_arena_new();

	fputs(river_quote(arena, s.data, s.size), out);
	river_arena_free(arena);
}

/* Whether it can stand between quotes as it is: keys know no escapes. */
static bool
is_plain(struct river_bytes key)
{
	uint32_t rune;
	size_t n;

	for (size_t at = 0; at < key.size; at += n) {
		n = utf8_decode(key.data + at, key.size - at, &rune);
		if (n == 0 || rune == '"' || !rune_is_printable(rune))
			return false;
	}
	return true;
}

static void
print_key(struct river_bytes key, FILE *out)
{
	if (river_is_identifier(key.data, key.size))
		fwrite(key.data, 1, key.size, out);
	else if (is_plain(key))
		fprintf(out, "\"%.*s\"", (int)key.size, key.data);
	else
		print_string(key, out);
}

static void
print_number(struct river_number number, FILE *out)
{
	struct river_arena *arena = river_arena_new();

	fputs(river_number_text(arena, number).data, out);
	river_arena_free(arena);
}

static void
print_array(const struct river_value *array, FILE *out)
{
	fputc('[', out);
	for (size_t i = 0; i < array->array.count; i++) {
		if (i > 0)
			fputs(", ", out);
		river_value_print(&array->array.items[i], out);
	}
	fputc(']', out);
}

static void
print_object(const struct river_value *object, FILE *out)
{
	fputc('{', out);
	for (size_t i = 0; i < object->object.count; i++) {
		const struct river_member *m = &object->object.members[i];

		if (i > 0)
			fputs(", ", out);
		print_key(m->key, out);
		fputs(" = ", out);
		river_value_print(&m->value, out);
	}
	fputc('}', out);
}

void
river_value_print(const struct river_value *value, FILE *out)
{
	switch (value->type) {
	case RIVER_NUMBER:
		print_number(value->number, out);
		break;
	case RIVER_STRING:
		print_string(value->string, out);
		break;
	case RIVER_BOOL:
		fputs(value->boolean ? "true" : "false", out);
		break;
	case RIVER_ARRAY:
		print_array(value, out);
		break;
	case RIVER_OBJECT:
		print_object(value, out);
		break;
	case RIVER_FUNCTION:
		fputs("function", out);
		break;
	case RIVER_CAPSULE:
		if (value->capsule.type == &river_secret_type)
			fputs("(secret)", out);
		else
			fprintf(
			    out, "capsule(\"%s\")", value->capsule.type->name);
		break;
	default:
		fputs("null", out);
		break;
	}
}
