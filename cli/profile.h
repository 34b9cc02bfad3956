/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pprof profile in memory, with every reference resolved to an index that
 * is in range and values whose sum fits: who reads one need not check again.
 * Strings are hostile bytes
 * with a length: not terminated, not always UTF-8; show them only through
 * text.h.
 */
#ifndef CLI_PROFILE_H
#define CLI_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROFILE_NONE UINT32_MAX /* no mapping, no such type */

struct profile_string {
	const char *data;
	uint32_t size;
};

struct profile_type {
	uint32_t type, unit; /* strings */
};

struct profile_mapping {
	uint64_t start, limit, offset;
	uint32_t file, build_id; /* strings */
	uint32_t flags;          /* enum profile_mapping_flag */
};

enum profile_mapping_flag {
	PROFILE_HAS_FUNCTIONS = 1,
	PROFILE_HAS_FILENAMES = 2,
	PROFILE_HAS_LINE_NUMBERS = 4,
	PROFILE_HAS_INLINE_FRAMES = 8,
};

struct profile_function {
	uint32_t name, system_name, file; /* strings */
	int64_t start_line;
};

struct profile_line {
	uint32_t function; /* index; PROFILE_NONE: not known */
	int64_t line;
};

/* A code address; more than one line: the leaf-most was inlined first. */
struct profile_location {
	uint64_t address;
	uint32_t mapping; /* index or PROFILE_NONE */
	uint32_t first_line, lines;
	bool folded;
};

struct profile_label {
	uint32_t key, text, unit; /* strings; text 0: it is the number */
	int64_t number;
};

/* Its values are values[sample * types + type] of the profile. */
struct profile_sample {
	uint32_t first_ref, refs; /* into refs: locations, leaf first */
	uint32_t first_label, labels;
};

/* An array that PROFILE_ADD lengthens. */
#define PROFILE_ARRAY(type, name)                                              \
	type *name;                                                            \
	uint32_t name##_count, name##_room

/* Makes room for one more and gives its address; counts it. */
#define PROFILE_ADD(p, name)                                                   \
	((p)->name = profile_room((p)->name, (p)->name##_count,                \
	     &(p)->name##_room, sizeof(*(p)->name)),                           \
	    &(p)->name[(p)->name##_count++])
void *profile_room(void *array, uint32_t count, uint32_t *room, size_t element);

struct profile {
	PROFILE_ARRAY(struct profile_type, types);
	PROFILE_ARRAY(struct profile_string, strings);
	PROFILE_ARRAY(struct profile_mapping, mappings);
	PROFILE_ARRAY(struct profile_function, functions);
	PROFILE_ARRAY(struct profile_line, lines);
	PROFILE_ARRAY(struct profile_location, locations);
	PROFILE_ARRAY(uint32_t, refs);
	PROFILE_ARRAY(struct profile_label, labels);
	PROFILE_ARRAY(int64_t, values);
	PROFILE_ARRAY(struct profile_sample, samples);
	PROFILE_ARRAY(uint32_t, comments); /* strings */
	struct profile_type period_type;
	int64_t period;
	int64_t time_nanos, duration_nanos;
	uint32_t drop_frames, keep_frames, default_type; /* strings */
	uint32_t type; /* the sample type to show: see profile_choose */
	void *data;    /* what the strings point into, owned */
};

void profile_free(struct profile *profile);

/* The string's bytes; "" for index 0. */
struct profile_string profile_string(
    const struct profile *profile, uint32_t index);
bool profile_string_is(
    const struct profile *profile, uint32_t index, const char *text);

/*
 * Sets profile->type: the type the profile names as its default, else the
 * last one called "cpu", else the last.
 */
void profile_choose(struct profile *profile);

/* The value of the chosen type of a sample. */
int64_t profile_value(const struct profile *profile, uint32_t sample);

/*
 * What one sample adds to a value of the chosen type, so that value / weight
 * counts samples; 0 if the profile does not say.
 */
int64_t profile_weight(const struct profile *profile);

#endif
