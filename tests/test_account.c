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

/* A sampler's counters: all that ran was idle or captured. */
static struct ledger
counters(uint64_t captured, uint64_t idle)
{
	struct ledger l = { 0 };

	l.n[LEDGER_RUNS] = captured + idle;
	l.n[LEDGER_IDLE] = idle;
	l.n[LEDGER_CAPTURED] = captured;
	return l;
}

static void
begin(struct account *a, uint64_t listener, struct ledger_page *page,
    const struct ledger *orphans)
{
	account_begin(a, listener, NULL, 0, orphans ? orphans->n : NULL,
	    orphans ? LEDGER_COUNTERS : 0);
	/* not a mapping: it must not be unmapped */
	a->page = page;
}

/* An interval: batches of so many samples, then these counters. */
static void
collected(struct account *a, struct ledger_page *page, uint64_t samples,
    uint64_t captured)
{
	struct ledger l = counters(captured, 50);

	account_received(a, samples);
	account_collected(a, l.n, LEDGER_COUNTERS);
	page->now = l;
}

static void
acked(struct account *a, struct ledger_page *page)
{
	account_acked(a);
	page->acked = a->acked;
	page->hello_acked = 1;
}

/* What a listener that lives makes of a page (collector/orphans.c). */
static struct ledger
orphans_of(const struct ledger_page *page)
{
	struct ledger l = page->now;

	for (int i = 0; i < LEDGER_COUNTERS; i++)
		l.n[i] -= page->acked.n[i];
	l.n[LEDGER_DIED_SAMPLER] =
	    l.n[LEDGER_CAPTURED] - l.n[LEDGER_LOST_DRAIN];
	return l;
}

/* runs = idle + captured + lost, captured = shipped + died + in_hand. */
static void
assert_closed(const struct account *a, uint64_t in_hand)
{
	struct ledger l = account_total(a);

	assert_int_equal(l.n[LEDGER_RUNS],
	    l.n[LEDGER_IDLE] + l.n[LEDGER_CAPTURED] + ledger_lost(&l));
	assert_int_equal(l.n[LEDGER_CAPTURED],
	    l.n[LEDGER_SHIPPED] + l.n[LEDGER_DIED_SAMPLER] +
		l.n[LEDGER_DIED_CLIENT] + l.n[LEDGER_LOST_DRAIN] + in_hand);
}

static void
test_samples_are_shipped_with_their_outcome(void **state)
{
	struct ledger_page page = { 0 };
	struct account a = { 0 };
	struct ledger l;

	(void)state;
	begin(&a, LISTENER, &page, NULL);
	collected(&a, &page, 100, 100);
	assert_closed(&a, 100);
	account_outcome(&a, LEDGER_DELIVERED, 70);
	account_outcome(&a, LEDGER_FILTERED, 20);
	account_outcome(&a, LEDGER_DROPPED_MALFORMED, 10);
	l = account_total(&a);
	assert_int_equal(l.n[LEDGER_SHIPPED], 100);
	assert_int_equal(l.n[LEDGER_DELIVERED], 70);
	assert_int_equal(l.n[LEDGER_FILTERED], 20);
	assert_int_equal(l.n[LEDGER_DROPPED_MALFORMED], 10);
	assert_closed(&a, 0);
}

/* 100 acknowledged, 40 in hand, 60 more captured when the sampler dies. */
static void
test_dead_sampler_costs_what_was_not_received(void **state)
{
	struct ledger_page page = { 0 };
	struct account a = { 0 };
	struct ledger orphans, l;

	(void)state;
	begin(&a, LISTENER, &page, NULL);
	collected(&a, &page, 100, 100);
	acked(&a, &page);
	account_received(&a, 40);
	page.now = counters(200, 50);
	orphans = orphans_of(&page);
	account_end(&a);
	assert_true(account_is_open(&a));
	begin(&a, LISTENER, NULL, &orphans);
	assert_false(account_is_open(&a));
	l = account_total(&a);
	assert_int_equal(l.n[LEDGER_CAPTURED], 200);
	assert_int_equal(l.n[LEDGER_DIED_SAMPLER], 60);
	assert_closed(&a, 140);
}

/* Its last acknowledgement was on its way when it died. */
static void
test_an_acknowledgement_that_was_lost_counts_nothing_twice(void **state)
{
	struct ledger_page page = { 0 };
	struct account a = { 0 };
	struct ledger orphans, l;

	(void)state;
	begin(&a, LISTENER, &page, NULL);
	collected(&a, &page, 100, 100);
	acked(&a, &page);
	collected(&a, &page, 30, 130);
	account_acked(&a); /* and the page does not say so */
	page.now = counters(137, 50);
	orphans = orphans_of(&page);
	assert_int_equal(orphans.n[LEDGER_CAPTURED], 37);
	account_end(&a);
	begin(&a, LISTENER, NULL, &orphans);
	l = account_total(&a);
	assert_int_equal(l.n[LEDGER_RUNS], 187);
	assert_int_equal(l.n[LEDGER_CAPTURED], 137);
	assert_int_equal(l.n[LEDGER_DIED_SAMPLER], 7);
	assert_closed(&a, 130);
}

/* It was handed orphans, counted them, and died before it heard of that. */
static void
test_orphans_that_come_again_count_once(void **state)
{
	struct ledger_page page = { 0 };
	struct ledger first = counters(20, 5), second, l;
	struct account a = { 0 };

	(void)state;
	first.n[LEDGER_DIED_CLIENT] = 20;
	begin(&a, LISTENER, &page, &first);
	account_end(&a);
	page.now = counters(9, 1);
	second = orphans_of(&page);
	ledger_add(&second, &first);
	begin(&a, LISTENER, NULL, &second);
	l = account_total(&a);
	assert_int_equal(l.n[LEDGER_CAPTURED], 29);
	assert_int_equal(l.n[LEDGER_DIED_CLIENT], 20);
	assert_int_equal(l.n[LEDGER_DIED_SAMPLER], 9);
	assert_closed(&a, 0);
}

static void
test_dead_listener_is_settled_from_the_page(void **state)
{
	struct ledger_page page = { 0 };
	struct account a = { 0 };
	struct ledger l;

	(void)state;
	begin(&a, LISTENER, &page, NULL);
	collected(&a, &page, 100, 100);
	acked(&a, &page);
	page.now = counters(170, 60);
	page.now.n[LEDGER_LOST_COUNTS_FULL] = 5;
	page.now.n[LEDGER_LOST_DRAIN] = 3;
	page.now.n[LEDGER_RUNS] += 5;
	account_end(&a);
	begin(&a, LISTENER + 1, NULL, NULL);
	l = account_total(&a);
	assert_int_equal(l.n[LEDGER_RUNS], 235);
	assert_int_equal(l.n[LEDGER_DIED_SAMPLER], 67);
	assert_int_equal(l.n[LEDGER_LOST_DRAIN], 3);
	assert_int_equal(l.n[LEDGER_LOST_COUNTS_FULL], 5);
	assert_closed(&a, 100);
}

/* Nobody will say what it counted: what we hold was captured all the same. */
static void
test_samples_without_counters_were_captured(void **state)
{
	struct account a = { 0 };

	(void)state;
	begin(&a, LISTENER, NULL, NULL);
	account_received(&a, 40);
	account_end(&a);
	begin(&a, LISTENER + 1, NULL, NULL);
	assert_int_equal(account_total(&a).n[LEDGER_CAPTURED], 40);
	assert_closed(&a, 40);
}

static void
test_a_settled_session_is_not_counted_again(void **state)
{
	struct ledger_page page = { 0 };
	struct account a = { 0 };
	struct ledger orphans;

	(void)state;
	begin(&a, LISTENER, &page, NULL);
	collected(&a, &page, 100, 100);
	acked(&a, &page);
	account_received(&a, 10);
	page.now = counters(130, 60);
	orphans = orphans_of(&page);
	account_end(&a);
	account_settle(&a);
	assert_false(account_is_open(&a));
	assert_int_equal(account_total(&a).n[LEDGER_DIED_SAMPLER], 20);
	assert_closed(&a, 110);
	begin(&a, LISTENER, NULL, &orphans);
	assert_int_equal(account_total(&a).n[LEDGER_CAPTURED], 130);
	assert_int_equal(account_total(&a).n[LEDGER_DIED_SAMPLER], 20);
	assert_closed(&a, 110);
}

/* The shipper is away: nothing is acknowledged, and the sampler dies. */
static void
test_what_was_collected_but_not_acknowledged_comes_back(void **state)
{
	struct ledger_page page = { .hello_acked = 1 };
	struct account a = { 0 };
	struct ledger orphans;

	(void)state;
	begin(&a, LISTENER, &page, NULL);
	collected(&a, &page, 100, 100);
	account_outcome(&a, LEDGER_DELIVERED, 100);
	assert_closed(&a, 0);
	page.now = counters(120, 50);
	orphans = orphans_of(&page);
	account_end(&a);
	begin(&a, LISTENER, NULL, &orphans);
	assert_int_equal(account_total(&a).n[LEDGER_CAPTURED], 120);
	assert_int_equal(account_total(&a).n[LEDGER_DIED_SAMPLER], 20);
	assert_closed(&a, 0);
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
		cmocka_unit_test(test_samples_are_shipped_with_their_outcome),
		cmocka_unit_test(test_dead_sampler_costs_what_was_not_received),
		cmocka_unit_test(
		    test_an_acknowledgement_that_was_lost_counts_nothing_twice),
		cmocka_unit_test(test_orphans_that_come_again_count_once),
		cmocka_unit_test(test_dead_listener_is_settled_from_the_page),
		cmocka_unit_test(test_samples_without_counters_were_captured),
		cmocka_unit_test(test_a_settled_session_is_not_counted_again),
		cmocka_unit_test(
		    test_what_was_collected_but_not_acknowledged_comes_back),
		cmocka_unit_test(test_more_counters_than_we_know_are_ignored),
	};

	return cmocka_run_group_tests_name("account", tests, NULL, NULL);
}
