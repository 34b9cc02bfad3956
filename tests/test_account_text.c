/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cli/account_text.h"

static char shown[4096];

static void
hear(void *arg, const char *line)
{
	size_t n = strlen(shown);

	(void)arg;
	snprintf(shown + n, sizeof(shown) - n, "%s\n", line);
}

static const char *
show(const char *text)
{
	struct account_text a;

	shown[0] = '\0';
	account_text_parse(&a, text);
	account_text_show(&a, hear, NULL);
	return shown;
}

static void
test_account_that_closes_is_two_lines(void **state)
{
	(void)state;
	assert_string_equal(show("ticks_expected 2000\n"
				 "ticks_idle 1180\n"
				 "ticks_steal 3\n"
				 "ticks_unexplained 5\n"
				 "samples_runs 812\n"
				 "samples_idle 2\n"
				 "samples_captured 810\n"
				 "samples_shipped 810\n"
				 "samples_delivered 800\n"
				 "samples_filtered 10\n"
				 "profiles_built 2\n"
				 "profiles_sent 2\n"),
	    "clock: 2000 ticks = 812 seen + 1180 idle + 3 steal + 5 "
	    "unexplained (0.25 %)\n"
	    "samples: 812 seen = 800 delivered + 10 filtered + 2 idle + 0 "
	    "lost\n");
}

static void
test_each_loss_is_named_with_its_reason(void **state)
{
	(void)state;
	show("samples_runs 100\n"
	     "samples_captured 90\n"
	     "samples_lost_stacks_full 10\n"
	     "samples_died_sampler 20\n"
	     "samples_dropped_shipper 30\n"
	     "samples_delivered 40\n"
	     "records_ring_lost 7\n"
	     "profiles_dropped_disk 1\n"
	     "profiles_queued 2\n"
	     "ticks_down 50\n");
	assert_non_null(strstr(shown, "40 delivered + 0 filtered + 0 idle + "
				      "60 lost\n"));
	assert_non_null(strstr(shown, "  lost_stacks_full 10: "));
	assert_non_null(strstr(shown, "  died_sampler 20: "));
	assert_non_null(strstr(shown, "  dropped_shipper 30: "));
	assert_non_null(strstr(shown, "  ring_lost 7: "));
	assert_non_null(strstr(shown, "  profiles_dropped_disk 1: "));
	assert_non_null(strstr(shown, "  profiles_queued 2: "));
	assert_non_null(strstr(shown, "50 ticks while nothing sampled"));
	assert_null(strstr(shown, "does not close"));
}

static void
test_account_that_does_not_close_says_so(void **state)
{
	(void)state;
	assert_non_null(
	    strstr(show("samples_captured 10\nsamples_delivered 9\n"),
		"the account does not close: 10 captured, 9 accounted for"));
}

static void
test_unknown_and_broken_lines_are_skipped(void **state)
{
	struct account_text a;

	(void)state;
	account_text_parse(&a, "session 77\n"
			       "component/phlare.ebpf.record/samples_runs 5\n"
			       "current/x/samples_runs 6\n"
			       "write/samples_runs/http://x/ 7\n"
			       "samples_runs\n"
			       "samples_captured minus\n"
			       "\033]0;samples_idle 4\n"
			       "\n"
			       "no_such_counter 3\n"
			       "samples_idle 2"); /* no line end */
	assert_int_equal(a.ledger.n[LEDGER_RUNS], 0);
	assert_int_equal(a.ledger.n[LEDGER_CAPTURED], 0);
	assert_int_equal(a.ledger.n[LEDGER_IDLE], 2);
	account_text_parse(&a, "");
	assert_int_equal(a.ledger.n[LEDGER_IDLE], 0);
}

static void
test_nothing_expected_divides_by_nothing(void **state)
{
	(void)state;
	assert_non_null(strstr(show(""), "unexplained (0.00 %)"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_account_that_closes_is_two_lines),
		cmocka_unit_test(test_each_loss_is_named_with_its_reason),
		cmocka_unit_test(test_account_that_does_not_close_says_so),
		cmocka_unit_test(test_unknown_and_broken_lines_are_skipped),
		cmocka_unit_test(test_nothing_expected_divides_by_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
