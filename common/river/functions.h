/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The functions of the standard library. Each gets as many arguments as its
 * row in stdlib.c says, of the types given there, and gives NULL and a result,
 * or what is wrong: static text, or text of the arena.
 */
#ifndef COMMON_RIVER_FUNCTIONS_H
#define COMMON_RIVER_FUNCTIONS_H

#include <stddef.h>

#include "common/river/value.h"

struct river_eval;

enum river_argument_type {
	RIVER_ARGUMENT_STRING,  /* bytes: what can be made a string */
	RIVER_ARGUMENT_STRINGS, /* strings: an array of such */
	RIVER_ARGUMENT_SECRET,  /* bytes: a secret or a string */
	RIVER_ARGUMENT_ARRAY,   /* value: an array and nothing else */
	RIVER_ARGUMENT_PUBLIC,  /* value: anything that holds no secret */
	RIVER_ARGUMENT_ANY,     /* value */
	RIVER_ARGUMENT_TYPES
};

struct river_argument {
	union {
		struct river_bytes bytes;
		struct river_value value;
		struct {
			const struct river_bytes *item;
			size_t count;
		} strings;
	};
};

struct river_call {
	const struct river_eval *eval;
	const struct river_argument *args;
	size_t count;
};

typedef const char *(*river_function_fn)(
    const struct river_call *call, struct river_value *result);

#define RIVER_FUNCTION(name)                                                   \
	const char *river_fn_##name(                                           \
	    const struct river_call *call, struct river_value *result)

/* stdlib_values.c */
RIVER_FUNCTION(coalesce);
RIVER_FUNCTION(concat);
RIVER_FUNCTION(env);
RIVER_FUNCTION(nonsensitive);
/* stdlib_format.c */
RIVER_FUNCTION(format);
/* stdlib_json.c */
RIVER_FUNCTION(discovery_target_decode);
RIVER_FUNCTION(json_decode);
RIVER_FUNCTION(json_path);
/* stdlib_text.c */
RIVER_FUNCTION(join);
RIVER_FUNCTION(regex_quote);
RIVER_FUNCTION(replace);
RIVER_FUNCTION(split);
RIVER_FUNCTION(to_lower);
RIVER_FUNCTION(to_upper);
RIVER_FUNCTION(trim);
RIVER_FUNCTION(trim_prefix);
RIVER_FUNCTION(trim_space);
RIVER_FUNCTION(trim_suffix);

#endif
