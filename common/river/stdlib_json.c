/* SPDX-License-Identifier: Apache-2.0 */
/* Functions of the standard library that read JSON. */
#include <string.h>

#include "common/river/arena.h"
#include "common/river/eval.h"
#include "common/river/functions.h"
#include "common/river/json.h"
#include "common/river/json_path.h"

RIVER_FUNCTION(json_decode)
{
	return river_json_decode(
	    call->eval, call->args[0].bytes, false, result);
}

static bool
is_blank(struct river_bytes text)
{
	for (size_t i = 0; i < text.size; i++)
		if (memchr(" \t\r\n", text.data[i], 4) == NULL)
			return false;
	return true;
}

/* In no document there is nothing, as in that of a variable that is not set. */
RIVER_FUNCTION(json_path)
{
	struct river_bytes text = call->args[0].bytes;
	struct river_value document;
	struct json_step *steps;
	const char *wrong;

	wrong = json_path_parse(call->eval->arena, call->args[1].bytes, &steps);
	if (wrong != NULL)
		return wrong;
	*result = (struct river_value){ .type = RIVER_ARRAY };
	if (is_blank(text))
		return NULL;
	wrong = river_json_decode(call->eval, text, true, &document);
	if (wrong != NULL || steps == NULL)
		return wrong;
	return json_path_get(call->eval, steps, &document, result);
}

/* ---- targets */

/* The targets of a file of Prometheus' file_sd. */
struct targets {
	const struct river_eval *eval;
	struct river_value *items;
	size_t count;
};

static const struct river_value *
field_of(const struct river_value *group, const char *name)
{
	return river_object_find(group, name, strlen(name));
}

static const char *
check_group(const struct river_value *group, size_t *count)
{
	const struct river_value *list, *labels;

	if (group->type != RIVER_OBJECT)
		return "each group of targets must be an object";
	list = field_of(group, "targets");
	labels = field_of(group, "labels");
	if (list == NULL || list->type == RIVER_NULL)
		return NULL;
	if (list->type != RIVER_ARRAY)
		return "\"targets\" must be an array";
	for (size_t i = 0; i < list->array.count; i++)
		if (list->array.items[i].type != RIVER_STRING)
			return "each of \"targets\" must be a string";
	*count += list->array.count;
	if (labels == NULL || labels->type == RIVER_NULL)
		return NULL;
	if (labels->type != RIVER_OBJECT)
		return "\"labels\" must be an object";
	for (size_t i = 0; i < labels->object.count; i++)
		if (labels->object.members[i].value.type != RIVER_STRING)
			return "each of \"labels\" must be a string";
	return NULL;
}

/* The labels of a group, and its own address. */
static const char *
add_target(struct targets *t, const struct river_value *labels,
    const struct river_value *address)
{
	bool labelled = labels != NULL && labels->type == RIVER_OBJECT;
	size_t count = labelled ? labels->object.count : 0;
	/* and once more for the object */
	struct river_member *members =
	    river_eval_alloc(t->eval, 2 * (count + 1), sizeof(*members));

	if (members == NULL)
		return RIVER_TOO_LARGE;
	if (count > 0)
		memcpy(
		    members, labels->object.members, count * sizeof(*members));
	members[count].key = (struct river_bytes){ "__address__", 11 };
	members[count].value = *address;
	t->items[t->count++] =
	    river_value_object(t->eval->arena, members, count + 1);
	return NULL;
}

static const char *
add_group(struct targets *t, const struct river_value *group)
{
	const struct river_value *list = field_of(group, "targets");
	const char *wrong = NULL;

	if (list == NULL || list->type == RIVER_NULL)
		return NULL;
	for (size_t i = 0; i < list->array.count && wrong == NULL; i++)
		wrong = add_target(
		    t, field_of(group, "labels"), &list->array.items[i]);
	return wrong;
}

RIVER_FUNCTION(discovery_target_decode)
{
	struct targets t = { .eval = call->eval };
	struct river_value groups;
	const char *wrong;
	size_t count = 0;

	wrong =
	    river_json_decode(call->eval, call->args[0].bytes, false, &groups);
	if (wrong == NULL && groups.type != RIVER_ARRAY)
		wrong = "an array of groups of targets is needed";
	for (size_t i = 0; wrong == NULL && i < groups.array.count; i++)
		wrong = check_group(&groups.array.items[i], &count);
	if (wrong != NULL)
		return wrong;
	t.items = river_eval_alloc(call->eval, count, sizeof(*t.items));
	if (t.items == NULL)
		return RIVER_TOO_LARGE;
	for (size_t i = 0; wrong == NULL && i < groups.array.count; i++)
		wrong = add_group(&t, &groups.array.items[i]);
	result->type = RIVER_ARRAY;
	result->array.items = t.items;
	result->array.count = t.count;
	return wrong;
}
