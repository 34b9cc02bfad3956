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

/* What Go's Sprintf makes of each. */
static void
test_format(void **state)
{
	static const char *const cases[][2] = {
		{ "format(\"plain\")", "\"plain\"" },
		{ "format(\"\")", "\"\"" },
		{ "format(\"100%%\")", "\"100%\"" },
		{ "format(\"%s %d %v\", \"a\", 1, 2.5)", "\"a 1 2.5\"" },
		{ "format(\"%s|%v|%d\", true, true, true)",
		    "\"%!s(bool=true)|true|%!d(bool=true)\"" },
		{ "format(\"%d\", \"x\")", "\"%!d(string=x)\"" },
		{ "format(\"%s\")", "\"%!s(MISSING)\"" },
		{ "format(\"%s\", 1)", "\"%!s(int=1)\"" },
		{ "format(\"%d %d\", 1)", "\"1 %!d(MISSING)\"" },
		{ "format(\"%d\", 1, \"x\", null, 2.5)",
		    "\"1%!(EXTRA string=x, <nil>, float64=2.5)\"" },
		{ "format(\"%5.2f|%-8.3f|%08.3f|%+.1e|%E\", 3.14159, 2.5, "
		  "-3.14159, 12345.678, 1.5)",
		    "\" 3.14|2.500   |-003.142|+1.2e+04|1.500000E+00\"" },
		{ "format(\"%g %G %g %g %g\", 100000.0, 1e-9, 1e6, "
		  "123456789.0, 0.1)",
		    "\"100000 1E-09 1e+06 1.23456789e+08 0.1\"" },
		{ "format(\"%v %v %v\", 1e21, 1e-5, 100.0)",
		    "\"1e+21 1e-05 100\"" },
		{ "format(\"%f %5.1f %v %+v %08v\", 1.0/0, -1.0/0, 0.0/0, "
		  "1.0/0, -1.0/0)",
		    "\"+Inf  -Inf NaN +Inf     -Inf\"" },
		{ "format(\"%x %X %.3x %b %x\", 1.0, 255.5, 1.1, 1.5, 5e-324)",
		    "\"0x1p+00 0X1.FFP+07 0x1.19ap+00 6755399441055744p-52 "
		    "0x1p-1074\"" },
		{ "format(\"%#g %#.3g %#.0f %#e\", 0.5, 2.0, 3.0, 1.0)",
		    "\"0.500000 2.00 3. 1.000000e+00\"" },
		{ "format(\"%.3v|%6.3v|%.0f\", 3.14159, 3.14159, 2.5)",
		    "\"3.14|  3.14|2\"" },
		{ "format(\"%b %o %O %x %X\", 5, 8, 8, 255, -255)",
		    "\"101 10 0o10 ff -FF\"" },
		{ "format(\"%#b %#o %#O %#x %#X\", 5, 8, 8, 255, 255)",
		    "\"0b101 010 0o010 0xff 0XFF\"" },
		{ "format(\"%+d|% d|%5d|%-5d|%05d|%.5d|%8.3d|%+.3d|%.0d\", 5, "
		  "5, 42, 42, -42, 42, 42, 42, 0)",
		    "\"+5| 5|   42|42   |-0042|00042|     042|+042|\"" },
		{ "format(\"%v %d %#v\", 18446744073709551615, "
		  "9223372036854775808, 9223372036854775808)",
		    "\"18446744073709551615 9223372036854775808 "
		    "0x8000000000000000\"" },
		{ "format(\"%c%c %q %+q %q %q %q\", 65, 128512, 128512, "
		  "128512, 39, 34, -1)",
		    "\"A\xf0\x9f\x98\x80 '\xf0\x9f\x98\x80' '\\\\U0001f600' "
		    "'\\\\'' '\\\"' '\xef\xbf\xbd'\"" },
		{ "format(\"%U %#U %#U %08U\", 128512, 128512, 7, 65)",
		    "\"U+1F600 U+1F600 '\xf0\x9f\x98\x80' U+0007   U+0041\"" },
		{ "format(\"%q %+q %#q %#q %#q\", \"a\\\"\xc3\xa4\\n\", "
		  "\"\xc3\xa4\xf0\x9f\x98\x80\\xff\", \"a\\\\b\", \"a`b\", "
		  "\"a\\nb\")",
		    "\"\\\"a\\\\\\\"\xc3\xa4\\\\n\\\" "
		    "\\\"\\\\u00e4\\\\U0001f600\\\\xff\\\" `a\\\\b` "
		    "\\\"a`b\\\" \\\"a\\\\nb\\\"\"" },
		{ "format(\"%x|% x|%#x|% #X|%.2x|%x\", \"abc\", \"abc\", "
		  "\"abc\", \"abc\", \"abc\", \"\")",
		    "\"616263|61 62 63|0x616263|0X61 0X62 0X63|6162|\"" },
		{ "format(\"%5s|%-5s|%05s|%.2s|%5.1s|%5s\", \"abc\", \"abc\", "
		  "\"abc\", \"\xc3\xa4\xc3\xb6\xc3\xbc\", "
		  "\"\xc3\xa4\xc3\xb6\xc3\xbc\", \"\xc3\xa4\")",
		    "\"  abc|abc  |00abc|\xc3\xa4\xc3\xb6|    \xc3\xa4|    "
		    "\xc3\xa4\"" },
		{ "format(\"%t %v %5t|%-6t|\", true, false, true, false)",
		    "\"true false  true|false |\"" },
		{ "format(\"%v %s %d %5v|%#v %T\", null, null, null, null, "
		  "null, null)",
		    "\"<nil> %!s(<nil>) %!d(<nil>) <nil>|<nil> <nil>\"" },
		{ "format(\"%v %d\", [1, \"a\", null, 2.5, [true]], [1, \"a\", "
		  "null])",
		    "\"[1 a <nil> 2.5 [true]] [1 %!d(string=a) <nil>]\"" },
		{ "format(\"%s %q %x %5d\", [\"a\", 1], [\"a\", \"b c\"], "
		  "[\"hi\", 255], [1, -2])",
		    "\"[a %!s(int=1)] [\\\"a\\\" \\\"b c\\\"] [6869 ff] [    1 "
		    "   -2]\"" },
		{ "format(\"%v %d %v\", {b = 1, a = []}, {k = \"v\"}, {})",
		    "\"map[a:[] b:1] map[%!d(string=k):%!d(string=v)] "
		    "map[]\"" },
		{ "format(\"%#v\", [1, \"a\", null, 2.5, {b = true, a = 1e6}])",
		    "\"[]interface {}{1, \\\"a\\\", interface {}(nil), 2.5, "
		    "map[string]interface {}{\\\"a\\\":1e+06, "
		    "\\\"b\\\":true}}\"" },
		{ "format(\"%T %T %T %T %T %T %T\", 1, 2.5, \"a\", true, [], "
		  "{}, 18446744073709551615)",
		    "\"int float64 string bool []interface {} "
		    "map[string]interface {} uint64\"" },
		{ "format(\"%!|%z|%\xc3\xa9|%\", 1, 2, 3)",
		    "\"%!!(int=1)|%!z(int=2)|%!\xc3\xa9(int=3)|%!(NOVERB)\"" },
		{ "format(\"%5z|%p|%w\", 1, 2, \"a\")",
		    "\"%!z(int=    1)|%!p(int=2)|%!w(string=a)\"" },
		{ "format(\"%[2]d %[1]d %d\", 1, 2)", "\"2 1 2\"" },
		{ "format(\"%[3]d|%[x]d|%[0]d|%[1\", 1, 2)",
		    "\"%!d(BADINDEX)|%!d(BADINDEX)|%!d(BADINDEX)|%!(NOVERB)"
		    "\"" },
		{ "format(\"%[1]*d|%[2]2d\", 5, 6)",
		    "\"    6|%!d(BADINDEX)\"" },
		{ "format(\"%*d|%-*d|%.*f|%*d\", 5, 42, 5, 42, 2, 3.14159, -4, "
		  "7)",
		    "\"   42|42   |3.14|7   \"" },
		{ "format(\"%*d|%.*d|%.*d\", \"x\", 1, \"y\", 2, -5, 1)",
		    "\"%!(BADWIDTH)1|%!(BADPREC)2|%!(BADPREC)1\"" },
		{ "format(\"%+v|% v|%+s|%-05d|%-05s|\", 1.5, 1.0, \"a\", 3, "
		  "\"b\")",
		    "\"1.5| 1|a|3    |b    |\"" },
		{ "format(\"%99999999999d\", 1)",
		    "\"%!(NOVERB)%!(EXTRA int=1)\"" },
		{ "format(\"a\\x00%s\", \"b\\x00c\")", "\"a\\x00b\\x00c\"" },
		{ "format(\"%\\xff\", 1)", "\"%!\xef\xbf\xbd(int=1)\"" },
		{ "format(\"%.1e\", 1.25)", "\"1.2e+00\"" },
		{ "format(\"%.1105e\", 1.5) == \"1.5\" + replace(format("
		  "\"%1104s\", \"\"), \" \", \"0\") + \"e+00\"",
		    "true" },
		{ "format(\"%.1105f\", 0.5) == \"0.5\" + replace(format("
		  "\"%1104s\", \"\"), \" \", \"0\")",
		    "true" },
		{ "format(\"%.2000g\", 0.5)", "\"0.5\"" },
		{ "format()",
		    "1:1-1:6 format expected at least 1 args, got 0" },
		{ "format(1)", "\"1\"" },
		{ "string.format(\"%d\", 1)", "\"1\"" },
		{ "format(\"%v\", env)", "\"function\"" },
		{ "format(\"%d\", env)", "\"%!d(function=function)\"" },
		/* upstream would show them */
		{ "format(\"%s\", secret)",
		    "1:14-1:19 secret secrets may not be converted into "
		    "strings" },
		{ "format(\"%v\", [1, {a = secret}])",
		    "1:23-1:28 secret secrets may not be converted into "
		    "strings" },
		{ "format(\"%v\", concat([1], [secret]))",
		    "1:14-1:34 concat([1], [secret])[1] secrets may not be "
		    "converted into strings" },
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
		{ "string", "{format = function, join = function, replace = "
			    "function, split = "
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
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_join),
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_replace),
		cmocka_unit_test(test_upper_and_lower_case),
		cmocka_unit_test(test_trimming),
		cmocka_unit_test(test_functions_are_values),
	};

	return cmocka_run_group_tests_name("river stdlib", tests, NULL, NULL);
}
