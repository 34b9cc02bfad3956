/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSONPath: a path through arrays and objects, "$.items[?(@.n > 1)].name", as
 * a list of steps, each of which makes a list of values of another.
 */
#ifndef COMMON_RIVER_JSON_PATH_H
#define COMMON_RIVER_JSON_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/river/lexer.h"
#include "common/river/value.h"

struct river_arena;
struct river_eval;

enum json_step_kind {
	JSON_STEP_ROOT,    /* $ */
	JSON_STEP_CURRENT, /* @ */
	JSON_STEP_CHILD,   /* .name, ["name"] */
	JSON_STEP_ALL,     /* .*, [*] */
	JSON_STEP_DESCENT, /* .. */
	JSON_STEP_INDEX,   /* [1], [-1] */
	JSON_STEP_SLICE,   /* [1:5:2] */
	JSON_STEP_UNION,   /* [1, "name"] */
	JSON_STEP_FILTER,  /* [?(@.x == 1)] */
	JSON_STEP_KINDS
};

struct json_slice {
	bool has_start, has_end;
	int64_t start, end, by;
};

struct json_step {
	enum json_step_kind kind;
	struct json_step *next;
	union {
		struct river_bytes name;
		int64_t index;
		struct json_slice slice;
		struct json_step *choices; /* of a union: children, indexes */
		struct json_test *test;
	};
};

/* An expression of a filter. */
enum json_test_kind {
	JSON_TEST_VALUE,   /* 1, "a", [1, 2] */
	JSON_TEST_NOTHING, /* Nothing */
	JSON_TEST_PATH,    /* @.x */
	JSON_TEST_NOT,     /* !a */
	JSON_TEST_AND,     /* a && b */
	JSON_TEST_OR,      /* a || b */
	JSON_TEST_COMPARE, /* a < b and the like */
	JSON_TEST_COMPUTE, /* a + b and the like */
	JSON_TEST_IN,      /* a in [1, 2] */
	JSON_TEST_EMPTY,   /* a empty true */
	JSON_TEST_HAS,     /* a has true, a exists true */
	JSON_TEST_LENGTH,  /* length(a) */
	JSON_TEST_COUNT,   /* count(@.x) */
	JSON_TEST_KINDS
};

struct json_test {
	enum json_test_kind kind;
	enum river_token_kind op; /* of COMPARE and COMPUTE */
	struct json_test *left, *right;
	struct river_value value;
	struct json_step *path;
};

/*
 * NULL and *steps, which are NULL for an empty path; or what is wrong, as
 * "parse error at 4 in $.a-b". All in arena.
 */
const char *json_path_parse(struct river_arena *arena, struct river_bytes text,
    struct json_step **steps);

/*
 * NULL and an array of all that the path leads to in document, in order; or
 * what is wrong.
 */
const char *json_path_get(const struct river_eval *eval,
    const struct json_step *steps, const struct river_value *document,
    struct river_value *result);

#endif
