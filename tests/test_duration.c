/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/duration.h"

#define SECOND 1000000000LL

static const struct {
	const char *text;
	int64_t ns;
} valid[] = {
	{ "0", 0 },
	{ "0s", 0 },
	{ "1ns", 1 },
	{ "7us", 7000 },
	{ "7\u00b5s", 7000 },
	{ "7\u03bcs", 7000 },
	{ "500ms", SECOND / 2 },
	{ "10s", 10 * SECOND },
	{ "1m30s", 90 * SECOND },
	{ "1.5h", 5400 * SECOND },
	{ ".25s", SECOND / 4 },
	{ "1.s", SECOND },
	{ "1h1m1s1ms1us1ns", 3661 * SECOND + 1001001 },
	{ "30s1m", 90 * SECOND },
	{ "-3s", -3 * SECOND },
	{ "+3s", 3 * SECOND },
	{ "9223372036854775807ns", INT64_MAX },
};

static void
test_goes_durations_are_understood(void **state)
{
	int64_t ns;

	(void)state;
	for (size_t i = 0; i < sizeof(valid) / sizeof(valid[0]); i++) {
		assert_int_equal(duration_parse(valid[i].text, &ns), 0);
		assert_int_equal(ns, valid[i].ns);
	}
}

static void
test_what_is_no_duration_is_refused(void **state)
{
	static const char *const bad[] = { "", "-", "10", "s", "10 s", " 10s",
		"10s ", "1d", "1e3s", "--1s", ".s", ".", "1s-1s", "0x1s",
		"1.2.3s", "ten" };
	int64_t ns;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(duration_parse(bad[i], &ns), -EINVAL);
}

static void
test_what_does_not_fit_is_a_range_error(void **state)
{
	static const char *const huge[] = { "9223372036854775808ns",
		"99999999999999999999s", "2562048h", "2562047h60m" };
	int64_t ns;

	(void)state;
	for (size_t i = 0; i < sizeof(huge) / sizeof(huge[0]); i++)
		assert_int_equal(duration_parse(huge[i], &ns), -ERANGE);
}

static void
test_formatting_is_short_and_reads_back(void **state)
{
	static const struct {
		int64_t ns;
		const char *text;
	} rows[] = {
		{ 0, "0s" },
		{ 1, "1ns" },
		{ 1500, "1.5us" },
		{ SECOND / 4, "250ms" },
		{ SECOND + 1, "1.000000001s" },
		{ 10 * SECOND, "10s" },
		{ 60 * SECOND, "1m" },
		{ 90 * SECOND, "1m30s" },
		{ 3600 * SECOND, "1h" },
		{ 3661 * SECOND + SECOND / 2, "1h1m1.5s" },
	};
	char text[64];
	int64_t ns;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		duration_format(rows[i].ns, text, sizeof(text));
		assert_string_equal(text, rows[i].text);
		assert_int_equal(duration_parse(text, &ns), 0);
		assert_int_equal(ns, rows[i].ns);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_goes_durations_are_understood),
		cmocka_unit_test(test_what_is_no_duration_is_refused),
		cmocka_unit_test(test_what_does_not_fit_is_a_range_error),
		cmocka_unit_test(test_formatting_is_short_and_reads_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
