/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/river_eval.h"

#include <sys/utsname.h>

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

/* "secret" and "empty" are secrets. */
static size_t
lookup(void *arg, const struct river_ident *names, size_t count,
    struct river_value *value)
{
	static struct river_bytes secret = { "geheim", 6 }, none = { "", 0 };

	(void)arg;
	(void)count;
	if (strcmp(names[0].text, "secret") == 0)
		*value = river_value_capsule(&river_secret_type, &secret);
	else if (strcmp(names[0].text, "empty") == 0)
		*value = river_value_capsule(&river_secret_type, &none);
	else
		return 0;
	return 1;
}

static const struct river_scope scope = { lookup, NULL };

static void
expect_all(const char *const cases[][2], size_t count)
{
	for (size_t i = 0; i < count; i++)
		expect_outcome(cases[i][0], &scope, cases[i][1]);
}

static void
test_env(void **state)
{
	static const char *const cases[][2] = {
		{ "env(\"RIVER_TEST\")", "\"a b\"" },
		{ "env(\"RIVER_TEST_UNSET\")", "\"\"" },
		{ "env(\"\")", "\"\"" },
		{ "env(null)", "\"\"" },
		{ "env(1)", "\"one\"" },
		{ "env(1.50)", "\"\"" },
		{ "env(\"RIVER_TEST\\x00x\")", "\"\"" },
		{ "sys.env(\"RIVER_TEST\")", "\"a b\"" },
	};

	(void)state;
	setenv("RIVER_TEST", "a b", 1);
	setenv("1", "one", 1);
	unsetenv("RIVER_TEST_UNSET");
	expect_all(cases, LENGTH(cases));
}

static void
test_constants(void **state)
{
	struct utsname name;
	char *outcome, expected[128];

	(void)state;
	assert_int_equal(uname(&name), 0);
	snprintf(expected, sizeof(expected), "\"%s\"", name.nodename);
	outcome = outcome_of("constants.hostname", 18, NULL);
	assert_string_equal(outcome, expected);
	free(outcome);
	expect_outcome("constants.os", NULL, "\"linux\"");
	expect_outcome("constants.arch != \"x86_64\"", NULL, "true");
	expect_outcome("constants.version > \"0\"", NULL, "true");
	expect_outcome(
	    "constants.nope", NULL, "1:11-1:14 field \"nope\" does not exist");
#ifdef __x86_64__
	expect_outcome("constants.arch", NULL, "\"amd64\"");
#endif
#ifdef __aarch64__
	expect_outcome("constants.arch", NULL, "\"arm64\"");
#endif
}

static void
test_concat(void **state)
{
	static const char *const cases[][2] = {
		{ "concat()", "[]" },
		{ "concat([])", "[]" },
		{ "concat([1], [], [\"a\", [2]])", "[1, \"a\", [2]]" },
		{ "array.concat([1], [2])", "[1, 2]" },
		{ "concat([1], 2)", "1:13-1:13 2 should be array, got number" },
		{ "concat(null)", "1:8-1:11 null should be array, got null" },
		{ "concat([1], {})", "1:13-1:14 {} should be array, got "
				     "object" },
	};

	(void)state;
	expect_all(cases, LENGTH(cases));
}

static void
test_coalesce(void **state)
{
	static const char *const cases[][2] = {
		{ "coalesce()", "null" },
		{ "coalesce(1)", "1" },
		{ "coalesce(null, \"\", 0, 0.0, false, [], {}, 5, 6)", "5" },
		{ "coalesce(null, \"\")", "\"\"" },
		{ "coalesce(0, null)", "null" },
		{ "coalesce(\"\", [null])", "[null]" },
		{ "coalesce(empty, secret)", "(secret)" },
		{ "coalesce(env(\"RIVER_TEST_UNSET\"), \"x\")", "\"x\"" },
		{ "coalesce(null, env)(\"RIVER_TEST_UNSET\")", "\"\"" },
	};

	(void)state;
	unsetenv("RIVER_TEST_UNSET");
	expect_all(cases, LENGTH(cases));
}

static void
test_nonsensitive(void **state)
{
	static const char *const cases[][2] = {
		{ "nonsensitive(secret)", "\"geheim\"" },
		{ "nonsensitive(\"plain\")", "\"plain\"" },
		{ "nonsensitive(empty)", "\"\"" },
		{ "nonsensitive(null)", "\"\"" },
		{ "convert.nonsensitive(secret) + \"!\"", "\"geheim!\"" },
		{ "nonsensitive(1)",
		    "1:14-1:14 1 should be capsule, got number" },
	};

	(void)state;
	expect_all(cases, LENGTH(cases));
}

static void
test_regex_quote(void **state)
{
	static const char *const cases[][2] = {
		{ "regex_quote(\"ip-10-0-69-8.ec2.internal\")",
		    "\"ip-10-0-69-8\\\\.ec2\\\\.internal\"" },
		{ "regex_quote(\"\\\\.+*?()|[]{}^$\")",
		    "\"\\\\\\\\\\\\.\\\\+\\\\*\\\\?\\\\(\\\\)\\\\|\\\\[\\\\]"
		    "\\\\{\\\\}\\\\^\\\\$\"" },
		{ "regex_quote(\"-/_ \xc3\xa4#&~!\")", "\"-/_ \xc3\xa4#&~!\"" },
		{ "regex_quote(\"\")", "\"\"" },
		{ "regex_quote(1.5)", "\"1\\\\.5\"" },
		{ "regex_quote(\"a\\x00b\")", "\"a\\x00b\"" },
		{ "regex_escape(\"a\")",
		    "1:1-1:12 identifier \"regex_escape\" does not exist" },
	};

	(void)state;
	expect_all(cases, LENGTH(cases));
}

static void
test_join(void **state)
{
	static const char *const cases[][2] = {
		{ "join([], \",\")", "\"\"" },
		{ "join(null, \",\")", "\"\"" },
		{ "join([\"a\"], \",\")", "\"a\"" },
		{ "join([\"a\", 1, 2.50, \"\"], \", \")", "\"a, 1, 2.5, \"" },
		{ "join([\"a\", \"b\"], \"\")", "\"ab\"" },
		{ "join([null, null], \"x\")", "\"x\"" },
		{ "string.join([\"a\", \"b\"], 0)", "\"a0b\"" },
		{ "join([true], \"\")",
		    "1:7-1:10 true should be string, got bool" },
		{ "join([secret], \"\")",
		    "1:7-1:12 secret secrets may not be converted into "
		    "strings" },
		{ "join(\"a\", \"\")", "1:6-1:8 \"a\" should be array, got "
				       "string" },
	};

	(void)state;
	expect_all(cases, LENGTH(cases));
}

static void
test_split(void **state)
{
	static const char *const cases[][2] = {
		{ "split(\"\", \",\")", "[\"\"]" },
		{ "split(\"a,b,,c\", \",\")", "[\"a\", \"b\", \"\", \"c\"]" },
		{ "split(\",\", \",\")", "[\"\", \"\"]" },
		{ "split(\"a--b-\", \"--\")", "[\"a\", \"b-\"]" },
		{ "split(\"aaa\", \"aa\")", "[\"\", \"a\"]" },
		{ "split(\"abc\", \"x\")", "[\"abc\"]" },
		{ "split(\"a\xc3\xa4\xf0\x9f\x98\x80\", \"\")",
		    "[\"a\", \"\xc3\xa4\", \"\xf0\x9f\x98\x80\"]" },
		{ "split(\"a\\xff\xc3\xa4\", \"\")",
		    "[\"a\", \"\\xff\", \"\xc3\xa4\"]" },
		{ "split(\"\", \"\")", "[]" },
		{ "string.split(1.5, \".\")", "[\"1\", \"5\"]" },
	};

	(void)state;
	expect_all(cases, LENGTH(cases));
}

static void
test_replace(void **state)
{
	static const char *const cases[][2] = {
		{ "replace(\"banana\", \"a\", \"o\")", "\"bonono\"" },
		{ "replace(\"banana\", \"ana\", \"\")", "\"bna\"" },
		{ "replace(\"banana\", \"x\", \"y\")", "\"banana\"" },
		{ "replace(\"\", \"x\", \"y\")", "\"\"" },
		{ "replace(\"ab\", \"\", \"-\")", "\"-a-b-\"" },
		{ "replace(\"\xc3\xa4\\xff\", \"\", \".\")",
		    "\".\xc3\xa4.\\xff.\"" },
		{ "replace(\"\", \"\", \"-\")", "\"-\"" },
		{ "string.replace(\"a\", \"a\", 1)", "\"1\"" },
	};

	(void)state;
	expect_all(cases, LENGTH(cases));
}

static void
test_upper_and_lower_case(void **state)
{
	static const char *const cases[][2] = {
		{ "to_lower(\"ABC xyz 1\")", "\"abc xyz 1\"" },
		{ "to_upper(\"ABC xyz 1\")", "\"ABC XYZ 1\"" },
		{ "to_upper(\"stra\xc3\x9f"
		  "e\")",
		    "\"STRA\xc3\x9f"
		    "E\"" },
		{ "to_lower(\"\xc3\x84\xd0\x96\xce\xa3\")",
		    "\"\xc3\xa4\xd0\xb6\xcf\x83\"" },
		{ "to_upper(\"\xc3\xa4\xd0\xb6\xcf\x82\xc3\xbf\")",
		    "\"\xc3\x84\xd0\x96\xce\xa3\xc5\xb8\"" },
		/* one character for one, even where one would need two */
		{ "to_lower(\"\xc4\xb0\")", "\"i\"" },
		{ "to_upper(\"\xef\xac\x81\")", "\"\xef\xac\x81\"" },
		{ "to_upper(\"\xc9\x90\")", "\"\xe2\xb1\xaf\"" },
		{ "to_lower(\"a\\xffB\")", "\"a\xef\xbf\xbd"
					   "b\"" },
		{ "string.to_lower(\"A\") + string.to_upper(\"b\")", "\"aB\"" },
		{ "to_upper(\"\")", "\"\"" },
	};

	(void)state;
	expect_all(cases, LENGTH(cases));
}

static void
test_trimming(void **state)
{
	static const char *const cases[][2] = {
		{ "trim(\"xxayxx\", \"x\")", "\"ay\"" },
		{ "trim(\"xyxayx\", \"yx\")", "\"a\"" },
		{ "trim(\"xxx\", \"x\")", "\"\"" },
		{ "trim(\"abc\", \"\")", "\"abc\"" },
		{ "trim(\"\", \"x\")", "\"\"" },
		{ "trim(\"\xc3\xa4"
		  "a\xc3\xa4\xe2\x82\xac\", \"\xe2\x82\xac\xc3\xa4\")",
		    "\"a\"" },
		/* characters, not bytes */
		{ "trim(\"\xc3\xa4"
		  "a\", \"\xc3\xb6\")",
		    "\"\xc3\xa4"
		    "a\"" },
		{ "trim_space(\" \\t\\n\\v\\f\\r a b \xc2\xa0\xe3\x80\x80\")",
		    "\"a b\"" },
		{ "trim_space(\"\xe2\x80\x8b"
		  "a\")",
		    "\"\\u200ba\"" },
		{ "trim_prefix(\"aab\", \"a\")", "\"ab\"" },
		{ "trim_prefix(\"aab\", \"b\")", "\"aab\"" },
		{ "trim_prefix(\"a\", \"aa\")", "\"a\"" },
		{ "trim_prefix(\"aa\", \"aa\")", "\"\"" },
		{ "trim_suffix(\"abb\", \"b\")", "\"ab\"" },
		{ "trim_suffix(\"abb\", \"\")", "\"abb\"" },
		{ "trim_suffix(\"b\", \"abb\")", "\"b\"" },
		{ "string.trim(\" a \", \" \")", "\"a\"" },
		{ "string.trim_space(\" a \")", "\"a\"" },
		{ "string.trim_prefix(\"ab\", \"a\")", "\"b\"" },
		{ "string.trim_suffix(\"ab\", \"b\")", "\"a\"" },
	};

	(void)state;
	expect_all(cases, LENGTH(cases));
}

static void
test_functions_are_values(void **state)
{
	static const char *const cases[][2] = {
		{ "string", "{join = function, replace = function, split = "
			    "function, to_lower = function, to_upper = "
			    "function, trim = function, trim_prefix = "
			    "function, trim_space = function, trim_suffix = "
			    "function}" },
		{ "string.nope(1)", "1:8-1:11 field \"nope\" does not exist" },
		{ "strin", "1:1-1:5 identifier \"strin\" does not exist" },
		{ "[to_upper, to_lower][0](\"a\")", "\"A\"" },
	};

	(void)state;
	expect_all(cases, LENGTH(cases));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_env),
		cmocka_unit_test(test_constants),
		cmocka_unit_test(test_concat),
		cmocka_unit_test(test_coalesce),
		cmocka_unit_test(test_nonsensitive),
		cmocka_unit_test(test_regex_quote),
		cmocka_unit_test(test_join),
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_replace),
		cmocka_unit_test(test_upper_and_lower_case),
		cmocka_unit_test(test_trimming),
		cmocka_unit_test(test_functions_are_values),
	};

	return cmocka_run_group_tests_name("river stdlib", tests, NULL, NULL);
}
