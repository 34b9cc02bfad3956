/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "common/river/stdlib.h"

#include <errno.h>
#include <string.h>
#include <sys/utsname.h>

#include "common/river/arena.h"
#include "common/river/ast.h"
#include "common/river/convert.h"
#include "common/river/eval.h"
#include "common/river/functions.h"

#define MAX_PARAMETERS 3

struct river_function {
	const char *name;
	const char *alias; /* "string.join"; NULL: it has none */
	river_function_fn fn;
	size_t parameters; /* that it must have */
	bool variadic;     /* any number of the last type may follow */
	enum river_argument_type types[MAX_PARAMETERS];
};

#define ANY RIVER_ARGUMENT_ANY
#define ARRAY RIVER_ARGUMENT_ARRAY
#define PUBLIC RIVER_ARGUMENT_PUBLIC
#define SECRET RIVER_ARGUMENT_SECRET
#define STRING RIVER_ARGUMENT_STRING
#define STRINGS RIVER_ARGUMENT_STRINGS

/* By name. */
static const struct river_function functions[] = {
	{ "coalesce", NULL, river_fn_coalesce, 0, true, { ANY } },
	{ "concat", "array.concat", river_fn_concat, 0, true, { ARRAY } },
	{ "discovery_target_decode", NULL, river_fn_discovery_target_decode, 1,
	    false, { STRING } },
	{ "env", "sys.env", river_fn_env, 1, false, { STRING } },
	{ "format", "string.format", river_fn_format, 1, true,
	    { STRING, PUBLIC } },
	{ "join", "string.join", river_fn_join, 2, false, { STRINGS, STRING } },
	{ "json_decode", "encoding.from_json", river_fn_json_decode, 1, false,
	    { STRING } },
	{ "json_path", NULL, river_fn_json_path, 2, false, { STRING, STRING } },
	{ "nonsensitive", "convert.nonsensitive", river_fn_nonsensitive, 1,
	    false, { SECRET } },
	{ "regex_quote", NULL, river_fn_regex_quote, 1, false, { STRING } },
	{ "replace", "string.replace", river_fn_replace, 3, false,
	    { STRING, STRING, STRING } },
	{ "split", "string.split", river_fn_split, 2, false,
	    { STRING, STRING } },
	{ "to_lower", "string.to_lower", river_fn_to_lower, 1, false,
	    { STRING } },
	{ "to_upper", "string.to_upper", river_fn_to_upper, 1, false,
	    { STRING } },
	{ "trim", "string.trim", river_fn_trim, 2, false, { STRING, STRING } },
	{ "trim_prefix", "string.trim_prefix", river_fn_trim_prefix, 2, false,
	    { STRING, STRING } },
	{ "trim_space", "string.trim_space", river_fn_trim_space, 1, false,
	    { STRING } },
	{ "trim_suffix", "string.trim_suffix", river_fn_trim_suffix, 2, false,
	    { STRING, STRING } },
};
#define FUNCTIONS (sizeof(functions) / sizeof(functions[0]))

/* ---- names */

static struct river_value
function_value(const struct river_function *function)
{
	return (
	    struct river_value){ .type = RIVER_FUNCTION, .function = function };
}

static struct river_member
member(const char *name, struct river_value value)
{
	return (struct river_member){ { name, strlen(name) }, value };
}

static struct river_value
text_value(const char *text)
{
	return (struct river_value){ .type = RIVER_STRING,
		.string = { text, strlen(text) } };
}

/* As Go names it. */
static const char *
architecture(const char *machine)
{
	return strcmp(machine, "x86_64") == 0    ? "amd64"
	       : strcmp(machine, "aarch64") == 0 ? "arm64"
						 : machine;
}

static struct river_value
constants(struct river_arena *arena)
{
	struct utsname name = { 0 }; /* what is not known is "" */
	int r = uname(&name);
	const struct river_member members[] = {
		member("hostname", river_value_string(arena, name.nodename,
				       strlen(name.nodename))),
		member("os", text_value("linux")),
		member("arch",
		    river_value_string(arena, architecture(name.machine),
			strlen(architecture(name.machine)))),
		member("version", text_value(PACKAGE_VERSION)),
	};

	(void)r;
	return river_value_object(
	    arena, members, sizeof(members) / sizeof(members[0]));
}

/* The functions with an alias in that space, as an object; 0: no such space. */
static size_t
space_members(const char *space, struct river_member *members)
{
	size_t size = strlen(space), count = 0;

	for (size_t i = 0; i < FUNCTIONS; i++) {
		const char *alias = functions[i].alias;

		if (alias != NULL && strncmp(alias, space, size) == 0 &&
		    alias[size] == '.')
			members[count++] = member(
			    alias + size + 1, function_value(&functions[i]));
	}
	return count;
}

static const struct river_function *
find_function(const char *name)
{
	for (size_t i = 0; i < FUNCTIONS; i++)
		if (strcmp(functions[i].name, name) == 0)
			return &functions[i];
	return NULL;
}

bool
river_stdlib_has(const char *name)
{
	struct river_member members[FUNCTIONS];

	return strcmp(name, "constants") == 0 || find_function(name) != NULL ||
	       space_members(name, members) > 0;
}

const char *
river_stdlib_name(size_t index)
{
	return index < FUNCTIONS ? functions[index].name : NULL;
}

bool
river_stdlib_find(
    struct river_arena *arena, const char *name, struct river_value *value)
{
	const struct river_function *function = find_function(name);
	struct river_member members[FUNCTIONS];
	size_t count;

	if (function != NULL)
		*value = function_value(function);
	else if (strcmp(name, "constants") == 0)
		*value = constants(arena);
	else if ((count = space_members(name, members)) > 0)
		*value = river_value_object(arena, members, count);
	else
		return false;
	return true;
}

/* ---- calls */

static int
take_string(const struct river_eval *eval, const struct river_place *place,
    const struct river_value *value, struct river_argument *out)
{
	return river_to_string(eval, place, value, &out->bytes);
}

static int
take_secret(const struct river_eval *eval, const struct river_place *place,
    const struct river_value *value, struct river_argument *out)
{
	return river_to_secret(eval, place, value, &out->bytes);
}

static int
take_strings(const struct river_eval *eval, const struct river_place *place,
    const struct river_value *value, struct river_argument *out)
{
	struct river_bytes *item;
	int r = river_to_array(eval, place, &value);

	if (r < 0)
		return r;
	item = river_eval_alloc(eval, value->array.count, sizeof(*item));
	if (item == NULL)
		return river_refuse(eval, place, RIVER_TOO_LARGE);
	out->strings.item = item;
	out->strings.count = value->array.count;
	for (size_t i = 0; i < value->array.count && r == 0; i++) {
		struct river_place at = river_place_element(place, i);

		r = river_to_string(
		    eval, &at, &value->array.items[i], &item[i]);
	}
	return r;
}

static int
take_array(const struct river_eval *eval, const struct river_place *place,
    const struct river_value *value, struct river_argument *out)
{
	if (value->type != RIVER_ARRAY)
		return river_refuse_type(eval, place, RIVER_ARRAY, value);
	out->value = *value;
	return 0;
}

static int
take_any(const struct river_eval *eval, const struct river_place *place,
    const struct river_value *value, struct river_argument *out)
{
	(void)eval;
	(void)place;
	out->value = *value;
	return 0;
}

static int
refuse_secrets(const struct river_eval *eval, const struct river_place *place,
    const struct river_value *value)
{
	int r = 0;

	if (value->type == RIVER_CAPSULE &&
	    value->capsule.type == &river_secret_type)
		return river_refuse(
		    eval, place, "secrets may not be converted into strings");
	for (size_t i = 0;
	     value->type == RIVER_ARRAY && i < value->array.count && r == 0;
	     i++) {
		struct river_place at = river_place_element(place, i);

		r = refuse_secrets(eval, &at, &value->array.items[i]);
	}
	for (size_t i = 0;
	     value->type == RIVER_OBJECT && i < value->object.count && r == 0;
	     i++) {
		const struct river_member *m = &value->object.members[i];
		struct river_place at = river_place_member(place, m->key);

		r = refuse_secrets(eval, &at, &m->value);
	}
	return r;
}

static int
take_public(const struct river_eval *eval, const struct river_place *place,
    const struct river_value *value, struct river_argument *out)
{
	out->value = *value;
	return refuse_secrets(eval, place, value);
}

static int (*const takers[RIVER_ARGUMENT_TYPES])(const struct river_eval *eval,
    const struct river_place *place, const struct river_value *value,
    struct river_argument *out) = {
	[RIVER_ARGUMENT_STRING] = take_string,
	[RIVER_ARGUMENT_STRINGS] = take_strings,
	[RIVER_ARGUMENT_SECRET] = take_secret,
	[RIVER_ARGUMENT_ARRAY] = take_array,
	[RIVER_ARGUMENT_PUBLIC] = take_public,
	[RIVER_ARGUMENT_ANY] = take_any,
};

static int
check_count(const struct river_eval *eval, const struct river_expr *expr,
    const struct river_function *f)
{
	struct river_place callee = river_place_of(expr->call.callee);
	size_t count = expr->call.args.count;

	if (count < f->parameters && f->variadic)
		return river_refuse(eval, &callee,
		    "expected at least %zu args, got %zu", f->parameters,
		    count);
	if (count != f->parameters && !f->variadic)
		return river_refuse(eval, &callee, "expected %zu args, got %zu",
		    f->parameters, count);
	return 0;
}

/* The type of the argument at i, counted from 0. */
static enum river_argument_type
type_of(const struct river_function *f, size_t i)
{
	return f->types[i < f->parameters ? i : f->parameters];
}

int
river_stdlib_call(const struct river_eval *eval, const struct river_expr *expr,
    const struct river_function *f, const struct river_value *values,
    struct river_value *result)
{
	struct river_place callee = river_place_of(expr->call.callee);
	const struct river_expr *e = expr->call.args.first;
	size_t count = expr->call.args.count;
	struct river_argument *args;
	struct river_call call;
	const char *wrong;
	int r;

	if ((r = check_count(eval, expr, f)) < 0)
		return r;
	args = river_arena_alloc(eval->arena, count, sizeof(*args));
	for (size_t i = 0; i < count; i++, e = e->next) {
		struct river_place place = river_place_of(e);

		r = takers[type_of(f, i)](eval, &place, &values[i], &args[i]);
		if (r < 0)
			return r;
	}
	call = (struct river_call){ eval, args, count };
	wrong = f->fn(&call, result);
	return wrong == NULL ? 0 : river_refuse(eval, &callee, "%s", wrong);
}
