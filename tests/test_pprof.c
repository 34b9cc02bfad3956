/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Profiles as they are encoded, read again by what is written down here from
 * the specification (spec/phlare-write.md 4), not by our own reader.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libdeflate.h>
#include <pb_decode.h>

#include "common/log.h"
#include "common/utf8.h"
#include "symbolizer/frames.h"
#include "symbolizer/pprof.h"
#include "symbolizer/profile.h"

#define MAX 70000

/* ---- a reader */

struct text {
	const uint8_t *bytes;
	size_t size;
};

struct decoded {
	struct text strings[MAX];
	size_t string_count;
	struct {
		uint64_t id, mapping, address, function;
	} locations[MAX];
	size_t location_count;
	struct {
		uint64_t id, name, system_name;
	} functions[MAX];
	size_t function_count;
	struct {
		uint64_t id, file, build_id, has_functions;
	} mappings[64];
	size_t mapping_count;
	struct sample {
		uint64_t location[300];
		size_t depth;
		uint64_t value, values;
		struct {
			uint64_t key, string, number;
		} labels[4];
		size_t label_count;
	} * samples;
	size_t sample_count;
	uint64_t sample_type, sample_unit, sample_types;
	uint64_t period_type, period_unit, period, time, duration;
};

static struct decoded *d;

/* Calls field(tag, value or text) for each field of a message. */
typedef void (*on_field)(
    void *arg, uint32_t tag, uint64_t value, struct text text);

static void
each_field(struct text message, on_field field, void *arg)
{
	pb_istream_t in = pb_istream_from_buffer(message.bytes, message.size);
	pb_wire_type_t wire;
	uint32_t tag;
	bool end = false;

	while (in.bytes_left > 0) {
		const uint8_t *at;
		uint64_t value = 0;
		struct text text = { 0 };

		assert_true(pb_decode_tag(&in, &wire, &tag, &end));
		if (wire == PB_WT_VARINT) {
			assert_true(pb_decode_varint(&in, &value));
		} else {
			assert_int_equal(wire, PB_WT_STRING);
			assert_true(pb_decode_varint(&in, &value));
			assert_true(value <= in.bytes_left);
			at = message.bytes + message.size - in.bytes_left;
			text = (struct text){ at, value };
			assert_true(pb_read(&in, NULL, value));
		}
		field(arg, tag, value, text);
	}
}

/* A repeated number, packed or not, into list. */
static size_t
numbers(struct text text, uint64_t value, uint64_t *list, size_t room)
{
	pb_istream_t in = pb_istream_from_buffer(text.bytes, text.size);
	size_t n = 0;

	if (text.bytes == NULL) {
		list[0] = value;
		return 1;
	}
	while (in.bytes_left > 0) {
		assert_true(n < room);
		assert_true(pb_decode_varint(&in, &list[n++]));
	}
	return n;
}

static void
on_pair(void *arg, uint32_t tag, uint64_t value, struct text text)
{
	(void)text;
	((uint64_t *)arg)[tag] = value;
}

static void
on_label(struct sample *s, struct text text)
{
	uint64_t f[8] = { 0 };

	each_field(text, on_pair, f);
	s->labels[s->label_count].key = f[1];
	s->labels[s->label_count].string = f[2];
	s->labels[s->label_count++].number = f[3];
}

static void
on_sample(void *arg, uint32_t tag, uint64_t value, struct text text)
{
	struct sample *s = arg;
	uint64_t values[4];

	if (tag == 1) {
		s->depth += numbers(
		    text, value, s->location + s->depth, 300 - s->depth);
	} else if (tag == 2) {
		s->values += numbers(text, value, values, 4);
		s->value = values[0];
	} else {
		assert_int_equal(tag, 3);
		on_label(s, text);
	}
}

static void
on_location(void *arg, uint32_t tag, uint64_t value, struct text text)
{
	uint64_t *f = arg;

	if (tag == 4) {
		uint64_t line[8] = { 0 };

		each_field(text, on_pair, line);
		f[4] = line[1];
	} else {
		f[tag] = value;
	}
}

static void
on_profile(void *arg, uint32_t tag, uint64_t value, struct text text)
{
	uint64_t f[16] = { 0 };

	(void)arg;
	switch (tag) {
	case 1:
		each_field(text, on_pair, f);
		d->sample_type = f[1];
		d->sample_unit = f[2];
		d->sample_types++;
		break;
	case 2:
		each_field(text, on_sample, &d->samples[d->sample_count++]);
		break;
	case 3:
		each_field(text, on_pair, f);
		d->mappings[d->mapping_count].id = f[1];
		d->mappings[d->mapping_count].file = f[5];
		d->mappings[d->mapping_count].build_id = f[6];
		d->mappings[d->mapping_count].has_functions = f[7];
		/* no address layout of a process is published */
		assert_int_equal(f[2] | f[3] | f[4], 0);
		d->mapping_count++;
		break;
	case 4:
		each_field(text, on_location, f);
		d->locations[d->location_count].id = f[1];
		d->locations[d->location_count].mapping = f[2];
		d->locations[d->location_count].address = f[3];
		d->locations[d->location_count++].function = f[4];
		break;
	case 5:
		each_field(text, on_pair, f);
		d->functions[d->function_count].id = f[1];
		d->functions[d->function_count].name = f[2];
		d->functions[d->function_count++].system_name = f[3];
		break;
	case 6:
		d->strings[d->string_count++] = text;
		break;
	case 9:
		d->time = value;
		break;
	case 10:
		d->duration = value;
		break;
	case 11:
		each_field(text, on_pair, f);
		d->period_type = f[1];
		d->period_unit = f[2];
		break;
	case 12:
		d->period = value;
		break;
	default:
		fail_msg("field %u", tag);
	}
}

static bool
string_is(uint64_t index, const char *want)
{
	assert_true(index < d->string_count);
	return d->strings[index].size == strlen(want) &&
	       memcmp(d->strings[index].bytes, want, strlen(want)) == 0;
}

/* Every rule of 4.2 that can be checked without knowing what went in. */
static void
check_rules(void)
{
	assert_true(d->string_count > 0);
	assert_int_equal(d->strings[0].size, 0);
	for (size_t i = 0; i < d->string_count; i++)
		for (size_t at = 0; at < d->strings[i].size;) {
			int n =
			    utf8_length((const char *)d->strings[i].bytes + at,
				d->strings[i].size - at);

			assert_true(n > 0);
			at += n;
		}
	assert_int_equal(d->sample_types, 1);
	assert_true(string_is(d->sample_type, "cpu"));
	assert_true(string_is(d->sample_unit, "nanoseconds"));
	assert_true(string_is(d->period_type, "cpu"));
	assert_true(string_is(d->period_unit, "nanoseconds"));
	/* so that a server that drops strings does not misread them */
	assert_true(d->sample_type <= 2 && d->sample_unit <= 2);
	for (size_t i = 0; i < d->function_count; i++) {
		assert_int_equal(d->functions[i].id, i + 1);
		assert_true(d->functions[i].name < d->string_count);
		assert_true(d->functions[i].system_name < d->string_count);
	}
	for (size_t i = 0; i < d->mapping_count; i++) {
		assert_int_equal(d->mappings[i].id, i + 1);
		assert_int_equal(d->mappings[i].has_functions, 1);
	}
	for (size_t i = 0; i < d->location_count; i++) {
		assert_int_equal(d->locations[i].id, i + 1);
		assert_in_range(d->locations[i].function, 1, d->function_count);
		assert_true(d->locations[i].mapping <= d->mapping_count);
	}
	for (size_t i = 0; i < d->sample_count; i++) {
		assert_int_equal(d->samples[i].values, 1);
		assert_true(d->samples[i].depth > 0);
		for (size_t n = 0; n < d->samples[i].depth; n++)
			assert_in_range(
			    d->samples[i].location[n], 1, d->location_count);
	}
}

static void
decode(const void *data, size_t size)
{
	struct sample *samples;

	if (d == NULL) {
		d = calloc(1, sizeof(*d));
		d->samples = calloc(20000, sizeof(*d->samples));
	}
	samples = d->samples;
	memset(samples, 0, d->sample_count * sizeof(*samples));
	memset(d, 0, sizeof(*d));
	d->samples = samples;
	each_field((struct text){ data, size }, on_profile, NULL);
	check_rules();
}

/* The frames of a sample by name, "leaf<...<root". */
static const char *
stack_of(const struct sample *s)
{
	static char out[8192];
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < s->depth; i++) {
		uint64_t function = d->locations[s->location[i] - 1].function;
		struct text name = d->strings[d->functions[function - 1].name];

		used += snprintf(out + used, sizeof(out) - used, "%s%.*s",
		    i > 0 ? "<" : "", (int)name.size, (const char *)name.bytes);
	}
	return out;
}

/* ---- profiles */

static uint32_t
frame(struct frames *f, const char *name)
{
	return frames_frame(f, frames_name(f, name, strlen(name)), 0, 0);
}

static void
add(struct profile *p, const uint32_t *frames, uint32_t depth, uint64_t count,
    uint32_t comm, uint32_t pid)
{
	assert_true(profile_add(p, &(struct profile_sample){ .count = count,
				       .comm = comm,
				       .pid = pid,
				       .frames = depth,
				       .frame = frames }));
}

/*
 * The golden vector of the specification and what is encoded of the same
 * input say the same, though the numbers are given in another order.
 */
static void
test_golden_profile_says_the_same(void **state)
{
	static const uint8_t golden[] =
	    "\x0a\x04\x08\x01\x10\x02\x12\x0a\x0a\x02\x02\x01\x12\x04\x80\xad"
	    "\xe2\x04\x1a\x04\x08\x01\x38\x01\x22\x08\x08\x01\x10\x01\x22\x02"
	    "\x08\x01\x22\x08\x08\x02\x10\x01\x22\x02\x08\x02\x2a\x04\x08\x01"
	    "\x10\x03\x2a\x04\x08\x02\x10\x04\x32\x00\x32\x03\x63\x70\x75\x32"
	    "\x0b\x6e\x61\x6e\x6f\x73\x65\x63\x6f\x6e\x64\x73\x32\x04\x6d\x61"
	    "\x69\x6e\x32\x04\x77\x6f\x72\x6b\x48\x80\x80\xa8\xb1\xe3\x9f\xe7"
	    "\xcb\x17\x50\x80\xc8\xaf\xa0\x25\x5a\x04\x08\x01\x10\x02\x60\x80"
	    "\xad\xe2\x04";
	const struct pprof_meta meta = { .period_ns = 10000000,
		.time_ns = 1700000000000000000,
		.duration_ns = 10000000000 };
	struct frames *f = frames_new();
	struct profile *p = profile_new();
	uint32_t mapping = frames_mapping(f, "", 0, "");
	uint32_t stack[2];
	size_t size;
	void *data;

	(void)state;
	assert_int_equal(sizeof(golden) - 1, 115);
	stack[0] = frames_frame(f, frames_name(f, "work", 4), mapping, 0);
	stack[1] = frames_frame(f, frames_name(f, "main", 4), mapping, 0);
	add(p, stack, 2, 1, 0, 0);
	assert_int_equal(pprof_encode(f, p, 0, 1, &meta, &data, &size), 0);
	for (int i = 0; i < 2; i++) {
		decode(
		    i == 0 ? golden : data, i == 0 ? sizeof(golden) - 1 : size);
		assert_int_equal(d->sample_count, 1);
		assert_string_equal(stack_of(&d->samples[0]), "work<main");
		assert_int_equal(d->samples[0].value, 10000000);
		assert_int_equal(d->samples[0].label_count, 0);
		assert_int_equal(d->period, 10000000);
		assert_int_equal(d->time, 1700000000000000000);
		assert_int_equal(d->duration, 10000000000);
		assert_int_equal(d->string_count, 5);
		assert_int_equal(d->mapping_count, 1);
		assert_int_equal(d->location_count, 2);
		assert_int_equal(d->function_count, 2);
		assert_int_equal(d->locations[0].mapping, 1);
	}
	free(data);
	profile_free(p);
	frames_free(f);
}

static void
test_samples_keep_all_that_they_have(void **state)
{
	const struct pprof_meta meta = { .period_ns = 1000, .time_ns = 5 };
	struct frames *f = frames_new();
	struct profile *p = profile_new();
	uint32_t file = frames_mapping(f, "/bin/x", 6, "abcd");
	uint32_t raw = frames_name(f, "_Z3foov", 7);
	uint32_t stack[2] = { frames_frame(f, raw, file, 0x1234),
		frame(f, "comm") };
	uint32_t comm = frames_name(f, "thread", 6);
	size_t size;
	void *data;

	(void)state;
	frames_set_shown(f, raw, "foo");
	add(p, stack, 2, 3, comm, 77);
	add(p, stack, 2, 4, comm, 77);
	add(p, stack, 2, 1, comm, 78);
	add(p, stack + 1, 1, 1, 0, 0);
	assert_int_equal(profile_samples(p), 3);
	assert_int_equal(profile_count(p), 9);
	assert_int_equal(pprof_encode(f, p, 0, 3, &meta, &data, &size), 0);
	decode(data, size);
	assert_int_equal(d->sample_count, 3);
	assert_string_equal(stack_of(&d->samples[0]), "foo<comm");
	assert_int_equal(d->samples[0].value, 7000);
	assert_int_equal(d->samples[0].label_count, 2);
	assert_true(string_is(d->samples[0].labels[0].key, "comm"));
	assert_true(string_is(d->samples[0].labels[0].string, "thread"));
	assert_true(string_is(d->samples[0].labels[1].key, "pid"));
	assert_int_equal(d->samples[0].labels[1].number, 77);
	assert_int_equal(d->samples[1].labels[1].number, 78);
	assert_int_equal(d->samples[2].label_count, 0);
	/* one mapping per file, with path and build id, and where in it */
	assert_int_equal(d->mapping_count, 1);
	assert_true(string_is(d->mappings[0].file, "/bin/x"));
	assert_true(string_is(d->mappings[0].build_id, "abcd"));
	assert_int_equal(d->locations[0].address, 0x1234);
	assert_int_equal(d->locations[0].mapping, 1);
	assert_int_equal(d->locations[1].mapping, 0);
	/* the raw name stays with the function */
	assert_true(string_is(d->functions[0].name, "foo"));
	assert_true(string_is(d->functions[0].system_name, "_Z3foov"));
	free(data);
	profile_free(p);
	frames_free(f);
}

/* What strangers chose, as UTF-8 and within bounds. */
static void
test_any_bytes_become_valid_text(void **state)
{
	const struct pprof_meta meta = { .period_ns = 1 };
	struct frames *f = frames_new();
	struct profile *p = profile_new();
	char longest[6000], all[256];
	uint32_t stack[4], raw;
	size_t size;
	void *data;

	(void)state;
	for (int i = 0; i < 256; i++)
		all[i] = i;
	memset(longest, '\xff', sizeof(longest));
	raw = frames_name(f, "\xff\xfe", 2);
	stack[0] = frames_frame(f, raw, 0, 0);
	stack[1] = frames_frame(
	    f, frames_name(f, all, 256), frames_mapping(f, all, 256, ""), 1);
	stack[2] =
	    frames_frame(f, frames_name(f, longest, sizeof(longest)), 0, 0);
	stack[3] = frame(f, "</script>\x1b[31m");
	frames_set_shown(f, frames_name(f, all, 256), "\xc0\x80 shown \xed");
	add(p, stack, 4, 1, raw, 0);
	assert_int_equal(pprof_encode(f, p, 0, 1, &meta, &data, &size), 0);
	decode(data, size);
	assert_true(string_is(d->functions[d->locations[0].function - 1].name,
	    "\xef\xbf\xbd\xef\xbf\xbd"));
	assert_true(string_is(d->functions[3].name, "</script>\x1b[31m"));
	free(data);
	profile_free(p);
	frames_free(f);
}

struct parts {
	int count;
	uint64_t samples, value;
	size_t rows, largest, most;
	int64_t last_time;
};

static void
on_part(void *arg, const struct pprof_part *part)
{
	struct parts *parts = arg;

	decode(part->data, part->size);
	assert_int_equal(d->time, part->time_ns);
	assert_true(parts->count == 0 || part->time_ns > parts->last_time);
	parts->last_time = part->time_ns;
	parts->count++;
	parts->samples += part->samples;
	parts->rows += d->sample_count;
	for (size_t i = 0; i < d->sample_count; i++)
		parts->value += d->samples[i].value;
	if (part->size > parts->largest)
		parts->largest = part->size;
	if (d->sample_count > parts->most)
		parts->most = d->sample_count;
	free(part->data);
}

/* count stacks of depth frames, out of as many names of that length. */
static struct parts
encode_many(size_t count, size_t depth, int name_size)
{
	const struct pprof_meta meta = { .period_ns = 10, .time_ns = 1000 };
	struct frames *f = frames_new();
	struct profile *p = profile_new();
	struct parts parts = { 0 };
	uint64_t sum = 0;
	int64_t next;

	for (size_t i = 0; i < count; i++) {
		uint32_t stack[300];

		for (size_t n = 0; n < depth; n++) {
			char name[4096];

			snprintf(name, sizeof(name), "%0*zu", name_size,
			    (i * 31 + n * n) % count);
			stack[n] = frame(f, name);
		}
		add(p, stack, depth, i % 5 + 1, 0, i + 1);
		sum += i % 5 + 1;
	}
	next = pprof_encode_all(f, p, &meta, on_part, &parts);
	assert_int_equal(parts.samples, sum);
	assert_int_equal(parts.value, 10 * sum);
	assert_int_equal(parts.rows, count);
	assert_true(next > parts.last_time);
	profile_free(p);
	frames_free(f);
	return parts;
}

static void
test_many_samples_become_several_profiles(void **state)
{
	struct parts parts = encode_many(40000, 2, 10);

	(void)state;
	assert_int_equal(parts.count, 3);
	assert_int_equal(parts.most, PPROF_MAX_SAMPLES);
	parts = encode_many(16000, 2, 10);
	assert_int_equal(parts.count, 1);
	assert_int_equal(parts.last_time, 1000);
}

static void
test_many_bytes_become_several_profiles(void **state)
{
	/* 8 MB of names, and stacks that share them */
	struct parts parts = encode_many(8000, 20, 1000);

	(void)state;
	assert_true(parts.count >= 4);
	assert_true(parts.largest <= PPROF_MAX_BYTES);
	/* one stack alone may be as long as it is */
	parts = encode_many(3, 254, 4000);
	assert_true(parts.largest < 254 * 4000 + 65536);
}

static void
test_profile_is_bounded(void **state)
{
	struct profile *p = profile_new();
	uint32_t stack[250] = { 0 };
	uint64_t added = 0;

	(void)state;
	for (uint32_t i = 1; i < 200000; i++) {
		struct profile_sample s = {
			.count = 1, .frames = 250, .frame = stack
		};

		stack[i % 250] = i;
		if (!profile_add(p, &s))
			break;
		added++;
	}
	assert_in_range(added, 50000, 70000);
	assert_int_equal(profile_count(p), added);
	/* what is there already still counts */
	assert_true(profile_add(p,
	    &(struct profile_sample){
		.count = 1, .frames = 250, .frame = profile_get(p, 0).frame }));
	profile_free(p);
}

static void
test_what_is_compressed_is_a_gzip_file(void **state)
{
	struct libdeflate_decompressor *z = libdeflate_alloc_decompressor();
	static char text[100000], back[100001];
	size_t size, got;
	void *packed;

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = i * i % 251;
	assert_int_equal(pprof_compress(text, sizeof(text), &packed, &size), 0);
	assert_memory_equal(packed, "\x1f\x8b", 2);
	assert_int_equal(libdeflate_gzip_decompress(
			     z, packed, size, back, sizeof(back), &got),
	    LIBDEFLATE_SUCCESS);
	assert_int_equal(got, sizeof(text));
	assert_memory_equal(text, back, got);
	libdeflate_free_decompressor(z);
	free(packed);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden_profile_says_the_same),
		cmocka_unit_test(test_samples_keep_all_that_they_have),
		cmocka_unit_test(test_any_bytes_become_valid_text),
		cmocka_unit_test(test_many_samples_become_several_profiles),
		cmocka_unit_test(test_many_bytes_become_several_profiles),
		cmocka_unit_test(test_profile_is_bounded),
		cmocka_unit_test(test_what_is_compressed_is_a_gzip_file),
	};
	int r;

	log_init("test_pprof", false);
	r = cmocka_run_group_tests_name("pprof", tests, NULL, NULL);
	if (d != NULL)
		free(d->samples);
	free(d);
	return r;
}
