/* SPDX-License-Identifier: Apache-2.0 */
/* JSON to values. */
#ifndef COMMON_RIVER_JSON_H
#define COMMON_RIVER_JSON_H

#include <stdbool.h>

#include "common/river/value.h"

struct river_eval;

/*
 * NULL and a value in eval's arena, or what is wrong, in the words of Go's
 * decoder. Numbers are floats, unless whole ones shall be integers.
 */
const char *river_json_decode(const struct river_eval *eval,
    struct river_bytes text, bool integers, struct river_value *value);

#endif
