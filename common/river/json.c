/* SPDX-License-Identifier: Apache-2.0 */
#include "common/river/json.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "common/log.h"
#include "common/river/arena.h"
#include "common/river/eval.h"
#include "common/river/json_check.h"

/* Each takes up to 300 bytes while it is decoded. */
#define MAX_VALUES 500000

/* False: no room for it. */
static bool convert(const struct river_eval *eval, const json_t *json,
    struct river_value *value);

static bool
convert_string(const struct river_eval *eval, const char *text, size_t size,
    struct river_bytes *bytes)
{
	char *copy = river_eval_alloc(eval, size + 1, 1);

	if (copy == NULL)
		return false;
	memcpy(copy, text, size);
	*bytes = (struct river_bytes){ copy, size };
	return true;
}

static bool
convert_array(const struct river_eval *eval, const json_t *json,
    struct river_value *value)
{
	size_t count = json_array_size(json);
	struct river_value *items =
	    river_eval_alloc(eval, count, sizeof(*items));

	if (items == NULL)
		return false;
	value->type = RIVER_ARRAY;
	value->array.items = items;
	value->array.count = count;
	for (size_t i = 0; i < count; i++)
		if (!convert(eval, json_array_get(json, i), &items[i]))
			return false;
	return true;
}

static bool
convert_object(
    const struct river_eval *eval, json_t *json, struct river_value *value)
{
	size_t count = json_object_size(json), i = 0;
	struct river_member *members =
	    river_eval_alloc(eval, 2 * count, sizeof(*members));
	const char *key;
	json_t *member;

	if (members == NULL)
		return false;
	json_object_foreach(json, key, member)
	{
		if (!convert_string(eval, key, strlen(key), &members[i].key) ||
		    !convert(eval, member, &members[i].value))
			return false;
		i++;
	}
	*value = river_value_object(eval->arena, members, count);
	return true;
}

static bool
convert(const struct river_eval *eval, const json_t *json,
    struct river_value *value)
{
	switch (json_typeof(json)) {
	case JSON_OBJECT:
		return convert_object(eval, (json_t *)json, value);
	case JSON_ARRAY:
		return convert_array(eval, json, value);
	case JSON_STRING:
		value->type = RIVER_STRING;
		return convert_string(eval, json_string_value(json),
		    json_string_length(json), &value->string);
	case JSON_INTEGER:
		*value = river_value_int(json_integer_value(json));
		return true;
	case JSON_REAL:
		*value = river_value_float(json_real_value(json));
		return true;
	case JSON_TRUE:
	case JSON_FALSE:
		*value = river_value_bool(json_is_true(json));
		return true;
	default:
		*value = RIVER_VALUE_NULL;
		return true;
	}
}

/* jansson is stricter than Go about bytes that are no text. */
static json_t *
load(struct river_bytes text, const struct river_json_facts *facts,
    bool integers, json_error_t *error)
{
	size_t flags = JSON_DECODE_ANY | JSON_ALLOW_NUL;
	char *repaired = NULL;
	json_t *json;

	if (!integers || facts->big_integer)
		flags |= JSON_DECODE_INT_AS_REAL;
	if (facts->bad_text) {
		repaired = ecalloc(text.size, 3);
		text.size = river_json_repair(text, repaired);
		text.data = repaired;
	}
	json = json_loadb(text.data, text.size, flags, error);
	free(repaired);
	return json;
}

const char *
river_json_decode(const struct river_eval *eval, struct river_bytes text,
    bool integers, struct river_value *value)
{
	struct river_json_facts facts;
	json_error_t error;
	const char *wrong = river_json_check(eval->arena, text, &facts);
	json_t *json;

	if (wrong != NULL)
		return wrong;
	if (facts.values > MAX_VALUES)
		return river_arena_printf(
		    eval->arena, "more than %d values", MAX_VALUES);
	json = load(text, &facts, integers, &error);
	if (json == NULL)
		return river_arena_printf(eval->arena, "%s", error.text);
	if (!convert(eval, json, value))
		wrong = RIVER_TOO_LARGE;
	json_decref(json);
	return wrong;
}
