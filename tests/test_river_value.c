/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/river_text.h"

#include <errno.h>

#include "common/river/eval.h"
#include "common/river/format.h"
#include "common/river/value.h"

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

static void
test_number_literals(void **state)
{
	static const struct {
		const char *text;
		enum river_number_kind kind;
		const char *shown;
	} cases[] = {
		{ "0", RIVER_INT, "0" },
		{ "10", RIVER_INT, "10" },
		{ "010", RIVER_INT, "8" },
		{ "09", RIVER_FLOAT, "9" },
		{ "9223372036854775807", RIVER_INT, "9223372036854775807" },
		{ "9223372036854775808", RIVER_UINT, "9223372036854775808" },
		{ "18446744073709551615", RIVER_UINT, "18446744073709551615" },
		{ "18446744073709551616", RIVER_FLOAT, "18446744073709552000" },
		{ "0777777777777777777777777", RIVER_FLOAT,
		    "777777777777777800000000" },
		{ "1.", RIVER_FLOAT, "1" },
		{ ".5", RIVER_FLOAT, "0.5" },
		{ "1.50", RIVER_FLOAT, "1.5" },
		{ "1e21", RIVER_FLOAT, "1000000000000000000000" },
		{ "1e-7", RIVER_FLOAT, "0.0000001" },
		{ "0.1", RIVER_FLOAT, "0.1" },
		{ "123.456", RIVER_FLOAT, "123.456" },
		{ "0.0", RIVER_FLOAT, "0" },
	};
	struct river_arena *arena = river_arena_new();
	struct river_number n;

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		assert_int_equal(river_number_parse(
				     cases[i].text, strlen(cases[i].text), &n),
		    0);
		assert_int_equal(n.kind, cases[i].kind);
		assert_string_equal(
		    river_number_text(arena, n).data, cases[i].shown);
	}
	assert_int_equal(river_number_parse("1e400", 5, &n), -ERANGE);
	river_arena_free(arena);
}

static void
test_memory_of_no_bytes_has_an_address(void **state)
{
	struct river_arena *arena = river_arena_new();
	char *first = river_arena_alloc(arena, 0, 8);

	(void)state;
	assert_non_null(first);
	assert_non_null(river_arena_alloc(arena, 3, 0));
	assert_ptr_not_equal(first, river_arena_alloc(arena, 0, 0));
	river_arena_free(arena);
}

static void
test_special_floats_have_a_text(void **state)
{
	struct river_arena *arena = river_arena_new();
	static const struct {
		double f;
		const char *text;
	} cases[] = {
		{ -0.0, "-0" },
		{ -1.5, "-1.5" },
		{ 1.0 / 0.0, "+Inf" },
		{ -1.0 / 0.0, "-Inf" },
		{ 5e-324,
		    "0."
		    "00000000000000000000000000000000000000000000000000000000"
		    "00000000000000000000000000000000000000000000000000000000"
		    "00000000000000000000000000000000000000000000000000000000"
		    "00000000000000000000000000000000000000000000000000000000"
		    "00000000000000000000000000000000000000000000000000000000"
		    "0000000000000000000000000000000000000000000"
		    "5" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++)
		assert_string_equal(river_number_text(arena,
					river_value_float(cases[i].f).number)
					.data,
		    cases[i].text);
	river_arena_free(arena);
}

static void
test_numbers_convert_as_on_x86(void **state)
{
	struct river_number big = { RIVER_FLOAT, { .f = 1e300 } };
	struct river_number minus = { RIVER_FLOAT, { .f = -1.9 } };
	struct river_number top = { RIVER_FLOAT, { .f = 1e19 } };
	struct river_number negative = { RIVER_INT, { .i = -1 } };

	(void)state;
	assert_true(river_number_int(big) == INT64_MIN);
	assert_int_equal(river_number_int(minus), -1);
	assert_true(river_number_uint(top) == 10000000000000000000u);
	assert_true(river_number_uint(negative) == UINT64_MAX);
	assert_true(river_number_float(negative) == -1.0);
}

static void
test_numbers_in_strings(void **state)
{
	static const struct {
		const char *text;
		enum river_number_kind kind;
		int64_t i;
	} good[] = {
		{ "12", RIVER_INT, 12 },
		{ "-12", RIVER_INT, -12 },
		{ "-9223372036854775808", RIVER_INT, INT64_MIN },
		{ "18446744073709551615", RIVER_UINT, -1 },
		{ "1.9", RIVER_FLOAT, 1 },
		{ "1e2", RIVER_FLOAT, 100 },
		{ ".5", RIVER_FLOAT, 0 },
		{ "007", RIVER_INT, 7 },
	};
	static const char *const bad[] = {
		"",
		" 1",
		"1 ",
		"0x10",
		"abc",
		"-",
		"--1",
		"+5",
		"-1.5",
		"1_000",
		"1e",
		"e",
		".",
		"1e400",
		"99999999999999999999",
		"-9223372036854775809",
		"Inf",
	};
	struct river_number n;

	(void)state;
	for (size_t i = 0; i < LENGTH(good); i++) {
		struct river_bytes s = { good[i].text, strlen(good[i].text) };

		assert_int_equal(river_number_from_string(s, &n), 0);
		assert_int_equal(n.kind, good[i].kind);
		assert_int_equal(river_number_int(n),
		    good[i].kind == RIVER_UINT ? -1 : good[i].i);
	}
	for (size_t i = 0; i < LENGTH(bad); i++) {
		struct river_bytes s = { bad[i], strlen(bad[i]) };

		assert_true(river_number_from_string(s, &n) < 0);
	}
}

#define SECOND 1000000000ll

static void
test_durations_parse(void **state)
{
	static const struct {
		const char *text;
		int64_t ns;
		const char *shown;
	} cases[] = {
		{ "0", 0, "0s" },
		{ "0s", 0, "0s" },
		{ "1ns", 1, "1ns" },
		{ "1us", 1000, "1\xc2\xb5s" },
		{ "100\xc2\xb5s", 100000, "100\xc2\xb5s" },
		{ "2\xce\xbcs", 2000, "2\xc2\xb5s" },
		{ "1.5ms", 1500000, "1.5ms" },
		{ "10s", 10 * SECOND, "10s" },
		{ "90s", 90 * SECOND, "1m30s" },
		{ "1h30m", 5400 * SECOND, "1h30m0s" },
		{ "1.5h", 5400 * SECOND, "1h30m0s" },
		{ "-3s", -3 * SECOND, "-3s" },
		{ "+3s", 3 * SECOND, "3s" },
		{ ".5s", SECOND / 2, "500ms" },
		{ "1.s", SECOND, "1s" },
		{ "1h1m1.000000001s", 3661 * SECOND + 1, "1h1m1.000000001s" },
		{ "9223372036854775807ns", INT64_MAX,
		    "2562047h47m16.854775807s" },
		{ "-9223372036854775808ns", INT64_MIN,
		    "-2562047h47m16.854775808s" },
		{ "0.000000000000000000000001h", 0, "0s" },
	};
	struct river_arena *arena = river_arena_new();
	char shown[RIVER_DURATION_TEXT];
	int64_t ns;

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		ns = 77;
		assert_null(river_duration_parse(
		    arena, cases[i].text, strlen(cases[i].text), &ns));
		assert_true(ns == cases[i].ns);
		river_duration_text(ns, shown, sizeof(shown));
		assert_string_equal(shown, cases[i].shown);
	}
	river_arena_free(arena);
}

static void
test_bad_durations_say_why(void **state)
{
	static const char *const cases[][2] = {
		{ "1d", "time: unknown unit \"d\" in duration \"1d\"" },
		{ "10", "time: missing unit in duration \"10\"" },
		{ "1h5", "time: missing unit in duration \"1h5\"" },
		{ "bad", "time: invalid duration \"bad\"" },
		{ "", "time: invalid duration \"\"" },
		{ "-", "time: invalid duration \"-\"" },
		{ ".s", "time: invalid duration \".s\"" },
		{ "1 s", "time: unknown unit \" s\" in duration \"1 s\"" },
		{ "3000000h", "time: invalid duration \"3000000h\"" },
		{ "9223372036854775808ns",
		    "time: invalid duration \"9223372036854775808ns\"" },
		{ "99999999999999999999s",
		    "time: invalid duration \"99999999999999999999s\"" },
	};
	struct river_arena *arena = river_arena_new();
	int64_t ns = 77;

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++)
		assert_string_equal(river_duration_parse(arena, cases[i][0],
					strlen(cases[i][0]), &ns),
		    cases[i][1]);
	assert_int_equal(ns, 77);
	river_arena_free(arena);
}

/* The value of an expression, which has to have one. */
static struct river_value
value_of(struct text *t)
{
	struct river_eval eval = { t->source, NULL, t->arena, t->d };
	const struct river_expr *e =
	    river_parse_expression(t->source, t->arena, t->d);
	struct river_value value;

	assert_non_null(e);
	assert_int_equal(river_evaluate(&eval, e, &value), 0);
	return value;
}

static void
test_equality(void **state)
{
	static const struct {
		const char *a, *b;
		bool equal;
	} cases[] = {
		{ "1", "\"1\"", false },
		{ "3", "3.0", true },
		{ "3", "4", false },
		{ "18446744073709551615", "18446744073709551615", true },
		{ "\"a\"", "\"\\x61\"", true },
		{ "\"a\\x00b\"", "\"a\\x00c\"", false },
		{ "true", "false", false },
		{ "null", "null", true },
		{ "[1, [2]]", "[1, [2]]", true },
		{ "[1, [2]]", "[1, [3]]", false },
		{ "[1]", "[1, 1]", false },
		{ "{a = 1, b = 2}", "{b = 2, a = 1}", true },
		{ "{a = 1}", "{b = 1}", false },
		{ "{a = 1}", "{a = 1, b = 1}", false },
		{ "(1)", "1", true },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct text a = text_new("", cases[i].a, strlen(cases[i].a));
		struct text b = text_new("", cases[i].b, strlen(cases[i].b));
		struct river_value x = value_of(&a), y = value_of(&b);

		assert_int_equal(river_value_equal(&x, &y), cases[i].equal);
		assert_int_equal(river_value_equal(&y, &x), cases[i].equal);
		text_free(&a);
		text_free(&b);
	}
}

static void
test_secrets_compare_by_text_other_capsules_by_identity(void **state)
{
	static const struct river_capsule_type type = { "thing" };
	struct river_arena *arena = river_arena_new();
	int one, two;
	struct river_value a = river_value_secret(arena, "x", 1);
	struct river_value b = river_value_secret(arena, "x", 1);
	struct river_value c = river_value_secret(arena, "y", 1);
	struct river_value d = river_value_capsule(&type, &one);
	struct river_value e = river_value_capsule(&type, &two);

	(void)state;
	assert_true(river_value_equal(&a, &b));
	assert_false(river_value_equal(&a, &c));
	assert_false(river_value_equal(&a, &d));
	assert_true(river_value_equal(&d, &d));
	assert_false(river_value_equal(&d, &e));
	river_arena_free(arena);
}

static void
test_last_of_equal_keys_wins(void **state)
{
	const char text[] = "{a = 1, b = 2, \"a\" = 3, \"\" = 4, c = 5, a = 6}";
	struct text t = text_new("", text, strlen(text));
	struct river_value v = value_of(&t);

	(void)state;
	assert_int_equal(v.type, RIVER_OBJECT);
	assert_int_equal(v.object.count, 4);
	assert_string_equal(v.object.members[0].key.data, "a");
	assert_int_equal(v.object.members[0].value.number.i, 6);
	assert_string_equal(v.object.members[1].key.data, "b");
	assert_string_equal(v.object.members[2].key.data, "");
	assert_int_equal(river_object_find(&v, "c", 1)->number.i, 5);
	assert_null(river_object_find(&v, "d", 1));
	text_free(&t);
}

static void
test_string_keys_are_raw(void **state)
{
	struct text t = text_new("", "{\"a\\n\" = 1}", 11);
	struct river_value v = value_of(&t);

	(void)state;
	assert_int_equal(v.object.members[0].key.size, 3);
	assert_string_equal(v.object.members[0].key.data, "a\\n");
	text_free(&t);
}

/* A scope with one component, which exports an object. */
static size_t
lookup(void *arg, const struct river_ident *names, size_t count,
    struct river_value *value)
{
	const struct river_value *exports = arg;

	if (count < 2 || strcmp(names[0].text, "comp") != 0 ||
	    strcmp(names[1].text, "a") != 0)
		return 0;
	*value = *exports;
	return 2;
}

static void
test_references_are_looked_up(void **state)
{
	static const struct {
		const char *text, *range, *message;
	} bad[] = {
		{ "foo", "1:1-1:3", "identifier \"foo\" does not exist" },
		{ "foo.bar", "1:1-1:3", "identifier \"foo\" does not exist" },
		{ "[1, comp.b]", "1:5-1:8",
		    "identifier \"comp\" does not exist" },
		{ "comp.a.nope", "1:8-1:11", "field \"nope\" does not exist" },
		{ "comp.a.list.x", "1:1-1:11",
		    "comp.a.list cannot access field \"x\" on value of type "
		    "array" },
		{ "{a = 1}.b", "1:9-1:9", "field \"b\" does not exist" },
		{ "\"abc\".x", "1:1-1:5",
		    "\"abc\" cannot access field \"x\" on value of type "
		    "string" },
		{ "1e400", "1:1-1:5", "number 1e400 is out of range" },
	};
	struct river_value items[] = { river_value_int(7) };
	struct river_value list = { .type = RIVER_ARRAY,
		.array = { items, 1 } };
	struct river_member member = { { "list", 4 }, list };
	struct river_value exports = { .type = RIVER_OBJECT,
		.object = { &member, 1 } };
	struct river_scope scope = { lookup, &exports };
	struct river_value value;

	(void)state;
	for (size_t i = 0; i < LENGTH(bad); i++) {
		struct text t = text_new("", bad[i].text, strlen(bad[i].text));
		struct river_eval eval = { t.source, &scope, t.arena, t.d };
		const struct river_expr *e =
		    river_parse_expression(t.source, t.arena, t.d);
		char range[64];

		assert_true(river_evaluate(&eval, e, &value) < 0);
		assert_int_equal(t.d->count, 1);
		assert_string_equal(t.d->first->message, bad[i].message);
		assert_string_equal(
		    text_range(&t, range, sizeof(range)), bad[i].range);
		text_free(&t);
	}
	for (int i = 0; i < 2; i++) {
		const char *good[] = { "comp.a.list", "{x = comp.a}.x.list" };
		struct text t = text_new("", good[i], strlen(good[i]));
		struct river_eval eval = { t.source, &scope, t.arena, t.d };
		const struct river_expr *e =
		    river_parse_expression(t.source, t.arena, t.d);

		assert_int_equal(river_evaluate(&eval, e, &value), 0);
		assert_true(river_value_equal(&value, &list));
		text_free(&t);
	}
}

static void
test_expressions_are_printed_as_the_formatter_would(void **state)
{
	static const char *const cases[][2] = {
		{ "[1,2 , 3,]", "[1, 2, 3]" },
		{ "[\n1,2,\n3,\n]", "[\n\t1, 2,\n\t3,\n]" },
		{ "{a=1,b=2}", "{a = 1, b = 2}" },
		{ "{a=1,\nbcd=2}", "{a = 1,\n\tbcd = 2}" },
		{ "{\na=1,\n\n\xc3\xa9"
		  "cd=2,\n\"x y\" = [1,\n2,\n],\n}",
		    "{\n\ta     = 1,\n\t\xc3\xa9"
		    "cd   = 2,\n\t\"x y\" = "
		    "[1,\n\t\t2,\n\t],\n}" },
		{ "f(\n1,\n2,\n)", "f(\n\t1,\n\t2,\n)" },
		{ "f( a , \"b\" )", "f(a, \"b\")" },
		{ "(1+2)*- 3", "(1 + 2) * -3" },
		{ "a . b [ \"c\" ] . d", "a.b[\"c\"].d" },
		{ "[\n]", "[]" },
		{ "[{\na=1,\n},{b=2}]", "[{\n\ta = 1,\n}, {b = 2}]" },
		{ "[/* c */ 1, // d\n2]", "[1,\n\t2]" },
		{ "1 +\n2", "1 + 2" },
		{ "`raw\nx`", "`raw\nx`" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct text t = text_new("", cases[i][0], strlen(cases[i][0]));
		const struct river_expr *e =
		    river_parse_expression(t.source, t.arena, t.d);

		assert_non_null(e);
		assert_string_equal(
		    river_expr_format(t.arena, t.source, e), cases[i][1]);
		text_free(&t);
	}
}

static void
test_long_expressions_are_cut_between_characters(void **state)
{
	char text[3 * RIVER_FORMAT_MAX + 3] = "\"";
	const struct river_expr *e;
	const char *shown;
	struct text t;

	(void)state;
	for (size_t i = 0; i < RIVER_FORMAT_MAX; i++)
		memcpy(text + 1 + 3 * i, "\xe2\x82\xac", 3);
	text[3 * RIVER_FORMAT_MAX + 1] = '"';
	t = text_new("", text, sizeof(text) - 1);
	e = river_parse_expression(t.source, t.arena, t.d);
	assert_non_null(e);
	shown = river_expr_format(t.arena, t.source, e);
	assert_int_equal(strlen(shown), 1 + 341 * 3 + 3);
	assert_string_equal(shown + strlen(shown) - 6, "\xe2\x82\xac...");
	text_free(&t);
}

static void
test_quotes_escape(void **state)
{
	struct river_arena *arena = river_arena_new();

	(void)state;
	assert_string_equal(
	    river_quote(arena, "a\"\\\n\0\x1f\xff\xc2\x85\xe2\x82\xac", 12),
	    "\"a\\\"\\\\\\n\\x00\\x1f\\xff\\u0085\xe2\x82\xac\"");
	river_arena_free(arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_number_literals),
		cmocka_unit_test(test_memory_of_no_bytes_has_an_address),
		cmocka_unit_test(test_special_floats_have_a_text),
		cmocka_unit_test(test_numbers_convert_as_on_x86),
		cmocka_unit_test(test_numbers_in_strings),
		cmocka_unit_test(test_durations_parse),
		cmocka_unit_test(test_bad_durations_say_why),
		cmocka_unit_test(test_equality),
		cmocka_unit_test(
		    test_secrets_compare_by_text_other_capsules_by_identity),
		cmocka_unit_test(test_last_of_equal_keys_wins),
		cmocka_unit_test(test_string_keys_are_raw),
		cmocka_unit_test(test_references_are_looked_up),
		cmocka_unit_test(
		    test_expressions_are_printed_as_the_formatter_would),
		cmocka_unit_test(
		    test_long_expressions_are_cut_between_characters),
		cmocka_unit_test(test_quotes_escape),
	};

	return cmocka_run_group_tests_name("river value", tests, NULL, NULL);
}
