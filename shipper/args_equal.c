/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a reload left the arguments of a component as they were. */
#include "config.h"

#include <string.h>

#include "shipper/components.h"

typedef bool (*capsule_equal_fn)(const void *a, const void *b);

struct comparison {
	const struct river_field *field;
	capsule_equal_fn capsule_equal;
	const void *a, *b; /* the members */
};

static bool
text_equal(const char *a, const char *b)
{
	return strcmp(a != NULL ? a : "", b != NULL ? b : "") == 0;
}

static bool
equal_text(const struct comparison *c)
{
	return text_equal(
	    *(const char *const *)c->a, *(const char *const *)c->b);
}

static bool
equal_64(const struct comparison *c)
{
	return memcmp(c->a, c->b, sizeof(int64_t)) == 0;
}

static bool
equal_bool(const struct comparison *c)
{
	return *(const bool *)c->a == *(const bool *)c->b;
}

static bool
strings_equal(const struct river_strings *a, const struct river_strings *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!text_equal(a->item[i], b->item[i]))
			return false;
	return true;
}

static bool
equal_strings(const struct comparison *c)
{
	return strings_equal(c->a, c->b);
}

static bool
pairs_equal(const struct river_pairs *a, const struct river_pairs *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!text_equal(a->item[i].name, b->item[i].name) ||
		    !text_equal(a->item[i].value, b->item[i].value))
			return false;
	return true;
}

static bool
equal_map(const struct comparison *c)
{
	return pairs_equal(c->a, c->b);
}

static bool
equal_targets(const struct comparison *c)
{
	const struct river_targets *a = c->a, *b = c->b;

	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!pairs_equal(&a->item[i], &b->item[i]))
			return false;
	return true;
}

static bool
equal_secrets(const struct comparison *c)
{
	const struct river_multimap *a = c->a, *b = c->b;

	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!text_equal(a->item[i].name, b->item[i].name) ||
		    !strings_equal(&a->item[i].values, &b->item[i].values))
			return false;
	return true;
}

static bool
equal_capsule(const struct comparison *c)
{
	return c->capsule_equal(*(void *const *)c->a, *(void *const *)c->b);
}

static bool
equal_capsules(const struct comparison *c)
{
	const struct river_capsules *a = c->a, *b = c->b;

	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!c->capsule_equal(a->item[i], b->item[i]))
			return false;
	return true;
}

static bool
equal_value(const struct comparison *c)
{
	return river_value_equal(c->a, c->b);
}

static bool
equal_block(const struct comparison *c)
{
	const void *a = *(void *const *)c->a, *b = *(void *const *)c->b;

	if (a == NULL || b == NULL)
		return a == b;
	return component_args_equal(c->field->block, a, b, c->capsule_equal);
}

static bool
equal_blocks(const struct comparison *c)
{
	const struct river_blocks *a = c->a, *b = c->b;
	const struct river_schema *schema = c->field->block;

	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!component_args_equal(schema,
			(const char *)a->item + i * schema->size,
			(const char *)b->item + i * schema->size,
			c->capsule_equal))
			return false;
	return true;
}

static bool (*const comparisons[RIVER_FIELD_TYPES])(
    const struct comparison *c) = {
	[RIVER_FIELD_STRING] = equal_text,
	[RIVER_FIELD_INT] = equal_64,
	[RIVER_FIELD_UINT] = equal_64,
	[RIVER_FIELD_FLOAT] = equal_64,
	[RIVER_FIELD_BOOL] = equal_bool,
	[RIVER_FIELD_DURATION] = equal_64,
	[RIVER_FIELD_SECRET] = equal_text,
	[RIVER_FIELD_STRINGS] = equal_strings,
	[RIVER_FIELD_MAP] = equal_map,
	[RIVER_FIELD_TARGETS] = equal_targets,
	[RIVER_FIELD_SECRETS] = equal_secrets,
	[RIVER_FIELD_CAPSULE] = equal_capsule,
	[RIVER_FIELD_CAPSULES] = equal_capsules,
	[RIVER_FIELD_VALUE] = equal_value,
	[RIVER_FIELD_BLOCK] = equal_block,
	[RIVER_FIELD_BLOCKS] = equal_blocks,
};

bool
component_args_equal(const struct river_schema *schema, const void *a,
    const void *b, capsule_equal_fn capsule_equal)
{
	for (const struct river_field *f = schema->fields; f->name != NULL;
	     f++) {
		struct comparison c = { f, capsule_equal,
			(const char *)a + f->offset,
			(const char *)b + f->offset };

		if (!comparisons[f->type](&c))
			return false;
	}
	return true;
}
