/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/target_json.h"
#include "cli/target_match.h"
#include "cli/target_reader.h"
#include "cli/target_table.h"

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))
#define ID "495b22a24cf6a71b3d048d900074d0f44968217d919ef370aff46bdede79415f"
#define OTHER "595b22a24cf6a71b3d048d900074d0f44968217d919ef370aff46bdede79415f"

#define COMPONENT                                                              \
	"{\"component\":\"phlare.ebpf.a\",\"targets_only\":false,"             \
	"\"default_target\":{\"team\":\"host\"},\"service_name\":\"d\"}\n"
#define ONLY "{\"component\":\"phlare.ebpf.b\",\"targets_only\":true}\n"
#define CONTAINER                                                              \
	"{\"labels\":{\"__container_id__\":\"" ID "\",\"zone\":\"b\"},"        \
	"\"container_id\":\"" ID "\",\"service_name\":\"web\"}\n"
#define AGAIN                                                                  \
	"{\"labels\":{\"__container_id__\":\"" ID "\"},"                       \
	"\"container_id\":\"" ID "\",\"service_name\":\"later\"}\n"
#define PID                                                                    \
	"{\"labels\":{\"__process_pid__\":\"7\",\"service_name\":\"init\"},"   \
	"\"service_name\":\"init\"}\n"
#define NONE                                                                   \
	"{\"labels\":{\"__address__\":\"1.2.3.4\"},\"service_name\":\"n\"}\n"

static const struct match_process in_container = { 7, "seven", ID };
static const struct match_process of_host = { 8, "ei\033ght", "" };
static const struct match_process elsewhere = { 9, "nine", OTHER };

struct output {
	FILE *file;
	char *text;
	size_t size;
};

static void
output_open(struct output *o)
{
	o->file = open_memstream(&o->text, &o->size);
	assert_non_null(o->file);
}

static int
feed(const char *lines, const struct target_sink *sink, void *arg)
{
	FILE *in = fmemopen((void *)lines, strlen(lines), "r");
	int r;

	assert_non_null(in);
	r = target_reader_read(in, sink, arg);
	fclose(in);
	return r;
}

static void
check_table(const char *lines, unsigned width, const char *wanted)
{
	struct output o;
	struct target_table *t;

	output_open(&o);
	t = target_table_new(o.file, width);
	assert_int_equal(feed(lines, &target_table_sink, t), 0);
	target_table_free(t);
	fclose(o.file);
	assert_string_equal(o.text, wanted);
	free(o.text);
}

static void
test_table(void **state)
{
	(void)state;
	check_table(COMPONENT CONTAINER PID NONE ONLY, 0,
	    "phlare.ebpf.a: 3 targets\n"
	    " TARGET  SERVICE_NAME  PROCESSES     LABELS\n"
	    "      1  web           495b22a24cf6  zone=\"b\"\n"
	    "      2  init          pid 7\n"
	    "      3  n             none\n"
	    "default  d             all others    team=\"host\"\n"
	    "\n"
	    "phlare.ebpf.b: 0 targets, no default target\n");
	check_table(ONLY PID, 0,
	    "phlare.ebpf.b: 1 target, no default target\n"
	    " TARGET  SERVICE_NAME  PROCESSES  LABELS\n"
	    "      1  init          pid 7\n");
}

static void
test_table_fits_a_terminal_and_does_not_steer_it(void **state)
{
	(void)state;
	check_table(ONLY "{\"labels\":{\"a\":\"\\u001b[31m\",\"b\":"
			 "\"0123456789012345678901234567890123456789\"},"
			 "\"service_name\":\"\\u0007ring\"}\n",
	    60,
	    "phlare.ebpf.b: 1 target, no default target\n"
	    " TARGET  SERVICE_NAME  PROCESSES  LABELS\n"
	    "      1  \\x07ring      none       "
	    "a=\"\\x1b[31m\" …90123456789\"\n");
}

static void
test_json(void **state)
{
	static const struct {
		const char *lines, *wanted;
	} cases[] = {
		{ "", "[]\n" },
		{ COMPONENT, "[]\n" },
		{ COMPONENT NONE ONLY PID,
		    "[\n{\"component\":\"phlare.ebpf.a\",\"labels\":"
		    "{\"__address__\":\"1.2.3.4\"},\"service_name\":\"n\"},\n"
		    "{\"component\":\"phlare.ebpf.b\",\"labels\":"
		    "{\"__process_pid__\":\"7\",\"service_name\":\"init\"},"
		    "\"service_name\":\"init\"}\n]\n" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct json_list list;
		struct output o;

		output_open(&o);
		json_list_start(&list, o.file);
		assert_int_equal(
		    feed(cases[i].lines, &target_json_sink, &list), 0);
		json_list_end(&list);
		fclose(o.file);
		assert_string_equal(o.text, cases[i].wanted);
		free(o.text);
	}
}

static void
check_answer(const struct match_process *process, bool json, const char *lines,
    const char *wanted)
{
	struct target_answer *a;
	struct output o;

	output_open(&o);
	a = target_answer_new(o.file, process, json);
	assert_int_equal(feed(lines, &target_answer_sink, a), 0);
	target_answer_free(a);
	fclose(o.file);
	if (strstr(o.text, wanted) == NULL)
		fail_msg("no \"%s\" in:\n%s", wanted, o.text);
	free(o.text);
}

static void
test_why_a_process_has_its_target(void **state)
{
	static const struct {
		const struct match_process *process;
		const char *lines, *wanted;
	} cases[] = {
		{ &in_container, "",
		    "process 7 (seven) is in container " ID "\n" },
		{ &of_host, "", "process 8 (ei\\x1bght) is in no container\n" },
		{ &in_container, COMPONENT NONE CONTAINER,
		    "\nphlare.ebpf.a: target 2 (service_name web): it names "
		    "the container of the process\n" },
		{ &in_container, ONLY CONTAINER NONE AGAIN,
		    "\nphlare.ebpf.b: target 3 (service_name later): " },
		{ &in_container, COMPONENT PID CONTAINER,
		    "\nphlare.ebpf.a: target 1 (service_name init): it names "
		    "the pid of the process\n" },
		{ &in_container, COMPONENT CONTAINER PID,
		    "\nphlare.ebpf.a: target 2 (service_name init): " },
		{ &of_host, COMPONENT CONTAINER PID,
		    "\nphlare.ebpf.a: the default target (service_name d): no "
		    "target names the pid of the process, and it is in no "
		    "container\n" },
		{ &elsewhere, COMPONENT CONTAINER PID,
		    "\nphlare.ebpf.a: the default target (service_name d): no "
		    "target names the pid or the container of the process\n" },
		{ &of_host, ONLY CONTAINER,
		    "\nphlare.ebpf.b: no target: no target names the pid of "
		    "the process, it is in no container, and targets_only" },
		{ &elsewhere, ONLY CONTAINER,
		    "\nphlare.ebpf.b: no target: no target names the pid or "
		    "the container of the process, and targets_only" },
		{ &in_container, COMPONENT CONTAINER ONLY PID,
		    "\nphlare.ebpf.b: target 1 (service_name init): " },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++)
		check_answer(
		    cases[i].process, false, cases[i].lines, cases[i].wanted);
}

static void
test_the_answer_as_json(void **state)
{
	(void)state;
	check_answer(&in_container, true, COMPONENT NONE CONTAINER,
	    "[\n{\"component\":\"phlare.ebpf.a\",\"match\":\"container_id\","
	    "\"why\":\"it names the container of the process\",\"target\":2,"
	    "\"labels\":{\"__container_id__\":\"" ID "\",\"zone\":\"b\"},"
	    "\"container_id\":\"" ID "\",\"service_name\":\"web\"}\n]\n");
	check_answer(&of_host, true, COMPONENT CONTAINER,
	    "\"match\":\"default_target\",\"why\":\"no target names the pid "
	    "of the process, and it is in no container\",\"labels\":"
	    "{\"team\":\"host\"},\"service_name\":\"d\"}\n]\n");
	check_answer(&of_host, true, ONLY, "\"match\":\"none\",\"why\":\"");
	check_answer(&of_host, true, "", "[]\n");
}

static void
test_what_is_no_answer_is_refused(void **state)
{
	static const char *const texts[] = { "x\n", "[]\n", "\n",
		"{\"labels\":{}}\n", COMPONENT "{\"labels\":[]}\n",
		COMPONENT "{\"labels\":{\"a\":\n", COMPONENT "{}\n" };

	(void)state;
	for (size_t i = 0; i < LENGTH(texts); i++) {
		struct output o;
		struct target_table *t;

		output_open(&o);
		t = target_table_new(o.file, 0);
		assert_int_equal(
		    feed(texts[i], &target_table_sink, t), -EBADMSG);
		target_table_free(t);
		fclose(o.file);
		free(o.text);
	}
}

static void
test_processes_are_read(void **state)
{
	struct match_process p;

	(void)state;
	assert_int_equal(match_process_read(getpid(), &p), 0);
	assert_int_equal(p.pid, getpid());
	assert_int_equal(strncmp(p.name, "test_target_vie", 15), 0);
	assert_int_equal(match_process_read(INT32_MAX, &p), -ESRCH);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(
		    test_table_fits_a_terminal_and_does_not_steer_it),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_why_a_process_has_its_target),
		cmocka_unit_test(test_the_answer_as_json),
		cmocka_unit_test(test_what_is_no_answer_is_refused),
		cmocka_unit_test(test_processes_are_read),
	};

	return cmocka_run_group_tests_name("target_views", tests, NULL, NULL);
}
