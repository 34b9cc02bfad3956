/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "symbolizer/clock.h"

#define PERIOD 10000000 /* 100 Hz, as USER_HZ here */

static int
stat_file(const char *text)
{
	int fd = memfd_create("stat", 0);

	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	return fd;
}

static void
set_text(int fd, const char *text)
{
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(pwrite(fd, text, strlen(text), 0), strlen(text));
}

static void
test_stat_text_is_parsed_by_cpu(void **state)
{
	struct clock_stat s[4] = { { 0 } };

	(void)state;
	assert_int_equal(clock_parse_stat("cpu  1 2 3 4 5 6 7 8 9 10\n"
					  "cpu0 1 2 3 40 5 6 7 8 0 0\n"
					  "cpu2 1 2 3 50 1 6 7 9 0 0\n"
					  "intr 1 2 3\n",
			     s, 4),
	    3);
	assert_int_equal(s[0].idle, 45);
	assert_int_equal(s[0].steal, 8);
	assert_int_equal(s[1].idle, 0);
	assert_int_equal(s[2].idle, 51);
	assert_int_equal(clock_parse_stat("cpu9 1 2 3 4 5 6 7 8\n", s, 4), 0);
	assert_int_equal(clock_parse_stat("", s, 4), 0);
	assert_int_equal(clock_parse_stat("cpu0 x", s, 4), 0);
}

/* 1000 ticks due, 500 came; idle 300, stolen 100, 100 nobody explains. */
static void
test_missing_ticks_are_explained_in_order(void **state)
{
	int fd = stat_file("cpu0 0 0 0 1000 0 0 0 50 0 0\n");
	struct clock_ledger *c = clock_new();
	struct batch_cpu cpu = {
		.cpu = 0, .enabled = 1000ULL * PERIOD, .runs = 500
	};

	(void)state;
	clock_begin(c, dup(fd));
	set_text(fd, "cpu0 0 0 0 1250 50 0 0 150 0 0\n");
	clock_update(c, &cpu, 1, PERIOD);
	assert_int_equal(clock_sum(c).expected, 1000);
	assert_int_equal(clock_sum(c).runs, 500);
	assert_int_equal(clock_sum(c).idle, 300);
	assert_int_equal(clock_sum(c).steal, 100);
	assert_int_equal(clock_sum(c).unexplained, 100);
	clock_free(c);
	close(fd);
}

/* Idle time that was sampled as idle explains nothing. */
static void
test_sampled_idle_time_is_not_counted_twice(void **state)
{
	int fd = stat_file("cpu0 0 0 0 0 0 0 0 0 0 0\n");
	struct clock_ledger *c = clock_new();
	struct batch_cpu cpu = {
		.cpu = 0, .enabled = 1000ULL * PERIOD, .runs = 900, .idle = 300
	};

	(void)state;
	clock_begin(c, dup(fd));
	set_text(fd, "cpu0 0 0 0 350 0 0 0 0 0 0\n");
	clock_update(c, &cpu, 1, PERIOD);
	assert_int_equal(clock_sum(c).idle, 50);
	assert_int_equal(clock_sum(c).unexplained, 50);
	clock_free(c);
	close(fd);
}

static void
test_sessions_add_up_and_gaps_count_as_down(void **state)
{
	int fd = stat_file("cpu0 0 0 0 0 0 0 0 0 0 0\n");
	struct clock_ledger *c = clock_new();
	struct batch_cpu cpu = {
		.cpu = 0, .enabled = 100ULL * PERIOD, .runs = 100
	};

	(void)state;
	clock_begin(c, dup(fd));
	clock_update(c, &cpu, 1, PERIOD);
	clock_begin(c, dup(fd));
	clock_down(c, 50ULL * PERIOD, PERIOD);
	clock_update(c, &cpu, 1, PERIOD);
	assert_int_equal(clock_sum(c).expected, 200);
	assert_int_equal(clock_sum(c).runs, 200);
	assert_int_equal(clock_sum(c).unexplained, 0);
	assert_int_equal(clock_down_ticks(c), 50);
	assert_null(clock_get(c, 1));
	clock_free(c);
	close(fd);
}

/* 100 Hz for 10 s, 70 of the ticks idle; then 1000 Hz for 1 s. */
static void
test_a_new_rate_counts_from_where_the_old_one_ended(void **state)
{
	int fd = stat_file("cpu0 0 0 0 0 0 0 0 0 0 0\n");
	struct clock_ledger *c = clock_new();
	struct batch_cpu cpu = { .enabled = 1000ULL * PERIOD, .runs = 930 };

	(void)state;
	clock_begin(c, dup(fd));
	set_text(fd, "cpu0 0 0 0 70 0 0 0 0 0 0\n");
	clock_update(c, &cpu, 1, PERIOD);
	clock_new_rate(c, &cpu, 1);
	assert_int_equal(clock_sum(c).expected, 1000);
	assert_int_equal(clock_sum(c).idle, 70);
	cpu.enabled += 100ULL * PERIOD;
	cpu.runs += 890;
	set_text(fd, "cpu0 0 0 0 80 0 0 0 0 0 0\n");
	clock_update(c, &cpu, 1, PERIOD / 10);
	assert_int_equal(clock_sum(c).expected, 2000);
	assert_int_equal(clock_sum(c).runs, 1820);
	assert_int_equal(clock_sum(c).idle, 170);
	assert_int_equal(clock_sum(c).unexplained, 10);
	clock_free(c);
	close(fd);
}

/* After a restart the gap is known before the CPUs and how busy they are. */
static void
test_a_gap_before_the_first_count_waits_for_it(void **state)
{
	int fd = stat_file("cpu0 0 0 0 0 0 0 0 0 0 0\n"
			   "cpu1 0 0 0 0 0 0 0 0 0 0\n");
	struct clock_ledger *c = clock_new();
	struct batch_cpu cpus[2] = {
		{ .cpu = 0, .enabled = 100ULL * PERIOD, .runs = 100 },
		{ .cpu = 1, .enabled = 100ULL * PERIOD, .runs = 0 },
	};

	(void)state;
	clock_down(c, 50ULL * PERIOD, PERIOD);
	assert_int_equal(clock_down_ticks(c), 0);
	clock_begin(c, dup(fd));
	set_text(fd, "cpu0 0 0 0 0 0 0 0 0 0 0\n"
		     "cpu1 0 0 0 100 0 0 0 0 0 0\n");
	clock_update(c, cpus, 2, PERIOD);
	assert_int_equal(clock_down_ticks(c), 50); /* one CPU of two is idle */
	clock_update(c, cpus, 2, PERIOD);
	assert_int_equal(clock_down_ticks(c), 50);
	clock_free(c);
	close(fd);
}

static void
test_hostile_numbers_do_not_hurt(void **state)
{
	int fd = stat_file("cpu0 0 0 0 9 0 0 0 9 0 0\n");
	struct clock_ledger *c = clock_new();
	struct batch_cpu cpus[2] = { { .cpu = 0xffffffff },
		{ .cpu = 0, .runs = ~0ULL } };

	(void)state;
	clock_begin(c, dup(fd));
	set_text(fd, "cpu0 0 0 0 1 0 0 0 1 0 0\n"); /* ran backwards */
	clock_update(c, cpus, 2, PERIOD);
	clock_update(c, cpus, 2, 0);
	assert_int_equal(clock_sum(c).unexplained, 0);
	clock_free(c);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stat_text_is_parsed_by_cpu),
		cmocka_unit_test(test_missing_ticks_are_explained_in_order),
		cmocka_unit_test(test_sampled_idle_time_is_not_counted_twice),
		cmocka_unit_test(test_sessions_add_up_and_gaps_count_as_down),
		cmocka_unit_test(
		    test_a_new_rate_counts_from_where_the_old_one_ended),
		cmocka_unit_test(
		    test_a_gap_before_the_first_count_waits_for_it),
		cmocka_unit_test(test_hostile_numbers_do_not_hurt),
	};

	return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
