/* SPDX-License-Identifier: Apache-2.0 */
#include "common/river/value.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/river/arena.h"

/* Objects of up to so many members are searched one by one. */
#define FEW_MEMBERS 16

const struct river_capsule_type river_secret_type = { "secret" };

static const char *const type_names[RIVER_TYPES] = {
	[RIVER_NULL] = "null",
	[RIVER_NUMBER] = "number",
	[RIVER_STRING] = "string",
	[RIVER_BOOL] = "bool",
	[RIVER_ARRAY] = "array",
	[RIVER_OBJECT] = "object",
	[RIVER_FUNCTION] = "function",
	[RIVER_CAPSULE] = "capsule",
};

const char *
river_type_name(enum river_type type)
{
	return type_names[type];
}

struct river_value
river_value_int(int64_t i)
{
	return (struct river_value){ .type = RIVER_NUMBER,
		.number = { RIVER_INT, { .i = i } } };
}

struct river_value
river_value_float(double f)
{
	return (struct river_value){ .type = RIVER_NUMBER,
		.number = { RIVER_FLOAT, { .f = f } } };
}

struct river_value
river_value_bool(bool b)
{
	return (struct river_value){ .type = RIVER_BOOL, .boolean = b };
}

struct river_value
river_value_string(struct river_arena *arena, const char *bytes, size_t size)
{
	return (struct river_value){ .type = RIVER_STRING,
		.string = { river_arena_copy(arena, bytes, size), size } };
}

struct river_value
river_value_secret(struct river_arena *arena, const char *bytes, size_t size)
{
	struct river_bytes *secret =
	    river_arena_alloc(arena, 1, sizeof(*secret));

	secret->data = river_arena_copy(arena, bytes, size);
	secret->size = size;
	return river_value_capsule(&river_secret_type, secret);
}

struct river_value
river_value_capsule(const struct river_capsule_type *type, void *data)
{
	return (struct river_value){ .type = RIVER_CAPSULE,
		.capsule = { type, data } };
}

static bool
same_bytes(struct river_bytes a, struct river_bytes b)
{
	return a.size == b.size &&
	       (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static int
compare_keys(const void *a, const void *b)
{
	const struct river_member *x = *(const struct river_member *const *)a;
	const struct river_member *y = *(const struct river_member *const *)b;
	size_t size = x->key.size < y->key.size ? x->key.size : y->key.size;
	int order = size > 0 ? memcmp(x->key.data, y->key.data, size) : 0;

	if (order != 0)
		return order;
	if (x->key.size != y->key.size)
		return x->key.size < y->key.size ? -1 : 1;
	return x < y ? -1 : x > y; /* of equal keys the first comes first */
}

/* Gives later members of equal keys to the first, and type RIVER_TYPES. */
static void
merge_equal_keys(struct river_member *members, size_t count)
{
	struct river_member **sorted =
	    ecalloc(count > 0 ? count : 1, sizeof(struct river_member *));
	struct river_member *first = NULL;

	for (size_t i = 0; i < count; i++)
		sorted[i] = &members[i];
	qsort(sorted, count, sizeof(struct river_member *), compare_keys);
	for (size_t i = 0; i < count; i++) {
		if (first == NULL || !same_bytes(first->key, sorted[i]->key)) {
			first = sorted[i];
			continue;
		}
		first->value = sorted[i]->value;
		sorted[i]->value.type = RIVER_TYPES;
	}
	free(sorted);
}

struct river_value
river_value_object(
    struct river_arena *arena, const struct river_member *members, size_t count)
{
	struct river_member *copy =
	    river_arena_alloc(arena, count, sizeof(*copy));
	size_t kept = 0;

	if (count > 0)
		memcpy(copy, members, count * sizeof(*copy));
	merge_equal_keys(copy, count);
	for (size_t i = 0; i < count; i++)
		if (copy[i].value.type != RIVER_TYPES)
			copy[kept++] = copy[i];
	return (struct river_value){ .type = RIVER_OBJECT,
		.object = { copy, kept } };
}

const struct river_value *
river_object_find(
    const struct river_value *object, const char *key, size_t size)
{
	struct river_bytes wanted = { key, size };

	for (size_t i = 0; i < object->object.count; i++)
		if (same_bytes(object->object.members[i].key, wanted))
			return &object->object.members[i].value;
	return NULL;
}

static bool
equal_numbers(struct river_number a, struct river_number b)
{
	if (a.kind == RIVER_FLOAT || b.kind == RIVER_FLOAT)
		return river_number_float(a) == river_number_float(b);
	if (a.kind == b.kind)
		return a.u == b.u;
	if ((a.kind == RIVER_INT && a.i < 0) ||
	    (b.kind == RIVER_INT && b.i < 0))
		return false;
	return a.u == b.u;
}

static bool
equal_arrays(const struct river_value *a, const struct river_value *b)
{
	if (a->array.count != b->array.count)
		return false;
	for (size_t i = 0; i < a->array.count; i++)
		if (!river_value_equal(&a->array.items[i], &b->array.items[i]))
			return false;
	return true;
}

static bool
equal_objects(const struct river_value *a, const struct river_value *b)
{
	if (a->object.count != b->object.count)
		return false;
	for (size_t i = 0; i < a->object.count; i++) {
		const struct river_member *m = &a->object.members[i];
		const struct river_member *same = &b->object.members[i];
		const struct river_value *other = &same->value;

		if (!same_bytes(m->key, same->key))
			other = river_object_find(b, m->key.data, m->key.size);
		if (other == NULL || !river_value_equal(&m->value, other))
			return false;
	}
	return true;
}

static bool
equal_capsules(const struct river_value *a, const struct river_value *b)
{
	if (a->capsule.type != b->capsule.type)
		return false;
	if (a->capsule.type == &river_secret_type)
		return same_bytes(*(struct river_bytes *)a->capsule.data,
		    *(struct river_bytes *)b->capsule.data);
	return a->capsule.data == b->capsule.data;
}

bool
river_value_equal(const struct river_value *a, const struct river_value *b)
{
	if (a->type != b->type)
		return false;
	switch (a->type) {
	case RIVER_NULL:
		return true;
	case RIVER_NUMBER:
		return equal_numbers(a->number, b->number);
	case RIVER_STRING:
		return same_bytes(a->string, b->string);
	case RIVER_BOOL:
		return a->boolean == b->boolean;
	case RIVER_ARRAY:
		return equal_arrays(a, b);
	case RIVER_OBJECT:
		return equal_objects(a, b);
	case RIVER_CAPSULE:
		return equal_capsules(a, b);
	default: /* functions never are */
		return false;
	}
}
