/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <libdeflate.h>

#include "cli/flamegraph.h"
#include "cli/gunzip.h"
#include "cli/pprof_merge.h"
#include "cli/pprof_reader.h"
#include "cli/top.h"
#include "common/memfd.h"
#include "tests/pprof_bytes.h"

static struct pprof_bytes bytes;
static struct pprof_error error;

static struct profile *
read_bytes(void)
{
	return pprof_read(bytes.data, bytes.size, &error);
}

static void
refused(const char *why)
{
	struct profile *p = read_bytes();

	assert_null(p);
	assert_string_equal(error.text, why);
}

/* The least there can be: strings and a sample type. */
static void
start(void)
{
	memset(&bytes, 0, sizeof(bytes));
	bytes_string(&bytes, "");
	bytes_string(&bytes, "cpu");
	bytes_string(&bytes, "nanoseconds");
	BYTES_MESSAGE(&bytes, 1, 1, 2);
}

static void
check_host(const struct profile *p)
{
	assert_non_null(p);
	assert_int_equal(p->samples_count, 3);
	assert_int_equal(p->locations_count, 5);
	assert_int_equal(p->functions_count, 4);
	assert_int_equal(p->mappings_count, 2);
	assert_int_equal(profile_value(p, 0), 7 * TEST_PERIOD);
	assert_int_equal(p->samples[1].refs, 4);
	assert_int_equal(p->refs[p->samples[1].first_ref], 3);
	assert_true(profile_string_is(p, p->mappings[0].build_id, "abc123"));
	assert_true(profile_string_is(p, p->functions[2].name, "work"));
	assert_int_equal(p->locations[0].mapping, PROFILE_NONE);
	assert_int_equal(p->locations[4].lines, 0);
	assert_int_equal(p->period, TEST_PERIOD);
	assert_int_equal(profile_weight(p), TEST_PERIOD);
	assert_int_equal(p->duration_nanos, 1000000000);
	assert_int_equal(p->comments_count, 1);
}

static void
test_plain_profile_is_read(void **state)
{
	struct profile *p;

	(void)state;
	bytes_host(&bytes);
	check_host(p = read_bytes());
	profile_free(p);
}

static size_t
gzip(const void *data, size_t size, uint8_t *out, size_t room)
{
	struct libdeflate_compressor *c = libdeflate_alloc_compressor(6);
	size_t n = libdeflate_gzip_compress(c, data, size, out, room);

	libdeflate_free_compressor(c);
	assert_true(n > 0);
	return n;
}

static void
test_gzip_in_several_members_is_read(void **state)
{
	static uint8_t packed[1 << 16];
	struct profile *p;
	size_t n;

	(void)state;
	bytes_host(&bytes);
	n = gzip(bytes.data, 100, packed, sizeof(packed));
	n += gzip(
	    bytes.data + 100, bytes.size - 100, packed + n, sizeof(packed) - n);
	check_host(p = pprof_read(packed, n, &error));
	profile_free(p);
	assert_null(pprof_read(packed, n - 1, &error));
	assert_string_equal(
	    error.text, "its gzip data is damaged or cut short");
}

static void
test_gzip_bomb_is_refused(void **state)
{
	size_t size = 3 << 20, n, out_size;
	static uint8_t packed[1 << 16];
	uint8_t *zeros = calloc(1, size);
	void *out;

	(void)state;
	n = gzip(zeros, size, packed, sizeof(packed));
	free(zeros);
	assert_int_equal(gunzip(packed, n, size - 1, &out, &out_size), -EFBIG);
	/* the bound is for all members together */
	n += gzip("x", 1, packed + n, sizeof(packed) - n);
	assert_int_equal(gunzip(packed, n, size, &out, &out_size), -EFBIG);
	assert_int_equal(gunzip(packed, n, size + 1, &out, &out_size), 0);
	assert_int_equal(out_size, size + 1);
	free(out);
}

static void
test_open_file_is_read_to_its_end(void **state)
{
	int fd = memfd_new("test");
	struct profile *p;

	(void)state;
	bytes_host(&bytes);
	assert_int_equal(memfd_append(fd, bytes.data, bytes.size), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	check_host(p = pprof_read_fd(fd, &error));
	profile_free(p);
	close(fd);
	assert_null(pprof_read_fd(fd, &error));
	assert_string_equal(error.text, "Bad file descriptor");
}

/* The golden vector of the push format. */
static void
test_packed_and_unpacked_numbers_are_the_same(void **state)
{
	static const char packed[] =
	    "\x0a\x04\x08\x01\x10\x02\x12\x0a\x0a\x02\x02\x01\x12\x04\x80\xad"
	    "\xe2\x04\x1a\x04\x08\x01\x38\x01\x22\x08\x08\x01\x10\x01\x22\x02"
	    "\x08\x01\x22\x08\x08\x02\x10\x01\x22\x02\x08\x02\x2a\x04\x08\x01"
	    "\x10\x03\x2a\x04\x08\x02\x10\x04\x32\x00\x32\x03\x63\x70\x75\x32"
	    "\x0b\x6e\x61\x6e\x6f\x73\x65\x63\x6f\x6e\x64\x73\x32\x04\x6d\x61"
	    "\x69\x6e\x32\x04\x77\x6f\x72\x6b\x48\x80\x80\xa8\xb1\xe3\x9f\xe7"
	    "\xcb\x17\x50\x80\xc8\xaf\xa0\x25\x5a\x04\x08\x01\x10\x02\x60\x80"
	    "\xad\xe2\x04";
	struct profile *p = pprof_read(packed, sizeof(packed) - 1, &error);

	(void)state;
	assert_non_null(p);
	assert_int_equal(p->samples[0].refs, 2);
	assert_int_equal(p->refs[0], 1);
	assert_int_equal(p->refs[1], 0);
	assert_int_equal(profile_value(p, 0), 10000000);
	assert_int_equal(p->time_nanos, 1700000000000000000);
	profile_free(p);
}

static void
test_cpu_type_is_chosen_else_the_default_or_last(void **state)
{
	struct profile *p;

	(void)state;
	start();
	bytes_string(&bytes, "samples"); /* 3 */
	bytes_string(&bytes, "count");   /* 4 */
	BYTES_MESSAGE(&bytes, 1, 3, 4);
	assert_non_null(p = read_bytes());
	assert_int_equal(p->type, 0);
	profile_free(p);
	bytes_number(&bytes, 14, 3);
	assert_non_null(p = read_bytes());
	assert_int_equal(p->type, 1);
	assert_int_equal(profile_weight(p), 1);
	profile_free(p);
}

static void
test_ids_need_not_be_dense(void **state)
{
	struct profile *p;

	(void)state;
	start();
	bytes_location(&bytes, UINT64_MAX, 0, 0x10, 0);
	bytes_location(&bytes, 7, 0, 0x20, 0);
	BYTES_SAMPLE(&bytes, 5, 7, UINT64_MAX);
	assert_non_null(p = read_bytes());
	assert_int_equal(p->refs[0], 1);
	assert_int_equal(p->refs[1], 0);
	profile_free(p);
}

static void
test_references_that_lead_nowhere_are_refused(void **state)
{
	(void)state;
	start();
	BYTES_SAMPLE(&bytes, 5, 1);
	refused("no location has the id 1");
	start();
	bytes_location(&bytes, 1, 9, 0, 0);
	refused("no mapping has the id 9");
	start();
	bytes_location(&bytes, 1, 0, 0, 3);
	refused("no function has the id 3");
	start();
	BYTES_MESSAGE(&bytes, 5, 1, 99);
	refused("a function refers to string 99 of 3");
	start();
	BYTES_MESSAGE(&bytes, 3, 1, 0, 0, 0, (uint64_t)-1);
	refused("a mapping refers to string -1 of 3");
	start();
	bytes_number(&bytes, 13, 3);
	refused("a comment refers to string 3 of 3");
	start();
	bytes_number(&bytes, 14, 4);
	refused("a profile refers to string 4 of 3");
}

static void
test_ids_are_unique_and_not_zero(void **state)
{
	(void)state;
	start();
	bytes_location(&bytes, 4, 0, 0, 0);
	bytes_location(&bytes, 4, 0, 0, 0);
	refused("two locations have the id 4");
	start();
	BYTES_MESSAGE(&bytes, 5, 0, 1);
	refused("a function has the id 0");
}

static void
test_values_match_the_sample_types(void **state)
{
	(void)state;
	start();
	BYTES_MESSAGE(&bytes, 1, 1, 2);
	bytes_location(&bytes, 1, 0, 0, 0);
	BYTES_SAMPLE(&bytes, 5, 1);
	refused("a sample has 1 values but there are 2 sample types");
	start();
	BYTES_SAMPLE(&bytes, INT64_MAX, 0);
	BYTES_SAMPLE(&bytes, INT64_MIN, 0);
	refused("its values are too large");
}

static void
test_what_is_no_profile_is_refused(void **state)
{
	(void)state;
	memset(&bytes, 0, sizeof(bytes));
	refused("it is empty");
	bytes.size = 40;
	refused("not a pprof profile, or cut short");
	bytes.size = sprintf((char *)bytes.data, "<!DOCTYPE html>\n<html>");
	refused("not a pprof profile, or cut short");
	memset(&bytes, 0, sizeof(bytes));
	bytes_string(&bytes, "");
	refused("it has no sample type");
	memset(&bytes, 0, sizeof(bytes));
	bytes_string(&bytes, "not empty");
	refused("not a pprof profile (string table)");
	start();
	bytes_number(&bytes, 3, 1);
	refused("not a pprof profile (field 3)");
	start();
	bytes_field(&bytes, 5, "\x0a\x00", 2);
	refused("field 1 of a function is not a number");
}

/* Whoever gets a profile at all can also show and merge it. */
static void
use(const void *data, size_t size, FILE *null)
{
	struct top_options options = { 0 };
	struct pprof_merge *m;
	struct profile *p = pprof_read(data, size, &error);
	void *merged;
	size_t n;

	if (p == NULL) {
		assert_true(error.text[0] != '\0');
		return;
	}
	assert_int_equal(top_print(null, p, &options), 0);
	assert_int_equal(flamegraph_write(null, p, "x"), 0);
	m = pprof_merge_new();
	if (pprof_merge_add(m, p, &error) == 0) {
		assert_int_equal(pprof_merge_finish(m, &merged, &n), 0);
		profile_free(p);
		assert_non_null(p = pprof_read(merged, n, &error));
		free(merged);
	}
	pprof_merge_free(m);
	profile_free(p);
}

static void
test_no_mutation_of_a_profile_does_harm(void **state)
{
	static const uint8_t flips[] = { 0x01, 0x80, 0xff, 0x7f, 0x08, 0x10 };
	FILE *null = fopen("/dev/null", "w");

	(void)state;
	bytes_host(&bytes);
	for (size_t i = 0; i < bytes.size; i++) {
		for (size_t j = 0; j < sizeof(flips); j++) {
			bytes.data[i] ^= flips[j];
			use(bytes.data, bytes.size, null);
			bytes.data[i] ^= flips[j];
		}
		use(bytes.data, i, null);
	}
	fclose(null);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain_profile_is_read),
		cmocka_unit_test(test_gzip_in_several_members_is_read),
		cmocka_unit_test(test_gzip_bomb_is_refused),
		cmocka_unit_test(test_open_file_is_read_to_its_end),
		cmocka_unit_test(test_packed_and_unpacked_numbers_are_the_same),
		cmocka_unit_test(
		    test_cpu_type_is_chosen_else_the_default_or_last),
		cmocka_unit_test(test_ids_need_not_be_dense),
		cmocka_unit_test(test_references_that_lead_nowhere_are_refused),
		cmocka_unit_test(test_ids_are_unique_and_not_zero),
		cmocka_unit_test(test_values_match_the_sample_types),
		cmocka_unit_test(test_what_is_no_profile_is_refused),
		cmocka_unit_test(test_no_mutation_of_a_profile_does_harm),
	};

	return cmocka_run_group_tests_name("pprof_reader", tests, NULL, NULL);
}
