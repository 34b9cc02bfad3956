/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/backoff.h"

static void
test_first_restart_is_at_once_then_it_doubles(void **state)
{
	static const unsigned int waits[] = { 0, 100, 200, 400, 800, 1600, 3200,
		5000, 5000 };
	struct backoff b = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++)
		assert_int_equal(backoff_next(&b, 10), waits[i]);
}

static void
test_a_minute_of_running_forgets_the_past(void **state)
{
	struct backoff b = { 0 };

	(void)state;
	for (int i = 0; i < 100; i++)
		backoff_next(&b, 10);
	assert_int_equal(backoff_next(&b, RESTART_RESET_MS - 1), 5000);
	assert_int_equal(backoff_next(&b, RESTART_RESET_MS), 0);
	assert_int_equal(backoff_next(&b, 10), 100);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_restart_is_at_once_then_it_doubles),
		cmocka_unit_test(test_a_minute_of_running_forgets_the_past),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
