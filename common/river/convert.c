/* SPDX-License-Identifier: Apache-2.0 */
#include "common/river/convert.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "common/river/arena.h"
#include "common/river/ast.h"
#include "common/river/diagnostics.h"
#include "common/river/eval.h"
#include "common/river/format.h"

struct river_place
river_place_of(const struct river_expr *expr)
{
	return (struct river_place){ .expr = expr };
}

struct river_place
river_place_element(const struct river_place *parent, size_t index)
{
	return (struct river_place){ .parent = parent, .index = index };
}

struct river_place
river_place_member(const struct river_place *parent, struct river_bytes key)
{
	return (struct river_place){ .parent = parent, .key = key };
}

static const struct river_expr *
nth(const struct river_expr_list *list, size_t index)
{
	const struct river_expr *e = list->first;

	while (e != NULL && index-- > 0)
		e = e->next;
	return e;
}

static const struct river_expr *
keyed(const struct river_expr *object, struct river_bytes key)
{
	const struct river_expr *found = NULL; /* the last one counts */

	for (const struct river_member_expr *m = object->object.first;
	     m != NULL; m = m->next)
		if (m->key_size == key.size &&
		    memcmp(m->key.text, key.data, key.size) == 0)
			found = m->value;
	return found;
}

/* The part of expr that a step of a place leads to, if the text has it. */
static const struct river_expr *
step_into(const struct river_expr *expr, const struct river_place *place)
{
	while (expr->kind == RIVER_EXPR_PAREN)
		expr = expr->inner;
	if (place->key.data == NULL)
		return expr->kind == RIVER_EXPR_ARRAY
			   ? nth(&expr->array, place->index)
			   : NULL;
	return expr->kind == RIVER_EXPR_OBJECT ? keyed(expr, place->key) : NULL;
}

struct location {
	const struct river_expr *expr; /* the innermost that the text has */
	const char *path;              /* from there to the value */
};

static struct location
locate(const struct river_eval *eval, const struct river_place *place)
{
	struct river_arena *arena = eval->arena;
	const struct river_expr *inner = NULL;
	struct location l;

	if (place->parent == NULL)
		return (struct location){ place->expr, "" };
	l = locate(eval, place->parent);
	if (l.path[0] == '\0')
		inner = step_into(l.expr, place);
	if (inner != NULL)
		return (struct location){ inner, "" };
	if (place->key.data == NULL)
		l.path =
		    river_arena_printf(arena, "%s[%zu]", l.path, place->index);
	else if (river_is_identifier(place->key.data, place->key.size))
		l.path =
		    river_arena_printf(arena, "%s.%s", l.path, place->key.data);
	else
		l.path = river_arena_printf(arena, "%s[%s]", l.path,
		    river_quote(arena, place->key.data, place->key.size));
	return l;
}

struct river_range
river_place_range(
    const struct river_eval *eval, const struct river_place *place)
{
	return locate(eval, place).expr->range;
}

int
river_refuse(const struct river_eval *eval, const struct river_place *place,
    const char *fmt, ...)
{
	struct location l = locate(eval, place);
	const char *message;
	va_list ap;

	va_start(ap, fmt);
	message = river_arena_vprintf(eval->arena, fmt, ap);
	va_end(ap);
	river_error(eval->diagnostics, eval->source, l.expr->range, "%s%s %s",
	    river_expr_format(eval->arena, eval->source, l.expr), l.path,
	    message);
	return -EINVAL;
}

int
river_refuse_type(const struct river_eval *eval,
    const struct river_place *place, enum river_type wanted,
    const struct river_value *value)
{
	return river_refuse(eval, place, "should be %s, got %s",
	    river_type_name(wanted), river_type_name(value->type));
}

int
river_to_string(const struct river_eval *eval, const struct river_place *place,
    const struct river_value *value, struct river_bytes *out)
{
	switch (value->type) {
	case RIVER_NULL:
		*out = (struct river_bytes){ "", 0 };
		return 0;
	case RIVER_NUMBER:
		*out = river_number_text(eval->arena, value->number);
		return 0;
	case RIVER_STRING:
		*out = value->string;
		return 0;
	case RIVER_CAPSULE:
		if (value->capsule.type == &river_secret_type)
			return river_refuse(eval, place,
			    "secrets may not be converted into strings");
		/* fall through */
	default:
		return river_refuse_type(eval, place, RIVER_STRING, value);
	}
}

int
river_to_secret(const struct river_eval *eval, const struct river_place *place,
    const struct river_value *value, struct river_bytes *out)
{
	if (value->type == RIVER_NULL) {
		*out = (struct river_bytes){ "", 0 };
		return 0;
	}
	if (value->type == RIVER_STRING) {
		*out = value->string;
		return 0;
	}
	if (value->type != RIVER_CAPSULE)
		return river_refuse_type(eval, place, RIVER_CAPSULE, value);
	if (value->capsule.type != &river_secret_type)
		return river_refuse(eval, place,
		    "expected capsule(\"secret\"), got capsule(\"%s\")",
		    value->capsule.type->name);
	*out = *(struct river_bytes *)value->capsule.data;
	return 0;
}

int
river_to_number(const struct river_eval *eval, const struct river_place *place,
    const struct river_value *value, struct river_number *out)
{
	*out = (struct river_number){ RIVER_INT, { .i = 0 } };
	if (value->type == RIVER_NULL)
		return 0;
	if (value->type == RIVER_NUMBER) {
		*out = value->number;
		return 0;
	}
	if (value->type == RIVER_STRING &&
	    river_number_from_string(value->string, out) == 0)
		return 0;
	return river_refuse_type(eval, place, RIVER_NUMBER, value);
}

int
river_to_capsule(const struct river_eval *eval, const struct river_place *place,
    const struct river_value *value, const struct river_capsule_type *type,
    void **out)
{
	*out = NULL;
	if (value->type == RIVER_NULL)
		return 0;
	if (value->type != RIVER_CAPSULE)
		return river_refuse_type(eval, place, RIVER_CAPSULE, value);
	if (value->capsule.type != type)
		return river_refuse(eval, place,
		    "expected capsule(\"%s\"), got capsule(\"%s\")", type->name,
		    value->capsule.type->name);
	*out = value->capsule.data;
	return 0;
}

int
river_to_array(const struct river_eval *eval, const struct river_place *place,
    const struct river_value **value)
{
	static const struct river_value empty = { .type = RIVER_ARRAY };

	if ((*value)->type == RIVER_NULL)
		*value = &empty;
	return (*value)->type == RIVER_ARRAY
		   ? 0
		   : river_refuse_type(eval, place, RIVER_ARRAY, *value);
}

int
river_to_object(const struct river_eval *eval, const struct river_place *place,
    const struct river_value **value)
{
	static const struct river_value empty = { .type = RIVER_OBJECT };

	if ((*value)->type == RIVER_NULL)
		*value = &empty;
	return (*value)->type == RIVER_OBJECT
		   ? 0
		   : river_refuse_type(eval, place, RIVER_OBJECT, *value);
}
