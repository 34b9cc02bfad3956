/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/progress.h"

#define SECOND 1000000000LL

static char *text;
static size_t size;
static FILE *out;
static struct progress p;

static int
set_up_terminal(void **state)
{
	(void)state;
	out = open_memstream(&text, &size);
	progress_init(&p, out, true);
	return out == NULL;
}

static int
set_up_file(void **state)
{
	int r = set_up_terminal(state);

	progress_init(&p, out, false);
	return r;
}

static int
tear_down(void **state)
{
	(void)state;
	fclose(out);
	free(text);
	return 0;
}

static void
test_bar_grows_and_stops_at_its_end(void **state)
{
	(void)state;
	progress_phase(&p, "sampling", 10 * SECOND);
	progress_update(&p, 5 * SECOND);
	fflush(out);
	assert_non_null(strstr(text,
	    "\rsampling   [===============>              ]   5.0 s of 10s"));
	progress_update(&p, 50 * SECOND);
	fflush(out);
	assert_non_null(strstr(text,
	    "\rsampling   [==============================]  10.0 s of 10s"));
	assert_null(strchr(text, '\n'));
}

static void
test_cleared_line_is_drawn_again(void **state)
{
	(void)state;
	progress_clear(&p); /* nothing there yet */
	fflush(out);
	assert_int_equal(size, 0);
	progress_phase(&p, "finishing", 0);
	progress_clear(&p);
	fflush(out);
	assert_string_equal(text + size - 4, "\r\033[K");
	progress_update(&p, SECOND);
	fflush(out);
	assert_non_null(strstr(text, "finishing"));
}

static void
test_a_file_gets_one_line_per_phase(void **state)
{
	(void)state;
	progress_phase(&p, "sampling", 10 * SECOND);
	for (int i = 0; i < 100; i++)
		progress_update(&p, i * SECOND / 10);
	progress_phase(&p, "finishing", 0);
	progress_update(&p, SECOND);
	progress_clear(&p);
	fflush(out);
	assert_string_equal(text, "sampling for 10s\nfinishing\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    test_bar_grows_and_stops_at_its_end, set_up_terminal,
		    tear_down),
		cmocka_unit_test_setup_teardown(
		    test_cleared_line_is_drawn_again, set_up_terminal,
		    tear_down),
		cmocka_unit_test_setup_teardown(
		    test_a_file_gets_one_line_per_phase, set_up_file,
		    tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
