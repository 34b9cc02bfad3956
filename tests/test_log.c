/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/log.h"

/* What say() writes to standard error, in text. */
static void
capture(char *text, size_t size, void (*say)(void), const char *stream)
{
	int saved = dup(STDERR_FILENO), p[2];
	char mine[64];
	struct stat st;
	ssize_t n;

	assert_int_equal(pipe(p), 0);
	dup2(p[1], STDERR_FILENO);
	assert_int_equal(fstat(STDERR_FILENO, &st), 0);
	snprintf(mine, sizeof(mine), "%llu:%llu", (unsigned long long)st.st_dev,
	    (unsigned long long)st.st_ino);
	setenv("JOURNAL_STREAM", stream ? stream : mine, 1);
	log_init("prog", false);
	say();
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(p[1]);
	n = read(p[0], text, size - 1);
	text[n > 0 ? n : 0] = '\0';
	close(p[0]);
}

static void
say_one_of_each(void)
{
	errno = ENOENT;
	log_warn("m", "open %s", "x");
	log_warnx(NULL, "a\033b\nc\xff");
	log_info("m", "hello");
	log_debug("m", "not shown");
}

static void
test_levels_are_told_to_a_reader_who_wants_them(void **state)
{
	char text[512];

	(void)state;
	capture(text, sizeof(text), say_one_of_each, NULL);
	assert_string_equal(text,
	    "<4>prog: m: open x: No such file or directory\n"
	    "<4>prog: a\\x1bb\\x0ac\\xff\n"
	    "<6>prog: m: hello\n");
}

static void
test_others_get_plain_lines(void **state)
{
	char text[512];

	(void)state;
	capture(text, sizeof(text), say_one_of_each, "0:0");
	assert_string_equal(text, "prog: m: open x: No such file or directory\n"
				  "prog: a\\x1bb\\x0ac\\xff\n"
				  "prog: m: hello\n");
}

static const char *hostile;

static void
say_hostile(void)
{
	log_warnx("m", "%s", hostile);
}

static void
test_hostile_bytes_are_escaped(void **state)
{
	static const char *const cases[][2] = {
		{ "plain \xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80",
		    "plain \xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80" },
		{ "a\nprog: m: forged", "a\\x0aprog: m: forged" },
		{ "\r\t\x7f\x1b[2J", "\\x0d\\x09\\x7f\\x1b[2J" },
		/* C1: a terminal may take it for ESC [ */
		{ "\xc2\x9b", "\\xc2\\x9b" },
		/* cut short, alone, too long, a surrogate, over U+10FFFF */
		{ "\xe2\x82", "\\xe2\\x82" },
		{ "\x80z", "\\x80z" },
		{ "\xc0\x8a", "\\xc0\\x8a" },
		{ "\xe0\x80\x8a", "\\xe0\\x80\\x8a" },
		{ "\xed\xa0\x80", "\\xed\\xa0\\x80" },
		{ "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80" },
		/* line separator, right-to-left override */
		{ "\xe2\x80\xa8", "\\xe2\\x80\\xa8" },
		{ "\xe2\x80\xae", "\\xe2\\x80\\xae" },
	};
	char text[512], expected[512];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		hostile = cases[i][0];
		capture(text, sizeof(text), say_hostile, "0:0");
		snprintf(
		    expected, sizeof(expected), "prog: m: %s\n", cases[i][1]);
		assert_string_equal(text, expected);
	}
}

static void
test_long_line_is_cut_and_stays_one_line(void **state)
{
	static char name[10000], text[8192];

	(void)state;
	memset(name, '\n', sizeof(name) - 1);
	hostile = name;
	capture(text, sizeof(text), say_hostile, "0:0");
	assert_true(strlen(text) > 2000);
	assert_true(strlen(text) < 4096);
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
}

static void
test_limit_swallows_and_counts(void **state)
{
	struct log_limit limit = { 0 };

	(void)state;
	assert_true(log_limit_ok(&limit));
	assert_string_equal(log_limit_tail(&limit), "");
	limit.next_sec = INT64_MAX; /* the second is not over */
	assert_false(log_limit_ok(&limit));
	assert_false(log_limit_ok(&limit));
	limit.next_sec = 0;
	assert_true(log_limit_ok(&limit));
	assert_string_equal(log_limit_tail(&limit), " (and 2 more like it)");
	assert_string_equal(log_limit_tail(&limit), "");
}

static void
test_memory_of_no_size_is_memory(void **state)
{
	void *p = ecalloc(0, 8);

	(void)state;
	assert_non_null(p);
	p = erealloc(p, 0, 8);
	assert_non_null(p);
	free(p);
}

static void
say_at_each_level(void)
{
	static const int levels[] = { LOG_ERR, LOG_WARNING, LOG_INFO,
		LOG_DEBUG };

	for (int i = 0; i < 4; i++) {
		log_set_level(levels[i]);
		log_warnx("m", "warn %d", i);
		log_info("m", "info %d", i);
		log_debug("m", "debug %d", i);
	}
}

static void
say_all(void)
{
	log_init("prog", true);
	log_set_level(LOG_ERR);
	log_debug("m", "debug");
}

static void
test_less_important_lines_are_left_out(void **state)
{
	char text[512];

	(void)state;
	capture(text, sizeof(text), say_at_each_level, "");
	assert_string_equal(text,
	    "prog: m: warn 1\nprog: m: warn 2\nprog: m: info 2\n"
	    "prog: m: warn 3\nprog: m: info 3\nprog: m: debug 3\n");
	capture(text, sizeof(text), say_all, "");
	assert_string_equal(text, "prog: m: debug\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_levels_are_told_to_a_reader_who_wants_them),
		cmocka_unit_test(test_others_get_plain_lines),
		cmocka_unit_test(test_hostile_bytes_are_escaped),
		cmocka_unit_test(test_long_line_is_cut_and_stays_one_line),
		cmocka_unit_test(test_limit_swallows_and_counts),
		cmocka_unit_test(test_less_important_lines_are_left_out),
		cmocka_unit_test(test_memory_of_no_size_is_memory),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
