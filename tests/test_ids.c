/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/ids.h"

static struct ids_used used;

static int
set_up(void **state)
{
	(void)state;
	memset(&used, 0, sizeof(used));
	return 0;
}

static void
test_picked_ids_lie_in_the_range(void **state)
{
	static const unsigned int seeds[] = { 0, 1, 1444, 1445, 4194304,
		UINT32_MAX };
	uint32_t first;

	(void)state;
	for (size_t i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++) {
		assert_int_equal(ids_pick(&used, seeds[i], &first), 0);
		assert_in_range(first, IDS_FIRST, IDS_LAST - PROGRAMS + 1);
	}
}

static void
test_neighbouring_seeds_do_not_overlap(void **state)
{
	uint32_t a, b;

	(void)state;
	assert_int_equal(ids_pick(&used, 1000, &a), 0);
	assert_int_equal(ids_pick(&used, 1001, &b), 0);
	assert_true(b >= a + PROGRAMS || a >= b + PROGRAMS);
}

static void
test_used_ids_are_passed_over(void **state)
{
	uint32_t before, after;

	(void)state;
	for (uint32_t i = 0; i < PROGRAMS; i++) {
		set_up(NULL);
		assert_int_equal(ids_pick(&used, 7, &before), 0);
		ids_note(&used, before + i);
		assert_int_equal(ids_pick(&used, 7, &after), 0);
		assert_true(after >= before + PROGRAMS);
	}
}

static void
test_a_full_range_is_an_error(void **state)
{
	uint32_t first;

	(void)state;
	for (uint32_t id = IDS_FIRST; id <= IDS_LAST; id++)
		ids_note(&used, id);
	assert_int_equal(ids_pick(&used, 7, &first), -ENOENT);
}

static void
test_every_id_of_a_process_is_noted(void **state)
{
	static const char status[] =
	    "Name:\tx\\nUid:\t61299\nState:\tS (sleeping)\n"
	    "Uid:\t61200\t61201\t0\t61203\n"
	    "Gid:\t0\t61204\t0\t70000\n"
	    "FDSize:\t61250\n"
	    "Groups:\t27 61205 61206 \n"
	    "NStgid:\t61207\n";
	static const uint32_t want[] = { 61200, 61201, 61203, 61204, 61205,
		61206 };
	unsigned int found = 0;

	(void)state;
	ids_note_status(&used, status);
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		assert_true(used.id[want[i] - IDS_FIRST]);
	for (size_t i = 0; i < IDS_COUNT; i++)
		found += used.id[i];
	assert_int_equal(found, sizeof(want) / sizeof(want[0]));
}

static void
test_ids_are_those_picked_where_no_account_is(void **state)
{
	struct privilege_ids ids[PROGRAMS];

	(void)state;
	assert_int_equal(ids_choose(&used, 5, ids), 0);
	for (int i = 0; i < PROGRAMS; i++) {
		assert_int_not_equal(ids[i].uid, 0);
		for (int j = 0; j < i; j++)
			assert_int_not_equal(ids[i].uid, ids[j].uid);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(
		    test_picked_ids_lie_in_the_range, set_up),
		cmocka_unit_test_setup(
		    test_neighbouring_seeds_do_not_overlap, set_up),
		cmocka_unit_test_setup(test_used_ids_are_passed_over, set_up),
		cmocka_unit_test_setup(test_a_full_range_is_an_error, set_up),
		cmocka_unit_test_setup(
		    test_every_id_of_a_process_is_noted, set_up),
		cmocka_unit_test_setup(
		    test_ids_are_those_picked_where_no_account_is, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
