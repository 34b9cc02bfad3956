/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/river_text.h"

#include "common/river/load.h"

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

static const struct river_rule rules[] = {
	{ "discovery.relabel", RIVER_RULE_COMPONENT },
	{ "logging", RIVER_RULE_CONFIG },
	{ "phlare.ebpf", RIVER_RULE_COMPONENT },
	{ "phlare.write", RIVER_RULE_COMPONENT },
	{ 0 },
};

static char *
printed(const struct river_diagnostics *d, bool colour)
{
	char *all = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&all, &size);

	river_diagnostics_print(d, colour, out);
	fclose(out);
	return all;
}

/* Each file of tests/data/river is shown as the .out beside it. */
static void
test_frames_are_as_in_the_golden_files(void **state)
{
	static const char *const names[] = {
		"block-as-value",
		"blocks",
		"end-of-file",
		"escapes",
		"line-numbers",
		"references",
		"two-errors",
		"unknown-reference",
		"wide-characters",
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(names); i++) {
		char path[128], *bytes, *expected, *all;
		struct river_file *file;
		struct text t;
		size_t size;

		snprintf(path, sizeof(path), "river/%s.river", names[i]);
		bytes = read_data(path, &size);
		t = text_new("config.river", bytes, size);
		file = river_parse(t.source, t.d);
		if (file != NULL)
			river_program_free(river_load(file, rules, t.d));
		all = printed(t.d, false);
		snprintf(path, sizeof(path), "river/%s.out", names[i]);
		expected = read_data(path, &size);
		assert_string_equal(all, expected);
		free(expected);
		free(all);
		free(bytes);
		river_file_free(file);
		text_free(&t);
	}
}

/* The first and last byte of a range, and how the frame shows it. */
static void
test_frame_marks_the_range(void **state)
{
	static const char text[] =
	    "abc\n\tx = [\n\t  \"a\tb\",\r\n  \xc3\xa9 = 1\n}\n";
	static const struct {
		uint32_t start, end;
		const char *frame;
	} cases[] = {
		/* one column */
		{ 0, RIVER_NOWHERE,
		    "Error: 1:1: m\n\n1 | abc\n  | ^\n2 |     x = [\n" },
		{ 1, 2, "Error: 1:2: m\n\n1 | abc\n  |  ^^\n2 |     x = [\n" },
		/* the end of the line has none */
		{ 3, 3, "Error: 1:4: m\n\n1 | abc\n  |    \n2 |     x = [\n" },
		/* tabs */
		{ 5, 7,
		    "Error: 2:2: m\n\n1 | abc\n2 |     x = [\n  |     ^^^\n"
		    "3 |       \"a    b\",\n" },
		{ 14, 17,
		    "Error: 3:4: m\n\n2 |     x = [\n3 |       \"a    b\",\n"
		    "  |       ^^    ^\n4 |   \xc3\xa9 = 1\n" },
		/* a character of two bytes is one wide */
		{ 24, 27,
		    "Error: 4:3: m\n\n3 |       \"a    b\",\n4 |   \xc3\xa9 = "
		    "1\n  |   ^^^\n5 | }\n" },
		/* several lines */
		{ 0, 9,
		    "Error: 1:1: m\n\n1 |   abc\n  |  _^^^\n"
		    "2 | |     x = [\n  | |_____^^^^^\n"
		    "3 |         \"a    b\",\n" },
		{ 9, 31,
		    "Error: 2:6: m\n\n1 |   abc\n2 |       x = [\n"
		    "  |  _________^\n3 | |       \"a    b\",\n"
		    "4 | |   \xc3\xa9 = 1\n5 | | }\n  | |_^\n6 |   \n" },
		/* the last line is an empty one */
		{ 33, 33, "Error: 6:1: m\n\n5 | }\n6 | \n  | \n" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct text t = text_new("", text, strlen(text));
		struct river_range range = { cases[i].start, cases[i].end };
		char *all;

		river_error(t.d, t.source, range, "m");
		all = printed(t.d, false);
		assert_string_equal(all, cases[i].frame);
		free(all);
		text_free(&t);
	}
}

static void
test_one_line_form(void **state)
{
	struct text t = text_new("f.river", "a\nb", 3);
	struct river_source *unnamed = river_source_new("", "a", 1);
	char *messages, *all;

	(void)state;
	river_error(t.d, t.source, (struct river_range){ 2, 2 }, "one");
	river_warning(t.d, unnamed, (struct river_range){ 0, 0 }, "two");
	river_error(t.d, t.source, RIVER_NO_RANGE, "cycle: a, b");
	messages = text_messages(&t);
	assert_string_equal(
	    messages, "f.river:2:1: one\n1:1: two\n-: cycle: a, b\n");
	all = printed(t.d, false);
	assert_string_equal(all,
	    "Error: f.river:2:1: one\n\n1 | a\n2 | b\n  | ^\n\n"
	    "Warning: 1:1: two\n\n1 | a\n  | ^\n\n"
	    "Error: -: cycle: a, b\n");
	assert_int_equal(t.d->count, 3);
	assert_int_equal(t.d->errors, 2);
	free(messages);
	free(all);
	river_source_free(unnamed);
	text_free(&t);
}

static void
test_summary(void **state)
{
	struct text t = text_new("f", "a\n", 2);
	char *summary = river_diagnostics_summary(t.d);

	(void)state;
	assert_string_equal(summary, "");
	free(summary);
	river_error(t.d, t.source, (struct river_range){ 0, 0 }, "one");
	summary = river_diagnostics_summary(t.d);
	assert_string_equal(summary, "f:1:1: one");
	free(summary);
	river_error(t.d, t.source, (struct river_range){ 0, 0 }, "two");
	river_error(t.d, t.source, (struct river_range){ 0, 0 }, "three");
	summary = river_diagnostics_summary(t.d);
	assert_string_equal(summary, "f:1:1: one (and 2 more diagnostics)");
	free(summary);
	text_free(&t);
}

static void
test_mistakes_are_sorted_by_place(void **state)
{
	struct text t = text_new("", "a\nb\nc\n", 6);
	char *messages;

	(void)state;
	river_diagnostics_sort(t.d);
	assert_null(t.d->first);
	river_error(t.d, t.source, RIVER_NO_RANGE, "nowhere");
	river_error(t.d, t.source, (struct river_range){ 4, 4 }, "c");
	river_error(t.d, t.source, (struct river_range){ 0, 0 }, "a");
	river_error(t.d, t.source, (struct river_range){ 4, 4 }, "c again");
	river_error(t.d, t.source, (struct river_range){ 2, 2 }, "b");
	river_diagnostics_sort(t.d);
	river_error(t.d, t.source, RIVER_NO_RANGE, "the last");
	messages = text_messages(&t);
	assert_string_equal(messages,
	    "1:1: a\n2:1: b\n3:1: c\n3:1: c again\n-: nowhere\n"
	    "-: the last\n");
	free(messages);
	text_free(&t);
}

static void
test_long_messages_are_cut(void **state)
{
	struct river_diagnostics *d = river_diagnostics_new();
	size_t size = 10000000;
	char *text = malloc(size + 1);

	(void)state;
	for (size_t i = 0; i < size; i += 2)
		memcpy(text + i, "\xc3\xa4", 2);
	text[size] = '\0';
	river_error(d, NULL, RIVER_NO_RANGE, "%s", text);
	river_error(d, NULL, RIVER_NO_RANGE, "x%s", text);
	text[RIVER_MAX_MESSAGE] = '\0';
	river_error(d, NULL, RIVER_NO_RANGE, "%s", text);
	assert_string_equal(d->last->message, text);
	/* 4092 is the last even number that leaves room for the dots */
	text[4092] = '\0';
	assert_int_equal(strlen(d->first->message), 4095);
	assert_memory_equal(d->first->message, text, 4092);
	assert_string_equal(d->first->message + 4092, "...");
	assert_int_equal(strlen(d->first->next->message), 4096);
	free(text);
	river_diagnostics_free(d);
}

/* Nothing that a terminal would obey comes out of a source or a message. */
static void
test_control_characters_are_harmless(void **state)
{
	static const char text[] =
	    "a = \"\033[31m\x7f\xc2\x9b\xe2\x80\xae\xff\" /* x */";
	struct text t = text_new("", text, strlen(text));
	char *all, *messages;

	(void)state;
	river_error(t.d, t.source, (struct river_range){ 0, 0 },
	    "\033]0;x\a\r\xc2\x85\xff\n\ty");
	messages = text_messages(&t);
	assert_string_equal(
	    messages, "1:1: \\x1b]0;x\\x07\\x0d\\u0085\\xff\\n\\ty\n");
	all = printed(t.d, false);
	assert_string_equal(all,
	    "Error: 1:1: \\x1b]0;x\\x07\\x0d\\u0085\\xff\n\ty\n\n"
	    "1 | a = \"\xef\xbf\xbd[31m\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
	    "\xef\xbf\xbd\" /* x */\n  | ^\n");
	free(messages);
	free(all);
	text_free(&t);
}

static void
test_colours_only_when_asked(void **state)
{
	struct text t = text_new("", "a", 1);
	char *plain, *coloured;

	(void)state;
	river_error(t.d, t.source, (struct river_range){ 0, 0 }, "m");
	plain = printed(t.d, false);
	coloured = printed(t.d, true);
	assert_null(strchr(plain, '\033'));
	assert_non_null(strstr(coloured, "\033[1;31mError: "));
	free(plain);
	free(coloured);
	text_free(&t);
}

static void
test_frames_are_bounded(void **state)
{
	size_t size = 10000000;
	char *bytes = malloc(size), *all;
	struct text t;

	(void)state;
	/* one long line, and many lines */
	memset(bytes, 'x', size);
	t = text_new("", bytes, size);
	river_error(t.d, t.source, (struct river_range){ 0, size - 1 }, "m");
	all = printed(t.d, false);
	assert_true(strlen(all) < 3000);
	free(all);
	text_free(&t);
	memset(bytes, '\n', size);
	t = text_new("", bytes, size);
	river_error(t.d, t.source, (struct river_range){ 0, size - 1 }, "m");
	all = printed(t.d, false);
	assert_true(strlen(all) < 5000);
	assert_non_null(strstr(all, " ...\n"));
	assert_non_null(strstr(all, "10000001 | "));
	free(all);
	text_free(&t);
	free(bytes);
}

static void
test_too_many_are_counted(void **state)
{
	struct text t = text_new("", "a", 1);
	char *all;

	(void)state;
	for (int i = 0; i < RIVER_MAX_DIAGNOSTICS + 5; i++)
		river_error(t.d, t.source, RIVER_NO_RANGE, "m");
	assert_int_equal(t.d->count, RIVER_MAX_DIAGNOSTICS + 5);
	assert_int_equal(t.d->dropped, 5);
	all = printed(t.d, false);
	assert_non_null(strstr(all, "\n5 more diagnostics are not shown\n"));
	free(all);
	text_free(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_long_messages_are_cut),
		cmocka_unit_test(test_mistakes_are_sorted_by_place),
		cmocka_unit_test(test_frames_are_as_in_the_golden_files),
		cmocka_unit_test(test_frame_marks_the_range),
		cmocka_unit_test(test_one_line_form),
		cmocka_unit_test(test_summary),
		cmocka_unit_test(test_control_characters_are_harmless),
		cmocka_unit_test(test_colours_only_when_asked),
		cmocka_unit_test(test_frames_are_bounded),
		cmocka_unit_test(test_too_many_are_counted),
	};

	return cmocka_run_group_tests_name(
	    "river diagnostics", tests, NULL, NULL);
}
