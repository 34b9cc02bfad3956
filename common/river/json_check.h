/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a text is JSON, and if not what Go's decoder says of it. */
#ifndef COMMON_RIVER_JSON_CHECK_H
#define COMMON_RIVER_JSON_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include "common/river/value.h"

struct river_arena;

/* Arrays and objects within each other. */
#define RIVER_JSON_MAX_DEPTH 500

struct river_json_facts {
	size_t values;    /* how many there are, at any depth */
	bool big_integer; /* one that may not fit an int64_t */
	bool bad_text;    /* bytes that are no UTF-8, half surrogate pairs */
};

/* NULL and the facts, or what is wrong: in arena, or static. */
const char *river_json_check(struct river_arena *arena, struct river_bytes text,
    struct river_json_facts *facts);

/*
 * Copies text, which has been checked, with U+FFFD for all that is bad in it.
 * out has room for 3 * text.size bytes; how many are used.
 */
size_t river_json_repair(struct river_bytes text, char *out);

#endif
