/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blocks to C structs, by tables. A table lists what may stand in a block,
 * of which type, where it goes; the decoder finds every mistake in it.
 *
 *   struct endpoint {
 *       const struct river_block *block;
 *       const char *url;
 *       int64_t timeout;
 *   };
 *   static const struct river_field endpoint_fields[] = {
 *       { "url", RIVER_FIELD_STRING, offsetof(struct endpoint, url),
 *           RIVER_REQUIRED },
 *       { "remote_timeout", RIVER_FIELD_DURATION,
 *           offsetof(struct endpoint, timeout), .min = 1, .max = INT64_MAX },
 *       { 0 },
 *   };
 *   static const struct endpoint endpoint_defaults = { .timeout = 10 * SEC };
 *   static const struct river_schema endpoint_schema = {
 *       sizeof(struct endpoint), endpoint_fields, &endpoint_defaults,
 *   };
 */
#ifndef COMMON_RIVER_SCHEMA_H
#define COMMON_RIVER_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/river/ast.h"
#include "common/river/source.h"
#include "common/river/value.h"

struct river_decoder;
struct river_diagnostics;
struct river_eval;
struct river_schema;

/* The type of a field, and of the C member it goes to. */
enum river_field_type {
	RIVER_FIELD_STRING,   /* const char *: "" for null, without NUL bytes */
	RIVER_FIELD_INT,      /* int64_t */
	RIVER_FIELD_UINT,     /* uint64_t */
	RIVER_FIELD_FLOAT,    /* double */
	RIVER_FIELD_BOOL,     /* bool */
	RIVER_FIELD_DURATION, /* int64_t, ns */
	RIVER_FIELD_SECRET,   /* const char * */
	RIVER_FIELD_STRINGS,  /* struct river_strings: list(string) */
	RIVER_FIELD_MAP,      /* struct river_pairs: map(string) */
	RIVER_FIELD_TARGETS,  /* struct river_targets: list(map(string)) */
	RIVER_FIELD_SECRETS,  /* struct river_multimap: map(list(secret)) */
	RIVER_FIELD_CAPSULE,  /* void *: the data, NULL for null */
	RIVER_FIELD_CAPSULES, /* struct river_capsules: list(capsule) */
	RIVER_FIELD_VALUE,    /* struct river_value: anything */
	RIVER_FIELD_BLOCK,    /* T *: a block, NULL if absent */
	RIVER_FIELD_BLOCKS,   /* struct river_blocks: any number of them */
	RIVER_FIELD_TYPES
};

struct river_strings {
	const char **item;
	size_t count;
};

struct river_pair {
	const char *name, *value;
};

/* In the order of the text; no name twice. */
struct river_pairs {
	struct river_pair *item;
	size_t count;
};

struct river_targets {
	struct river_pairs *item;
	size_t count;
};

struct river_multimap {
	struct river_multipair {
		const char *name;
		struct river_strings values;
	} * item;
	size_t count;
};

struct river_capsules {
	void **item;
	size_t count;
};

/* item is an array of the schema's struct. */
struct river_blocks {
	void *item;
	size_t count;
};

/* It must be given. */
#define RIVER_REQUIRED 1u
/* The block must have a label; other blocks may not have one. */
#define RIVER_LABELLED 2u
/*
 * The text is of a type of its own, as a regular expression is: what check
 * says follows the expression in the message, and null is not checked.
 */
#define RIVER_TEXT 4u

struct river_field {
	const char *name; /* of a block: with dots if it has them */
	enum river_field_type type;
	size_t offset;
	unsigned flags;
	const struct river_schema *block;         /* BLOCK, BLOCKS */
	const struct river_capsule_type *capsule; /* CAPSULE, CAPSULES */
	/*
	 * INT, UINT, DURATION: the range, unless both are 0. Otherwise
	 * "NAME must be between MIN and MAX" (or "at least MIN", with max
	 * INT64_MAX) at the value.
	 */
	int64_t min, max;
	/*
	 * Looks at the decoded member. NULL if it is good, else what to say
	 * at the value, in river_decoder_printf() or static memory.
	 */
	const char *(*check)(struct river_decoder *decoder, const void *member);
};

struct river_schema {
	/*
	 * Of the struct, whose first member is a "const struct river_block *":
	 * the block it was decoded from (valid while the tree is).
	 */
	size_t size;
	const struct river_field *fields; /* ends with name NULL */
	const void *defaults;             /* such a struct; NULL: zeros */
	/*
	 * Looks at the whole, after everything is decoded. Complains with
	 * river_decoder_refuse() and its like.
	 */
	void (*check)(struct river_decoder *decoder, void *args);
};

/*
 * Decodes the block of a component into args (schema->size bytes, whatever is
 * in them). Strings and lists live in eval's arena; nothing of args points
 * into the syntax tree but the block members. Stops at the first mistake; a
 * mistake that has no place is shown at the whole block, with "Failed to
 * build component: decoding River: " in front. 0 or -EINVAL.
 */
int river_decode(const struct river_schema *schema,
    const struct river_block *block, const struct river_eval *eval, void *args);

/* The next are for check functions. */

/* Text in the arena of the arguments. */
const char *river_decoder_printf(struct river_decoder *decoder, const char *fmt,
    ...) __attribute__((format(printf, 2, 3)));
/* The text in double quotes and with escapes, in the same arena. */
const char *river_decoder_quote(
    struct river_decoder *decoder, const char *text);
/* A mistake of the whole, without a place. */
void river_decoder_refuse(struct river_decoder *decoder, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* A mistake at the value of block's attribute name, or at block if absent. */
void river_decoder_refuse_at(struct river_decoder *decoder,
    const struct river_block *block, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* The same for what is no mistake; decoding goes on. */
void river_decoder_warn_at(struct river_decoder *decoder,
    const struct river_block *block, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/*
 * Where the value of block's attribute name lies, the block itself when it is
 * not given: for mistakes found later.
 */
struct river_range river_value_range(
    const struct river_block *block, const char *name);

#endif
