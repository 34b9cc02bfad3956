/* SPDX-License-Identifier: Apache-2.0 */
#include "common/river/value.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/river/arena.h"

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

enum river_order
river_bytes_order(struct river_bytes a, struct river_bytes b)
{
	size_t size = a.size < b.size ? a.size : b.size;
	int order = size > 0 ? memcmp(a.data, b.data, size) : 0;

	if (order != 0)
		return order < 0 ? RIVER_LESS : RIVER_GREATER;
	return a.size < b.size   ? RIVER_LESS
	       : a.size > b.size ? RIVER_GREATER
				 : RIVER_EQUAL;
}

static int
compare_members(const void *a, const void *b)
{
	const struct river_member *x = *(const struct river_member *const *)a;
	const struct river_member *y = *(const struct river_member *const *)b;
	enum river_order order = river_bytes_order(x->key, y->key);

	if (order != RIVER_EQUAL)
		return order == RIVER_LESS ? -1 : 1;
	return x < y ? -1 : x > y; /* of equal keys the first comes first */
}

/*
 * The members by key. Those whose key has come before give their value to
 * the first, and have type RIVER_TYPES then.
 */
static struct river_member **
sort_members(struct river_member *members, size_t count)
{
	struct river_member **sorted =
	    ecalloc(count + 1, sizeof(struct river_member *));
	struct river_member *first = NULL;

	for (size_t i = 0; i < count; i++)
		sorted[i] = &members[i];
	qsort(sorted, count, sizeof(struct river_member *), compare_members);
	for (size_t i = 0; i < count; i++) {
		if (first == NULL || !same_bytes(first->key, sorted[i]->key)) {
			first = sorted[i];
			continue;
		}
		first->value = sorted[i]->value;
		sorted[i]->value.type = RIVER_TYPES;
	}
	return sorted;
}

/* Behind the members of an object with an index: their numbers by key. */
static uint32_t *
index_of(const struct river_member *members, size_t count)
{
	return (uint32_t *)(members + count);
}

struct river_value
river_value_object(
    struct river_arena *arena, const struct river_member *members, size_t count)
{
	struct river_member *copy = ecalloc(count + 1, sizeof(*copy)), *kept;
	uint32_t *place = ecalloc(count + 1, sizeof(*place)), *index;
	struct river_member **sorted;
	size_t n = 0;

	if (count > 0)
		memcpy(copy, members, count * sizeof(*copy));
	sorted = sort_members(copy, count);
	for (size_t i = 0; i < count; i++)
		n += copy[i].value.type != RIVER_TYPES;
	kept = river_arena_alloc(arena, n, sizeof(*kept) + sizeof(*index));
	index = index_of(kept, n);
	n = 0;
	for (size_t i = 0; i < count; i++) {
		place[i] = n;
		if (copy[i].value.type != RIVER_TYPES)
			kept[n++] = copy[i];
	}
	for (size_t i = 0; i < count; i++)
		if (sorted[i]->value.type != RIVER_TYPES)
			*index++ = place[sorted[i] - copy];
	free(sorted);
	free(place);
	free(copy);
	return (struct river_value){ .type = RIVER_OBJECT,
		.object = { kept, n, .indexed = true } };
}

static const struct river_value *
find_by_index(
    const struct river_member *members, size_t count, struct river_bytes key)
{
	const uint32_t *index = index_of(members, count);
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct river_member *m = &members[index[middle]];

		switch (river_bytes_order(key, m->key)) {
		case RIVER_LESS:
			high = middle;
			break;
		case RIVER_GREATER:
			low = middle + 1;
			break;
		default:
			return &m->value;
		}
	}
	return NULL;
}

const struct river_value *
river_object_find(
    const struct river_value *object, const char *key, size_t size)
{
	struct river_bytes wanted = { key, size };
	size_t count = object->object.count;

	if (object->object.indexed)
		return find_by_index(object->object.members, count, wanted);
	for (size_t i = 0; i < count; i++)
		if (same_bytes(object->object.members[i].key, wanted))
			return &object->object.members[i].value;
	return NULL;
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
		return river_number_order(a->number, b->number) == RIVER_EQUAL;
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
