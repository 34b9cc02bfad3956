/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values. They are immutable and passed by value; what they point to lives in
 * the arena they were made in.
 */
#ifndef COMMON_RIVER_VALUE_H
#define COMMON_RIVER_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct river_arena;

enum river_type {
	RIVER_NULL,
	RIVER_NUMBER,
	RIVER_STRING,
	RIVER_BOOL,
	RIVER_ARRAY,
	RIVER_OBJECT,
	RIVER_FUNCTION,
	RIVER_CAPSULE,
	RIVER_TYPES
};

enum river_number_kind { RIVER_INT, RIVER_UINT, RIVER_FLOAT };

struct river_number {
	enum river_number_kind kind;
	union {
		int64_t i;
		uint64_t u;
		double f;
	};
};

/* A byte string; data[size] is a NUL byte. */
struct river_bytes {
	const char *data;
	size_t size;
};

/*
 * A thing only the program understands. Two capsules are of the same type
 * when they point to the same river_capsule_type.
 */
struct river_capsule_type {
	const char *name; /* as in capsule("name") */
};

/* Its data is a struct river_bytes. */
extern const struct river_capsule_type river_secret_type;

struct river_value {
	enum river_type type;
	union {
		struct river_number number;
		struct river_bytes string;
		bool boolean;
		struct {
			const struct river_value *items;
			size_t count;
		} array;
		struct {
			const struct river_member *members; /* keys differ */
			uint32_t count;
			bool indexed; /* by river_value_object() */
		} object;
		const struct river_function *function;
		struct {
			const struct river_capsule_type *type;
			void *data;
		} capsule;
	};
};

struct river_member {
	struct river_bytes key;
	struct river_value value;
};

/* "null", "number", "string", ... */
const char *river_type_name(enum river_type type);

#define RIVER_VALUE_NULL ((struct river_value){ .type = RIVER_NULL })
struct river_value river_value_int(int64_t i);
struct river_value river_value_float(double f);
struct river_value river_value_bool(bool b);
/* Copies. */
struct river_value river_value_string(
    struct river_arena *arena, const char *bytes, size_t size);
struct river_value river_value_secret(
    struct river_arena *arena, const char *bytes, size_t size);
/* data stays the caller's. */
struct river_value river_value_capsule(
    const struct river_capsule_type *type, void *data);
/*
 * Copies the members, fewer than 2^32; of equal keys the last one's value
 * stays, in the place of the first. What it makes is searched by an index.
 */
struct river_value river_value_object(struct river_arena *arena,
    const struct river_member *members, size_t count);

/* The value of that key, or NULL. */
const struct river_value *river_object_find(
    const struct river_value *object, const char *key, size_t size);

enum river_order {
	RIVER_LESS,
	RIVER_EQUAL,
	RIVER_GREATER,
	RIVER_UNORDERED /* as NaN is to any number */
};
enum river_order river_number_order(
    struct river_number a, struct river_number b);
/* By bytes. */
enum river_order river_bytes_order(struct river_bytes a, struct river_bytes b);

/* Deep; values of different types differ, numbers compare by value. */
bool river_value_equal(
    const struct river_value *a, const struct river_value *b);

/*
 * The number a NUMBER or FLOAT token stands for. 0, or -ERANGE for one that
 * no float can hold.
 */
int river_number_parse(
    const char *text, size_t size, struct river_number *number);
/*
 * The number that a string holds, as where a number is wanted and a string is
 * given: "12", "-3", "1.5". 0 or -errno.
 */
int river_number_from_string(struct river_bytes s, struct river_number *number);
/* As a string: shortest decimal, never an exponent. In arena. */
struct river_bytes river_number_text(
    struct river_arena *arena, struct river_number number);
/*
 * The fewest digits that stand for f again, with an exponent: "1.5e+00". f is
 * finite.
 */
#define RIVER_FLOAT_TEXT 32
void river_float_shortest(double f, char out[RIVER_FLOAT_TEXT]);
/* Truncates toward zero, wraps. */
int64_t river_number_int(struct river_number number);
uint64_t river_number_uint(struct river_number number);
double river_number_float(struct river_number number);

/*
 * A duration as in "1h30m", "1.5s", "-3s", "0". ns, or a text (in arena, as
 * 'time: unknown unit "d" in duration "1d"') returned and *ns untouched.
 */
const char *river_duration_parse(
    struct river_arena *arena, const char *text, size_t size, int64_t *ns);
/* "1m30s", "100µs", "0s". size at least RIVER_DURATION_TEXT. */
#define RIVER_DURATION_TEXT 40
void river_duration_text(int64_t ns, char *out, size_t size);

#endif
