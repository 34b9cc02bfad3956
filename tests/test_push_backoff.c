/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

#include "shipper/backoff.h"

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))
#define MSEC 1000000LL
#define SEC 1000000000LL

static struct backoff_random chance;

static int
seed(void **state)
{
	(void)state;
	chance.state = time(NULL);
	print_message("# seed %llu\n", (unsigned long long)chance.state);
	return 0;
}

/* The waits of one push must lie in [low, high), or be low if both are equal;
 * then it is given up. */
static void
check_waits(int64_t min, int64_t max, int64_t attempts, size_t count,
    const int64_t (*range)[2])
{
	struct backoff b;

	for (int round = 0; round < 200; round++) {
		backoff_init(&b, min, max, attempts);
		for (size_t i = 0; i < count; i++) {
			int64_t wait = backoff_next(&b, &chance);

			if (range[i][0] == range[i][1])
				assert_true(wait == range[i][0]);
			else
				assert_true(
				    wait >= range[i][0] && wait < range[i][1]);
		}
		if (attempts != 0)
			assert_true(backoff_next(&b, &chance) == -1);
	}
}

static void
test_defaults(void **state)
{
	static const int64_t range[][2] = { { 500 * MSEC, SEC },
		{ SEC, 2 * SEC }, { 2 * SEC, 4 * SEC }, { 4 * SEC, 8 * SEC },
		{ 8 * SEC, 16 * SEC }, { 16 * SEC, 32 * SEC },
		{ 32 * SEC, 64 * SEC }, { 64 * SEC, 128 * SEC },
		{ 128 * SEC, 256 * SEC } };

	(void)state;
	check_waits(500 * MSEC, 300 * SEC, 10, LENGTH(range), range);
}

static void
test_for_ever(void **state)
{
	static const int64_t range[][2] = { { 500 * MSEC, SEC },
		{ SEC, 2 * SEC }, { 2 * SEC, 4 * SEC }, { 4 * SEC, 8 * SEC },
		{ 8 * SEC, 16 * SEC }, { 16 * SEC, 32 * SEC },
		{ 32 * SEC, 64 * SEC }, { 64 * SEC, 128 * SEC },
		{ 128 * SEC, 256 * SEC }, { 256 * SEC, 300 * SEC },
		{ 256 * SEC, 300 * SEC }, { 256 * SEC, 300 * SEC } };

	(void)state;
	check_waits(500 * MSEC, 300 * SEC, 0, LENGTH(range), range);
}

static void
test_number_of_attempts(void **state)
{
	static const int64_t range[][2] = { { 1, 2 }, { 2, 4 } };

	(void)state;
	/* attempts, not retries: 3 of them have 2 waits between */
	check_waits(1, 100, 3, 2, range);
	check_waits(1, 100, 1, 0, range);
	check_waits(1, 100, -1, 0, range);
	check_waits(1, 100, INT64_MIN, 0, range);
}

static void
test_bounds_that_meet(void **state)
{
	static const int64_t none[][2] = { { 0, 0 }, { 0, 0 }, { 0, 0 } };
	static const int64_t five[][2] = { { 5, 5 }, { 5, 5 }, { 5, 5 } };
	static const int64_t odd[][2] = { { 2, 4 }, { 4, 5 }, { 4, 5 } };
	static const int64_t huge[][2] = { { INT64_MAX - 1, INT64_MAX },
		{ INT64_MAX - 1, INT64_MAX } };

	(void)state;
	check_waits(0, 300 * SEC, 4, 3, none); /* nothing never grows */
	check_waits(0, 0, 4, 3, none);
	check_waits(5, 5, 4, 3, five);
	check_waits(5, 3, 4, 3, five);
	check_waits(5, 0, 4, 3, five);
	check_waits(2, 5, 4, 3, odd);
	check_waits(INT64_MAX - 1, INT64_MAX, 3, 2, huge);
}

/* The whole range is used, evenly enough. */
static void
test_waits_are_spread(void **state)
{
	int bucket[10] = { 0 };
	struct backoff b;

	(void)state;
	for (int i = 0; i < 10000; i++) {
		backoff_init(&b, 1000, 2000, 10);
		bucket[(backoff_next(&b, &chance) - 1000) / 100]++;
	}
	for (int i = 0; i < 10; i++)
		assert_in_range(bucket[i], 800, 1200);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_for_ever),
		cmocka_unit_test(test_number_of_attempts),
		cmocka_unit_test(test_bounds_that_meet),
		cmocka_unit_test(test_waits_are_spread),
	};

	return cmocka_run_group_tests(tests, seed, NULL);
}
