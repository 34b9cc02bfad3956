/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values as the verbs of Go's fmt print them: what format() does with each of
 * its arguments.
 */
#ifndef COMMON_RIVER_VERB_H
#define COMMON_RIVER_VERB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/river/value.h"

struct river_arena;

/* Text that grows up to max bytes; what is more is left out. */
struct verb_output {
	char *data; /* free() it */
	size_t size, room, max;
	bool full;
};

/* What stands between a percent sign and its verb, and the verb. */
struct verb {
	bool minus, plus, sharp, space, zero;
	bool go_syntax; /* %#v */
	bool has_width, has_precision;
	size_t width, precision;
	uint32_t letter;
};

struct verb_printer {
	struct verb_output out;
	struct river_arena *scratch;
	struct verb verb; /* the current one */
};

void verb_put_bytes(struct verb_output *out, const char *bytes, size_t size);
void verb_put(struct verb_output *out, const char *text);
void verb_put_many(struct verb_output *out, char c, size_t count);
/* Text, filled up to the width of the verb: as it says, or with blanks. */
void verb_pad(struct verb_printer *p, const char *text, size_t size);
void verb_pad_blanks(struct verb_printer *p, const char *text, size_t size);

/* "int", "string", "[]interface {}": what the value would be in Go. */
const char *verb_type(const struct river_value *value);
/* "%!d(", the beginning of what is said of a mistake. */
void verb_put_wrong(struct verb_printer *p);
/* "%!d(string=x)": the verb does not go with the value. */
void verb_print_bad(struct verb_printer *p, const struct river_value *value);

/* nested: within an array or object */
void verb_print(
    struct verb_printer *p, const struct river_value *value, bool nested);
/* Numbers alone. */
void verb_print_int(struct verb_printer *p, const struct river_value *value);
void verb_print_float(struct verb_printer *p, const struct river_value *value);
/* quoted, in scratch with an escape for what is not ASCII. */
char *verb_ascii_only(struct verb_printer *p, const char *quoted);

#endif
