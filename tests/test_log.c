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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_levels_are_told_to_a_reader_who_wants_them),
		cmocka_unit_test(test_others_get_plain_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
