/* SPDX-License-Identifier: Apache-2.0 */
#include "common/river/schema.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/river/arena.h"
#include "common/river/diagnostics.h"
#include "common/river/eval.h"
#include "common/river/format.h"

struct river_decoder {
	const struct river_eval *eval;
	const struct river_block *component;
	bool failed; /* the first mistake is enough */
};

/* Where a value stands within the value of an attribute. */
struct place {
	const struct place *parent;    /* NULL: it is the attribute's */
	const struct river_expr *expr; /* of the attribute, at the root */
	struct river_bytes key;        /* in an object: data not NULL */
	size_t index;                  /* in an array */
};

static struct place
element(const struct place *parent, size_t index)
{
	return (struct place){ .parent = parent, .index = index };
}

static struct place
member(const struct place *parent, struct river_bytes key)
{
	return (struct place){ .parent = parent, .key = key };
}

static int
refuse(struct river_decoder *d, struct river_range range, const char *fmt,
    va_list ap)
{
	if (!d->failed)
		river_diagnostics_add(d->eval->diagnostics, RIVER_ERROR,
		    d->eval->source, range, fmt, ap);
	d->failed = true;
	return -EINVAL;
}

static int __attribute__((format(printf, 3, 4))) refuse_range(
    struct river_decoder *d, struct river_range range, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	refuse(d, range, fmt, ap);
	va_end(ap);
	return -EINVAL;
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
step_into(const struct river_expr *expr, const struct place *place)
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
locate(struct river_decoder *d, const struct place *place)
{
	struct river_arena *arena = d->eval->arena;
	const struct river_expr *inner = NULL;
	struct location l;

	if (place->parent == NULL)
		return (struct location){ place->expr, "" };
	l = locate(d, place->parent);
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

/* "EXPRESSION MESSAGE" */
static int __attribute__((format(printf, 3, 4))) refuse_value(
    struct river_decoder *d, const struct place *place, const char *fmt, ...)
{
	struct river_arena *arena = d->eval->arena;
	struct location l = locate(d, place);
	const char *message;
	va_list ap;

	va_start(ap, fmt);
	message = river_arena_vprintf(arena, fmt, ap);
	va_end(ap);
	return refuse_range(d, l.expr->range, "%s%s %s",
	    river_expr_format(arena, d->eval->source, l.expr), l.path, message);
}

static int
refuse_type(struct river_decoder *d, const struct place *place,
    enum river_type wanted, const struct river_value *value)
{
	return refuse_value(d, place, "should be %s, got %s",
	    river_type_name(wanted), river_type_name(value->type));
}

static int
as_c_string(struct river_decoder *d, const struct place *place,
    struct river_bytes bytes, const char **out)
{
	if (memchr(bytes.data, '\0', bytes.size) != NULL)
		return refuse_value(d, place, "must not contain a NUL byte");
	*out = bytes.data;
	return 0;
}

static int
to_text(struct river_decoder *d, const struct place *place,
    const struct river_value *value, const char **out)
{
	switch (value->type) {
	case RIVER_NULL:
		*out = "";
		return 0;
	case RIVER_NUMBER:
		*out = river_number_text(d->eval->arena, value->number).data;
		return 0;
	case RIVER_STRING:
		return as_c_string(d, place, value->string, out);
	case RIVER_CAPSULE:
		if (value->capsule.type == &river_secret_type)
			return refuse_value(d, place,
			    "secrets may not be converted into strings");
		/* fall through */
	default:
		return refuse_type(d, place, RIVER_STRING, value);
	}
}

static int
to_secret(struct river_decoder *d, const struct place *place,
    const struct river_value *value, const char **out)
{
	if (value->type == RIVER_NULL) {
		*out = "";
		return 0;
	}
	if (value->type == RIVER_STRING)
		return as_c_string(d, place, value->string, out);
	if (value->type != RIVER_CAPSULE)
		return refuse_type(d, place, RIVER_CAPSULE, value);
	if (value->capsule.type != &river_secret_type)
		return refuse_value(d, place,
		    "expected capsule(\"secret\"), got capsule(\"%s\")",
		    value->capsule.type->name);
	return as_c_string(
	    d, place, *(struct river_bytes *)value->capsule.data, out);
}

static int
to_number(struct river_decoder *d, const struct place *place,
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
	return refuse_type(d, place, RIVER_NUMBER, value);
}

static int
to_capsule(struct river_decoder *d, const struct place *place,
    const struct river_value *value, const struct river_field *field,
    void **out)
{
	*out = NULL;
	if (value->type == RIVER_NULL)
		return 0;
	if (value->type != RIVER_CAPSULE)
		return refuse_type(d, place, RIVER_CAPSULE, value);
	if (value->capsule.type != field->capsule)
		return refuse_value(d, place,
		    "expected capsule(\"%s\"), got capsule(\"%s\")",
		    field->capsule->name, value->capsule.type->name);
	*out = value->capsule.data;
	return 0;
}

/* 0 and an array that is empty for null, or -EINVAL. */
static int
need_array(struct river_decoder *d, const struct place *place,
    const struct river_value **value)
{
	static const struct river_value empty = { .type = RIVER_ARRAY };

	if ((*value)->type == RIVER_NULL)
		*value = &empty;
	return (*value)->type == RIVER_ARRAY
		   ? 0
		   : refuse_type(d, place, RIVER_ARRAY, *value);
}

static int
need_object(struct river_decoder *d, const struct place *place,
    const struct river_value **value)
{
	static const struct river_value empty = { .type = RIVER_OBJECT };

	if ((*value)->type == RIVER_NULL)
		*value = &empty;
	return (*value)->type == RIVER_OBJECT
		   ? 0
		   : refuse_type(d, place, RIVER_OBJECT, *value);
}

typedef int (*text_decoder)(struct river_decoder *d, const struct place *place,
    const struct river_value *value, const char **out);

static int
to_strings(struct river_decoder *d, const struct place *place,
    const struct river_value *value, text_decoder decode,
    struct river_strings *out)
{
	int r = need_array(d, place, &value);

	if (r < 0)
		return r;
	out->count = value->array.count;
	out->item =
	    river_arena_alloc(d->eval->arena, out->count, sizeof(*out->item));
	for (size_t i = 0; i < out->count && r == 0; i++) {
		struct place at = element(place, i);

		r = decode(d, &at, &value->array.items[i], &out->item[i]);
	}
	return r;
}

static int
to_pairs(struct river_decoder *d, const struct place *place,
    const struct river_value *value, struct river_pairs *out)
{
	int r = need_object(d, place, &value);

	if (r < 0)
		return r;
	out->count = value->object.count;
	out->item =
	    river_arena_alloc(d->eval->arena, out->count, sizeof(*out->item));
	for (size_t i = 0; i < out->count && r == 0; i++) {
		const struct river_member *m = &value->object.members[i];
		struct place at = member(place, m->key);

		if ((r = as_c_string(d, &at, m->key, &out->item[i].name)) == 0)
			r = to_text(d, &at, &m->value, &out->item[i].value);
	}
	return r;
}

/*
 * One decoder for each type: a value into the member that the table names.
 */
struct target {
	struct river_decoder *d;
	const struct river_field *field;
	const struct place *place;
	const struct river_value *value;
	void *member;
};

static int
decode_string(const struct target *t)
{
	return to_text(t->d, t->place, t->value, t->member);
}

static int
check_range(const struct target *t, bool duration, int64_t n)
{
	const struct river_field *f = t->field;
	char low[RIVER_DURATION_TEXT], high[RIVER_DURATION_TEXT];

	if ((f->min == 0 && f->max == 0) || (n >= f->min && n <= f->max))
		return 0;
	if (duration) {
		river_duration_text(f->min, low, sizeof(low));
		river_duration_text(f->max, high, sizeof(high));
	} else {
		snprintf(low, sizeof(low), "%" PRId64, f->min);
		snprintf(high, sizeof(high), "%" PRId64, f->max);
	}
	if (f->max == INT64_MAX)
		return refuse_range(t->d, locate(t->d, t->place).expr->range,
		    "%s must be at least %s", f->name, low);
	return refuse_range(t->d, locate(t->d, t->place).expr->range,
	    "%s must be between %s and %s", f->name, low, high);
}

static int
decode_int(const struct target *t)
{
	struct river_number number;
	int r = to_number(t->d, t->place, t->value, &number);

	if (r < 0)
		return r;
	*(int64_t *)t->member = river_number_int(number);
	return check_range(t, false, *(int64_t *)t->member);
}

static int
decode_uint(const struct target *t)
{
	struct river_number number;
	int r = to_number(t->d, t->place, t->value, &number);
	uint64_t u = 0;

	if (r < 0)
		return r;
	*(uint64_t *)t->member = u = river_number_uint(number);
	return check_range(t, false, u > INT64_MAX ? INT64_MAX : (int64_t)u);
}

static int
decode_float(const struct target *t)
{
	struct river_number number;
	int r = to_number(t->d, t->place, t->value, &number);

	if (r == 0)
		*(double *)t->member = river_number_float(number);
	return r;
}

static int
decode_bool(const struct target *t)
{
	if (t->value->type != RIVER_BOOL && t->value->type != RIVER_NULL)
		return refuse_type(t->d, t->place, RIVER_BOOL, t->value);
	*(bool *)t->member = t->value->type == RIVER_BOOL && t->value->boolean;
	return 0;
}

static int
decode_duration(const struct target *t)
{
	int64_t *ns = t->member;
	const char *text, *wrong;
	int r;

	if (t->value->type == RIVER_NULL) {
		*ns = 0;
		return check_range(t, true, 0);
	}
	if ((r = to_text(t->d, t->place, t->value, &text)) < 0)
		return r;
	wrong = river_duration_parse(t->d->eval->arena, text, strlen(text), ns);
	if (wrong != NULL)
		return refuse_value(t->d, t->place, "%s", wrong);
	return check_range(t, true, *ns);
}

static int
decode_secret(const struct target *t)
{
	return to_secret(t->d, t->place, t->value, t->member);
}

static int
decode_strings(const struct target *t)
{
	return to_strings(t->d, t->place, t->value, to_text, t->member);
}

static int
decode_map(const struct target *t)
{
	return to_pairs(t->d, t->place, t->value, t->member);
}

static int
decode_targets(const struct target *t)
{
	struct river_targets *out = t->member;
	const struct river_value *value = t->value;
	int r = need_array(t->d, t->place, &value);

	if (r < 0)
		return r;
	out->count = value->array.count;
	out->item = river_arena_alloc(
	    t->d->eval->arena, out->count, sizeof(*out->item));
	for (size_t i = 0; i < out->count && r == 0; i++) {
		struct place at = element(t->place, i);

		r = to_pairs(t->d, &at, &value->array.items[i], &out->item[i]);
	}
	return r;
}

static int
decode_secrets(const struct target *t)
{
	struct river_multimap *out = t->member;
	const struct river_value *value = t->value;
	int r = need_object(t->d, t->place, &value);

	if (r < 0)
		return r;
	out->count = value->object.count;
	out->item = river_arena_alloc(
	    t->d->eval->arena, out->count, sizeof(*out->item));
	for (size_t i = 0; i < out->count && r == 0; i++) {
		const struct river_member *m = &value->object.members[i];
		struct place at = member(t->place, m->key);

		r = as_c_string(t->d, &at, m->key, &out->item[i].name);
		if (r == 0)
			r = to_strings(t->d, &at, &m->value, to_secret,
			    &out->item[i].values);
	}
	return r;
}

static int
decode_capsule(const struct target *t)
{
	return to_capsule(t->d, t->place, t->value, t->field, t->member);
}

static int
decode_capsules(const struct target *t)
{
	struct river_capsules *out = t->member;
	const struct river_value *value = t->value;
	int r = need_array(t->d, t->place, &value);

	if (r < 0)
		return r;
	out->count = value->array.count;
	out->item = river_arena_alloc(
	    t->d->eval->arena, out->count, sizeof(*out->item));
	for (size_t i = 0; i < out->count && r == 0; i++) {
		struct place at = element(t->place, i);

		r = to_capsule(
		    t->d, &at, &value->array.items[i], t->field, &out->item[i]);
	}
	return r;
}

static int
decode_value(const struct target *t)
{
	*(struct river_value *)t->member = *t->value;
	return 0;
}

static int (*const decoders[RIVER_FIELD_TYPES])(const struct target *t) = {
	[RIVER_FIELD_STRING] = decode_string,
	[RIVER_FIELD_INT] = decode_int,
	[RIVER_FIELD_UINT] = decode_uint,
	[RIVER_FIELD_FLOAT] = decode_float,
	[RIVER_FIELD_BOOL] = decode_bool,
	[RIVER_FIELD_DURATION] = decode_duration,
	[RIVER_FIELD_SECRET] = decode_secret,
	[RIVER_FIELD_STRINGS] = decode_strings,
	[RIVER_FIELD_MAP] = decode_map,
	[RIVER_FIELD_TARGETS] = decode_targets,
	[RIVER_FIELD_SECRETS] = decode_secrets,
	[RIVER_FIELD_CAPSULE] = decode_capsule,
	[RIVER_FIELD_CAPSULES] = decode_capsules,
	[RIVER_FIELD_VALUE] = decode_value,
};

static bool
is_block_field(const struct river_field *field)
{
	return field->type == RIVER_FIELD_BLOCK ||
	       field->type == RIVER_FIELD_BLOCKS;
}

/* One block being decoded. */
struct body {
	struct river_decoder *d;
	const struct river_schema *schema;
	const struct river_block *block;
	char *args;
	const struct river_statement **seen; /* the first of each field */
};

static int decode_block(struct river_decoder *d,
    const struct river_schema *schema, const struct river_block *block,
    void *args);

static const struct river_field *
find_field(const struct river_schema *schema, const char *name)
{
	for (const struct river_field *f = schema->fields; f->name != NULL; f++)
		if (strcmp(f->name, name) == 0)
			return f;
	return NULL;
}

static int
decode_attribute(struct body *b, const struct river_statement *s)
{
	const struct river_attribute *a = &s->attribute;
	const struct river_field *f = find_field(b->schema, a->name.text);
	struct place place = { .expr = a->value };
	struct river_value value;
	struct target target;
	const char *wrong;
	int r;

	if (f == NULL)
		return refuse_range(b->d, s->range,
		    "unrecognized attribute name \"%s\"", a->name.text);
	if (is_block_field(f))
		return refuse_range(b->d, s->range,
		    "\"%s\" must be a block, but is used as an attribute",
		    f->name);
	if (b->seen[f - b->schema->fields] != NULL)
		return refuse_range(b->d, s->range,
		    "attribute \"%s\" may only be provided once", f->name);
	b->seen[f - b->schema->fields] = s;
	if ((r = river_evaluate(b->d->eval, a->value, &value)) < 0) {
		b->d->failed = true;
		return r;
	}
	target =
	    (struct target){ b->d, f, &place, &value, b->args + f->offset };
	if ((r = decoders[f->type](&target)) < 0 || f->check == NULL)
		return r;
	wrong = f->check(b->d, b->args + f->offset);
	if (wrong != NULL)
		return refuse_range(b->d, a->value->range, "%s", wrong);
	return b->d->failed ? -EINVAL : 0;
}

/* How many blocks of that name there are from s on. */
static size_t
count_blocks(const struct river_statement *s, const char *name)
{
	size_t count = 0;

	for (; s != NULL; s = s->next)
		count += s->is_block && strcmp(s->block.name.text, name) == 0;
	return count;
}

/* Where the struct of this block goes; NULL and a diagnostic. */
static void *
block_place(struct body *b, const struct river_field *f,
    const struct river_statement *s)
{
	const struct river_statement **seen = &b->seen[f - b->schema->fields];
	struct river_arena *arena = b->d->eval->arena;
	struct river_blocks *blocks = (void *)(b->args + f->offset);

	if (f->type == RIVER_FIELD_BLOCKS) {
		if (*seen == NULL)
			blocks->item = river_arena_alloc(
			    arena, count_blocks(s, f->name), f->block->size);
		*seen = s;
		return (char *)blocks->item + blocks->count++ * f->block->size;
	}
	if (*seen != NULL) {
		refuse_range(b->d, (*seen)->range,
		    "block \"%s\" may only be specified once", f->name);
		return NULL;
	}
	*seen = s;
	return *(void **)(b->args + f->offset) =
		   river_arena_alloc(arena, 1, f->block->size);
}

static int
decode_inner(struct body *b, const struct river_statement *s)
{
	const struct river_block *block = &s->block;
	const struct river_field *f = find_field(b->schema, block->name.text);
	struct river_range head = { block->range.start, block->open };
	bool labelled = block->label.text[0] != '\0';
	void *args;

	if (f == NULL)
		return refuse_range(b->d, s->range,
		    "unrecognized block name \"%s\"", block->name.text);
	if (!is_block_field(f))
		return refuse_range(b->d, s->range,
		    "\"%s\" must be an attribute, but is used as a block",
		    f->name);
	if (labelled && !(f->flags & RIVER_LABELLED))
		return refuse_range(b->d, head,
		    "block \"%s\" does not support specifying labels", f->name);
	if (!labelled && (f->flags & RIVER_LABELLED))
		return refuse_range(b->d, head,
		    "block \"%s\" requires non-empty label", f->name);
	args = block_place(b, f, s);
	if (args == NULL)
		return -EINVAL;
	return decode_block(b->d, f->block, block, args);
}

static int
check_required(struct body *b)
{
	for (const struct river_field *f = b->schema->fields; f->name != NULL;
	     f++) {
		if (!(f->flags & RIVER_REQUIRED) ||
		    b->seen[f - b->schema->fields] != NULL)
			continue;
		river_decoder_refuse(b->d, "missing required %s \"%s\"",
		    is_block_field(f) ? "block" : "attribute", f->name);
		return -EINVAL;
	}
	return 0;
}

static int
decode_block(struct river_decoder *d, const struct river_schema *schema,
    const struct river_block *block, void *args)
{
	struct body b = { d, schema, block, args, NULL };
	size_t fields = 0;
	int r = 0;

	while (schema->fields[fields].name != NULL)
		fields++;
	b.seen = river_arena_alloc(d->eval->arena, fields, sizeof(*b.seen));
	if (schema->defaults != NULL)
		memcpy(args, schema->defaults, schema->size);
	else
		memset(args, 0, schema->size);
	*(const struct river_block **)args = block;
	for (const struct river_statement *s = block->body.first;
	     s != NULL && r == 0; s = s->next)
		r = s->is_block ? decode_inner(&b, s) : decode_attribute(&b, s);
	if (r < 0 || (r = check_required(&b)) < 0 || schema->check == NULL)
		return r;
	schema->check(d, args);
	return d->failed ? -EINVAL : 0;
}

int
river_decode(const struct river_schema *schema, const struct river_block *block,
    const struct river_eval *eval, void *args)
{
	struct river_decoder d = { eval, block, false };

	return decode_block(&d, schema, block, args);
}

const char *
river_decoder_printf(struct river_decoder *d, const char *fmt, ...)
{
	const char *text;
	va_list ap;

	va_start(ap, fmt);
	text = river_arena_vprintf(d->eval->arena, fmt, ap);
	va_end(ap);
	return text;
}

void
river_decoder_refuse(struct river_decoder *d, const char *fmt, ...)
{
	const char *text;
	va_list ap;

	va_start(ap, fmt);
	text = river_arena_vprintf(d->eval->arena, fmt, ap);
	va_end(ap);
	refuse_range(d, d->component->range,
	    "Failed to build component: decoding River: %s", text);
}

void
river_decoder_refuse_at(struct river_decoder *d,
    const struct river_block *block, const char *name, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	refuse(d, river_value_range(block, name), fmt, ap);
	va_end(ap);
}

struct river_range
river_value_range(const struct river_block *block, const char *name)
{
	const struct river_attribute *a =
	    river_body_attribute(&block->body, name);

	return a != NULL ? a->value->range : block->range;
}
