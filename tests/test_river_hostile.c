/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Texts that are made to take all memory, all time or the whole stack. Each is
 * evaluated in a child with limits, so that a crash names its case.
 */
#include "config.h"

#include "tests/river_text.h"

#include <errno.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/river/eval.h"
#include "common/river/load.h"
#include "common/river/print.h"
#include "common/river/schema.h"

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))
#define MIB (1024u * 1024)
#define LONG (2 * MIB)

#ifdef WITH_SANITIZERS
#define SECONDS 10.0
#define MEMORY RLIM_INFINITY
#else
#define SECONDS 1.0
#define MEMORY (1024ull * MIB)
#endif

static void
repeat(FILE *out, const char *text, int times)
{
	while (times-- > 0)
		fputs(text, out);
}

/* head, unit so many times, tail */
struct text_case {
	const char *head, *unit;
	int times;
	const char *tail;
	const char *message; /* what the mistake begins with; NULL: a value */
};

static const struct text_case expressions[] = {
	{ "", "[", MIB, "", "nested too deeply" },
	{ "", "(", MIB, "", "nested too deeply" },
	{ "", "-", MIB, "1", "nested too deeply" },
	{ "", "!", MIB, "true", "nested too deeply" },
	{ "", "{a = ", MIB, "", "nested too deeply" },
	{ "env", "(env", MIB, "", "nested too deeply" },
	{ "a", ".a", MIB, "", "nested too deeply" },
	{ "1", " + 1", MIB, "", "nested too deeply" },
	{ "2", "^2", MIB, "", "nested too deeply" },
	{ "\"", "x", 10 * MIB, "\"", NULL },
	{ "\"", "x", LONG, "\" + \"y\"", NULL },
	{ "\"", "x", LONG, "\" + 1", "1 should be string, got number" },
	{ "1 + \"", "x", LONG, "\"", "\"xxxxxxxxx" },
	{ "\"", "x", LONG, "\".x", "\"xxxxxxxxx" },
	{ "", "x", 10 * MIB, "", "identifier \"xxxxxxxxx" },
	{ "{}.", "x", LONG, "", "field \"xxxxxxxxx" },
	{ "\"\\x00", "\\x00", MIB, "\" == \"\"", NULL },
	{ "[", "1,", MIB / 2, "]", NULL },
	{ "[", "[],", MIB / 3, "][0]", NULL },
	{ "[", "\"\",", MIB / 3, "]", NULL },
	{ "", "9", LONG, "", "number 999999" },
	{ "1e", "9", LONG, "", "number 1e9999" },
	{ "0.", "1", LONG, "", NULL },
	{ "3^18446744073709551615", "", 0, "", NULL },
	{ "9^9^9^9^9^9", "", 0, "", NULL },
	/* functions: their results grow with each step */
	{ "replace(\"xxxxxxxxxxxxxxxx\", \"x\", \"", "x", 10 * MIB, "\")",
	    "replace the result is too large" },
	{ "replace(\"", "x", MIB,
	    "\", \"\", \"0123456789012345678901234567"
	    "890123456789012345678901234567890123456789"
	    "012345678901234567890123456789012345678901"
	    "2345678901234567890\")",
	    "replace the result is too large" },
	{ "", "replace(", 400, "", "expected ), got EOF" },
	{ "join(split(\"", ",", MIB,
	    "\", \",\"), \"01234567890123456789"
	    "012345678901234567890123456789012345678"
	    "901234567890123456789012345678901234567"
	    "890123456789012345678901234567890123456"
	    "7890123456789012345678\")",
	    "join the result is too large" },
	{ "split(\"", "x", 10 * MIB, "\", \"\")",
	    "split the result is too large" },
	{ "split(\"", "\\xff", MIB / 4, "\", \"\")", NULL },
	{ "format(\"", "%1000000d", 1000, "\")",
	    NULL }, /* MISSING, each time */
	{ "format(\"", "%1000000[1]d", 1000, "\", 1)",
	    "format the result is too large" },
	{ "format(\"", "%.999999[1]f", 1000, "\", 1.5)",
	    "format the result is too large" },
	{ "format(\"", "%[1]v", MIB,
	    "\", [\"0123456789012345678901234567890"
	    "123456789012345678901234567890123456789"
	    "012345678901234567890123456789012345678"
	    "901234567890123456789012345678901234567"
	    "89012345678901234567890123456\"])",
	    "format the result is too large" },
	{ "format(\"%", "0", LONG, "d\", 1)", NULL },
	{ "format(\"%", "9", LONG, "d\", 1)", NULL },
	{ "format(\"", "%", MIB, "\")", NULL },
	{ "format(\"%", "[1]", MIB, "d\", 1)", NULL },
	{ "format(\"%*d\", 9223372036854775807, 1)", "", 0, "", NULL },
	{ "format(\"%q%+q%#q%x\", \"", "\\x01", MIB / 4, "\", 1, 2, 3)", NULL },
	{ "regex_quote(\"", ".", LONG, "\")", NULL },
	{ "to_upper(\"", "\xc9\x90", MIB, "\")", NULL },
	{ "to_lower(\"", "\\xff", MIB, "\")", NULL },
	{ "trim(\"", "ab", MIB, "\", \"ab\")", NULL },
	{ "trim(\"aaaa\", \"", "\xc3\xa4", MIB, "a\")", NULL },
	{ "trim_space(\"", " ", MIB, "\")", NULL },
	{ "concat(", "[],", 100000, ")", NULL },
	{ "coalesce(", "null,", 100000, "1)", NULL },
	{ "env(\"", "x", LONG, "\")", NULL },
	{ "env([\"", "x", LONG, "\"])", "[\"xxxxxx" },
	/* JSON */
	{ "json_decode(\"", "[", MIB, "\")", "json_decode exceeded max depth" },
	{ "json_decode(\"", "{\\\"a\\\":", MIB, "\")",
	    "json_decode exceeded max depth" },
	{ "json_decode(\"[0", ",0", MIB, "]\")",
	    "json_decode more than 500000 values" },
	{ "json_decode(\"[{}", ",{}", 400000, "]\")", NULL },
	{ "json_decode(\"[\\\"\\\"", ",\\\"\\\"", 400000, "]\")", NULL },
	{ "json_decode(\"", "9", LONG, "\")",
	    "json_decode json: cannot unmarshal number 99999" },
	{ "json_decode(\"0.", "1", LONG, "\")", NULL },
	{ "json_decode(\"", " ", LONG, "\")",
	    "json_decode unexpected end of JSON input" },
	{ "json_decode(\"\\\"", "\\\\ud800", MIB, "\\\"\")", NULL },
	{ "json_decode(\"\\\"", "\\xff", MIB, "\\\"\")", NULL },
	{ "json_path(\"[]\", \"$", "[", MIB, "\")", "json_path parse error" },
	{ "json_path(\"[]\", \"$[?", "(", MIB, "\")",
	    "json_path nested too deeply" },
	{ "json_path(\"[]\", \"$[?", "!", MIB, "\")",
	    "json_path nested too deeply" },
	{ "json_path(\"[]\", \"$[?", "@[?", MIB, "\")",
	    "json_path nested too deeply" },
	{ "json_path(\"[]\", \"$[?1 in ", "[", MIB, "\")",
	    "json_path nested too deeply" },
	{ "json_path(\"[]\", \"$[?(1", " + 1", MIB / 4, ")]\")", NULL },
	{ "json_path(\"[]\", \"$[?(@.a in ['a'", ",'a'", MIB / 4, "])]\")",
	    NULL },
	{ "json_path(\"[]\", \"$", ".a", MIB, "\")", NULL },
	{ "json_path(\"[[[[[[[[[[[[[[1]]]]]]]]]]]]]]\", \"$", "..", 1000,
	    "x\")", "json_path the result is too large" },
	{ "json_path(\"[0", ",0", 200000, "]\", \"$[?(@ == $[*])]\")",
	    "json_path the result is too large" },
	{ "json_path(\"[[1]]\", \"$[0", ",0", MIB / 2, "]\")", NULL },
	{ "json_path(\"{}\", \"$['", "a", LONG, "']\")", NULL },
	{ "json_path(\"[1]\", \"$[", "9", MIB, "]\")", NULL },
	{ "discovery_target_decode(\"[{\\\"targets\\\":[\\\"a\\\"",
	    ",\\\"a\\\"", 200000, "]}]\")", NULL },
};

/* Files of blocks, each decoded by the tables of below. */
static const struct text_case files[] = {
	{ "", "[", MIB, "", "expected identifier, got [" },
	{ "", "-", MIB, "", "expected identifier, got -" },
	{ "", "a {\n", MIB, "", "nested too deeply" },
	{ "", "a \"b\" {}\n", 100000, "", "Unrecognized component name \"a\"" },
	{ "", "thing \"b\" {}\n", 100000, "",
	    "Component thing.b already declared at 1:1" },
	{ "thing \"b\" {\n", " a = 1\n", 100000, "}",
	    "unrecognized attribute name \"a\"" },
	{ "thing \"b\" {\n", " s = 1\n", 100000, "}",
	    "attribute \"s\" may only be provided once" },
	{ "thing \"b\" {\n", " rule {}\n", 100000, "}", NULL },
	{ "thing \"b\" {\n s = x", ".x", 400, "\n}", "component \"x.x.x.x" },
	{ "thing \"b\" {\n list = [", "x,", 100000, "]\n}",
	    "component \"x\" does not exist" },
	{ "thing \"b\" {\n list = [", "1,", 500000, "]\n}", NULL },
	{ "thing \"b\" {\n list = [", "1,\n", 500000, "true]\n}",
	    "true should be string, got bool" },
	{ "thing \"b\" {\n map = {", "a = 1,\n", 300000, "b = true}\n}",
	    "true should be string, got bool" },
	{ "thing \"b\" {\n duration = \"", "9", LONG, "\"\n}", "\"99999" },
	{ "thing \"", "b", LONG, "\" {\n s = true\n}",
	    "true should be string, got bool" },
	{ "", "\xff", MIB, "", "illegal UTF-8 encoding" },
	{ "a = \"", "\\q", MIB, "", "unknown escape sequence" },
};

struct thing {
	const struct river_block *block;
	const char *s;
	int64_t duration;
	struct river_strings list;
	struct river_pairs map;
	struct river_blocks rules;
	struct river_targets output;
};

static const struct river_field rule_fields[] = { { 0 } };
static const struct river_schema rule_schema = { sizeof(struct thing),
	rule_fields };
static const struct river_field thing_fields[] = {
	{ "s", RIVER_FIELD_STRING, offsetof(struct thing, s) },
	{ "duration", RIVER_FIELD_DURATION, offsetof(struct thing, duration) },
	{ "list", RIVER_FIELD_STRINGS, offsetof(struct thing, list) },
	{ "map", RIVER_FIELD_MAP, offsetof(struct thing, map) },
	{ "rule", RIVER_FIELD_BLOCKS, offsetof(struct thing, rules),
	    .block = &rule_schema },
	{ 0 },
};
static const struct river_schema thing_schema = { sizeof(struct thing),
	thing_fields };
static const struct river_rule rules[] = {
	{ "thing", RIVER_RULE_COMPONENT },
	{ 0 },
};

static void
evaluate_expression(struct text *t)
{
	struct river_eval eval = { t->source, NULL, t->arena, t->d };
	const struct river_expr *e =
	    river_parse_expression(t->source, t->arena, t->d);
	FILE *null = fopen("/dev/null", "w");
	struct river_value value;

	if (e != NULL && river_evaluate(&eval, e, &value) == 0)
		river_value_print(&value, null);
	fclose(null);
}

static void
evaluate_file(struct text *t)
{
	struct river_eval eval = { t->source, NULL, t->arena, t->d };
	struct river_file *file = river_parse(t->source, t->d);
	struct river_program *program = NULL;
	struct thing thing;

	if (file != NULL)
		program = river_load(file, rules, t->d);
	for (size_t i = 0; program != NULL && i < program->count; i++)
		river_decode(
		    &thing_schema, program->order[i]->block, &eval, &thing);
	river_program_free(program);
	river_file_free(file);
}

static bool
as_expected(const struct text *t, const char *message)
{
	const char *got = t->d->first != NULL ? t->d->first->message : "";
	size_t size = message != NULL ? strlen(message) : 0;

	if (message != NULL ? strncmp(got, message, size) == 0
			    : t->d->count == 0)
		return true;
	printf("# mistake %.200s, not %s\n", got,
	    message != NULL ? message : "a value");
	return false;
}

/* In the child: the time and memory that it takes are limited. */
static bool
run_case(const struct text_case *c, void (*evaluate)(struct text *t))
{
	struct rlimit memory = { MEMORY, MEMORY }, stack = { MIB, MIB };
	char *bytes = NULL;
	size_t size;
	FILE *out = open_memstream(&bytes, &size);
	double start;
	struct text t;
	bool good;

	fputs(c->head, out);
	repeat(out, c->unit, c->times);
	fputs(c->tail, out);
	fclose(out);
	t = text_new("", bytes, size);
	free(bytes);
	setrlimit(RLIMIT_AS, &memory);
	setrlimit(RLIMIT_STACK, &stack);
	start = seconds();
	evaluate(&t);
	good = as_expected(&t, c->message);
	if (seconds() - start > SECONDS) {
		printf("# took %.2f s\n", seconds() - start);
		good = false;
	}
	text_free(&t);
	fflush(stdout);
	return good;
}

static void
run_cases(const struct text_case *cases, size_t count,
    void (*evaluate)(struct text *t))
{
	bool good = true;

	for (size_t i = 0; i < count; i++) {
		const struct text_case *c = &cases[i];
		pid_t pid;
		int status;

		fflush(stdout);
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0)
			_exit(run_case(c, evaluate) ? 0 : 1);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (status == 0)
			continue;
		printf("# %s%s (times %d)%.40s: status %#x\n", c->head, c->unit,
		    c->times, c->tail, status);
		good = false;
	}
	assert_true(good);
}

static void
test_expressions_end_soon(void **state)
{
	(void)state;
	run_cases(expressions, LENGTH(expressions), evaluate_expression);
}

static void
test_files_end_soon(void **state)
{
	(void)state;
	run_cases(files, LENGTH(files), evaluate_file);
}

/* Two objects with the same hundred thousand keys, in opposite orders. */
static void
test_large_objects_are_compared_soon(void **state)
{
	enum { COUNT = 100000 };
	char *bytes = NULL;
	size_t size;
	FILE *out = open_memstream(&bytes, &size);
	struct text_case c = { .message = NULL };

	(void)state;
	fputs("{", out);
	for (int i = 0; i < COUNT; i++)
		fprintf(out, "k%d = %d,", i, i);
	fputs("} == {", out);
	for (int i = COUNT; i-- > 0;)
		fprintf(out, "k%d = %d,", i, i);
	fputs("}", out);
	fclose(out);
	c.head = bytes;
	c.unit = c.tail = "";
	run_cases(&c, 1, evaluate_expression);
	free(bytes);
}

/* Each component exports twice what the one before it does. */
static size_t
lookup(void *arg, const struct river_ident *names, size_t count,
    struct river_value *value)
{
	(void)count;
	if (strcmp(names[0].text, "x") != 0)
		return 0;
	*value = *(struct river_value *)arg;
	return 1;
}

static void
test_doubling_stops(void **state)
{
	static const char *const texts[][2] = {
		{ "concat(x, x)", "[1, 2]" },
		{ "x + x", "\"abc\"" },
		{ "[x, x]", "1" },
		{ "format(\"%v%v\", x, x)", "\"abc\"" },
		{ "{a = x, b = join([x, x], \"\")}.b", "\"abc\"" },
	};
	struct river_value value;
	struct river_scope scope = { lookup, &value };

	(void)state;
	for (size_t i = 0; i < LENGTH(texts); i++) {
		struct text t = text_new("", texts[i][0], strlen(texts[i][0]));
		struct text first =
		    text_new("", texts[i][1], strlen(texts[i][1]));
		struct river_eval eval = { first.source, NULL, t.arena, t.d };
		const struct river_expr *e =
		    river_parse_expression(first.source, first.arena, first.d);
		double start = seconds();
		int r, rounds = 0;

		assert_int_equal(river_evaluate(&eval, e, &value), 0);
		eval.source = t.source;
		eval.scope = &scope;
		eval.limit = 4 * MIB;
		e = river_parse_expression(t.source, t.arena, t.d);
		while ((r = river_evaluate(&eval, e, &value)) == 0 &&
		       rounds < 1000000)
			rounds++;
		assert_int_equal(r, -EINVAL);
		assert_true(rounds >= 10);
		assert_non_null(strstr(t.d->first->message, RIVER_TOO_LARGE));
		assert_true(river_arena_used(t.arena) < 8 * MIB);
		assert_true(seconds() - start < SECONDS);
		text_free(&first);
		text_free(&t);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_expressions_end_soon),
		cmocka_unit_test(test_files_end_soon),
		cmocka_unit_test(test_large_objects_are_compared_soon),
		cmocka_unit_test(test_doubling_stops),
	};

	return cmocka_run_group_tests_name("river hostile", tests, NULL, NULL);
}
