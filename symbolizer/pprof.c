/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolizer/pprof.h"

#include <errno.h>
#include <libdeflate.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <pb_encode.h>
#include <uthash.h>

#include "common/log.h"

#define GZIP_LEVEL 3

/* Field numbers of perftools' profile.proto. */
enum {
	PROFILE_SAMPLE_TYPE = 1,
	PROFILE_SAMPLE = 2,
	PROFILE_MAPPING = 3,
	PROFILE_LOCATION = 4,
	PROFILE_FUNCTION = 5,
	PROFILE_STRING = 6,
	PROFILE_TIME = 9,
	PROFILE_DURATION = 10,
	PROFILE_PERIOD_TYPE = 11,
	PROFILE_PERIOD = 12,
	VALUE_TYPE_TYPE = 1,
	VALUE_TYPE_UNIT = 2,
	SAMPLE_LOCATION = 1,
	SAMPLE_VALUE = 2,
	SAMPLE_LABEL = 3,
	LABEL_KEY = 1,
	LABEL_STRING = 2,
	LABEL_NUMBER = 3,
	MAPPING_ID = 1,
	MAPPING_FILENAME = 5,
	MAPPING_BUILD_ID = 6,
	MAPPING_HAS_FUNCTIONS = 7,
	LOCATION_ID = 1,
	LOCATION_MAPPING = 2,
	LOCATION_ADDRESS = 3,
	LOCATION_LINE = 4,
	LINE_FUNCTION = 1,
	FUNCTION_ID = 1,
	FUNCTION_NAME = 2,
	FUNCTION_SYSTEM_NAME = 3,
};

struct known_string {
	UT_hash_handle hh;
	int64_t index;
	char text[];
};

/* From the interval's numbers to this profile's dense ids, 0: not used. */
struct numbers {
	uint32_t *id;
	uint32_t *used; /* by id - 1 */
	uint32_t count;
};

struct encoder {
	const struct frames *frames;
	struct numbers locations, functions, mappings;
	struct known_string *strings;
	struct known_string **string_list;
	size_t string_count, string_room;
	uint8_t *data;
	size_t size, room;
	pb_ostream_t out;
};

static bool
grow(pb_ostream_t *stream, const pb_byte_t *bytes, size_t count)
{
	struct encoder *e = stream->state;

	if (e->size + count > e->room) {
		e->room = 2 * (e->size + count) + 4096;
		e->data = erealloc(e->data, e->room, 1);
	}
	memcpy(e->data + e->size, bytes, count);
	e->size += count;
	return true;
}

static void
put_number(pb_ostream_t *out, int field, uint64_t value)
{
	if (value == 0)
		return;
	pb_encode_tag(out, PB_WT_VARINT, field);
	pb_encode_varint(out, value);
}

static void
put_bytes(pb_ostream_t *out, int field, const void *bytes, size_t size)
{
	pb_encode_tag(out, PB_WT_STRING, field);
	pb_encode_string(out, bytes, size);
}

static int64_t
string_index(struct encoder *e, const char *text)
{
	struct known_string *s;
	size_t size = strlen(text);

	HASH_FIND(hh, e->strings, text, size, s);
	if (s != NULL)
		return s->index;
	if (e->string_count == e->string_room) {
		e->string_room = e->string_room ? 2 * e->string_room : 256;
		e->string_list = erealloc(
		    e->string_list, e->string_room, sizeof(*e->string_list));
	}
	s = ecalloc(1, sizeof(*s) + size + 1);
	memcpy(s->text, text, size);
	s->index = e->string_count;
	e->string_list[e->string_count++] = s;
	HASH_ADD_KEYPTR(hh, e->strings, s->text, size, s);
	return s->index;
}

static uint32_t
number_of(struct numbers *n, uint32_t original)
{
	if (n->id[original] == 0) {
		n->used[n->count++] = original;
		n->id[original] = n->count;
	}
	return n->id[original];
}

static void
numbers_init(struct numbers *n, size_t count)
{
	n->id = ecalloc(count + 1, sizeof(*n->id));
	n->used = ecalloc(count + 1, sizeof(*n->used));
}

static void
numbers_fini(struct numbers *n)
{
	free(n->id);
	free(n->used);
}

/* A message that is small enough to be built on the stack first. */
struct small {
	uint8_t bytes[128];
	pb_ostream_t out;
};

static pb_ostream_t *
small_begin(struct small *s)
{
	s->out = pb_ostream_from_buffer(s->bytes, sizeof(s->bytes));
	return &s->out;
}

static void
small_end(struct small *s, pb_ostream_t *out, int field)
{
	put_bytes(out, field, s->bytes, s->out.bytes_written);
}

static void
put_value_type(struct encoder *e, int field)
{
	struct small s;
	pb_ostream_t *out = small_begin(&s);

	put_number(out, VALUE_TYPE_TYPE, string_index(e, "cpu"));
	put_number(out, VALUE_TYPE_UNIT, string_index(e, "nanoseconds"));
	small_end(&s, &e->out, field);
}

static void
put_labels(
    struct encoder *e, pb_ostream_t *out, const struct profile_sample *sample)
{
	struct small s;
	pb_ostream_t *label;

	if (sample->comm != 0) {
		label = small_begin(&s);
		put_number(label, LABEL_KEY, string_index(e, "comm"));
		put_number(label, LABEL_STRING,
		    string_index(e, frames_shown(e->frames, sample->comm)));
		small_end(&s, out, SAMPLE_LABEL);
	}
	if (sample->pid != 0) {
		label = small_begin(&s);
		put_number(label, LABEL_KEY, string_index(e, "pid"));
		put_number(label, LABEL_NUMBER, sample->pid);
		small_end(&s, out, SAMPLE_LABEL);
	}
}

static void
put_sample_body(struct encoder *e, pb_ostream_t *out,
    const struct profile_sample *sample, uint64_t period)
{
	pb_ostream_t sizing = PB_OSTREAM_SIZING;

	for (uint32_t i = 0; i < sample->frames; i++)
		pb_encode_varint(
		    &sizing, number_of(&e->locations, sample->frame[i]));
	pb_encode_tag(out, PB_WT_STRING, SAMPLE_LOCATION);
	pb_encode_varint(out, sizing.bytes_written);
	for (uint32_t i = 0; i < sample->frames; i++)
		pb_encode_varint(
		    out, number_of(&e->locations, sample->frame[i]));
	sizing = (pb_ostream_t)PB_OSTREAM_SIZING;
	pb_encode_varint(&sizing, sample->count * period);
	pb_encode_tag(out, PB_WT_STRING, SAMPLE_VALUE);
	pb_encode_varint(out, sizing.bytes_written);
	pb_encode_varint(out, sample->count * period);
	put_labels(e, out, sample);
}

static void
put_sample(
    struct encoder *e, const struct profile_sample *sample, uint64_t period)
{
	pb_ostream_t sizing = PB_OSTREAM_SIZING;

	put_sample_body(e, &sizing, sample, period);
	pb_encode_tag(&e->out, PB_WT_STRING, PROFILE_SAMPLE);
	pb_encode_varint(&e->out, sizing.bytes_written);
	put_sample_body(e, &e->out, sample, period);
}

static void
put_mapping(struct encoder *e, uint32_t original, uint32_t id)
{
	const char *path, *build_id;
	struct small s;
	pb_ostream_t *out = small_begin(&s);

	frames_mapping_text(e->frames, original, &path, &build_id);
	put_number(out, MAPPING_ID, id);
	put_number(out, MAPPING_FILENAME, string_index(e, path));
	put_number(out, MAPPING_BUILD_ID, string_index(e, build_id));
	put_number(out, MAPPING_HAS_FUNCTIONS, 1);
	small_end(&s, &e->out, PROFILE_MAPPING);
}

static void
put_location(struct encoder *e, uint32_t original, uint32_t id)
{
	const struct frame *f = frames_get(e->frames, original);
	struct small s, line;
	pb_ostream_t *out = small_begin(&s);

	put_number(out, LOCATION_ID, id);
	if (f->mapping != 0)
		put_number(
		    out, LOCATION_MAPPING, number_of(&e->mappings, f->mapping));
	put_number(out, LOCATION_ADDRESS, f->address);
	put_number(small_begin(&line), LINE_FUNCTION,
	    number_of(&e->functions, f->name));
	small_end(&line, out, LOCATION_LINE);
	small_end(&s, &e->out, PROFILE_LOCATION);
}

static void
put_function(struct encoder *e, uint32_t original, uint32_t id)
{
	struct small s;
	pb_ostream_t *out = small_begin(&s);

	put_number(out, FUNCTION_ID, id);
	put_number(out, FUNCTION_NAME,
	    string_index(e, frames_shown(e->frames, original)));
	put_number(out, FUNCTION_SYSTEM_NAME,
	    string_index(e, frames_name_text(e->frames, original)));
	small_end(&s, &e->out, PROFILE_FUNCTION);
}

static void
put_all(struct encoder *e, const struct profile *profile, size_t first,
    size_t count, const struct pprof_meta *meta)
{
	string_index(e, "");
	put_value_type(e, PROFILE_SAMPLE_TYPE);
	for (size_t i = first; i < first + count; i++) {
		struct profile_sample sample = profile_get(profile, i);

		put_sample(e, &sample, meta->period_ns);
	}
	for (uint32_t i = 0; i < e->locations.count; i++)
		put_location(e, e->locations.used[i], i + 1);
	for (uint32_t i = 0; i < e->mappings.count; i++)
		put_mapping(e, e->mappings.used[i], i + 1);
	for (uint32_t i = 0; i < e->functions.count; i++)
		put_function(e, e->functions.used[i], i + 1);
	for (size_t i = 0; i < e->string_count; i++)
		put_bytes(&e->out, PROFILE_STRING, e->string_list[i]->text,
		    strlen(e->string_list[i]->text));
	put_number(&e->out, PROFILE_TIME, meta->time_ns);
	put_number(&e->out, PROFILE_DURATION, meta->duration_ns);
	put_value_type(e, PROFILE_PERIOD_TYPE);
	put_number(&e->out, PROFILE_PERIOD, meta->period_ns);
}

int
pprof_encode(const struct frames *frames, const struct profile *profile,
    size_t first, size_t count, const struct pprof_meta *meta, void **out,
    size_t *size)
{
	struct encoder e = { .frames = frames };
	struct known_string *s, *next;

	e.out = (pb_ostream_t){
		.callback = grow, .state = &e, .max_size = SIZE_MAX
	};
	numbers_init(&e.locations, frames_count(frames));
	numbers_init(&e.functions, frames_names(frames));
	numbers_init(&e.mappings, frames_mappings(frames));
	put_all(&e, profile, first, count, meta);
	HASH_ITER(hh, e.strings, s, next) {
		HASH_DEL(e.strings, s);
		free(s);
	}
	free(e.string_list);
	numbers_fini(&e.locations);
	numbers_fini(&e.functions);
	numbers_fini(&e.mappings);
	*out = e.data;
	*size = e.size;
	return 0;
}

static uint64_t
sum_of(const struct profile *profile, size_t first, size_t count)
{
	uint64_t sum = 0;

	for (size_t i = first; i < first + count; i++)
		sum += profile_get(profile, i).count;
	return sum;
}

int64_t
pprof_encode_all(const struct frames *frames, const struct profile *profile,
    const struct pprof_meta *meta,
    void (*fn)(void *arg, const struct pprof_part *part), void *arg)
{
	size_t total = profile_samples(profile), step = PPROF_MAX_SAMPLES;
	struct pprof_meta m = *meta;

	for (size_t first = 0; first < total;) {
		size_t count = total - first < step ? total - first : step;
		struct pprof_part part = { .time_ns = m.time_ns };

		pprof_encode(
		    frames, profile, first, count, &m, &part.data, &part.size);
		if (part.size > PPROF_MAX_BYTES && count > 1) {
			free(part.data);
			step = (count + 1) / 2;
			continue;
		}
		part.samples = sum_of(profile, first, count);
		fn(arg, &part);
		first += count;
		m.time_ns += PPROF_TIME_STEP_NS;
	}
	return m.time_ns;
}

int
pprof_compress(const void *data, size_t size, void **out, size_t *out_size)
{
	struct libdeflate_compressor *c =
	    libdeflate_alloc_compressor(GZIP_LEVEL);
	size_t bound;

	if (c == NULL)
		return -ENOMEM;
	bound = libdeflate_gzip_compress_bound(c, size);
	*out = malloc(bound);
	*out_size = *out == NULL
			? 0
			: libdeflate_gzip_compress(c, data, size, *out, bound);
	libdeflate_free_compressor(c);
	if (*out == NULL || *out_size == 0) {
		free(*out);
		return -ENOMEM;
	}
	return 0;
}
