/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Targets on their way from the configuration to the symbolizer: what one end
 * writes the other one reads.
 */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/memfd.h"
#include "common/settings.h"
#include "shipper/ebpf_args.h"
#include "shipper/target_set.h"
#include "symbolizer/targets.h"

#define COMPONENT "phlare.ebpf.default"
#define LABELS 12
#define MANY_LABELS 20
#ifdef WITH_SANITIZERS
#define MANY_MS 1000
#else
#define MANY_MS 100
#endif

static const char *const many_names[MANY_LABELS] = { "__address__",
	"__container_id__", "__meta_kubernetes_namespace",
	"__meta_kubernetes_pod_annotation_checksum",
	"__meta_kubernetes_pod_container_name",
	"__meta_kubernetes_pod_controller_kind",
	"__meta_kubernetes_pod_controller_name", "__meta_kubernetes_pod_ip",
	"__meta_kubernetes_pod_label_app", "__meta_kubernetes_pod_name",
	"__meta_kubernetes_pod_uid", "app", "cluster", "container", "namespace",
	"node", "pod", "region", "tier", "zone" };

static struct targets *
pass(const struct ebpf_args *args, uint64_t decided_at)
{
	const char *why = "";
	struct targets *t;
	const void *data;
	uint32_t count;
	size_t size;
	int fd = target_set_new(args, COMPONENT, decided_at, &count);

	assert_true(fd >= 0);
	assert_int_equal(count, args->targets.count);
	assert_int_equal(
	    memfd_map(fd, SETTINGS_TARGETS_MAX_BYTES, &data, &size), 0);
	t = targets_decode(data, size, COMPONENT, &why);
	if (t == NULL)
		fail_msg("%s", why);
	memfd_unmap(data, size);
	close(fd);
	assert_int_equal(targets_count(t), count);
	return t;
}

static int
find(const struct targets *t, uint32_t pid, const char *container)
{
	const struct targets_process p = { pid, 1000, container };

	return targets_find(t, &p);
}

/* "name=value," for each label of the number; to be freed. */
static char *
labels_of(const struct targets *t, int number)
{
	char *text = NULL;
	size_t room, size;
	FILE *out = open_memstream(&text, &room);
	const uint8_t *p, *end;

	assert_true(number >= 0);
	p = targets_labels(t, number, &size);
	for (end = p + size; p < end; p += 2 + p[1]) {
		const uint8_t *name = p + 2, *value = name + 2 + name[1];

		assert_true(p[1] < 128);
		fprintf(out, "%.*s=%.*s,", name[1], (const char *)name + 2,
		    value[1], (const char *)value + 2);
	}
	fclose(out);
	return text;
}

static void
expect(const struct targets *t, int number, const char *want)
{
	char *got = labels_of(t, number);

	assert_string_equal(got, want);
	free(got);
}

static struct river_pairs
pairs_of(const struct river_pair *label)
{
	struct river_pairs p = { (struct river_pair *)label, 0 };

	while (p.count < LABELS && label[p.count].name != NULL)
		p.count++;
	return p;
}

static void
test_job(void **state)
{
	static const struct {
		const char *job_name, *job, *want;
	} rows[] = {
		/* a default only fills in */
		{ NULL, NULL, COMPONENT },
		{ "", NULL, COMPONENT },
		{ NULL, "own", "own" },
		{ NULL, "", COMPONENT },
		/* what is given overrides */
		{ "given", NULL, "given" },
		{ "given", "own", "given" },
		{ "given", "", "given" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct river_pair label[LABELS] = {
			{ "__process_pid__", "5" }, { "a", "b" },
			{ rows[i].job ? "job" : NULL, rows[i].job }
		};
		struct river_pairs pairs = pairs_of(label);
		struct ebpf_args args = { .job_name = rows[i].job_name,
			.targets = { &pairs, 1 },
			.default_target = pairs_of(&label[1]) };
		struct targets *t = pass(&args, 0);
		char want[256];

		snprintf(want, sizeof(want),
		    "__name__=process_cpu,a=b,job=%s,service_name=" COMPONENT
		    ",",
		    rows[i].want);
		expect(t, find(t, 5, ""), want);
		expect(t, find(t, 6, ""), want);
		targets_free(t);
	}
}

static void
test_the_whole_of_it(void **state)
{
	static const struct river_pair one[LABELS] = {
		{ "__meta_kubernetes_pod_container_id", "containerd://cid" },
		{ "__meta_kubernetes_namespace", "ns" },
		{ "__meta_kubernetes_pod_name", "pod" },
		{ "__meta_kubernetes_pod_uid", "u" }, { "__address__", "h:1" },
		{ "zone", "z" }
	};
	static const struct river_pair rest[LABELS] = { { "zone", "rest" } };
	struct river_pairs pairs = pairs_of(one);
	struct ebpf_args args = { .service_name = "svc",
		.targets = { &pairs, 1 },
		.default_target = pairs_of(rest) };
	struct targets *t = pass(&args, 0);

	(void)state;
	expect(t, find(t, 1, "cid"),
	    "__name__=process_cpu,job=" COMPONENT ",service_name=ns/pod,"
	    "zone=z,");
	expect(t, find(t, 1, ""),
	    "__name__=process_cpu,job=" COMPONENT ",service_name=svc,"
	    "zone=rest,");
	targets_free(t);
	args.targets_only = true;
	t = pass(&args, 0);
	assert_int_equal(find(t, 1, ""), -1);
	targets_free(t);
}

static void
test_a_pid_means_the_process_of_that_time(void **state)
{
	static const struct river_pair one[LABELS] = { { "__process_pid__",
	    "5" } };
	struct river_pairs pairs = pairs_of(one);
	struct ebpf_args args = { .targets = { &pairs, 1 },
		.targets_only = true };
	struct targets *t = pass(&args, 1000);

	(void)state;
	assert_true(find(t, 5, "") >= 0);
	assert_int_equal(
	    targets_find(t, &(const struct targets_process){ 5,
				1001 + TARGETS_START_SLACK_NS, "" }),
	    -1);
	targets_free(t);
}

/* A label that no server takes does not keep the others from going out. */
static void
test_labels_that_do_not_fit_are_left_out(void **state)
{
	static char name[TARGET_SET_NAME_MAX + 2];
	static char value[TARGET_SET_VALUE_MAX + 2];
	const struct river_pair one[LABELS] = { { name, "x" },
		{ "long", value }, { "a", "b" }, { "__container_id__", "c" } };
	struct river_pairs pairs = pairs_of(one);
	struct ebpf_args args = { .targets = { &pairs, 1 } };
	struct targets *t;

	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	memset(value, 'v', sizeof(value) - 1);
	t = pass(&args, 0);
	expect(t, find(t, 1, "c"),
	    "__name__=process_cpu,a=b,job=" COMPONENT ",service_name=" COMPONENT
	    ",");
	targets_free(t);
}

/* count labels "lN" with that value, then the container's id. */
static struct river_pairs
many_labels(size_t count, const char *value)
{
	struct river_pairs p = { calloc(count + 1, sizeof(*p.item)),
		count + 1 };

	for (size_t i = 0; i < count; i++) {
		char *name;

		assert_true(asprintf(&name, "l%zu", i) > 0);
		p.item[i] = (struct river_pair){ name, value };
	}
	p.item[count] = (struct river_pair){ "__container_id__", "c" };
	return p;
}

static void
free_labels(struct river_pairs *p)
{
	for (size_t i = 0; i + 1 < p->count; i++)
		free((char *)p->item[i].name);
	free(p->item);
}

/* However many there are, the target is found and its set is taken. */
static void
test_too_many_labels_do_not_hide_the_target(void **state)
{
	static char value[TARGET_SET_VALUE_MAX + 1];

	(void)state;
	memset(value, 'v', sizeof(value) - 1);
	for (int i = 0; i < 2; i++) {
		struct river_pairs pairs = many_labels(500, i ? value : "v");
		struct ebpf_args args = { .targets = { &pairs, 1 },
			.targets_only = true };
		struct targets *t = pass(&args, 0);
		size_t size;

		assert_true(find(t, 1, "c") >= 0);
		targets_labels(t, find(t, 1, "c"), &size);
		assert_in_range(size, i ? 38000 : 800, TARGET_LABELS_MAX);
		targets_free(t);
		free_labels(&pairs);
	}
}

static void
test_a_set_that_is_too_large_is_refused(void **state)
{
	static char value[TARGET_SET_VALUE_MAX + 1];
	struct river_pairs *pairs = calloc(10000, sizeof(*pairs));
	struct river_pair one = { "long", value };
	struct ebpf_args args = { .targets = { pairs, 10000 } };
	uint32_t count;

	(void)state;
	memset(value, 'v', sizeof(value) - 1);
	for (int i = 0; i < 10000; i++)
		pairs[i] = (struct river_pairs){ &one, 1 };
	assert_int_equal(target_set_new(&args, COMPONENT, 0, &count), -EFBIG);
	free(pairs);
}

/* Targets as Kubernetes discovery makes them. */
static struct river_targets
many_targets(size_t count)
{
	struct river_targets all = { calloc(count, sizeof(*all.item)), count };

	for (size_t i = 0; i < count; i++) {
		struct river_pair *label = calloc(MANY_LABELS, sizeof(*label));
		char *value;

		for (int k = 0; k < MANY_LABELS; k++) {
			assert_true(asprintf(&value, "%064zx", i + k) > 0);
			label[k] = (struct river_pair){ many_names[k], value };
		}
		all.item[i] = (struct river_pairs){ label, MANY_LABELS };
	}
	return all;
}

static void
free_targets(struct river_targets *all)
{
	for (size_t i = 0; i < all->count; i++) {
		for (int k = 0; k < MANY_LABELS; k++)
			free((char *)all->item[i].item[k].value);
		free(all->item[i].item);
	}
	free(all->item);
}

static double
cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

/* The best of several, as others use this machine too. */
static void
test_ten_thousand_targets_take_no_time(void **state)
{
	struct ebpf_args args = { .targets = many_targets(10000) };
	double best = 1e9;

	(void)state;
	for (int i = 0; i < 5; i++) {
		double start = cpu_ms(), took;
		struct targets *t = pass(&args, 0);

		took = cpu_ms() - start;
		best = took < best ? took : best;
		assert_int_equal(targets_containers(t), 10000);
		targets_free(t);
	}
	print_message("# 10000 targets of 20 labels: %.0f ms\n", best);
	assert_true(best < MANY_MS);
	free_targets(&args.targets);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_job),
		cmocka_unit_test(test_the_whole_of_it),
		cmocka_unit_test(test_a_pid_means_the_process_of_that_time),
		cmocka_unit_test(test_labels_that_do_not_fit_are_left_out),
		cmocka_unit_test(test_too_many_labels_do_not_hide_the_target),
		cmocka_unit_test(test_a_set_that_is_too_large_is_refused),
		cmocka_unit_test(test_ten_thousand_targets_take_no_time),
	};

	return cmocka_run_group_tests_name("target_set", tests, NULL, NULL);
}
