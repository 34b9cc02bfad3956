/* SPDX-License-Identifier: Apache-2.0 */
/* The table, the page and the merge of a small profile, byte by byte. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/flamegraph.h"
#include "cli/pprof_merge.h"
#include "cli/pprof_reader.h"
#include "cli/top.h"
#include "tests/pprof_bytes.h"

static struct pprof_bytes bytes;
static struct pprof_error error;

static struct profile *
host(void)
{
	struct profile *p;

	bytes_host(&bytes);
	p = pprof_read(bytes.data, bytes.size, &error);
	assert_non_null(p);
	return p;
}

static char *
top_text(const struct profile *p, const struct top_options *options)
{
	static char *text;
	static size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_int_equal(top_print(out, p, options), 0);
	fclose(out);
	return text;
}

static void
check_top(
    struct profile *p, const struct top_options *options, const char *want)
{
	char *text = top_text(p, options);

	assert_string_equal(text, want);
	free(text);
	profile_free(p);
}

static void
test_top_sorts_by_self(void **state)
{
	(void)state;
	check_top(host(), &(struct top_options){ .rows = 3 },
	    "100.0 ms cpu in 10 samples, over 1.0 s at 100 Hz, from "
	    "2023-11-14 22:13:20 UTC\n"
	    "kept 10 of 10\n"
	    "\n"
	    " SELF%     SELF TOTAL%    TOTAL  FUNCTION                       "
	    "MAPPING\n"
	    " 70.0%  70.0 ms  70.0%  70.0 ms  work                           "
	    "prog\n"
	    " 20.0%  20.0 ms  20.0%  20.0 ms  do_syscall_64                  "
	    "[kernel]\n"
	    " 10.0%  10.0 ms  10.0%  10.0 ms  prog+0x800                     "
	    "prog\n"
	    "... and 2 more functions\n");
}

static void
test_top_counts_recursion_once(void **state)
{
	(void)state;
	check_top(host(), &(struct top_options){ .rows = 2, .by_total = true },
	    "100.0 ms cpu in 10 samples, over 1.0 s at 100 Hz, from "
	    "2023-11-14 22:13:20 UTC\n"
	    "kept 10 of 10\n"
	    "\n"
	    " SELF%     SELF TOTAL%    TOTAL  FUNCTION                       "
	    "MAPPING\n"
	    "  0.0%   0.0 ms 100.0% 100.0 ms  main                           "
	    "prog\n"
	    "  0.0%   0.0 ms 100.0% 100.0 ms  sh                             "
	    "(process)\n"
	    "... and 3 more functions\n");
}

/* A profile of one sample in one function of this name and file. */
static struct profile *
one(const char *name, size_t size, const char *file)
{
	struct profile *p;

	memset(&bytes, 0, sizeof(bytes));
	bytes_string(&bytes, "");
	bytes_string(&bytes, "cpu");
	bytes_string(&bytes, "nanoseconds");
	bytes_field(&bytes, 6, name, size);
	bytes_string(&bytes, file);
	BYTES_MESSAGE(&bytes, 1, 1, 2);
	BYTES_MESSAGE(&bytes, 3, 1, 0, 0, 0, 4);
	BYTES_MESSAGE(&bytes, 5, 1, 3);
	bytes_location(&bytes, 1, 1, 1, 1);
	BYTES_SAMPLE(&bytes, 1000000000, 1);
	p = pprof_read(bytes.data, bytes.size, &error);
	assert_non_null(p);
	return p;
}

static void
test_top_escapes_and_cuts_names(void **state)
{
	static const char name[] = "</script>\x1b[31m\xff"
				   "0123456789012345678901234567890123456789";

	(void)state;
	check_top(one(name, sizeof(name) - 1, "/x/\xe2\x80\xae\n"),
	    &(struct top_options){ 0 },
	    "1.00 s cpu\n"
	    "\n"
	    " SELF%   SELF TOTAL%  TOTAL  FUNCTION                           "
	    "MAPPING\n"
	    "100.0% 1.00 s 100.0% 1.00 s  </script>\\x1b[31\xe2\x80\xa6"
	    "4567890123456789  \\u202e\\x0a\n");
}

static void
test_top_fits_the_width(void **state)
{
	static const unsigned int widths[] = { 60, 80, 100, 200 };
	char name[400];

	(void)state;
	memset(name, 'n', sizeof(name));
	for (size_t i = 0; i < 4; i++) {
		struct profile *p = one(name, sizeof(name),
		    "/lib/file_with_a_name_that_is_long_enough_to_be_cut.so");
		char *text =
		    top_text(p, &(struct top_options){ .width = widths[i] });
		size_t columns = strcspn(strstr(text, "100.0%"), "\n");

		/* each ellipsis is one column and three bytes */
		assert_int_equal(columns - 2 * 2, widths[i]);
		free(text);
		profile_free(p);
	}
}

static void
test_full_disk_is_an_error(void **state)
{
	FILE *full = fopen("/dev/full", "w");
	struct profile *p = host();

	(void)state;
	assert_int_equal(
	    top_print(full, p, &(struct top_options){ 0 }), -ENOSPC);
	clearerr(full);
	assert_int_equal(flamegraph_write(full, p, "x"), -ENOSPC);
	fclose(full);
	profile_free(p);
}

static char *
page_text(struct profile *p, const char *title)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_int_equal(flamegraph_write(out, p, title), 0);
	fclose(out);
	profile_free(p);
	return text;
}

/* What is between the data block's tags. */
static char *
page_data(struct profile *p, const char *title)
{
	static const char tag[] =
	    "<script id=\"data\" type=\"application/json\">";
	char *page = page_text(p, title), *start = strstr(page, tag), *data;

	assert_non_null(start);
	start += strlen(tag);
	data = strndup(start, strstr(start, "</script>") - start);
	free(page);
	return data;
}

static void
test_page_holds_the_tree(void **state)
{
	char *data = page_data(host(), "host");

	(void)state;
	assert_string_equal(data,
	    "{\"title\":\"host\",\"type\":\"cpu\",\"unit\":\"nanoseconds\",\n"
	    "\"weight\":10000000,\"start\":1700000000000,"
	    "\"duration\":1000000000,\"negative\":0,\"left_out\":0,\n"
	    "\"comments\":[\"kept 10 of 10\"],\n"
	    "\"nodes\":[0,-1,100000000,0,\n"
	    "1,0,100000000,0,\n"
	    "2,1,100000000,0,\n"
	    "3,2,70000000,70000000,\n"
	    "3,1,20000000,0,\n"
	    "4,3,20000000,20000000,\n"
	    "3,4,10000000,10000000],\n"
	    "\"functions_count\":5,\n"
	    "\"functions\":[[2,0,70000000,70000000],\n"
	    "[3,0,20000000,20000000],\n"
	    "[4,0,10000000,10000000],\n"
	    "[1,0,0,100000000],\n"
	    "[0,0,0,100000000]],\n"
	    "\"shares\":[[0,0,80000000],[1,1,20000000]],\n"
	    "\"frames\":[[\"sh\",2,2],\n"
	    "[\"main\",0,0],\n"
	    "[\"work\",0,0],\n"
	    "[\"do_syscall_64\",1,1],\n"
	    "[\"prog+0x800\",0,0]],\n"
	    "\"files\":[\"/bin/prog\",\n"
	    "\"[kernel]\",\n"
	    "\"\"]}");
	free(data);
}

static void
test_names_cannot_leave_the_data_block(void **state)
{
	static const char name[] =
	    "</script><!-- & \"\\ \x1b[31m \xff\xfe \xe2\x80\xa8";
	char *data = page_data(one(name, sizeof(name) - 1, "</style>"),
	    "</title><script>alert(1)</script>");

	(void)state;
	assert_non_null(strstr(data,
	    "[\"\\u003c/script\\u003e\\u003c!-- \\u0026 \\u0022\\u005c "
	    "\\u005cx1b[31m \\u005cxff\\u005cxfe \\u005cu2028\","));
	assert_null(strpbrk(data, "<>&"));
	for (const char *s = data; *s != '\0'; s++)
		assert_true(*s >= 0x20 || *s == '\n');
	free(data);
}

static void
test_page_loads_nothing(void **state)
{
	static const char *const never[] = { "http:", "https:", " src=",
		"href=", "url(", "@import", "innerHTML", "eval(",
		"unsafe-inline", "document.write" };
	char *page = page_text(host(), "host");

	(void)state;
	assert_non_null(
	    strstr(page, "content=\"default-src 'none'; script-src 'sha256-"));
	for (size_t i = 0; i < sizeof(never) / sizeof(*never); i++)
		assert_null(strstr(page, never[i]));
	free(page);
}

/* Stacks that share nothing: more nodes than the page takes. */
static void
test_thinnest_frames_are_left_out(void **state)
{
	struct profile *p = host();
	unsigned int more = FLAMEGRAPH_MAX_NODES;
	char *data, want[80];

	(void)state;
	for (unsigned int i = 0; i < more; i++) {
		*PROFILE_ADD(p, functions) = (struct profile_function){ 0 };
		*PROFILE_ADD(p, locations) =
		    (struct profile_location){ .address = 0x10000 + i,
			    .mapping = PROFILE_NONE };
		*PROFILE_ADD(p, samples) =
		    (struct profile_sample){ .first_ref = p->refs_count,
			    .refs = 1 };
		*PROFILE_ADD(p, refs) = p->locations_count - 1;
		*PROFILE_ADD(p, values) = 1;
	}
	data = page_data(p, "host");
	/* the profile's own 7 nodes are larger than all of these */
	snprintf(want, sizeof(want), "\"left_out\":%u,", 7);
	assert_non_null(strstr(data, want));
	snprintf(
	    want, sizeof(want), "\"nodes\":[0,-1,%u,0,\n", 100000000 + more);
	assert_non_null(strstr(data, want));
	free(data);
}

static struct profile *
merged(struct pprof_merge *m)
{
	struct profile *p;
	void *data;
	size_t size;

	assert_int_equal(pprof_merge_finish(m, &data, &size), 0);
	p = pprof_read(data, size, &error);
	assert_non_null(p);
	free(data);
	pprof_merge_free(m);
	return p;
}

static void
test_merge_sums_what_is_the_same(void **state)
{
	struct pprof_merge *m = pprof_merge_new();
	struct profile *a = host(), *b = host();

	(void)state;
	b->time_nanos += 1000000000;
	assert_int_equal(pprof_merge_add(m, a, &error), 0);
	assert_int_equal(pprof_merge_add(m, b, &error), 0);
	pprof_merge_comment(m, "lost none");
	profile_free(a);
	profile_free(b);
	a = merged(m);
	assert_int_equal(a->samples_count, 3);
	assert_int_equal(a->locations_count, 5);
	assert_int_equal(a->functions_count, 4);
	assert_int_equal(a->mappings_count, 2);
	assert_int_equal(profile_value(a, 0), 14 * TEST_PERIOD);
	assert_int_equal(profile_value(a, 2), 2 * TEST_PERIOD);
	assert_int_equal(a->time_nanos, 1700000000000000000);
	assert_int_equal(a->duration_nanos, 2000000000);
	assert_int_equal(a->period, TEST_PERIOD);
	assert_int_equal(a->mappings[0].start, 0x1000);
	assert_true(profile_string_is(a, a->mappings[0].build_id, "abc123"));
	assert_int_equal(a->comments_count, 2);
	assert_true(profile_string_is(a, a->comments[1], "lost none"));
	profile_free(a);
}

static void
test_merge_counts_time_that_overlaps_once(void **state)
{
	struct pprof_merge *m = pprof_merge_new();
	struct profile *p = host();

	(void)state;
	assert_int_equal(pprof_merge_add(m, p, &error), 0);
	assert_int_equal(pprof_merge_add(m, p, &error), 0);
	p->time_nanos += 250000000;
	assert_int_equal(pprof_merge_add(m, p, &error), 0);
	p->time_nanos += 10000000000;
	assert_int_equal(pprof_merge_add(m, p, &error), 0);
	profile_free(p);
	p = merged(m);
	assert_int_equal(p->duration_nanos, 2250000000);
	profile_free(p);
}

static void
test_merge_makes_strings_valid(void **state)
{
	struct pprof_merge *m = pprof_merge_new();
	struct profile *p = one("\xff\xfe\x1b", 3, "file");

	(void)state;
	assert_int_equal(pprof_merge_add(m, p, &error), 0);
	profile_free(p);
	p = merged(m);
	assert_true(
	    profile_string_is(p, p->functions[0].name, "\\xff\\xfe\x1b"));
	profile_free(p);
}

static void
test_merge_refuses_what_does_not_belong(void **state)
{
	struct pprof_merge *m = pprof_merge_new();
	struct profile *p = host(), *other = one("f", 1, "file");
	void *data;
	size_t size;

	(void)state;
	assert_int_equal(pprof_merge_finish(m, &data, &size), -ENODATA);
	assert_int_equal(pprof_merge_add(m, p, &error), 0);
	assert_int_equal(pprof_merge_add(m, other, &error), -EINVAL);
	assert_string_equal(
	    error.text, "its sample types or its period differ");
	p->values[0] = INT64_MAX - 50000000;
	assert_int_equal(pprof_merge_add(m, p, &error), -EINVAL);
	assert_string_equal(
	    error.text, "its values are too large to be summed");
	profile_free(p);
	profile_free(other);
	p = merged(m);
	assert_int_equal(profile_value(p, 0), 7 * TEST_PERIOD);
	profile_free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_top_sorts_by_self),
		cmocka_unit_test(test_top_counts_recursion_once),
		cmocka_unit_test(test_top_escapes_and_cuts_names),
		cmocka_unit_test(test_top_fits_the_width),
		cmocka_unit_test(test_full_disk_is_an_error),
		cmocka_unit_test(test_page_holds_the_tree),
		cmocka_unit_test(test_names_cannot_leave_the_data_block),
		cmocka_unit_test(test_page_loads_nothing),
		cmocka_unit_test(test_thinnest_frames_are_left_out),
		cmocka_unit_test(test_merge_sums_what_is_the_same),
		cmocka_unit_test(test_merge_counts_time_that_overlaps_once),
		cmocka_unit_test(test_merge_makes_strings_valid),
		cmocka_unit_test(test_merge_refuses_what_does_not_belong),
	};

	return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
