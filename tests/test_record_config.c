/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/record_config.h"

#define SECOND 1000000000LL

static char *text;
static size_t text_size;

static const char *
config_of(const struct record_options *o, const char *directory)
{
	FILE *out;

	free(text);
	out = open_memstream(&text, &text_size);
	assert_int_equal(record_config_write(out, o, directory), 0);
	fclose(out);
	return text;
}

static int
tear_down(void **state)
{
	(void)state;
	free(text);
	return 0;
}

static void
test_whole_host_is_the_default_target(void **state)
{
	struct record_options o = { .duration = 10 * SECOND, .rate = 99 };

	(void)state;
	assert_string_equal(config_of(&o, "/run/x-1/profiles"),
	    "phlare.write \"record\" {\n"
	    "\tendpoint {\n"
	    "\t\turl = \"file:///run/x-1/profiles\"\n"
	    "\t}\n"
	    "}\n"
	    "\n"
	    "phlare.ebpf \"record\" {\n"
	    "\tforward_to = [phlare.write.record.receiver]\n"
	    "\tsample_rate = 99\n"
	    "\tcollect_interval = \"5s\"\n"
	    "\tpid_cache_size = 512\n"
	    "\telf_cache_size = 512\n"
	    "}\n");
}

static void
test_processes_are_targets_and_nothing_else_is(void **state)
{
	struct record_options o = { .duration = SECOND, .rate = 1 };

	(void)state;
	o.pids[0] = 1;
	o.pids[1] = 4194304;
	o.pids_count = 2;
	o.no_kernel = true;
	assert_non_null(strstr(config_of(&o, "/d"),
	    "\tcollect_kernel_profile = false\n"
	    "\ttargets = [\n"
	    "\t\t{\"__process_pid__\" = \"1\"},\n"
	    "\t\t{\"__process_pid__\" = \"4194304\"},\n"
	    "\t]\n"
	    "\ttargets_only = true\n"
	    "}\n"));
}

static void
test_directory_cannot_leave_its_string(void **state)
{
	struct record_options o = { .duration = SECOND, .rate = 1 };

	(void)state;
	assert_non_null(strstr(config_of(&o, "/a b\"\\\n?x=1#%\xc3\xa9"),
	    "url = \"file:///a%20b%22%5C%0A%3Fx%3D1%23%25%C3%A9\"\n"));
}

static void
test_longer_recordings_have_longer_intervals(void **state)
{
	(void)state;
	assert_int_equal(record_interval(SECOND), 5 * SECOND);
	assert_int_equal(record_interval(600 * SECOND), 15 * SECOND);
	assert_int_equal(record_interval(24 * 3600 * SECOND), 60 * SECOND);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole_host_is_the_default_target),
		cmocka_unit_test(
		    test_processes_are_targets_and_nothing_else_is),
		cmocka_unit_test(test_directory_cannot_leave_its_string),
		cmocka_unit_test(test_longer_recordings_have_longer_intervals),
	};

	return cmocka_run_group_tests(tests, NULL, tear_down);
}
