/* SPDX-License-Identifier: Apache-2.0 */
#include "common/river/eval.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/river/arena.h"
#include "common/river/ast.h"
#include "common/river/convert.h"
#include "common/river/diagnostics.h"
#include "common/river/format.h"
#include "common/river/operators.h"
#include "common/river/stdlib.h"

size_t
river_eval_left(const struct river_eval *eval)
{
	size_t limit = eval->limit > 0 ? eval->limit : RIVER_MAX_VALUE_BYTES;
	size_t used = river_arena_used(eval->arena);

	return used < limit ? limit - used : 0;
}

void *
river_eval_alloc(const struct river_eval *eval, size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes) ||
	    bytes > river_eval_left(eval))
		return NULL;
	return river_arena_alloc(eval->arena, bytes, 1);
}

static int
refuse_size(const struct river_eval *eval, const struct river_expr *expr)
{
	river_error(eval->diagnostics, eval->source, expr->range, "%s",
	    RIVER_TOO_LARGE);
	return -EINVAL;
}

static const char *
shown(const struct river_eval *eval, const struct river_expr *expr)
{
	return river_expr_format(eval->arena, eval->source, expr);
}

static int
eval_number(const struct river_eval *eval, const struct river_expr *expr,
    const char *text, size_t size, struct river_value *value)
{
	value->type = RIVER_NUMBER;
	if (river_number_parse(text, size, &value->number) == 0)
		return 0;
	river_error(eval->diagnostics, eval->source, expr->range,
	    "number %s is out of range", shown(eval, expr));
	return -EINVAL;
}

static int
eval_literal(const struct river_eval *eval, const struct river_expr *expr,
    struct river_value *value)
{
	const char *text = eval->source->text + expr->range.start;
	size_t size = expr->range.end - expr->range.start + 1;

	switch (expr->literal) {
	case RIVER_TOKEN_NUMBER:
	case RIVER_TOKEN_FLOAT:
		return eval_number(eval, expr, text, size, value);
	case RIVER_TOKEN_STRING:
		value->type = RIVER_STRING;
		value->string.data = river_string_value(
		    eval->arena, text, size, &value->string.size);
		return 0;
	case RIVER_TOKEN_BOOL:
		*value = river_value_bool(text[0] == 't');
		return 0;
	default:
		*value = RIVER_VALUE_NULL;
		return 0;
	}
}

static int
eval_array(const struct river_eval *eval, const struct river_expr *expr,
    struct river_value *value)
{
	struct river_value *items =
	    river_eval_alloc(eval, expr->array.count, sizeof(*items));
	const struct river_expr *e = expr->array.first;
	int r = 0;

	if (items == NULL)
		return refuse_size(eval, expr);
	for (size_t i = 0; e != NULL && r == 0; e = e->next)
		r = river_evaluate(eval, e, &items[i++]);
	value->type = RIVER_ARRAY;
	value->array.items = items;
	value->array.count = expr->array.count;
	return r;
}

static int
eval_object(const struct river_eval *eval, const struct river_expr *expr,
    struct river_value *value)
{
	struct river_member *members =
	    river_eval_alloc(eval, expr->object.count, sizeof(*members));
	const struct river_member_expr *m = expr->object.first;
	int r;

	if (members == NULL)
		return refuse_size(eval, expr);
	for (size_t i = 0; m != NULL; m = m->next, i++) {
		members[i].key.data =
		    river_arena_copy(eval->arena, m->key.text, m->key_size);
		members[i].key.size = m->key_size;
		r = river_evaluate(eval, m->value, &members[i].value);
		if (r < 0)
			return r;
	}
	*value = river_value_object(eval->arena, members, expr->object.count);
	return 0;
}

/* expr's field name of the value of "of". */
static int
get_field(const struct river_eval *eval, const struct river_expr *of,
    const struct river_ident *name, struct river_value *value)
{
	const struct river_value *field;

	if (value->type != RIVER_OBJECT) {
		river_error(eval->diagnostics, eval->source, of->range,
		    "%s cannot access field \"%s\" on value of type %s",
		    shown(eval, of), name->text, river_type_name(value->type));
		return -EINVAL;
	}
	field = river_object_find(value, name->text, strlen(name->text));
	if (field == NULL) {
		river_error(eval->diagnostics, eval->source, name->range,
		    "field \"%s\" does not exist", name->text);
		return -EINVAL;
	}
	*value = *field;
	return 0;
}

/* How many names expr has if it is nothing but a chain, a.b.c; else 0. */
static size_t
chain_length(const struct river_expr *expr)
{
	size_t n = 1;

	for (; expr->kind == RIVER_EXPR_ACCESS; expr = expr->access.value)
		n++;
	return expr->kind == RIVER_EXPR_IDENT ? n : 0;
}

/* The n names of the chain expr. */
static void
chain_names(const struct river_expr *expr, size_t n, struct river_ident *names)
{
	for (; expr->kind == RIVER_EXPR_ACCESS; expr = expr->access.value)
		names[--n] = expr->access.name;
	names[0] = (struct river_ident){ expr->ident, expr->range };
}

static int
eval_chain(const struct river_eval *eval, const struct river_expr *expr,
    size_t count, struct river_value *value)
{
	struct river_ident *names =
	    river_arena_alloc(eval->arena, count, sizeof(*names));
	const struct river_scope *scope = eval->scope;
	size_t used = 0;
	int r = 0;

	chain_names(expr, count, names);
	if (scope != NULL)
		used = scope->lookup(scope->arg, names, count, value);
	if (used == 0 && river_stdlib_find(eval->arena, names[0].text, value))
		used = 1;
	if (used == 0) {
		river_error(eval->diagnostics, eval->source, names[0].range,
		    "identifier \"%s\" does not exist", names[0].text);
		return -EINVAL;
	}
	for (; used < count && r == 0; used++) {
		const struct river_expr *of = expr;

		/* what names[used] is a field of */
		for (size_t n = count; n > used; n--)
			of = of->access.value;
		r = get_field(eval, of, &names[used], value);
	}
	return r;
}

/* An identifier or an access. */
static int
eval_name(const struct river_eval *eval, const struct river_expr *expr,
    struct river_value *value)
{
	size_t count = chain_length(expr);
	int r;

	if (count > 0)
		return eval_chain(eval, expr, count, value);
	r = river_evaluate(eval, expr->access.value, value);
	if (r < 0)
		return r;
	return get_field(eval, expr->access.value, &expr->access.name, value);
}

static int
eval_paren(const struct river_eval *eval, const struct river_expr *expr,
    struct river_value *value)
{
	return river_evaluate(eval, expr->inner, value);
}

static int
index_array(const struct river_eval *eval, const struct river_place *place,
    const struct river_value *array, const struct river_value *index,
    struct river_value *value)
{
	int64_t i;

	if (index->type != RIVER_NUMBER)
		return river_refuse_type(eval, place, RIVER_NUMBER, index);
	i = river_number_int(index->number);
	if (i < 0 || (uint64_t)i >= array->array.count)
		return river_refuse(eval, place,
		    "index %" PRId64 " is out of range of array with "
		    "length %zu",
		    i, array->array.count);
	*value = array->array.items[i];
	return 0;
}

/* A key that is not there gives null. */
static int
index_object(const struct river_eval *eval, const struct river_place *place,
    const struct river_value *object, const struct river_value *index,
    struct river_value *value)
{
	const struct river_value *field;

	if (index->type != RIVER_STRING)
		return river_refuse_type(eval, place, RIVER_STRING, index);
	field =
	    river_object_find(object, index->string.data, index->string.size);
	*value = field != NULL ? *field : RIVER_VALUE_NULL;
	return 0;
}

static int
eval_index(const struct river_eval *eval, const struct river_expr *expr,
    struct river_value *value)
{
	struct river_place place = river_place_of(expr->index.index);
	struct river_place whole = river_place_of(expr->index.value);
	struct river_value of, index;
	int r;

	if ((r = river_evaluate(eval, expr->index.value, &of)) < 0 ||
	    (r = river_evaluate(eval, expr->index.index, &index)) < 0)
		return r;
	if (of.type == RIVER_ARRAY)
		return index_array(eval, &place, &of, &index, value);
	if (of.type == RIVER_OBJECT)
		return index_object(eval, &place, &of, &index, value);
	return river_refuse(eval, &whole, "expected object or array, got %s",
	    river_type_name(of.type));
}

static int
eval_call(const struct river_eval *eval, const struct river_expr *expr,
    struct river_value *value)
{
	const struct river_expr *e = expr->call.args.first;
	struct river_place place = river_place_of(expr->call.callee);
	struct river_value callee, *args;
	int r = river_evaluate(eval, expr->call.callee, &callee);

	if (r < 0)
		return r;
	if (callee.type != RIVER_FUNCTION)
		return river_refuse_type(eval, &place, RIVER_FUNCTION, &callee);
	args = river_eval_alloc(eval, expr->call.args.count, sizeof(*args));
	if (args == NULL)
		return refuse_size(eval, expr);
	for (size_t i = 0; e != NULL && r == 0; e = e->next)
		r = river_evaluate(eval, e, &args[i++]);
	return r < 0 ? r
		     : river_stdlib_call(
			   eval, expr, callee.function, args, value);
}

static int
eval_unary(const struct river_eval *eval, const struct river_expr *expr,
    struct river_value *value)
{
	struct river_value operand;
	int r = river_evaluate(eval, expr->unary.value, &operand);

	return r < 0 ? r : river_operate_unary(eval, expr, &operand, value);
}

/* Both sides, whatever the first one says. */
static int
eval_binary(const struct river_eval *eval, const struct river_expr *expr,
    struct river_value *value)
{
	struct river_value left, right;
	int r;

	if ((r = river_evaluate(eval, expr->binary.left, &left)) < 0 ||
	    (r = river_evaluate(eval, expr->binary.right, &right)) < 0)
		return r;
	return river_operate_binary(eval, expr, &left, &right, value);
}

static int (*const evaluators[RIVER_EXPR_KINDS])(const struct river_eval *eval,
    const struct river_expr *expr, struct river_value *value) = {
	[RIVER_EXPR_LITERAL] = eval_literal,
	[RIVER_EXPR_IDENT] = eval_name,
	[RIVER_EXPR_ARRAY] = eval_array,
	[RIVER_EXPR_OBJECT] = eval_object,
	[RIVER_EXPR_ACCESS] = eval_name,
	[RIVER_EXPR_INDEX] = eval_index,
	[RIVER_EXPR_CALL] = eval_call,
	[RIVER_EXPR_UNARY] = eval_unary,
	[RIVER_EXPR_BINARY] = eval_binary,
	[RIVER_EXPR_PAREN] = eval_paren,
};

int
river_evaluate(const struct river_eval *eval, const struct river_expr *expr,
    struct river_value *value)
{
	if (river_eval_left(eval) == 0)
		return refuse_size(eval, expr);
	return evaluators[expr->kind](eval, expr, value);
}

struct visit {
	void (*fn)(void *arg, const struct river_ident *names, size_t count);
	void *arg;
};

static void visit_references(
    const struct river_expr *expr, const struct visit *visit);

static void
visit_list(const struct river_expr_list *list, const struct visit *visit)
{
	for (const struct river_expr *e = list->first; e != NULL; e = e->next)
		visit_references(e, visit);
}

static void
visit_chain(const struct river_expr *expr, const struct visit *visit)
{
	size_t count = chain_length(expr);
	struct river_ident *names;

	if (count == 0) {
		visit_references(expr->access.value, visit);
		return;
	}
	names = ecalloc(count, sizeof(*names));
	chain_names(expr, count, names);
	visit->fn(visit->arg, names, count);
	free(names);
}

static void
visit_references(const struct river_expr *expr, const struct visit *visit)
{
	switch (expr->kind) {
	case RIVER_EXPR_IDENT:
	case RIVER_EXPR_ACCESS:
		visit_chain(expr, visit);
		break;
	case RIVER_EXPR_ARRAY:
		visit_list(&expr->array, visit);
		break;
	case RIVER_EXPR_OBJECT:
		for (const struct river_member_expr *m = expr->object.first;
		     m != NULL; m = m->next)
			visit_references(m->value, visit);
		break;
	case RIVER_EXPR_INDEX:
		visit_references(expr->index.value, visit);
		visit_references(expr->index.index, visit);
		break;
	case RIVER_EXPR_CALL:
		visit_references(expr->call.callee, visit);
		visit_list(&expr->call.args, visit);
		break;
	case RIVER_EXPR_UNARY:
		visit_references(expr->unary.value, visit);
		break;
	case RIVER_EXPR_BINARY:
		visit_references(expr->binary.left, visit);
		visit_references(expr->binary.right, visit);
		break;
	case RIVER_EXPR_PAREN:
		visit_references(expr->inner, visit);
		break;
	default:
		break;
	}
}

void
river_expr_references(const struct river_expr *expr,
    void (*fn)(void *arg, const struct river_ident *names, size_t count),
    void *arg)
{
	visit_references(expr, &(struct visit){ fn, arg });
}
