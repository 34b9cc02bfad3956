/* SPDX-License-Identifier: Apache-2.0 */
#include "common/river/json_path.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/river/arena.h"
#include "common/river/eval.h"
#include "common/river/operators.h"

/* Values that a path may come by; ".." over and over has no end else. */
#define MAX_VISITS 2000000

/* Values of a document, which are not copied. */
struct nodes {
	const struct river_value **item;
	size_t count, room;
};

struct search {
	const struct river_value *document;
	struct river_arena *scratch; /* for values that filters compute */
	size_t visits;
	bool too_many;
};

/* What an expression of a filter gives: one value, none, or those of a path. */
struct result {
	struct nodes nodes;
	bool path; /* whether it exists is what counts */
};

static void follow(struct search *s, const struct json_step *steps,
    const struct river_value *from, struct nodes *out);

/* One visit more. */
static bool
go_on(struct search *s)
{
	if (++s->visits > MAX_VISITS)
		s->too_many = true;
	return !s->too_many;
}

static void
append(struct search *s, struct nodes *nodes, const struct river_value *value)
{
	if (!go_on(s))
		return;
	if (nodes->count == nodes->room) {
		nodes->room = nodes->room > 0 ? 2 * nodes->room : 4;
		nodes->item =
		    erealloc(nodes->item, nodes->room, sizeof(*nodes->item));
	}
	nodes->item[nodes->count++] = value;
}

/* How many values are right below one. */
static size_t
child_count(const struct river_value *value)
{
	return value->type == RIVER_ARRAY    ? value->array.count
	       : value->type == RIVER_OBJECT ? value->object.count
					     : 0;
}

static const struct river_value *
child_at(const struct river_value *value, size_t i)
{
	return value->type == RIVER_ARRAY ? &value->array.items[i]
					  : &value->object.members[i].value;
}

/* ---- steps: from one value to those that it leads to */

static void
step_child(struct search *s, const struct json_step *step,
    const struct river_value *from, struct nodes *out)
{
	const struct river_value *found;

	if (from->type != RIVER_OBJECT)
		return;
	found = river_object_find(from, step->name.data, step->name.size);
	if (found != NULL)
		append(s, out, found);
}

static void
step_all(struct search *s, const struct json_step *step,
    const struct river_value *from, struct nodes *out)
{
	(void)step;
	for (size_t i = 0; i < child_count(from) && !s->too_many; i++)
		append(s, out, child_at(from, i));
}

static bool
has_children(const struct river_value *value)
{
	return value->type == RIVER_ARRAY || value->type == RIVER_OBJECT;
}

/* Arrays and objects, those within before those around them. */
static void
append_holders(
    struct search *s, const struct river_value *from, struct nodes *out)
{
	if (!has_children(from))
		return;
	for (size_t i = 0; i < child_count(from) && !s->too_many; i++)
		append_holders(s, child_at(from, i), out);
	append(s, out, from);
}

/* All that is below a value, the nearest first. */
static void
append_below(
    struct search *s, const struct river_value *from, struct nodes *out)
{
	step_all(s, NULL, from, out);
	for (size_t i = 0; i < child_count(from) && !s->too_many; i++)
		append_below(s, child_at(from, i), out);
}

static void
step_descent(struct search *s, const struct json_step *step,
    const struct river_value *from, struct nodes *out)
{
	if (step->next != NULL) {
		append_holders(s, from, out);
	} else if (has_children(from)) {
		append_below(s, from, out);
		append(s, out, from);
	}
}

static void
step_index(struct search *s, const struct json_step *step,
    const struct river_value *from, struct nodes *out)
{
	int64_t i = step->index;

	if (from->type != RIVER_ARRAY)
		return;
	if (i < 0)
		i += from->array.count;
	if (i >= 0 && (uint64_t)i < from->array.count)
		append(s, out, &from->array.items[i]);
}

/* A bound of a slice as an index from low to high. */
static int64_t
clamp(bool given, int64_t bound, int64_t otherwise, int64_t count, int64_t low,
    int64_t high)
{
	if (!given)
		return otherwise;
	if (bound < 0)
		bound += count;
	return bound < low ? low : bound > high ? high : bound;
}

static void
step_slice(struct search *s, const struct json_step *step,
    const struct river_value *from, struct nodes *out)
{
	const struct json_slice *p = &step->slice;
	int64_t count, i, end;

	if (from->type != RIVER_ARRAY || p->by == 0)
		return;
	count = from->array.count;
	if (p->by > 0) {
		i = clamp(p->has_start, p->start, 0, count, 0, count);
		end = clamp(p->has_end, p->end, count, count, 0, count);
		for (; i < end && !s->too_many; i += p->by)
			append(s, out, &from->array.items[i]);
	} else {
		i = clamp(
		    p->has_start, p->start, count - 1, count, -1, count - 1);
		end = clamp(p->has_end, p->end, -1, count, -1, count - 1);
		for (; i > end && !s->too_many; i += p->by)
			append(s, out, &from->array.items[i]);
	}
}

static void
step_union(struct search *s, const struct json_step *step,
    const struct river_value *from, struct nodes *out)
{
	for (const struct json_step *c = step->choices; c != NULL;
	     c = c->next) {
		if (c->kind == JSON_STEP_CHILD)
			step_child(s, c, from, out);
		else
			step_index(s, c, from, out);
	}
}

/* ---- expressions of filters */

static struct result test(struct search *s, const struct json_test *t,
    const struct river_value *current);

static struct result
one_value(struct search *s, const struct river_value *value)
{
	struct result r = { .path = false };

	append(s, &r.nodes, value);
	return r;
}

static struct result
one_bool(struct search *s, bool b)
{
	static const struct river_value no = { .type = RIVER_BOOL };
	static const struct river_value yes = { .type = RIVER_BOOL,
		.boolean = true };

	return one_value(s, b ? &yes : &no);
}

/* A path is true when it leads to something, whatever that is. */
static bool
is_true(const struct result *r)
{
	if (r->path || r->nodes.count == 0)
		return r->nodes.count > 0;
	return r->nodes.item[0]->type == RIVER_BOOL &&
	       r->nodes.item[0]->boolean;
}

static bool
test_is_true(struct search *s, const struct json_test *t,
    const struct river_value *current)
{
	struct result r = test(s, t, current);
	bool yes = is_true(&r);

	free(r.nodes.item);
	return yes;
}

/* Comparing long strings takes time as well. */
static bool
is_equal(
    struct search *s, const struct river_value *a, const struct river_value *b)
{
	if (has_children(a) || has_children(b))
		return false;
	if (a->type == RIVER_STRING)
		s->visits += a->string.size / 64;
	return river_value_equal(a, b);
}

static bool
holds(struct search *s, enum river_token_kind op, const struct river_value *a,
    const struct river_value *b)
{
	if (op == RIVER_TOKEN_EQ || op == RIVER_TOKEN_NEQ)
		return is_equal(s, a, b) == (op == RIVER_TOKEN_EQ);
	if (a->type == RIVER_NUMBER && b->type == RIVER_NUMBER)
		return river_order_holds(
		    op, river_number_order(a->number, b->number));
	if (a->type != RIVER_STRING || b->type != RIVER_STRING)
		return false;
	s->visits += a->string.size / 64;
	return river_order_holds(op, river_bytes_order(a->string, b->string));
}

/* Nothing is equal to nothing and to no value. */
static bool
holds_for_nothing(
    enum river_token_kind op, const struct nodes *a, const struct nodes *b)
{
	bool same = a->count == b->count;

	return op == RIVER_TOKEN_EQ ? same : op == RIVER_TOKEN_NEQ && !same;
}

/* Whether there is a pair for which it holds. */
static bool
compare(struct search *s, enum river_token_kind op, const struct nodes *a,
    const struct nodes *b)
{
	if (a->count == 0 || b->count == 0)
		return holds_for_nothing(op, a, b);
	for (size_t i = 0; i < a->count; i++)
		for (size_t j = 0; j < b->count && go_on(s); j++)
			if (holds(s, op, a->item[i], b->item[j]))
				return true;
	return false;
}

/* Of the first value of each; what cannot be computed is nothing. */
static struct result
compute(struct search *s, enum river_token_kind op, const struct nodes *a,
    const struct nodes *b)
{
	struct river_value *value;

	if (a->count == 0 || a->item[0]->type != RIVER_NUMBER ||
	    b->count == 0 || b->item[0]->type != RIVER_NUMBER)
		return (struct result){ 0 };
	value = river_arena_alloc(s->scratch, 1, sizeof(*value));
	value->type = RIVER_NUMBER;
	if (river_calculate(op, a->item[0]->number, b->item[0]->number,
		&value->number) != NULL)
		return (struct result){ 0 };
	return one_value(s, value);
}

static bool
is_in(struct search *s, const struct nodes *a, const struct nodes *list)
{
	if (a->count == 0 || list->count == 0)
		return false;
	for (size_t i = 0; i < child_count(list->item[0]) && go_on(s); i++)
		if (is_equal(s, a->item[0], child_at(list->item[0], i)))
			return true;
	return false;
}

/* The length of a string is in bytes; -1: it has none. */
static int64_t
length(const struct nodes *a)
{
	const struct river_value *value;

	if (a->count == 0)
		return -1;
	value = a->item[0];
	if (value->type == RIVER_STRING)
		return value->string.size;
	if (value->type == RIVER_ARRAY || value->type == RIVER_OBJECT)
		return child_count(value);
	return -1;
}

static struct result
one_int(struct search *s, int64_t n)
{
	struct river_value *value =
	    river_arena_alloc(s->scratch, 1, sizeof(*value));

	*value = river_value_int(n);
	return n < 0 ? (struct result){ 0 } : one_value(s, value);
}

/* What is made of the values of both sides. */
static struct result
combine(struct search *s, const struct json_test *t, const struct nodes *a,
    const struct nodes *b)
{
	bool wanted = b->count > 0 && b->item[0]->type == RIVER_BOOL &&
		      b->item[0]->boolean;

	switch (t->kind) {
	case JSON_TEST_COMPARE:
		return one_bool(s, compare(s, t->op, a, b));
	case JSON_TEST_COMPUTE:
		return compute(s, t->op, a, b);
	case JSON_TEST_IN:
		return one_bool(s, is_in(s, a, b));
	case JSON_TEST_EMPTY:
		return one_bool(
		    s, length(a) >= 0 && (length(a) == 0) == wanted);
	case JSON_TEST_HAS:
		return one_bool(s, (a->count > 0) == wanted);
	case JSON_TEST_LENGTH:
		return one_int(s, length(a));
	default: /* JSON_TEST_COUNT */
		return one_int(s, a->count);
	}
}

static struct result
test_sides(struct search *s, const struct json_test *t,
    const struct river_value *current)
{
	struct result a = test(s, t->left, current), b = { 0 }, r;

	if (t->right != NULL)
		b = test(s, t->right, current);
	r = combine(s, t, &a.nodes, &b.nodes);
	free(a.nodes.item);
	free(b.nodes.item);
	return r;
}

static struct result
test(struct search *s, const struct json_test *t,
    const struct river_value *current)
{
	struct result r = { 0 };

	switch (t->kind) {
	case JSON_TEST_VALUE:
		return one_value(s, &t->value);
	case JSON_TEST_NOTHING:
		return r;
	case JSON_TEST_PATH:
		r.path = true;
		follow(s, t->path, current, &r.nodes);
		return r;
	case JSON_TEST_NOT:
		return one_bool(s, !test_is_true(s, t->left, current));
	case JSON_TEST_AND:
		return one_bool(s, test_is_true(s, t->left, current) &&
				       test_is_true(s, t->right, current));
	case JSON_TEST_OR:
		return one_bool(s, test_is_true(s, t->left, current) ||
				       test_is_true(s, t->right, current));
	default:
		return test_sides(s, t, current);
	}
}

static void
step_filter(struct search *s, const struct json_step *step,
    const struct river_value *from, struct nodes *out)
{
	for (size_t i = 0; i < child_count(from) && !s->too_many; i++)
		if (test_is_true(s, step->test, child_at(from, i)))
			append(s, out, child_at(from, i));
}

static void
step_root(struct search *s, const struct json_step *step,
    const struct river_value *from, struct nodes *out)
{
	(void)step;
	(void)from;
	append(s, out, s->document);
}

static void
step_current(struct search *s, const struct json_step *step,
    const struct river_value *from, struct nodes *out)
{
	(void)step;
	append(s, out, from);
}

static void (*const steppers[JSON_STEP_KINDS])(struct search *s,
    const struct json_step *step, const struct river_value *from,
    struct nodes *out) = {
	[JSON_STEP_ROOT] = step_root,
	[JSON_STEP_CURRENT] = step_current,
	[JSON_STEP_CHILD] = step_child,
	[JSON_STEP_ALL] = step_all,
	[JSON_STEP_DESCENT] = step_descent,
	[JSON_STEP_INDEX] = step_index,
	[JSON_STEP_SLICE] = step_slice,
	[JSON_STEP_UNION] = step_union,
	[JSON_STEP_FILTER] = step_filter,
};

static void
follow(struct search *s, const struct json_step *steps,
    const struct river_value *from, struct nodes *out)
{
	struct nodes now = { 0 }, next;

	append(s, &now, from);
	for (const struct json_step *step = steps; step != NULL;
	     step = step->next) {
		next = (struct nodes){ 0 };
		for (size_t i = 0; i < now.count && !s->too_many; i++)
			steppers[step->kind](s, step, now.item[i], &next);
		free(now.item);
		now = next;
	}
	*out = now;
}

const char *
json_path_get(const struct river_eval *eval, const struct json_step *steps,
    const struct river_value *document, struct river_value *result)
{
	struct search s = { .document = document,
		.scratch = river_arena_new() };
	struct nodes found = { 0 };
	struct river_value *items = NULL;

	follow(&s, steps, document, &found);
	if (!s.too_many)
		items = river_eval_alloc(eval, found.count, sizeof(*items));
	for (size_t i = 0; items != NULL && i < found.count; i++)
		items[i] = *found.item[i];
	result->type = RIVER_ARRAY;
	result->array.items = items;
	result->array.count = found.count;
	free(found.item);
	river_arena_free(s.scratch);
	return items != NULL ? NULL : RIVER_TOO_LARGE;
}
