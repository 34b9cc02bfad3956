/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/river_eval.h"

#include <math.h>

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

static const struct river_capsule_type receiver_type = { "receiver" };

/*
 * "x": a component with values of all types; "secret", "token": secrets.
 */
static size_t
lookup(void *arg, const struct river_ident *names, size_t count,
    struct river_value *value)
{
	static int receiver;
	static struct river_bytes secret = { "geheim", 6 }, none = { "", 0 };
	static struct river_value numbers[2];
	static struct river_member members[7];

	(void)arg;
	(void)count;
	numbers[0] = river_value_int(1);
	numbers[1] = river_value_float(2.5);
	members[0] = (struct river_member){ { "secret", 6 },
		river_value_capsule(&river_secret_type, &secret) };
	members[1] = (struct river_member){ { "receiver", 8 },
		river_value_capsule(&receiver_type, &receiver) };
	members[2] = (struct river_member){ { "list", 4 },
		{ .type = RIVER_ARRAY, .array = { numbers, 2 } } };
	members[3] =
	    (struct river_member){ { "truth", 5 }, river_value_bool(true) };
	members[4] =
	    (struct river_member){ { "none", 4 }, { .type = RIVER_NULL } };
	members[5] = (struct river_member){ { "empty", 5 },
		river_value_capsule(&river_secret_type, &none) };
	members[6] = (struct river_member){ { "text", 4 },
		{ .type = RIVER_STRING, .string = { "hello", 5 } } };
	if (strcmp(names[0].text, "x") != 0)
		return 0;
	*value = (struct river_value){ .type = RIVER_OBJECT,
		.object = { members, LENGTH(members) } };
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
test_arithmetic(void **state)
{
	static const char *const cases[][2] = {
		{ "1 + 2", "3" },
		{ "1 - 2", "-1" },
		{ "3 * 4", "12" },
		{ "3/2", "1" },
		{ "-3/2", "-1" },
		{ "3.0/2", "1.5" },
		{ "3/2.0", "1.5" },
		{ "7%-3", "1" },
		{ "-7%3", "-1" },
		{ "5.5%2", "1.5" },
		{ "-5.5%2", "-1.5" },
		{ "1.0/0", "+Inf" },
		{ "-1.0/0", "-Inf" },
		{ "0.0/0", "NaN" },
		{ "1/0.0", "+Inf" },
		{ "5%0.0", "NaN" },
		{ "2^10", "1024" },
		{ "2^0", "1" },
		{ "0^0", "1" },
		{ "2^1", "2" },
		{ "2^-1", "2" },
		{ "5^-3", "5" },
		{ "2.0^-1", "0.5" },
		{ "2^-1.0", "0.5" },
		{ "2^0.5", "1.4142135623730951" },
		{ "2^3^2", "512" },
		{ "(2^3)^2", "64" },
		{ "-2^2", "4" },
		{ "-(2^2)", "-4" },
		{ "1 + 2 * 3", "7" },
		{ "(1 + 2) * 3", "9" },
		{ "10 - 4 - 3", "3" },
		{ "100 / 10 / 5", "2" },
		{ "- - 3", "3" },
		{ "-1.5", "-1.5" },
		{ "010 + 1", "9" },
		{ "09 + 1", "10" },
		{ "09 / 2", "4.5" },
		{ "1 + 1.5", "2.5" },
		{ "0.1 + 0.2", "0.30000000000000004" },
		{ "\"ab\" + \"cd\" + \"\"", "\"abcd\"" },
		{ "\"a\\x00b\" + \"c\"", "\"a\\x00bc\"" },
	};

	(void)state;
	expect_all(cases, LENGTH(cases));
}

static void
test_whole_numbers_wrap(void **state)
{
	static const char *const cases[][2] = {
		{ "9223372036854775807 + 1", "-9223372036854775808" },
		{ "-9223372036854775807 - 2", "9223372036854775807" },
		{ "9223372036854775807 * 2", "-2" },
		{ "9223372036854775808 + 9223372036854775809", "1" },
		{ "9223372036854775808 * 2", "0" },
		{ "18446744073709551615 + 18446744073709551615",
		    "18446744073709551614" },
		/* of uint and int the result is int */
		{ "18446744073709551615 + 1", "0" },
		{ "18446744073709551615 / 9223372036854775808", "1" },
		{ "18446744073709551615 % 9223372036854775808",
		    "9223372036854775807" },
		{ "9223372036854775808 - 1", "9223372036854775807" },
		{ "-9223372036854775808", "-9223372036854775808" },
		{ "-18446744073709551615", "1" },
		{ "(-9223372036854775807 - 1) / -1", "-9223372036854775808" },
		{ "(-9223372036854775807 - 1) % -1", "0" },
		{ "3^200", "6627890308811632801" },
		{ "2^64", "0" },
		{ "2^9223372036854775807", "0" },
		{ "1^9223372036854775807", "1" },
		{ "9223372036854775809^9223372036854775809",
		    "9223372036854775809" },
		{ "18446744073709551616 + 1", "18446744073709552000" },
	};

	(void)state;
	expect_all(cases, LENGTH(cases));
}

static void
test_comparisons(void **state)
{
	static const char *const cases[][2] = {
		{ "1 < 2", "true" },
		{ "2 < 1", "false" },
		{ "1 < 1", "false" },
		{ "1 <= 1", "true" },
		{ "2 > 1", "true" },
		{ "1 >= 2", "false" },
		{ "2 >= 2", "true" },
		{ "1 < 1.5", "true" },
		{ "-1 < 18446744073709551615", "true" },
		{ "18446744073709551615 > 9223372036854775807", "true" },
		{ "0.0/0 < 1", "false" },
		{ "0.0/0 >= 1", "false" },
		{ "0.0/0 == 0.0/0", "false" },
		{ "\"a\" < \"b\"", "true" },
		{ "\"a\" < \"B\"", "false" },
		{ "\"a\" < \"aa\"", "true" },
		{ "\"\" < \"a\"", "true" },
		{ "\"\\xff\" > \"z\"", "true" },
		{ "\"a\\x00b\" < \"a\\x00c\"", "true" },
		{ "\"b\" >= \"b\"", "true" },
		{ "1 == 1", "true" },
		{ "1 != 1", "false" },
		{ "3 == 3.0", "true" },
		{ "1 == \"1\"", "false" },
		{ "1 != \"1\"", "true" },
		{ "true == 1", "false" },
		{ "null == null", "true" },
		{ "null == false", "false" },
		{ "\"a\" == \"a\"", "true" },
		{ "[1, [2.0]] == [1.0, [2]]", "true" },
		{ "[1] == [1, 2]", "false" },
		{ "{a = 1, b = [2]} == {b = [2], a = 1}", "true" },
		{ "{a = 1} == {a = 2}", "false" },
		{ "{a = 1} == {b = 1}", "false" },
		{ "{} == []", "false" },
		{ "env == env", "false" },
		{ "env != env", "true" },
		{ "x.secret == x.secret", "true" },
		{ "x.secret == x.empty", "false" },
		{ "x.secret == \"geheim\"", "false" },
		{ "x.receiver == x.receiver", "true" },
		{ "x.receiver == x.secret", "false" },
		{ "1 == 1 == true", "true" },
	};

	(void)state;
	expect_all(cases, LENGTH(cases));
}

static void
test_logic_takes_both_sides(void **state)
{
	static const char *const cases[][2] = {
		{ "true && true", "true" },
		{ "true && false", "false" },
		{ "false || true", "true" },
		{ "false || false", "false" },
		{ "!true", "false" },
		{ "!!true", "true" },
		{ "!(1 > 2) && true", "true" },
		{ "true || false && false", "true" },
		{ "true || undefined",
		    "1:9-1:17 identifier \"undefined\" does not exist" },
		{ "false && undefined",
		    "1:10-1:18 identifier \"undefined\" does not exist" },
		{ "true || 1/0 == 1", "1:9-1:11 division by zero" },
	};

	(void)state;
	expect_all(cases, LENGTH(cases));
}

static void
test_access_and_index(void **state)
{
	static const char *const cases[][2] = {
		{ "[1, 2][0]", "1" },
		{ "[1, 2][1.9]", "2" },
		{ "[1, 2][-0.5]", "1" },
		{ "[[1], [2, 3]][1][1]", "3" },
		{ "{a = 1}.a", "1" },
		{ "{a = 1}[\"a\"]", "1" },
		{ "{a = 1}[\"b\"]", "null" },
		{ "{}[\"\"]", "null" },
		{ "{\"\" = 1}[\"\"]", "1" },
		{ "{a = {b = [5]}}.a.b[0]", "5" },
		{ "{\"a b\" = 1}[\"a\" + \" b\"]", "1" },
		{ "x.list[1]", "2.5" },
		{ "x[\"list\"][0]", "1" },
		{ "x[\"nope\"]", "null" },
		{ "(x).list", "[1, 2.5]" },
		{ "[x][0].truth", "true" },
		{ "{f = env}.f(\"NOT_SET\")", "\"\"" },
		{ "[env][0](\"NOT_SET\")", "\"\"" },
	};

	(void)state;
	expect_all(cases, LENGTH(cases));
}

/* spec/river.md 1.10, row by row */
static void
test_mistakes_and_their_places(void **state)
{
	static const char *const cases[][2] = {
		{ "foo", "1:1-1:3 identifier \"foo\" does not exist" },
		{ "[1, foo.bar]", "1:5-1:7 identifier \"foo\" does not exist" },
		{ "foo(1)", "1:1-1:3 identifier \"foo\" does not exist" },
		{ "{a = 1}.b", "1:9-1:9 field \"b\" does not exist" },
		{ "{a = {}}.a.bc", "1:12-1:13 field \"bc\" does not exist" },
		{ "x.nope", "1:3-1:6 field \"nope\" does not exist" },
		{ "\"s\".x",
		    "1:1-1:3 \"s\" cannot access field \"x\" on value of type "
		    "string" },
		{ "[1,2].x",
		    "1:1-1:5 [1, 2] cannot access field \"x\" on value of type "
		    "array" },
		{ "(1+2).x",
		    "1:1-1:5 (1 + 2) cannot access field \"x\" on value of "
		    "type number" },
		{ "env(\"A\").x",
		    "1:1-1:8 env(\"A\") cannot access field \"x\" on value of "
		    "type string" },
		{ "x.none.y",
		    "1:1-1:6 x.none cannot access field \"y\" on value of type "
		    "null" },
		{ "!1", "1:2-1:2 1 should be bool, got number" },
		{ "!x.secret", "1:2-1:9 x.secret should be bool, got capsule" },
		{ "-\"a\"", "1:2-1:4 \"a\" should be number, got string" },
		{ "-[1,2]", "1:2-1:6 [1, 2] should be number, got array" },
		{ "-null", "1:2-1:5 null should be number, got null" },
		{ "true + 1",
		    "1:1-1:4 true should be one of [number string] for binop "
		    "+, got bool" },
		{ "1 + true",
		    "1:5-1:8 true should be one of [number string] for binop "
		    "+, got bool" },
		{ "true - true",
		    "1:1-1:4 true should be one of [number] for binop -, got "
		    "bool" },
		{ "1 * \"2\"",
		    "1:5-1:7 \"2\" should be one of [number] for binop *, got "
		    "string" },
		{ "[] / 1",
		    "1:1-1:2 [] should be one of [number] for binop /, got "
		    "array" },
		{ "1 % null",
		    "1:5-1:8 null should be one of [number] for binop %, got "
		    "null" },
		{ "{} ^ 1",
		    "1:1-1:2 {} should be one of [number] for binop ^, got "
		    "object" },
		{ "1 && true",
		    "1:1-1:1 1 should be one of [bool] for binop &&, got "
		    "number" },
		{ "true || \"x\"",
		    "1:9-1:11 \"x\" should be one of [bool] for binop ||, got "
		    "string" },
		{ "env < 1",
		    "1:1-1:3 env should be one of [number string] for binop <, "
		    "got function" },
		{ "1 > []",
		    "1:5-1:6 [] should be one of [number string] for binop >, "
		    "got array" },
		{ "1 <= true",
		    "1:6-1:9 true should be one of [number string] for binop "
		    "<=, got bool" },
		{ "x.receiver >= 1",
		    "1:1-1:10 x.receiver should be one of [number string] for "
		    "binop >=, got capsule" },
		{ "2 < 3 < 4",
		    "1:1-1:5 2 < 3 should be one of [number string] for binop "
		    "<, got bool" },
		{ "x.secret + \"a\"",
		    "1:1-1:8 x.secret should be one of [number string] for "
		    "binop +, got capsule" },
		{ "1 + \"a\"", "1:5-1:7 \"a\" should be number, got string" },
		{ "\"a\" + 1", "1:7-1:7 1 should be string, got number" },
		{ "\"a\" < 1 + 1", "1:7-1:11 1 + 1 should be string, got "
				   "number" },
		{ "\"abc\"[0]",
		    "1:1-1:5 \"abc\" expected object or array, got string" },
		{ "(1)[0]",
		    "1:1-1:3 (1) expected object or array, got number" },
		{ "null[0]", "1:1-1:4 null expected object or array, got "
			     "null" },
		{ "[1][\"a\"]", "1:5-1:7 \"a\" should be number, got string" },
		{ "{a = 1}[0]", "1:9-1:9 0 should be string, got number" },
		{ "{a = 1}[null]", "1:9-1:12 null should be string, got null" },
		{ "[1, 2][2]",
		    "1:8-1:8 2 index 2 is out of range of array with length "
		    "2" },
		{ "[][0.9]",
		    "1:4-1:6 0.9 index 0 is out of range of array with length "
		    "0" },
		{ "[1][-1]",
		    "1:5-1:6 -1 index -1 is out of range of array with length "
		    "1" },
		{ "[1][1e300]",
		    "1:5-1:9 1e300 index -9223372036854775808 is out of range "
		    "of array with length 1" },
		{ "\"f\"(1)", "1:1-1:3 \"f\" should be function, got string" },
		{ "constants.os()",
		    "1:1-1:12 constants.os should be function, got string" },
		/* before the arguments are looked at */
		{ "1(nope)", "1:1-1:1 1 should be function, got number" },
		{ "env()", "1:1-1:3 env expected 1 args, got 0" },
		{ "env(\"A\", \"B\")", "1:1-1:3 env expected 1 args, got 2" },
		{ "replace(\"a\", \"b\")",
		    "1:1-1:7 replace expected 3 args, got 2" },
		{ "sys.env()", "1:1-1:7 sys.env expected 1 args, got 0" },
		/* arguments are evaluated before they are counted */
		{ "env(nope, 1)",
		    "1:5-1:8 identifier \"nope\" does not exist" },
		{ "env([\"a\"])",
		    "1:5-1:9 [\"a\"] should be string, got array" },
		{ "env(true)", "1:5-1:8 true should be string, got bool" },
		{ "trim(\"a\", {})", "1:11-1:12 {} should be string, got "
				     "object" },
		{ "join([\"a\", true], \"\")",
		    "1:12-1:15 true should be string, got bool" },
		{ "join(concat([1], [[]]), \"\")",
		    "1:6-1:22 concat([1], [[]])[1] should be string, got "
		    "array" },
		{ "join(x.list[0], \"\")",
		    "1:6-1:14 x.list[0] should be array, got number" },
		{ "env(x.secret)",
		    "1:5-1:12 x.secret secrets may not be converted into "
		    "strings" },
		{ "nonsensitive(1)",
		    "1:14-1:14 1 should be capsule, got number" },
		{ "nonsensitive(x.receiver)",
		    "1:14-1:23 x.receiver expected capsule(\"secret\"), got "
		    "capsule(\"receiver\")" },
		{ "1 / 0", "1:1-1:5 division by zero" },
		{ "1 + 2 % (1 - 1)", "1:5-1:15 division by zero" },
		{ "9223372036854775808 / 0", "1:1-1:23 division by zero" },
		{ "1e400", "1:1-1:5 number 1e400 is out of range" },
	};

	(void)state;
	expect_all(cases, LENGTH(cases));
}

static void
test_values_are_printed_on_one_line(void **state)
{
	static const char *const cases[][2] = {
		{ "null", "null" },
		{ "true", "true" },
		{ "1e21", "1000000000000000000000" },
		{ "\"a\\n\\x1b[2J\\u200b\\\"\\\\\"",
		    "\"a\\n\\x1b[2J\\u200b\\\"\\\\\"" },
		{ "[\n1,\n[\n],\n{\n},\n]", "[1, [], {}]" },
		{ "{a = 1, \"b c\" = 2, \"true\" = 3, \"d\\n\" = 4, \"\" = 5}",
		    "{a = 1, \"b c\" = 2, \"true\" = 3, \"d\\n\" = 4, \"\" = "
		    "5}" },
		{ "env", "function" },
		{ "x.secret", "(secret)" },
		{ "[x.receiver]", "[capsule(\"receiver\")]" },
		{ "{\"\xff\" = \"\\xff\"}", "1:3- illegal UTF-8 encoding" },
	};

	(void)state;
	expect_all(cases, LENGTH(cases));
}

/* What a value looks like can be read again, and is the same value. */
static void
test_what_is_printed_is_the_same_value(void **state)
{
	static const char *const cases[] = {
		"[1, -2.5, 0.1, 1e300, 5e-324, 18446744073709551615]",
		"{a = null, \"x y\" = [true, {}], b = \"\\x00\\xff\\u2028\"}",
		"\"\\a\\b\\f\\n\\r\\t\\v\\\\\\\"\\u00e4\\U0001f600\"",
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		char *shown = outcome_of(cases[i], strlen(cases[i]), NULL),
		     *same = NULL;
		size_t size;
		FILE *out = open_memstream(&same, &size);

		fprintf(out, "(%s) == (%s)", cases[i], shown);
		fclose(out);
		expect_outcome(same, NULL, "true");
		free(same);
		free(shown);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arithmetic),
		cmocka_unit_test(test_whole_numbers_wrap),
		cmocka_unit_test(test_comparisons),
		cmocka_unit_test(test_logic_takes_both_sides),
		cmocka_unit_test(test_access_and_index),
		cmocka_unit_test(test_mistakes_and_their_places),
		cmocka_unit_test(test_values_are_printed_on_one_line),
		cmocka_unit_test(test_what_is_printed_is_the_same_value),
	};

	return cmocka_run_group_tests_name("river eval", tests, NULL, NULL);
}
