/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include <cmocka.h>

#include "cli/log_lines.h"

static struct log_lines lines;
static char heard[3 * LOG_LINE_MAX];

static int
set_up(void **state)
{
	(void)state;
	memset(&lines, 0, sizeof(lines));
	heard[0] = '\0';
	return 0;
}

static void
hear(void *arg, int level, const char *line)
{
	size_t n = strlen(heard);

	(void)arg;
	snprintf(heard + n, sizeof(heard) - n, "%d:%s|", level, line);
}

static void
feed(const char *text)
{
	log_lines_feed(&lines, text, strlen(text), hear, NULL);
}

static void
test_lines_and_levels_are_put_together(void **state)
{
	(void)state;
	feed("<6>one\n<");
	feed("4>tw");
	feed("o\nplain\n\n<6>\n<9>x\n");
	assert_string_equal(heard, "6:one|4:two|4:plain|4:<9>x|");
}

static void
test_the_last_line_needs_no_end(void **state)
{
	(void)state;
	feed("<3>dying");
	assert_string_equal(heard, "");
	log_lines_end(&lines, hear, NULL);
	assert_string_equal(heard, "3:dying|");
	log_lines_end(&lines, hear, NULL);
	assert_string_equal(heard, "3:dying|");
}

static void
test_what_steers_a_terminal_is_spelled_out(void **state)
{
	(void)state;
	feed("<4>\033[2Jx\r\xff\n");
	assert_null(strchr(heard, '\033'));
	assert_null(strchr(heard, '\r'));
	assert_null(strchr(heard, '\xff'));
	assert_non_null(strstr(heard, "[2Jx"));
}

static void
test_an_endless_line_is_cut(void **state)
{
	(void)state;
	for (int i = 0; i < LOG_LINE_MAX + 10; i++)
		feed("x");
	assert_int_equal(strlen(heard), LOG_LINE_MAX + strlen("4:|"));
	feed("\n");
	assert_string_equal(heard + LOG_LINE_MAX + 3, "4:xxxxxxxxxx|");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(
		    test_lines_and_levels_are_put_together, set_up),
		cmocka_unit_test_setup(test_the_last_line_needs_no_end, set_up),
		cmocka_unit_test_setup(
		    test_what_steers_a_terminal_is_spelled_out, set_up),
		cmocka_unit_test_setup(test_an_endless_line_is_cut, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
