/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/river/schema.h"
#include "shipper/labels.h"
#include "shipper/wire.h"

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

/* "a=b,c=d", to be freed. */
static char *
text_of(const struct labels *labels)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	for (size_t i = 0; i < labels->count; i++)
		fprintf(out, "%s%s=%s", i > 0 ? "," : "", labels->item[i].name,
		    labels->item[i].value);
	fclose(out);
	return text;
}

static size_t
encode(uint8_t *bytes, size_t room, const struct label *pairs, size_t count)
{
	pb_ostream_t out = pb_ostream_from_buffer(bytes, room);

	for (size_t i = 0; i < count; i++)
		assert_true(
		    wire_put_pair(&out, 1, pairs[i].name, pairs[i].value));
	return out.bytes_written;
}

static void
check_forward(const struct label *in, size_t count, struct river_pair *external,
    size_t externals, const char *want)
{
	const struct river_pairs pairs = { external, externals };
	struct labels *labels, *forwarded;
	uint8_t bytes[1024];
	char *before, *after, *text;

	assert_int_equal(labels_decode(bytes,
			     encode(bytes, sizeof(bytes), in, count), &labels),
	    0);
	before = text_of(labels);
	forwarded = labels_forward(labels, &pairs);
	text = text_of(forwarded);
	assert_string_equal(text, want);
	/* another receiver must see what this one saw */
	after = text_of(labels);
	assert_string_equal(before, after);
	free(before);
	free(after);
	free(text);
	free(forwarded);
	free(labels);
}

static void
test_forwarding(void **state)
{
	static const struct label in[] = { { "zone", "z" }, { "job", "inner" },
		{ "host", "h" }, { "empty", "" }, { "__name__", "cpu" },
		{ "__delta__", "false" }, { "__address__", "x" },
		{ "__x", "y" }, { "_one", "1" }, { "Upper", "u" } };
	static const struct label reserved[] = { { "__a", "b" },
		{ "__meta", "" }, { "__", "x" } };
	static struct river_pair external[] = { { "job", "outer" },
		{ "host", "" }, { "__own", "kept" }, { "a", "first" },
		{ "none", "" }, { "__name__", "mine" } };

	(void)state;
	check_forward(in, LENGTH(in), NULL, 0,
	    "Upper=u,__delta__=false,__name__=cpu,_one=1,host=h,job=inner,"
	    "zone=z");
	check_forward(in, LENGTH(in), external, LENGTH(external),
	    "Upper=u,__delta__=false,__name__=mine,__own=kept,_one=1,a=first,"
	    "job=outer,zone=z");
	check_forward(reserved, LENGTH(reserved), NULL, 0, "");
	check_forward(NULL, 0, external, 1, "job=outer");
	check_forward(NULL, 0, NULL, 0, "");
}

static void
test_names_are_sorted_bytewise(void **state)
{
	static const struct label in[] = { { "\xc3\xa9", "4" }, { "b", "3" },
		{ "a_", "2" }, { "a", "1" }, { "Z", "0" } };

	(void)state;
	check_forward(in, LENGTH(in), NULL, 0, "Z=0,a=1,a_=2,b=3,\xc3\xa9=4");
}

static int
decode(const void *bytes, size_t size)
{
	struct labels *labels = NULL;
	int r = labels_decode(bytes, size, &labels);

	assert_int_equal(r == 0, labels != NULL);
	free(labels);
	return r;
}

static void
test_what_comes_in_is_checked(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
		int result;
	} rows[] = {
		{ "", 0, 0 },
		{ "\x0a\x06\x0a\x01"
		  "a\x12\x01"
		  "b",
		    8, 0 },
		{ "\x0a\x06\x12\x01"
		  "b\x0a\x01"
		  "a",
		    8, 0 },
		/* fields of later versions */
		{ "\x10\x05\x0a\x05\x0a\x01"
		  "a\x18\x01",
		    9, 0 },
		{ "\x0a\x03\x0a\x01"
		  "a",
		    5, 0 },
		{ "\x0a\x07\x0a\x01"
		  "a\x12\x01"
		  "b",
		    8, -EBADMSG },
		{ "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11,
		    -EBADMSG },
		{ "\x0a", 1, -EBADMSG },
		{ "\x00", 1, -EBADMSG },
		{ "\x0b", 1, -EBADMSG },
		{ "\x0a\x03\x12\x01"
		  "b",
		    5, -EINVAL },
		{ "\x0a\x00", 2, -EINVAL },
		{ "\x0a\x06\x0a\x01"
		  "a\x12\x01\xff",
		    8, -EILSEQ },
		{ "\x0a\x06\x0a\x01"
		  "a\x12\x01\x00",
		    8, -EILSEQ },
		{ "\x0a\x03\x0a\x01\xc3", 5, -EILSEQ },
		{ "\x0a\x03\x0a\x01"
		  "a\x0a\x03\x0a\x01"
		  "a",
		    10, -EEXIST },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		int r = decode(rows[i].bytes, rows[i].size);

		if (r != rows[i].result)
			fail_msg("row %zu: %d", i, r);
		if (r < 0)
			assert_non_null(labels_error(r));
	}
}

static void
test_number_of_labels_is_bounded(void **state)
{
	static char names[LABELS_MAX + 1][16];
	struct label pairs[LABELS_MAX + 1];
	uint8_t bytes[16384];

	(void)state;
	for (int i = 0; i <= LABELS_MAX; i++) {
		snprintf(names[i], sizeof(names[i]), "l%d", i);
		pairs[i] = (struct label){ names[i], "v" };
	}
	assert_int_equal(
	    decode(bytes, encode(bytes, sizeof(bytes), pairs, LABELS_MAX)), 0);
	assert_int_equal(
	    decode(bytes, encode(bytes, sizeof(bytes), pairs, LABELS_MAX + 1)),
	    -E2BIG);
}

static void
test_looking_up(void **state)
{
	static const struct label in[] = { { "a", "1" }, { "b", "2" } };
	struct labels *labels, *copy;
	uint8_t bytes[64];

	(void)state;
	labels_decode(bytes, encode(bytes, sizeof(bytes), in, 2), &labels);
	copy = labels_copy(labels);
	free(labels);
	assert_string_equal(labels_get(copy, "b"), "2");
	assert_string_equal(labels_get(copy, "c"), "");
	free(copy);
}

/* Wherever in a text it is that a bad or a good character stands. */
static void
test_texts_are_utf8_without_nul(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
		bool valid;
	} rows[] = {
		{ "\0", 1, false },
		{ "\x7f", 1, true },
		{ "\x80", 1, false },
		{ "\xc3\xa9", 2, true },
		{ "\xc3", 1, false },
		{ "\xc3\xc3", 2, false },
		{ "\xed\xa0\x80", 3, false },
		{ "\xf0\x9f\x98\x80", 4, true },
		{ "\xff", 1, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (size_t size = rows[i].size; size < 40; size++) {
			for (size_t at = 0; at + rows[i].size <= size; at++) {
				char *text = malloc(size);

				memset(text, 1, size);
				memcpy(text + at, rows[i].bytes, rows[i].size);
				assert_int_equal(labels_text_valid(text, size),
				    rows[i].valid);
				free(text);
			}
		}
	}
	assert_true(labels_text_valid("", 0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forwarding),
		cmocka_unit_test(test_names_are_sorted_bytewise),
		cmocka_unit_test(test_what_comes_in_is_checked),
		cmocka_unit_test(test_number_of_labels_is_bounded),
		cmocka_unit_test(test_looking_up),
		cmocka_unit_test(test_texts_are_utf8_without_nul),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
