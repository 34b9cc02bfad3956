/* SPDX-License-Identifier: Apache-2.0 */
#include "common/river/schema.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/river/arena.h"
#include "common/river/convert.h"
#include "common/river/diagnostics.h"
#include "common/river/eval.h"
#include "common/river/format.h"

struct river_decoder {
	const struct river_eval *eval;
	const struct river_block *component;
	bool failed; /* the first mistake is enough */
};

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

static int
as_c_string(struct river_decoder *d, const struct river_place *place,
    struct river_bytes bytes, const char **out)
{
	if (memchr(bytes.data, '\0', bytes.size) != NULL)
		return river_refuse(
		    d->eval, place, "must not contain a NUL byte");
	*out = bytes.data;
	return 0;
}

static int
to_text(struct river_decoder *d, const struct river_place *place,
    const struct river_value *value, const char **out)
{
	struct river_bytes bytes;
	int r = river_to_string(d->eval, place, value, &bytes);

	return r < 0 ? r : as_c_string(d, place, bytes, out);
}

static int
to_secret(struct river_decoder *d, const struct river_place *place,
    const struct river_value *value, const char **out)
{
	struct river_bytes bytes;
	int r = river_to_secret(d->eval, place, value, &bytes);

	return r < 0 ? r : as_c_string(d, place, bytes, out);
}

typedef int (*text_decoder)(struct river_decoder *d,
    const struct river_place *place, const struct river_value *value,
    const char **out);

static int
to_strings(struct river_decoder *d, const struct river_place *place,
    const struct river_value *value, text_decoder decode,
    struct river_strings *out)
{
	int r = river_to_array(d->eval, place, &value);

	if (r < 0)
		return r;
	out->count = value->array.count;
	out->item =
	    river_arena_alloc(d->eval->arena, out->count, sizeof(*out->item));
	for (size_t i = 0; i < out->count && r == 0; i++) {
		struct river_place at = river_place_element(place, i);

		r = decode(d, &at, &value->array.items[i], &out->item[i]);
	}
	return r;
}

static int
to_pairs(struct river_decoder *d, const struct river_place *place,
    const struct river_value *value, struct river_pairs *out)
{
	int r = river_to_object(d->eval, place, &value);

	if (r < 0)
		return r;
	out->count = value->object.count;
	out->item =
	    river_arena_alloc(d->eval->arena, out->count, sizeof(*out->item));
	for (size_t i = 0; i < out->count && r == 0; i++) {
		const struct river_member *m = &value->object.members[i];
		struct river_place at = river_place_member(place, m->key);

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
	const struct river_place *place;
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
	struct river_range range;

	if ((f->min == 0 && f->max == 0) || (n >= f->min && n <= f->max))
		return 0;
	if (duration) {
		river_duration_text(f->min, low, sizeof(low));
		river_duration_text(f->max, high, sizeof(high));
	} else {
		snprintf(low, sizeof(low), "%" PRId64, f->min);
		snprintf(high, sizeof(high), "%" PRId64, f->max);
	}
	range = river_place_range(t->d->eval, t->place);
	if (f->max == INT64_MAX)
		return refuse_range(
		    t->d, range, "%s must be at least %s", f->name, low);
	return refuse_range(
	    t->d, range, "%s must be between %s and %s", f->name, low, high);
}

static int
decode_int(const struct target *t)
{
	struct river_number number;
	int r = river_to_number(t->d->eval, t->place, t->value, &number);

	if (r < 0)
		return r;
	*(int64_t *)t->member = river_number_int(number);
	return check_range(t, false, *(int64_t *)t->member);
}

static int
decode_uint(const struct target *t)
{
	struct river_number number;
	int r = river_to_number(t->d->eval, t->place, t->value, &number);
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
	int r = river_to_number(t->d->eval, t->place, t->value, &number);

	if (r == 0)
		*(double *)t->member = river_number_float(number);
	return r;
}

static int
decode_bool(const struct target *t)
{
	if (t->value->type != RIVER_BOOL && t->value->type != RIVER_NULL)
		return river_refuse_type(
		    t->d->eval, t->place, RIVER_BOOL, t->value);
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
		return river_refuse(t->d->eval, t->place, "%s", wrong);
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
	int r = river_to_array(t->d->eval, t->place, &value);

	if (r < 0)
		return r;
	out->count = value->array.count;
	out->item = river_arena_alloc(
	    t->d->eval->arena, out->count, sizeof(*out->item));
	for (size_t i = 0; i < out->count && r == 0; i++) {
		struct river_place at = river_place_element(t->place, i);

		r = to_pairs(t->d, &at, &value->array.items[i], &out->item[i]);
	}
	return r;
}

static int
decode_secrets(const struct target *t)
{
	struct river_multimap *out = t->member;
	const struct river_value *value = t->value;
	int r = river_to_object(t->d->eval, t->place, &value);

	if (r < 0)
		return r;
	out->count = value->object.count;
	out->item = river_arena_alloc(
	    t->d->eval->arena, out->count, sizeof(*out->item));
	for (size_t i = 0; i < out->count && r == 0; i++) {
		const struct river_member *m = &value->object.members[i];
		struct river_place at = river_place_member(t->place, m->key);

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
	return river_to_capsule(
	    t->d->eval, t->place, t->value, t->field->capsule, t->member);
}

static int
decode_capsules(const struct target *t)
{
	struct river_capsules *out = t->member;
	const struct river_value *value = t->value;
	int r = river_to_array(t->d->eval, t->place, &value);

	if (r < 0)
		return r;
	out->count = value->array.count;
	out->item = river_arena_alloc(
	    t->d->eval->arena, out->count, sizeof(*out->item));
	for (size_t i = 0; i < out->count && r == 0; i++) {
		struct river_place at = river_place_element(t->place, i);

		r = river_to_capsule(t->d->eval, &at, &value->array.items[i],
		    t->field->capsule, &out->item[i]);
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

/* What the field's own check says of the decoded value. */
static int
check_member(const struct target *t)
{
	const struct river_field *f = t->field;
	const char *wrong;

	if (f->check == NULL)
		return 0;
	if ((f->flags & RIVER_TEXT) && t->value->type == RIVER_NULL)
		return 0;
	wrong = f->check(t->d, t->member);
	if (wrong != NULL && (f->flags & RIVER_TEXT)) {
		t->d->failed = true;
		return river_refuse(t->d->eval, t->place, "%s", wrong);
	}
	if (wrong != NULL)
		return refuse_range(t->d, t->place->expr->range, "%s", wrong);
	return t->d->failed ? -EINVAL : 0;
}

static int
decode_attribute(struct body *b, const struct river_statement *s)
{
	const struct river_attribute *a = &s->attribute;
	const struct river_field *f = find_field(b->schema, a->name.text);
	struct river_place place = river_place_of(a->value);
	struct river_value value;
	struct target target;
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
	if ((r = decoders[f->type](&target)) < 0)
		b->d->failed = true;
	return r < 0 ? r : check_member(&target);
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

const char *
river_decoder_quote(struct river_decoder *d, const char *text)
{
	return river_quote(d->eval->arena, text, strlen(text));
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

void
river_decoder_warn_at(struct river_decoder *d, const struct river_block *block,
    const char *name, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	river_diagnostics_add(d->eval->diagnostics, RIVER_WARNING,
	    d->eval->source, river_value_range(block, name), fmt, ap);
	va_end(ap);
}

struct river_range
river_value_range(const struct river_block *block, const char *name)
{
	const struct river_attribute *a =
	    river_body_attribute(&block->body, name);

	return a != NULL ? a->value->range : block->range;
}
