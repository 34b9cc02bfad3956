/* SPDX-License-Identifier: Apache-2.0 */
/* What a sampler's end leaves behind, and who is handed it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "collector/acks.h"
#include "collector/orphans.h"

#define SEC 1000000000ull

static const struct orphans none;

/* A session that began at 10 s, was last seen at 20 s and died at 21 s. */
static struct ledger_page
session_of(uint64_t captured, uint64_t idle)
{
	struct ledger_page page = {
		.session = 1,
		.started = 10 * SEC,
		.updated = 20 * SEC,
		.hello_acked = 1
	};

	page.now.n[LEDGER_CAPTURED] = captured;
	page.now.n[LEDGER_IDLE] = idle;
	page.now.n[LEDGER_RUNS] = captured + idle;
	return page;
}

static void
assert_closed(const struct ledger *l)
{
	assert_int_equal(l->n[LEDGER_RUNS],
	    l->n[LEDGER_IDLE] + l->n[LEDGER_CAPTURED] + ledger_lost(l));
	assert_int_equal(l->n[LEDGER_CAPTURED],
	    l->n[LEDGER_SHIPPED] + l->n[LEDGER_DIED_SAMPLER] +
		l->n[LEDGER_DIED_CLIENT] + l->n[LEDGER_LOST_DRAIN]);
}

static void
test_what_was_not_acknowledged_has_died(void **state)
{
	static const struct {
		enum session_end end;
		enum ledger_counter died, other;
	} rows[] = {
		{ SESSION_CRASHED, LEDGER_DIED_SAMPLER, LEDGER_DIED_CLIENT },
		{ SESSION_LEFT, LEDGER_DIED_CLIENT, LEDGER_DIED_SAMPLER },
	};

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct ledger_page page = session_of(100, 50);
		struct orphans o = { 0 };

		page.now.n[LEDGER_SHIPPED] = 60;
		page.now.n[LEDGER_LOST_DRAIN] = 5;
		page.acked.n[LEDGER_CAPTURED] = 60;
		page.acked.n[LEDGER_SHIPPED] = 60;
		page.acked.n[LEDGER_IDLE] = 10;
		page.acked.n[LEDGER_RUNS] = 70;
		orphans_add(&o, &page, rows[i].end, &none, 21 * SEC);
		assert_int_equal(o.ledger.n[LEDGER_RUNS], 80);
		assert_int_equal(o.ledger.n[LEDGER_CAPTURED], 40);
		assert_int_equal(o.ledger.n[LEDGER_SHIPPED], 0);
		assert_int_equal(o.ledger.n[rows[i].died], 35);
		assert_int_equal(o.ledger.n[rows[i].other], 0);
		assert_closed(&o.ledger);
	}
}

/* An acknowledgement in the middle of an interval: batches, no counters. */
static void
test_batches_acknowledged_before_their_counters_close(void **state)
{
	struct ledger_page page = session_of(100, 0);
	struct orphans o = { 0 };

	(void)state;
	page.now.n[LEDGER_SHIPPED] = 60;
	orphans_add(&o, &page, SESSION_LEFT, &none, 21 * SEC);
	assert_int_equal(o.ledger.n[LEDGER_SHIPPED], 60);
	assert_int_equal(o.ledger.n[LEDGER_DIED_CLIENT], 40);
	assert_closed(&o.ledger);
}

static void
test_a_gap_begins_with_the_last_sign_of_life(void **state)
{
	struct ledger_page page = session_of(0, 0);
	struct orphans o = { 0 };

	(void)state;
	orphans_add(&o, &page, SESSION_CRASHED, &none, 21 * SEC);
	page.updated = 0; /* killed between its hello and its first sample */
	orphans_add(&o, &page, SESSION_CRASHED, &none, 21 * SEC);
	assert_int_equal(o.gaps, 2);
	assert_int_equal(o.down_since[0], 20 * SEC);
	assert_int_equal(o.down_since[1], 10 * SEC);
}

static void
test_a_client_that_wanted_no_more_leaves_no_gap(void **state)
{
	struct ledger_page page = session_of(7, 0);
	struct orphans o = { 0 };

	(void)state;
	page.finished = 1;
	orphans_add(&o, &page, SESSION_LEFT, &none, 21 * SEC);
	assert_int_equal(o.gaps, 0);
	assert_int_equal(o.ledger.n[LEDGER_DIED_CLIENT], 7);
}

static void
test_each_new_client_is_handed_one_gap(void **state)
{
	struct ledger_page page = session_of(7, 0);
	struct orphans o = { 0 }, first, second, third;

	(void)state;
	orphans_add(&o, &page, SESSION_LEFT, &none, 21 * SEC);
	page.updated = 20 * SEC
	+1;
	orphans_add(&o, &page, SESSION_LEFT, &none, 21 * SEC);
	orphans_take(&o, &first);
	orphans_take(&o, &second);
	orphans_take(&o, &third);
	assert_int_equal(first.ledger.n[LEDGER_CAPTURED], 14);
	assert_int_equal(second.ledger.n[LEDGER_CAPTURED], 0);
	assert_int_equal(first.down_since[0], 20 * SEC);
	assert_int_equal(second.down_since[0], 20 * SEC + 1);
	assert_int_equal(third.gaps, 0);
}

static void
test_more_gaps_than_there_is_room_for_are_forgotten(void **state)
{
	struct ledger_page page = session_of(1, 0);
	struct orphans o = { 0 };

	(void)state;
	for (int i = 0; i < 100; i++)
		orphans_add(&o, &page, SESSION_LEFT, &none, 21 * SEC);
	assert_int_equal(o.gaps, ORPHANS_GAPS);
	assert_int_equal(o.ledger.n[LEDGER_CAPTURED], 100);
}

/* The client died, or its sampler, before it said that it took them over. */
static void
test_what_was_handed_over_comes_back(void **state)
{
	struct ledger_page page = session_of(7, 0);
	struct orphans o = { 0 }, handed = {
		.down_ns = 3 * SEC,
		.gaps = 1,
		.down_since = { 8 * SEC }
	};

	(void)state;
	handed.ledger.n[LEDGER_RUNS] = 100;
	page.hello_acked = 0;
	orphans_add(&o, &page, SESSION_CRASHED, &handed, 21 * SEC);
	assert_int_equal(o.ledger.n[LEDGER_RUNS], 107);
	assert_int_equal(o.down_ns, 5 * SEC); /* the gap ended at 10 s */
	assert_int_equal(o.gaps, 1);
	assert_int_equal(o.down_since[0], 20 * SEC);
}

static void
test_what_was_acknowledged_does_not(void **state)
{
	struct ledger_page page = session_of(7, 0);
	struct orphans o = { 0 }, handed = {.down_ns = 3 * SEC };

	(void)state;
	handed.ledger.n[LEDGER_RUNS] = 100;
	orphans_add(&o, &page, SESSION_CRASHED, &handed, 21 * SEC);
	assert_int_equal(o.ledger.n[LEDGER_RUNS], 7);
	assert_int_equal(o.down_ns, 0);
}

static void
test_a_sampler_that_never_started_changes_nothing(void **state)
{
	struct ledger_page page = { 0 };
	struct orphans o = { 0 },
		       handed = { .gaps = 1, .down_since = { 8 * SEC } };

	(void)state;
	handed.ledger.n[LEDGER_RUNS] = 100;
	orphans_add(&o, &page, SESSION_CRASHED, &handed, 21 * SEC);
	assert_memory_equal(&o, &handed, sizeof(o));
}

static void
test_only_the_first_mapping_writes_the_page(void **state)
{
	struct ledger_page *page;
	int fd;

	(void)state;
	page = ledger_page_new(&fd);
	assert_non_null(page);
	page->session = 7;
	assert_int_equal(write(fd, "x", 1), -1);
	assert_int_equal(ftruncate(fd, 0), -1);
	assert_int_equal(page->session, 7);
	ledger_page_free(page);
	close(fd);
}

/* ---- acknowledgements */

static void
test_acknowledged_counters_say_what_was_shipped(void **state)
{
	struct acks a = { 0 };
	struct ledger done = { 0 }, acked = { 0 };
	uint64_t shipped = 0;

	(void)state;
	acks_batch(&a, 1, 30);
	acks_batch(&a, 2, 10);
	done.n[LEDGER_CAPTURED] = 40;
	acks_done(&a, &done);
	acks_batch(&a, 3, 5);
	assert_true(acks_take(&a, 1, &shipped, &acked));
	assert_int_equal(shipped, 30);
	assert_int_equal(acked.n[LEDGER_CAPTURED], 0);
	assert_true(acks_take(&a, 2, &shipped, &acked));
	assert_int_equal(shipped, 40);
	assert_int_equal(acked.n[LEDGER_CAPTURED], 40);
	assert_int_equal(acked.n[LEDGER_SHIPPED], 40);
	assert_true(acks_take(&a, 3, &shipped, &acked));
	assert_int_equal(shipped, 45);
	assert_int_equal(acked.n[LEDGER_SHIPPED], 40);
	assert_false(acks_take(&a, 4, &shipped, &acked));
}

static void
test_a_client_that_never_acknowledges_costs_no_memory(void **state)
{
	static struct acks a;
	struct ledger done = { 0 }, acked = { 0 };
	uint64_t shipped = 0;

	(void)state;
	for (uint64_t i = 1; i <= 10 * ACKS_BATCHES; i++) {
		acks_batch(&a, i, 2);
		done.n[LEDGER_CAPTURED] = 2 * i;
		acks_done(&a, &done);
	}
	assert_true(acks_take(&a, 10 * ACKS_BATCHES, &shipped, &acked));
	assert_int_equal(shipped, 20 * ACKS_BATCHES);
	assert_int_equal(acked.n[LEDGER_CAPTURED], 20 * ACKS_BATCHES);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_was_not_acknowledged_has_died),
		cmocka_unit_test(
		    test_batches_acknowledged_before_their_counters_close),
		cmocka_unit_test(test_a_gap_begins_with_the_last_sign_of_life),
		cmocka_unit_test(
		    test_a_client_that_wanted_no_more_leaves_no_gap),
		cmocka_unit_test(test_each_new_client_is_handed_one_gap),
		cmocka_unit_test(
		    test_more_gaps_than_there_is_room_for_are_forgotten),
		cmocka_unit_test(test_what_was_handed_over_comes_back),
		cmocka_unit_test(test_what_was_acknowledged_does_not),
		cmocka_unit_test(
		    test_a_sampler_that_never_started_changes_nothing),
		cmocka_unit_test(test_only_the_first_mapping_writes_the_page),
		cmocka_unit_test(
		    test_acknowledged_counters_say_what_was_shipped),
		cmocka_unit_test(
		    test_a_client_that_never_acknowledges_costs_no_memory),
	};

	return cmocka_run_group_tests_name("orphans", tests, NULL, NULL);
}
