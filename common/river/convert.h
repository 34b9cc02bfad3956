/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values to the types that attributes and functions want, and what is said of
 * those that do not fit: "EXPRESSION should be string, got bool", at the
 * innermost part of the expression that the text has.
 */
#ifndef COMMON_RIVER_CONVERT_H
#define COMMON_RIVER_CONVERT_H

#include <stddef.h>

#include "common/river/source.h"
#include "common/river/value.h"

struct river_eval;
struct river_expr;

/* Where a value stands within the value of an expression. */
struct river_place {
	const struct river_place *parent; /* NULL: it is the expression's */
	const struct river_expr *expr;    /* then */
	struct river_bytes key;           /* in an object: data not NULL */
	size_t index;                     /* in an array */
};

struct river_place river_place_of(const struct river_expr *expr);
struct river_place river_place_element(
    const struct river_place *parent, size_t index);
struct river_place river_place_member(
    const struct river_place *parent, struct river_bytes key);

/* Where in the text it is, or what it is in. */
struct river_range river_place_range(
    const struct river_eval *eval, const struct river_place *place);

/* A diagnostic "EXPRESSION MESSAGE"; -EINVAL. */
int river_refuse(const struct river_eval *eval, const struct river_place *place,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* "should be WANTED, got ..." */
int river_refuse_type(const struct river_eval *eval,
    const struct river_place *place, enum river_type wanted,
    const struct river_value *value);

/*
 * Each gives 0, or -EINVAL and a diagnostic. null is the zero value of any
 * type: "", 0, an empty list, no capsule.
 */
int river_to_string(const struct river_eval *eval,
    const struct river_place *place, const struct river_value *value,
    struct river_bytes *out);
int river_to_secret(const struct river_eval *eval,
    const struct river_place *place, const struct river_value *value,
    struct river_bytes *out);
int river_to_number(const struct river_eval *eval,
    const struct river_place *place, const struct river_value *value,
    struct river_number *out);
int river_to_capsule(const struct river_eval *eval,
    const struct river_place *place, const struct river_value *value,
    const struct river_capsule_type *type, void **out);
/* *value stays, or becomes an empty array. */
int river_to_array(const struct river_eval *eval,
    const struct river_place *place, const struct river_value **value);
int river_to_object(const struct river_eval *eval,
    const struct river_place *place, const struct river_value **value);

#endif
