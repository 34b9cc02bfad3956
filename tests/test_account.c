/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger over the lives and deaths of samplers and listeners. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/batch.h"
#include "symbolizer/account.h"

#define LISTENER 7

static void
collected(struct account *a, uint64_t runs, uint64_t idle, uint64_t captured)
{
	uint64_t n[LEDGER_COUNTERS] = { 0 };

	n[LEDGER_RUNS] = runs;
	n[LEDGER_IDLE] = idle;
	n[LEDGER_CAPTURED] = captured;
	account_collected(a, n, LEDGER_COUNTERS);
}

/* captured = shipped + died, runs = idle + captured + lost. */
static void
assert_closed(const struct ledger *l)
{
	assert_int_equal(l->n[LEDGER_RUNS],
	    l->n[LEDGER_IDLE] + l->n[LEDGER_CAPTURED] + ledger_lost(l));
	assert_int_equal(l->n[LEDGER_CAPTURED], l->n[LEDGER_SHIPPED] +
						    l->n[LEDGER_DIED_SAMPLER] +
						    l->n[LEDGER_DIED_CLIENT]);
}

static void
test_acknowledged_samples_are_shipped(void **state)
{
	struct account a = { 0 };
	struct ledger l;

	(void)state;
	account_begin(&a, LISTENER, NULL, 0, NULL, 0);
	account_received(&a, 100);
	collected(&a, 150, 50, 100);
	assert_int_equal(account_total(&a).n[LEDGER_SHIPPED], 0);
	account_acked(&a, 100, &a.latest);
	l = account_total(&a);
	assert_int_equal(l.n[LEDGER_SHIPPED], 100);
	assert_closed(&l);
}

/* 100 acknowledged, 40 in hand, 60 more captured when the sampler dies. */
static void
test_dead_sampler_costs_what_was_not_received(void **state)
{
	uint64_t orphans[LEDGER_COUNTERS] = { 0 };
	struct account a = { 0 };
	struct ledger l;

	(void)state;
	account_begin(&a, LISTENER, NULL, 0, NULL, 0);
	account_received(&a, 100);
	collected(&a, 100, 0, 100);
	account_acked(&a, 100, &a.latest);
	account_received(&a, 40);
	collected(&a, 140, 0, 140);
	account_end(&a);
	orphans[LEDGER_RUNS] = orphans[LEDGER_CAPTURED] = 100;
	orphans[LEDGER_DIED_SAMPLER] = 100; /* as its listener sees it */
	account_begin(&a, LISTENER, NULL, 0, orphans, LEDGER_COUNTERS);
	l = account_total(&a);
	assert_int_equal(l.n[LEDGER_CAPTURED], 200);
	assert_int_equal(l.n[LEDGER_SHIPPED], 140);
	assert_int_equal(l.n[LEDGER_DIED_SAMPLER], 60);
	assert_closed(&l);
}

static void
test_dead_listener_is_settled_from_the_page(void **state)
{
	struct ledger_page page = { 0 };
	struct account a = { 0 };
	struct ledger l;

	(void)state;
	/* not a mapping: the account must not unmap what it is not given */
	account_begin(&a, LISTENER, NULL, 0, NULL, 0);
	a.page = &page;
	account_received(&a, 100);
	collected(&a, 120, 20, 100);
	account_acked(&a, 100, &a.latest);
	page.now.n[LEDGER_RUNS] = 200;
	page.now.n[LEDGER_IDLE] = 30;
	page.now.n[LEDGER_CAPTURED] = 165;
	page.now.n[LEDGER_LOST_COUNTS_FULL] = 5;
	page.now.n[LEDGER_SHIPPED] = 100;
	account_end(&a);
	account_begin(&a, LISTENER + 1, NULL, 0, NULL, 0);
	l = account_total(&a);
	assert_int_equal(l.n[LEDGER_RUNS], 200);
	assert_int_equal(l.n[LEDGER_SHIPPED], 100);
	assert_int_equal(l.n[LEDGER_DIED_SAMPLER], 65);
	assert_int_equal(l.n[LEDGER_LOST_COUNTS_FULL], 5);
	assert_closed(&l);
}

static void
test_our_own_counters_are_added(void **state)
{
	struct account a = { 0 };

	(void)state;
	a.own.n[LEDGER_FILTERED] = 3;
	account_begin(&a, LISTENER, NULL, 0, NULL, 0);
	assert_int_equal(account_total(&a).n[LEDGER_FILTERED], 3);
}

static void
test_more_counters_than_we_know_are_ignored(void **state)
{
	uint64_t many[LEDGER_WIRE_MAX];
	struct account a = { 0 };

	(void)state;
	memset(many, 0xff, sizeof(many));
	account_collected(&a, many, LEDGER_WIRE_MAX);
	account_collected(&a, many, 1);
	assert_int_equal(account_total(&a).n[LEDGER_IDLE], 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_acknowledged_samples_are_shipped),
		cmocka_unit_test(test_dead_sampler_costs_what_was_not_received),
		cmocka_unit_test(test_dead_listener_is_settled_from_the_page),
		cmocka_unit_test(test_our_own_counters_are_added),
		cmocka_unit_test(test_more_counters_than_we_know_are_ignored),
	};

	return cmocka_run_group_tests_name("account", tests, NULL, NULL);
}
