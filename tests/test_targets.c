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

#include "common/settings.h"
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

/* What a test gives: each target as above. */
struct given {
	const char *const *list; /* ends with NULL */
	const char *fallback, *service;
	uint64_t decided_at;
};

static uint8_t *
encode_set(const struct given *g, size_t *size)
{
	static uint8_t bytes[1 << 20], target[65536];
	pb_ostream_t o = pb_ostream_from_buffer(bytes, sizeof(bytes));
	size_t n;

	for (size_t i = 0; g->list != NULL && g->list[i] != NULL; i++) {
		n = encode_target(target, sizeof(target), g->list[i]);
		pb_encode_tag(&o, PB_WT_STRING, phlare_TargetSet_targets_tag);
		pb_encode_string(&o, target, n);
	}
	if (g->fallback != NULL) {
		n = encode_target(target, sizeof(target), g->fallback);
		pb_encode_tag(
		    &o, PB_WT_STRING, phlare_TargetSet_default_target_tag);
		pb_encode_string(&o, target, n);
	}
	if (g->service != NULL) {
		pb_encode_tag(
		    &o, PB_WT_STRING, phlare_TargetSet_service_name_tag);
		pb_encode_string(
		    &o, (const pb_byte_t *)g->service, strlen(g->service));
	}
	pb_encode_tag(&o, PB_WT_64BIT, phlare_TargetSet_decided_at_tag);
	pb_encode_fixed64(&o, &g->decided_at);
	*size = o.bytes_written;
	return bytes;
}

static struct targets *
decode_given(const struct given *g, const char **why)
{
	size_t size;
	const uint8_t *bytes = encode_set(g, &size);

	return targets_decode(bytes, size, COMPONENT, why);
}

static struct targets *
decode(const char *const *list, const char *fallback, const char *service)
{
	const struct given g = { list, fallback, service, 0 };
	const char *why = NULL;

	return decode_given(&g, &why);
}

static int
find(const struct targets *t, uint32_t pid, const char *container)
{
	const struct targets_process p = {
		.pid = pid, .start_time = 1000, .container_id = container
	};

	return targets_find(t, &p);
}

/* The labels of a target number as lines again. */
static void
expect_labels(const struct targets *t, int number, const char *want)
{
	uint8_t bytes[16384];
	size_t size, n = encode_target(bytes, sizeof(bytes), want);
	const void *got;

	assert_true(number >= 0);
	got = targets_labels(t, number, &size);
	assert_int_equal(size, n);
	assert_memory_equal(got, bytes, n);
}

/* The chain itself is tested in test_target.c. */
static void
test_service_name_is_filled_in(void **state)
{
	const char *list[] = { "__process_pid__=1\nservice_name=own",
		"__process_pid__=2\n__meta_docker_container_name=/c",
		"__process_pid__=3", "__process_pid__=4\nservice_name=", NULL };
	static const char *const want[] = { "own", "/c", "arg", "arg" };
	struct targets *t = decode(list, "a=b", "arg");
	char labels[128];

	(void)state;
	for (uint32_t pid = 1; pid <= 4; pid++) {
		snprintf(labels, sizeof(labels),
		    "__name__=process_cpu\nservice_name=%s", want[pid - 1]);
		expect_labels(t, find(t, pid, ""), labels);
	}
	expect_labels(
	    t, find(t, 5, ""), "__name__=process_cpu\na=b\nservice_name=arg");
	targets_free(t);
	t = decode(NULL, "", NULL);
	expect_labels(
	    t, find(t, 1, ""), "__name__=process_cpu\nservice_name=" COMPONENT);
	targets_free(t);
}

static void
test_default_target_takes_no_meta_labels(void **state)
{
	struct targets *t =
	    decode(NULL, "__meta_docker_container_name=/c\nzone=a", "arg");

	(void)state;
	expect_labels(t, find(t, 1, ""),
	    "__name__=process_cpu\nservice_name=arg\nzone=a");
	targets_free(t);
}

/* spec/phlare-ebpf.md 2.3 */
static void
test_lookup_order(void **state)
{
	const char *list[] = { "__process_pid__=5\nservice_name=five",
		"__container_id__=c\nservice_name=c",
		"__process_pid__=6\n__container_id__=d\nservice_name=six",
		"__process_pid__=x5\n__container_id__=e\nservice_name=e",
		"__process_pid__=0\nservice_name=zero", NULL };
	static const struct {
		uint32_t pid;
		const char *container, *want;
	} rows[] = {
		{ 5, "", "five" },
		{ 5, "c", "five" }, /* by pid first */
		{ 7, "c", "c" },
		{ 6, "c", "six" },
		{ 7, "d", "rest" }, /* registered by its pid only */
		{ 7, "e", "e" },    /* no valid pid: by its container */
		{ 7, "f", "rest" }, /* in a container that is no target */
		{ 7, "", "rest" },
		{ 0, "", "rest" },
		{ 0, "c", "c" },
	};
	struct targets *t = decode(list, "service_name=rest", NULL);

	(void)state;
	assert_int_equal(targets_count(t), 5);
	assert_int_equal(targets_pids(t), 2);
	assert_int_equal(targets_containers(t), 2);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char labels[128];

		snprintf(labels, sizeof(labels),
		    "__name__=process_cpu\nservice_name=%s", rows[i].want);
		expect_labels(
		    t, find(t, rows[i].pid, rows[i].container), labels);
	}
	targets_free(t);
}

static void
test_the_later_of_two_targets_wins(void **state)
{
	const char *list[] = { "__process_pid__=5\nservice_name=first",
		"__container_id__=c\nservice_name=first",
		"__meta_docker_container_id=c\nservice_name=second",
		"__process_pid__=5\nservice_name=second", NULL };
	struct targets *t = decode(list, NULL, NULL);

	(void)state;
	assert_int_equal(targets_pids(t), 1);
	assert_int_equal(targets_containers(t), 1);
	expect_labels(
	    t, find(t, 5, ""), "__name__=process_cpu\nservice_name=second");
	expect_labels(
	    t, find(t, 1, "c"), "__name__=process_cpu\nservice_name=second");
	targets_free(t);
}

/* A pid means the process that had it when the targets were decided on. */
static void
test_a_pid_that_is_used_again_is_not_mistaken(void **state)
{
	const char *list[] = { "__process_pid__=5", NULL };
	const uint64_t decided = 5000000000ull;
	const struct given g = { list, NULL, NULL, decided };
	const char *why = NULL;
	struct targets *t = decode_given(&g, &why);
	struct targets_process p = { .pid = 5, .container_id = "" };

	(void)state;
	p.start_time = 1;
	assert_true(targets_find(t, &p) >= 0);
	p.start_time = decided + TARGETS_START_SLACK_NS;
	assert_true(targets_find(t, &p) >= 0);
	p.start_time = decided + TARGETS_START_SLACK_NS + 1;
	assert_int_equal(targets_find(t, &p), -1);
	targets_free(t);
}

static void
test_without_default_target_the_rest_is_filtered(void **state)
{
	const char *list[] = { "__process_pid__=5", "__container_id__=c",
		NULL };
	struct targets *t = decode(list, NULL, NULL);

	(void)state;
	assert_int_equal(find(t, 6, ""), -1);
	assert_int_equal(find(t, 6, "d"), -1);
	assert_true(find(t, 5, "d") >= 0);
	assert_true(find(t, 6, "c") >= 0);
	targets_free(t);
}

static void
test_equal_label_sets_are_one_profile(void **state)
{
	const char *list[] = { "__process_pid__=5\na=b\nc=d",
		"__process_pid__=6\nc=d\na=b",
		"__container_id__=x\nc=d\na=b\n__meta_y=z",
		"__container_id__=y\nc=d\na=e", NULL };
	struct targets *t = decode(list, NULL, NULL);

	(void)state;
	assert_int_equal(find(t, 5, ""), find(t, 6, ""));
	assert_int_equal(find(t, 5, ""), find(t, 1, "x"));
	assert_int_not_equal(find(t, 5, ""), find(t, 1, "y"));
	assert_int_equal(targets_numbers(t), 2);
	targets_free(t);
}

/* spec/phlare-ebpf.md 3.1 */
static void
test_labels_that_go_out(void **state)
{
	const char *list[] = { "zone=z\n__meta_kubernetes_pod_name=p\na=\n"
			       "__address__=h\n__container_id__=c\njob=j",
		NULL };
	struct targets *t = decode(list, "__name__=mine\n__address__=x", NULL);

	(void)state;
	expect_labels(t, find(t, 1, "c"),
	    "__name__=process_cpu\na=\njob=j\n"
	    "service_name=" COMPONENT "\nzone=z");
	expect_labels(
	    t, find(t, 1, ""), "__name__=mine\nservice_name=" COMPONENT);
	targets_free(t);
	t = decode(NULL, "__name__=", NULL);
	expect_labels(
	    t, find(t, 1, ""), "__name__=process_cpu\nservice_name=" COMPONENT);
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
	assert_null(targets_decode(
	    "\x12\x00\x12\x00", 4, COMPONENT, &why)); /* two default targets */
	assert_null(targets_decode("\x0a\x07\x0a\x05\x0a\x03"
				   "a\0b",
	    9, COMPONENT, &why)); /* a NUL byte */
	memset(value, 'x', sizeof(value) - 1);
	value[1] = '=';
	assert_null(decode(list, NULL, NULL));
	value[LABEL_VALUE_MAX + 2] = '\0';
	targets_free(decode(list, NULL, NULL));
}

/* "l0=v\nl1=v\n...": count labels with values of that size. */
static char *
many_labels(int count, int size)
{
	char *text = calloc(count, size + 16), *p = text;

	for (int i = 0; i < count; i++)
		p += sprintf(p, "l%03d=%0*d\n", i, size, i);
	return text;
}

static void
test_bounds_of_a_target(void **state)
{
	char *full = many_labels(TARGET_MAX_LABELS, 8);
	char *more = many_labels(TARGET_MAX_LABELS + 1, 8);
	char *large = many_labels(30, LABEL_VALUE_MAX);
	struct given g = { .fallback = full };
	const char *why = NULL;
	struct targets *t;

	(void)state;
	t = decode_given(&g, &why);
	assert_non_null(t);
	targets_free(t);
	g.fallback = more;
	assert_null(decode_given(&g, &why));
	g.fallback = large;
	assert_null(decode_given(&g, &why));
	assert_string_equal(why, "labels of a target are too long");
	free(full);
	free(more);
	free(large);
}

/* As many as there may be, all different, in linear time. */
static void
test_bounds_of_a_set(void **state)
{
	const size_t room = 8 * 1024 * 1024;
	uint8_t *bytes = malloc(room), target[256];
	pb_ostream_t o = pb_ostream_from_buffer(bytes, room);
	const char *why = NULL;
	struct targets *t = NULL;
	char labels[128];
	size_t n;

	(void)state;
	for (int i = 0; i <= SETTINGS_TARGETS_MAX; i++) {
		n = o.bytes_written;
		if (i == SETTINGS_TARGETS_MAX) {
			t = targets_decode(bytes, n, COMPONENT, &why);
			assert_non_null(t);
		}
		snprintf(labels, sizeof(labels),
		    "__container_id__=%064d\nname=%d", i, i);
		n = encode_target(target, sizeof(target), labels);
		pb_encode_tag(&o, PB_WT_STRING, phlare_TargetSet_targets_tag);
		pb_encode_string(&o, target, n);
	}
	assert_int_equal(targets_containers(t), SETTINGS_TARGETS_MAX);
	assert_int_equal(targets_numbers(t), SETTINGS_TARGETS_MAX);
	snprintf(labels, sizeof(labels), "%064d", SETTINGS_TARGETS_MAX - 1);
	assert_int_equal(find(t, 1, labels), SETTINGS_TARGETS_MAX - 1);
	targets_free(t);
	assert_null(targets_decode(bytes, o.bytes_written, COMPONENT, &why));
	assert_string_equal(why, "too many targets");
	free(bytes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_service_name_is_filled_in),
		cmocka_unit_test(test_default_target_takes_no_meta_labels),
		cmocka_unit_test(test_lookup_order),
		cmocka_unit_test(test_the_later_of_two_targets_wins),
		cmocka_unit_test(test_a_pid_that_is_used_again_is_not_mistaken),
		cmocka_unit_test(
		    test_without_default_target_the_rest_is_filtered),
		cmocka_unit_test(test_equal_label_sets_are_one_profile),
		cmocka_unit_test(test_labels_that_go_out),
		cmocka_unit_test(test_malformed_bytes_are_refused),
		cmocka_unit_test(test_bounds_of_a_target),
		cmocka_unit_test(test_bounds_of_a_set),
	};

	return cmocka_run_group_tests_name("targets", tests, NULL, NULL);
}
