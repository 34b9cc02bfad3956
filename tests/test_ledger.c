/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/batch.h"
#include "common/ledger.h"

/* Each counter has a power of two, so that every sum names its parts. */
static struct ledger
distinct(void)
{
	struct ledger l;

	for (int i = 0; i < LEDGER_COUNTERS; i++)
		l.n[i] = (uint64_t)1 << i;
	return l;
}

/* The sum of those whose name begins with prefix. */
static uint64_t
sum_of(const struct ledger *l, const char *prefix)
{
	uint64_t sum = 0;

	for (int i = 0; i < LEDGER_COUNTERS; i++)
		if (strncmp(ledger_name(i), prefix, strlen(prefix)) == 0)
			sum += l->n[i];
	return sum;
}

static void
test_counters_have_a_name_of_their_own_and_help(void **state)
{
	(void)state;
	for (int i = 0; i < LEDGER_COUNTERS; i++) {
		const char *name = ledger_name(i);

		assert_non_null(name);
		assert_int_equal(
		    strspn(name, "abcdefghijklmnopqrstuvwxyz_"), strlen(name));
		assert_true(strlen(ledger_help(i)) > 0);
		for (int j = 0; j < i; j++)
			assert_string_not_equal(name, ledger_name(j));
	}
	assert_string_equal(ledger_name(LEDGER_COUNTERS), "unknown");
	assert_string_equal(ledger_help(LEDGER_COUNTERS), "");
}

/* A counter that is appended without its sum being told would get lost. */
static void
test_sums_miss_no_counter_of_their_kind(void **state)
{
	struct ledger l = distinct();

	(void)state;
	assert_true(LEDGER_COUNTERS <= LEDGER_WIRE_MAX);
	assert_int_equal(
	    ledger_lost(&l), sum_of(&l, "lost_") - l.n[LEDGER_LOST_DRAIN]);
	assert_int_equal(ledger_dropped(&l), sum_of(&l, "dropped_"));
	assert_int_equal(
	    ledger_profiles_dropped(&l), sum_of(&l, "profiles_dropped_"));
}

static void
test_ledgers_add_up_counter_by_counter(void **state)
{
	struct ledger sum = distinct(), add = distinct();

	(void)state;
	add.n[LEDGER_IDLE] = 0;
	ledger_add(&sum, &add);
	for (int i = 0; i < LEDGER_COUNTERS; i++)
		assert_int_equal(sum.n[i],
		    i == LEDGER_IDLE ? (uint64_t)1 << i : (uint64_t)2 << i);
}

/* What the sampler writes and the symbolizer reads lies where it lay. */
static void
test_batch_structs_have_no_holes(void **state)
{
	(void)state;
	assert_int_equal(sizeof(struct batch_header) % 8, 0);
	assert_int_equal(sizeof(struct batch_cpu), 32);
	assert_int_equal(sizeof(struct batch_count), 56);
	assert_int_equal(
	    sizeof(struct batch_stack_part), 16 + 8 * BATCH_STACK_PART);
	assert_true(BATCH_MAX_FRAMES <= 4 * BATCH_STACK_PART);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_counters_have_a_name_of_their_own_and_help),
		cmocka_unit_test(test_sums_miss_no_counter_of_their_kind),
		cmocka_unit_test(test_ledgers_add_up_counter_by_counter),
		cmocka_unit_test(test_batch_structs_have_no_holes),
	};

	return cmocka_run_group_tests_name("ledger", tests, NULL, NULL);
}
