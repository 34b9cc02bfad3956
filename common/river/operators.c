/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole numbers wrap around as two's complement does. Of two kinds of numbers
 * the result has the wider one: uint, int, float.
 */
#include "common/river/operators.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "common/river/arena.h"
#include "common/river/ast.h"
#include "common/river/convert.h"
#include "common/river/diagnostics.h"
#include "common/river/eval.h"
#include "common/river/value.h"

/* An b at work, on operands of the right types. */
struct operation {
	const struct river_eval *eval;
	enum river_token_kind op;
	const struct river_value *left, *right;
};

/* ---- numbers */

static enum river_number_kind
wider(enum river_number_kind a, enum river_number_kind b)
{
	if (a == RIVER_FLOAT || b == RIVER_FLOAT)
		return RIVER_FLOAT;
	return a == RIVER_INT || b == RIVER_INT ? RIVER_INT : RIVER_UINT;
}

/* The same bits multiply the same way, whatever the sign. */
static uint64_t
whole_power(uint64_t base, uint64_t exponent)
{
	uint64_t power = 1;

	for (; exponent > 0; exponent >>= 1, base *= base)
		if (exponent & 1)
			power *= base;
	return power;
}

/* A negative exponent leaves the base as it is, as upstream has it. */
static uint64_t
int_power(int64_t base, int64_t exponent)
{
	return exponent < 0 ? (uint64_t)base : whole_power(base, exponent);
}

static double
float_result(enum river_token_kind op, double a, double b)
{
	switch (op) {
	case RIVER_TOKEN_ADD:
		return a + b;
	case RIVER_TOKEN_SUB:
		return a - b;
	case RIVER_TOKEN_MUL:
		return a * b;
	case RIVER_TOKEN_DIV:
		return a / b;
	case RIVER_TOKEN_MOD:
		return fmod(a, b);
	default:
		return pow(a, b);
	}
}

/* b is not 0 for a division. */
static uint64_t
uint_result(enum river_token_kind op, uint64_t a, uint64_t b)
{
	switch (op) {
	case RIVER_TOKEN_ADD:
		return a + b;
	case RIVER_TOKEN_SUB:
		return a - b;
	case RIVER_TOKEN_MUL:
		return a * b;
	case RIVER_TOKEN_DIV:
		return a / b;
	case RIVER_TOKEN_MOD:
		return a % b;
	default:
		return whole_power(a, b);
	}
}

/* The smallest number by -1 is more than an int64_t holds: it wraps. */
static uint64_t
int_result(enum river_token_kind op, int64_t a, int64_t b)
{
	switch (op) {
	case RIVER_TOKEN_DIV:
		return b == -1 ? -(uint64_t)a : (uint64_t)(a / b);
	case RIVER_TOKEN_MOD:
		return b == -1 ? 0 : (uint64_t)(a % b);
	case RIVER_TOKEN_POW:
		return int_power(a, b);
	default:
		return uint_result(op, a, b);
	}
}

const char *
river_calculate(enum river_token_kind op, struct river_number a,
    struct river_number b, struct river_number *result)
{
	bool divides = op == RIVER_TOKEN_DIV || op == RIVER_TOKEN_MOD;

	result->kind = wider(a.kind, b.kind);
	if (result->kind == RIVER_FLOAT)
		result->f = float_result(
		    op, river_number_float(a), river_number_float(b));
	else if (divides && b.u == 0)
		return "division by zero";
	else if (result->kind == RIVER_INT)
		result->u = int_result(op, a.i, b.i);
	else
		result->u = uint_result(op, a.u, b.u);
	return NULL;
}

static const char *
calculate(const struct operation *o, struct river_value *result)
{
	struct river_number n = { 0 };
	const char *wrong =
	    river_calculate(o->op, o->left->number, o->right->number, &n);

	*result = (struct river_value){ .type = RIVER_NUMBER, .number = n };
	return wrong;
}

static const char *
concatenate(const struct operation *o, struct river_value *result)
{
	struct river_bytes a = o->left->string, b = o->right->string;
	char *text;

	text = river_eval_alloc(o->eval, a.size + b.size + 1, 1);
	if (text == NULL)
		return RIVER_TOO_LARGE;
	memcpy(text, a.data, a.size);
	memcpy(text + a.size, b.data, b.size);
	result->type = RIVER_STRING;
	result->string = (struct river_bytes){ text, a.size + b.size };
	return NULL;
}

static const char *
add(const struct operation *o, struct river_value *result)
{
	return o->left->type == RIVER_STRING ? concatenate(o, result)
					     : calculate(o, result);
}

/* ---- comparisons and logic */

bool
river_order_holds(enum river_token_kind op, enum river_order order)
{
	static const unsigned char holds[RIVER_TOKEN_KINDS] = {
		[RIVER_TOKEN_LT] = 1 << RIVER_LESS,
		[RIVER_TOKEN_LTE] = 1 << RIVER_LESS | 1 << RIVER_EQUAL,
		[RIVER_TOKEN_GT] = 1 << RIVER_GREATER,
		[RIVER_TOKEN_GTE] = 1 << RIVER_GREATER | 1 << RIVER_EQUAL,
	};

	return holds[op] >> order & 1;
}

static const char *
compare(const struct operation *o, struct river_value *result)
{
	enum river_order order =
	    o->left->type == RIVER_STRING
		? river_bytes_order(o->left->string, o->right->string)
		: river_number_order(o->left->number, o->right->number);

	*result = river_value_bool(river_order_holds(o->op, order));
	return NULL;
}

static const char *
equal(const struct operation *o, struct river_value *result)
{
	bool same = river_value_equal(o->left, o->right);

	*result = river_value_bool(same == (o->op == RIVER_TOKEN_EQ));
	return NULL;
}

static const char *
both(const struct operation *o, struct river_value *result)
{
	*result = river_value_bool(o->left->boolean && o->right->boolean);
	return NULL;
}

static const char *
either(const struct operation *o, struct river_value *result)
{
	*result = river_value_bool(o->left->boolean || o->right->boolean);
	return NULL;
}

/* ---- which b takes what */

#define NUMBERS (1u << RIVER_NUMBER), "[number]"
#define NUMBERS_OR_STRINGS                                                     \
	(1u << RIVER_NUMBER | 1u << RIVER_STRING), "[number string]"
#define BOOLS (1u << RIVER_BOOL), "[bool]"
#define ANYTHING 0, NULL

static const struct binary {
	/* NULL, or what is wrong. */
	const char *(*fn)(
	    const struct operation *o, struct river_value *result);
	unsigned types; /* that both operands may have; 0: any two */
	const char *listed;
} operators[RIVER_TOKEN_KINDS] = {
	[RIVER_TOKEN_OR] = { either, BOOLS },
	[RIVER_TOKEN_AND] = { both, BOOLS },
	[RIVER_TOKEN_EQ] = { equal, ANYTHING },
	[RIVER_TOKEN_NEQ] = { equal, ANYTHING },
	[RIVER_TOKEN_LT] = { compare, NUMBERS_OR_STRINGS },
	[RIVER_TOKEN_LTE] = { compare, NUMBERS_OR_STRINGS },
	[RIVER_TOKEN_GT] = { compare, NUMBERS_OR_STRINGS },
	[RIVER_TOKEN_GTE] = { compare, NUMBERS_OR_STRINGS },
	[RIVER_TOKEN_ADD] = { add, NUMBERS_OR_STRINGS },
	[RIVER_TOKEN_SUB] = { calculate, NUMBERS },
	[RIVER_TOKEN_MUL] = { calculate, NUMBERS },
	[RIVER_TOKEN_DIV] = { calculate, NUMBERS },
	[RIVER_TOKEN_MOD] = { calculate, NUMBERS },
	[RIVER_TOKEN_POW] = { calculate, NUMBERS },
};

static int
check_operand(const struct river_eval *eval, const struct binary *b,
    enum river_token_kind op, const struct river_expr *operand,
    const struct river_value *value)
{
	struct river_place place = river_place_of(operand);

	if (b->types == 0 || b->types >> value->type & 1)
		return 0;
	return river_refuse(eval, &place,
	    "should be one of %s for binop %s, got %s", b->listed,
	    river_token_name(op), river_type_name(value->type));
}

int
river_operate_binary(const struct river_eval *eval,
    const struct river_expr *expr, const struct river_value *left,
    const struct river_value *right, struct river_value *result)
{
	enum river_token_kind op = expr->binary.op;
	const struct binary *b = &operators[op];
	struct operation o = { eval, op, left, right };
	struct river_place place = river_place_of(expr->binary.right);
	const char *wrong;
	int r;

	r = check_operand(eval, b, op, expr->binary.left, left);
	if (r == 0)
		r = check_operand(eval, b, op, expr->binary.right, right);
	if (r < 0)
		return r;
	if (b->types != 0 && left->type != right->type)
		return river_refuse_type(eval, &place, left->type, right);
	wrong = b->fn(&o, result);
	if (wrong == NULL)
		return 0;
	river_error(eval->diagnostics, eval->source, expr->range, "%s", wrong);
	return -EINVAL;
}

int
river_operate_unary(const struct river_eval *eval,
    const struct river_expr *expr, const struct river_value *operand,
    struct river_value *result)
{
	bool negate = expr->unary.op == RIVER_TOKEN_SUB;
	enum river_type wanted = negate ? RIVER_NUMBER : RIVER_BOOL;
	struct river_place place = river_place_of(expr->unary.value);

	if (operand->type != wanted)
		return river_refuse_type(eval, &place, wanted, operand);
	if (!negate)
		*result = river_value_bool(!operand->boolean);
	else if (operand->number.kind == RIVER_FLOAT)
		*result = river_value_float(-operand->number.f);
	else
		*result = river_value_int((int64_t)-operand->number.u);
	return 0;
}
