/* SPDX-License-Identifier: Apache-2.0 */
/* Functions of the standard library for values of any type. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/river/arena.h"
#include "common/river/eval.h"
#include "common/river/functions.h"

static bool
is_empty(const struct river_value *value)
{
	switch (value->type) {
	case RIVER_NULL:
		return true;
	case RIVER_NUMBER:
		return river_number_float(value->number) == 0;
	case RIVER_STRING:
		return value->string.size == 0;
	case RIVER_BOOL:
		return !value->boolean;
	case RIVER_ARRAY:
		return value->array.count == 0;
	case RIVER_OBJECT:
		return value->object.count == 0;
	case RIVER_CAPSULE:
		return value->capsule.type == &river_secret_type &&
		       ((struct river_bytes *)value->capsule.data)->size == 0;
	default:
		return false;
	}
}

/* The first that is not empty, else the last. */
RIVER_FUNCTION(coalesce)
{
	*result = RIVER_VALUE_NULL;
	for (size_t i = 0; i < call->count; i++) {
		*result = call->args[i].value;
		if (!is_empty(result))
			break;
	}
	return NULL;
}

RIVER_FUNCTION(concat)
{
	struct river_value *items;
	size_t count = 0;

	for (size_t i = 0; i < call->count; i++)
		count += call->args[i].value.array.count;
	items = river_eval_alloc(call->eval, count, sizeof(*items));
	if (items == NULL)
		return RIVER_TOO_LARGE;
	result->type = RIVER_ARRAY;
	result->array.items = items;
	result->array.count = count;
	for (size_t i = 0; i < call->count; i++) {
		const struct river_value *value = &call->args[i].value;

		if (value->array.count > 0)
			memcpy(items, value->array.items,
			    value->array.count * sizeof(*items));
		items += value->array.count;
	}
	return NULL;
}

RIVER_FUNCTION(env)
{
	struct river_bytes name = call->args[0].bytes;
	const char *text = NULL;

	if (memchr(name.data, '\0', name.size) == NULL)
		text = getenv(name.data);
	if (text == NULL)
		text = "";
	*result = river_value_string(call->eval->arena, text, strlen(text));
	return NULL;
}

RIVER_FUNCTION(nonsensitive)
{
	result->type = RIVER_STRING;
	result->string = call->args[0].bytes;
	return NULL;
}
