/* SPDX-License-Identifier: Apache-2.0 */
/* spec/phlare-ebpf.md 2 and 3, by table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pb_encode.h>

#include "common/shipper.pb.h"
#include "symbolizer/targets.h"

#define COMPONENT "phlare.ebpf.default"

/* "name=value\n..." lines of one target, into a message Target. */
static size_t
encode_target(uint8_t *out, size_t room, const char *labels)
{
	pb_ostream_t o = pb_ostream_from_buffer(out, room);
	char *copy = strdup(labels), *save, *line;

	for (line = strtok_r(copy, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save)) {
		uint8_t label[8192];
		pb_ostream_t l = pb_ostream_from_buffer(label, sizeof(label));
		char *equals = strchr(line, '=');

		pb_encode_tag(&l, PB_WT_STRING, phlare_Label_name_tag);
		pb_encode_string(&l, (pb_byte_t *)line, equals - line);
		pb_encode_tag(&l, PB_WT_STRING, phlare_Label_value_tag);
		pb_encode_string(
		    &l, (pb_byte_t *)equals + 1, strlen(equals + 1));
		pb_encode_tag(&o, PB_WT_STRING, phlare_Target_labels_tag);
		pb_encode_string(&o, label, l.bytes_written);
	}
	free(copy);
	return o.bytes_written;
}

static struct targets *
decode(const char *const *list, const char *fallback, const char *service)
{
	static uint8_t bytes[65536], target[16384];
	pb_ostream_t o = pb_ostream_from_buffer(bytes, sizeof(bytes));
	const char *why = NULL;
	size_t n;

	for (; list != NULL && *list != NULL; list++) {
		n = encode_target(target, sizeof(target), *list);
		pb_encode_tag(&o, PB_WT_STRING, phlare_TargetSet_targets_tag);
		pb_encode_string(&o, target, n);
	}
	if (fallback != NULL) {
		n = encode_target(target, sizeof(target), fallback);
		pb_encode_tag(
		    &o, PB_WT_STRING, phlare_TargetSet_default_target_tag);
		pb_encode_string(&o, target, n);
	}
	if (service != NULL) {
		pb_encode_tag(
		    &o, PB_WT_STRING, phlare_TargetSet_service_name_tag);
		pb_encode_string(
		    &o, (const pb_byte_t *)service, strlen(service));
	}
	return targets_decode(bytes, o.bytes_written, COMPONENT, &why);
}

/* The labels of a target number as lines again. */
static void
expect_labels(const struct targets *t, int number, const char *want)
{
	uint8_t bytes[16384];
	size_t size, n = encode_target(bytes, sizeof(bytes), want);
	const void *got = targets_labels(t, number, &size);

	assert_int_equal(size, n);
	assert_memory_equal(got, bytes, n);
}

static void
test_service_name_comes_from_the_first_that_has_one(void **state)
{
	static const struct {
		const char *labels, *service, *want;
	} rows[] = {
		{ "service_name=own", "arg", "own" },
		{ "service_name=own\n__meta_kubernetes_namespace=ns\n"
		  "__meta_kubernetes_pod_name=pod",
		    NULL, "own" },
		{ "__meta_kubernetes_pod_annotation_pyroscope_io_service_name="
		  "noted\n__meta_kubernetes_namespace=ns\n"
		  "__meta_kubernetes_pod_name=pod",
		    "arg", "noted" },
		{ "__meta_kubernetes_namespace=ns\n"
		  "__meta_kubernetes_pod_name=pod\n"
		  "__meta_docker_container_name=/c",
		    "arg", "ns/pod" },
		{ "__meta_kubernetes_namespace=ns\n"
		  "__meta_docker_container_name=/c",
		    "arg", "/c" },
		{ "a=b", "arg", "arg" },
		{ "a=b", NULL, COMPONENT },
		{ "service_name=", NULL, COMPONENT },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char one[512];
		const char *list[] = { one, NULL };
		struct targets *t;
		char want[256];

		snprintf(
		    one, sizeof(one), "__process_pid__=12\n%s", rows[i].labels);
		t = decode(list, NULL, rows[i].service);
		assert_non_null(t);
		snprintf(want, sizeof(want),
		    "__name__=process_cpu\n%sservice_name=%s",
		    strncmp(rows[i].labels, "a=", 2) == 0 ? "a=b\n" : "",
		    rows[i].want);
		expect_labels(t, targets_find(t, 12), want);
		targets_free(t);
	}
}

static void
test_default_target_takes_no_meta_labels(void **state)
{
	struct targets *t =
	    decode(NULL, "__meta_docker_container_name=/c\nzone=a", "arg");

	(void)state;
	expect_labels(t, targets_find(t, 1),
	    "__name__=process_cpu\nservice_name=arg\nzone=a");
	targets_free(t);
}

static void
test_pid_target_goes_before_the_default(void **state)
{
	const char *list[] = { "__process_pid__=5\nservice_name=five",
		"__process_pid__=0\nservice_name=zero",
		"__process_pid__=x5\nservice_name=bad",
		"__process_pid__=5\nservice_name=later", NULL };
	struct targets *t = decode(list, "service_name=rest", NULL);

	(void)state;
	assert_int_equal(targets_count(t), 4);
	expect_labels(
	    t, targets_find(t, 5), "__name__=process_cpu\nservice_name=later");
	expect_labels(
	    t, targets_find(t, 6), "__name__=process_cpu\nservice_name=rest");
	expect_labels(
	    t, targets_find(t, 0), "__name__=process_cpu\nservice_name=rest");
	targets_free(t);
}

static void
test_without_default_target_the_rest_is_filtered(void **state)
{
	const char *list[] = { "__process_pid__=5", NULL };
	struct targets *t = decode(list, NULL, NULL);

	(void)state;
	assert_int_equal(targets_find(t, 6), -1);
	assert_true(targets_find(t, 5) >= 0);
	targets_free(t);
}

static void
test_equal_label_sets_are_one_profile(void **state)
{
	const char *list[] = { "__process_pid__=5\na=b\nc=d",
		"__process_pid__=6\nc=d\na=b", NULL };
	struct targets *t = decode(list, NULL, NULL);

	(void)state;
	assert_int_equal(targets_find(t, 5), targets_find(t, 6));
	assert_int_equal(targets_numbers(t), 1);
	targets_free(t);
}

static void
test_explicit_name_is_kept(void **state)
{
	struct targets *t = decode(NULL, "__name__=mine\n__address__=x", NULL);

	(void)state;
	expect_labels(
	    t, targets_find(t, 1), "__name__=mine\nservice_name=" COMPONENT);
	targets_free(t);
}

static void
test_malformed_bytes_are_refused(void **state)
{
	static char value[LABEL_VALUE_MAX + 16];
	const char *list[] = { value, NULL };
	const char *why = NULL;

	(void)state;
	assert_null(targets_decode("\xff\xff", 2, COMPONENT, &why));
	assert_string_equal(why, "malformed");
	assert_null(targets_decode("\x0a\x04\x0a\x02\x12\x00", 6, COMPONENT,
	    &why)); /* a label without a name */
	memset(value, 'x', sizeof(value) - 1);
	value[1] = '=';
	assert_null(decode(list, NULL, NULL));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_service_name_comes_from_the_first_that_has_one),
		cmocka_unit_test(test_default_target_takes_no_meta_labels),
		cmocka_unit_test(test_pid_target_goes_before_the_default),
		cmocka_unit_test(
		    test_without_default_target_the_rest_is_filtered),
		cmocka_unit_test(test_equal_label_sets_are_one_profile),
		cmocka_unit_test(test_explicit_name_is_kept),
		cmocka_unit_test(test_malformed_bytes_are_refused),
	};

	return cmocka_run_group_tests_name("targets", tests, NULL, NULL);
}
