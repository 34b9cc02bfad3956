/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/options.h"

struct wanted {
	uint64_t rate;
	bool quick;
};

static int
set_rate(void *into, const char *value, const char **why)
{
	struct wanted *w = into;

	*why = "must be 1 to 10000";
	return options_number(value, 1, 10000, &w->rate);
}

static int
set_quick(void *into, const char *value, const char **why)
{
	struct wanted *w = into;

	(void)why;
	assert_null(value);
	w->quick = true;
	return 0;
}

static const struct option_row rows[] = {
	{ "rate", "N", "samples per second", set_rate, 'r' },
	{ "quick", NULL, "hurry", set_quick },
	{ NULL },
};
static const struct option_table table = { "program x", "[FILE]...", "Does x.",
	rows };

/* Parses words (ends with NULL); the first operand's index or -1. */
static int
parse(struct wanted *w, int *code, const char *const *words)
{
	char *argv[16] = { "x" };
	int argc = 1;

	for (; words[argc - 1] != NULL; argc++)
		argv[argc] = (char *)words[argc - 1];
	memset(w, 0, sizeof(*w));
	return options_parse(&table, argc, argv, w, code);
}

#define PARSE(w, code, ...)                                                    \
	parse(w, code, (const char *const[]){ __VA_ARGS__, NULL })

static void
test_options_and_operands_are_told_apart(void **state)
{
	struct wanted w;
	int code;

	(void)state;
	assert_int_equal(PARSE(&w, &code, "--rate", "99", "--quick", "f"), 4);
	assert_int_equal(w.rate, 99);
	assert_true(w.quick);
	assert_int_equal(PARSE(&w, &code, "--rate=7", "--", "--quick"), 3);
	assert_int_equal(w.rate, 7);
	assert_false(w.quick);
}

static void
test_letters_are_names_too(void **state)
{
	struct wanted w;
	int code;

	(void)state;
	assert_int_equal(PARSE(&w, &code, "-r", "99", "f"), 3);
	assert_int_equal(w.rate, 99);
	assert_int_equal(PARSE(&w, &code, "-r7"), 2);
	assert_int_equal(w.rate, 7);
	assert_int_equal(PARSE(&w, &code, "-r"), -1);
	assert_int_equal(code, EXIT_USAGE);
}

static void
test_operands_may_come_first(void **state)
{
	struct wanted w;
	int code;

	(void)state;
	assert_int_equal(PARSE(&w, &code, "f", "--rate", "99"), 3);
	assert_int_equal(w.rate, 99);
}

/* How often that word may stand there, and what is said of too many. */
static void
test_operands_are_counted(void **state)
{
	static const struct {
		const char *operands;
		int min, max;
	} kinds[] = { { "", 0, 0 }, { "FILE", 1, 1 }, { "FILE...", 1, 3 },
		{ "[FILE]...", 0, 3 } };
	char *argv[] = { "x", "f", "f", "f", NULL };
	struct wanted w;
	int code;

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		for (int n = 0; n <= 3; n++) {
			const struct option_table t = { "program x",
				kinds[i].operands, "Does x.", rows };
			bool good = n >= kinds[i].min && n <= kinds[i].max;
			int first = options_parse(&t, n + 1, argv, &w, &code);

			assert_int_equal(first, good ? 1 : -1);
			assert_int_equal(code, good ? -1 : EXIT_USAGE);
		}
}

/* A command's version is its program's. */
static void
test_programs_have_a_version(void **state)
{
	const struct option_table program = { "program", "", "Is x.", rows };
	char *argv[] = { "x", "--version", NULL };
	struct wanted w;
	int code;

	(void)state;
	assert_int_equal(options_parse(&program, 2, argv, &w, &code), -1);
	assert_int_equal(code, 0);
	assert_int_equal(options_parse(&table, 2, argv, &w, &code), -1);
	assert_int_equal(code, EXIT_USAGE);
}

static void
test_wrong_options_are_usage_errors(void **state)
{
	struct wanted w;
	int code;

	(void)state;
	assert_int_equal(PARSE(&w, &code, "--nonsense"), -1);
	assert_int_equal(code, EXIT_USAGE);
	assert_int_equal(PARSE(&w, &code, "-x"), -1);
	assert_int_equal(code, EXIT_USAGE);
	assert_int_equal(PARSE(&w, &code, "--rate"), -1);
	assert_int_equal(code, EXIT_USAGE);
	assert_int_equal(PARSE(&w, &code, "--quick=1"), -1);
	assert_int_equal(code, EXIT_USAGE);
	assert_int_equal(PARSE(&w, &code, "--rate", "0"), -1);
	assert_int_equal(code, EXIT_USAGE);
	assert_int_equal(PARSE(&w, &code, "--rate", "100000"), -1);
	assert_int_equal(code, EXIT_USAGE);
}

static void
test_numbers_are_whole_and_bounded(void **state)
{
	static const char *const bad[] = { "", "-1", "+1", " 1", "1 ", "1k",
		"0x10", "1.0", "11", "0", "18446744073709551616" };
	uint64_t n;

	(void)state;
	assert_int_equal(options_number("10", 1, 10, &n), 0);
	assert_int_equal(n, 10);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(options_number(bad[i], 1, 10, &n), -EINVAL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options_and_operands_are_told_apart),
		cmocka_unit_test(test_letters_are_names_too),
		cmocka_unit_test(test_operands_may_come_first),
		cmocka_unit_test(test_operands_are_counted),
		cmocka_unit_test(test_programs_have_a_version),
		cmocka_unit_test(test_wrong_options_are_usage_errors),
		cmocka_unit_test(test_numbers_are_whole_and_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
