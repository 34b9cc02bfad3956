/* SPDX-License-Identifier: Apache-2.0 */
/* spec/phlare-ebpf.md 2.1, 2.3 and 3.2, by table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/target.h"

#define COMPONENT "phlare.ebpf.default"
#define CONTAINER "__container_id__"
#define K8S "__meta_kubernetes_pod_container_id"
#define DOCKER "__meta_docker_container_id"
#define SWARM "__meta_dockerswarm_task_container_id"
#define NS "__meta_kubernetes_namespace"
#define POD "__meta_kubernetes_pod_name"
#define NOTED "__meta_kubernetes_pod_annotation_pyroscope_io_service_name"
#define NAME "__meta_docker_container_name"
#define PID "__process_pid__"
#define LABELS 4

static struct target
target_of(const struct target_label label[LABELS])
{
	struct target t = { label, 0 };

	while (t.count < LABELS && label[t.count].name != NULL)
		t.count++;
	return t;
}

static void
test_container_id_is_in_the_first_label_that_has_one(void **state)
{
	static const struct {
		struct target_label label[LABELS];
		const char *want;
	} rows[] = {
		{ { { CONTAINER, "c" }, { K8S, "docker://k" }, { DOCKER, "d" },
		      { SWARM, "s" } },
		    "c" },
		{ { { SWARM, "s" }, { DOCKER, "d" }, { K8S, "docker://k" } },
		    "k" },
		{ { { SWARM, "s" }, { DOCKER, "d" } }, "d" },
		{ { { SWARM, "s" } }, "s" },
		{ { { "a", "b" } }, "" },
		{ { { NULL, NULL } }, "" },
		/* verbatim, or without its runtime, or not at all */
		{ { { CONTAINER, "docker://c" } }, "docker://c" },
		{ { { DOCKER, "docker://d" } }, "docker://d" },
		{ { { K8S, "docker://abc" } }, "abc" },
		{ { { K8S, "containerd://abc" } }, "abc" },
		{ { { K8S, "cri-o://abc" } }, "abc" },
		{ { { K8S, "abc" } }, "" },
		{ { { K8S, "rkt://abc" } }, "" },
		{ { { K8S, "Docker://abc" } }, "" },
		{ { { K8S, "docker://" } }, "" },
		{ { { K8S, " docker://abc" } }, "" },
		/* the search stops there */
		{ { { K8S, "abc" }, { DOCKER, "d" } }, "" },
		/* an empty label is none */
		{ { { CONTAINER, "" }, { K8S, "docker://k" } }, "k" },
		{ { { K8S, "" }, { DOCKER, "d" } }, "d" },
		{ { { CONTAINER, "" }, { K8S, "" }, { DOCKER, "" },
		      { SWARM, "s" } },
		    "s" },
		/* a pid target is no container target */
		{ { { PID, "5" }, { CONTAINER, "c" } }, "" },
		{ { { PID, "0" }, { CONTAINER, "c" } }, "c" },
		{ { { PID, "x" }, { CONTAINER, "c" } }, "c" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct target t = target_of(rows[i].label);

		assert_string_equal(target_container_id(&t), rows[i].want);
	}
}

static void
test_pid_is_a_decimal_number(void **state)
{
	static const struct {
		const char *text;
		uint32_t want;
	} rows[] = { { "5", 5 }, { "4194304", 4194304 }, { "0", 0 }, { "", 0 },
		{ "4294967295", UINT32_MAX }, { "4294967296", 0 },
		{ "99999999999999999999999", 0 }, { "-5", 0 }, { "+5", 0 },
		{ " 5", 0 }, { "5 ", 0 }, { "5x", 0 }, { "0x5", 0 },
		{ "1_0", 0 }, { "05", 5 } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct target_label label[LABELS] = { { PID,
		    rows[i].text } };
		struct target t = target_of(label);

		assert_int_equal(target_pid(&t), rows[i].want);
	}
}

static void
test_service_name_comes_from_the_first_that_has_one(void **state)
{
	static const struct {
		struct target_label label[LABELS];
		const char *argument, *want, *of_default;
	} rows[] = {
		{ { { "service_name", "own" }, { NOTED, "noted" }, { NS, "ns" },
		      { POD, "pod" } },
		    "arg", "own", "own" },
		{ { { NOTED, "noted" }, { NS, "ns" }, { POD, "pod" },
		      { NAME, "/c" } },
		    "arg", "noted", "arg" },
		{ { { NS, "ns" }, { POD, "pod" }, { NAME, "/c" } }, "arg",
		    "ns/pod", "arg" },
		{ { { NS, "ns" }, { NAME, "/c" } }, "arg", "/c", "arg" },
		{ { { POD, "pod" }, { NAME, "/c" } }, "arg", "/c", "arg" },
		{ { { NS, "ns" } }, "arg", "arg", "arg" },
		{ { { "a", "b" } }, "arg", "arg", "arg" },
		{ { { "a", "b" } }, "", COMPONENT, COMPONENT },
		{ { { "service_name", "" } }, "", COMPONENT, COMPONENT },
		{ { { "service_name", "" }, { NAME, "/c" } }, "", "/c",
		    COMPONENT },
		{ { { NULL, NULL } }, "", COMPONENT, COMPONENT },
	};
	char room[TARGET_SERVICE_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct target t = target_of(rows[i].label);
		struct target_naming n = { rows[i].argument, COMPONENT };

		assert_string_equal(
		    target_service_name(&t, false, &n, room), rows[i].want);
		assert_string_equal(target_service_name(&t, true, &n, room),
		    rows[i].of_default);
	}
}

static void
test_labels_that_count(void **state)
{
	static const char *const visible[] = { "a", "job", "_x", "__name__",
		"service_name" };
	static const char *const looked_at[] = { PID, CONTAINER, K8S, DOCKER,
		SWARM, NOTED, NS, POD, NAME };
	static const char *const useless[] = { "__address__", "__meta_x", "__",
		"__delta__", "__meta_docker_container_label_x" };

	(void)state;
	for (size_t i = 0; i < sizeof(visible) / sizeof(visible[0]); i++)
		assert_true(target_label_visible(visible[i]) &&
			    target_label_counts(visible[i]));
	for (size_t i = 0; i < sizeof(looked_at) / sizeof(looked_at[0]); i++)
		assert_true(!target_label_visible(looked_at[i]) &&
			    target_label_counts(looked_at[i]));
	for (size_t i = 0; i < sizeof(useless) / sizeof(useless[0]); i++)
		assert_true(!target_label_visible(useless[i]) &&
			    !target_label_counts(useless[i]));
}

static void
test_lookup_order(void **state)
{
	static const struct target_label labels[][LABELS] = {
		{ { CONTAINER, "c" } },                /* 0: replaced by 3 */
		{ { PID, "5" } },                      /* 1: replaced by 4 */
		{ { PID, "6" }, { CONTAINER, "c6" } }, /* 2: by its pid only */
		{ { DOCKER, "c" } }, { { PID, "5" }, { "a", "b" } },
		{ { "a", "b" } }, /* 5: matches nothing */
	};
	static const struct {
		uint32_t pid;
		const char *container;
		enum target_match want;
		size_t index;
	} rows[] = {
		{ 5, "", TARGET_MATCH_PID, 4 },
		{ 5, "c", TARGET_MATCH_PID, 4 },
		{ 6, "c6", TARGET_MATCH_PID, 2 },
		{ 7, "c6", TARGET_MATCH_NONE, 0 },
		{ 7, "c", TARGET_MATCH_CONTAINER, 3 },
		{ 0, "c", TARGET_MATCH_CONTAINER, 3 },
		{ 7, "", TARGET_MATCH_NONE, 0 },
		{ 7, "other", TARGET_MATCH_NONE, 0 },
		{ 0, "", TARGET_MATCH_NONE, 0 },
	};
	struct target targets[6];
	size_t index;

	(void)state;
	for (size_t i = 0; i < 6; i++)
		targets[i] = target_of(labels[i]);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(target_choose(targets, 6, rows[i].pid,
				     rows[i].container, &index),
		    rows[i].want);
		if (rows[i].want != TARGET_MATCH_NONE)
			assert_int_equal(index, rows[i].index);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_container_id_is_in_the_first_label_that_has_one),
		cmocka_unit_test(test_pid_is_a_decimal_number),
		cmocka_unit_test(
		    test_service_name_comes_from_the_first_that_has_one),
		cmocka_unit_test(test_labels_that_count),
		cmocka_unit_test(test_lookup_order),
	};

	return cmocka_run_group_tests_name("target", tests, NULL, NULL);
}
