/* SPDX-License-Identifier: Apache-2.0 */
/* Which process belongs to which target, and what it costs to know. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pb_encode.h>

#include "common/collector.pb.h"
#include "common/memfd.h"
#include "common/shipper.pb.h"
#include "symbolizer/matching.h"
#include "symbolizer/targets.h"

#define D16 "0123456789abcdef"
#define H D16 D16 D16 D16
#define G "f" D16 D16 D16 "0123456789abcde"
#define SEC 1000000000ull
#define QUESTIONS 64

/* The opener: keeps what it is asked until the test answers. */
struct question {
	struct open_question what;
	opener_answered answer;
	void *arg;
};

struct fixture {
	struct matching *m;
	struct targets *targets;
	struct question asked[QUESTIONS];
	size_t count, answered;
	int known, settled;
	bool refuse;
};

static bool
on_ask(void *arg, const struct open_question *question, opener_answered answer,
    void *answer_arg)
{
	struct fixture *f = arg;

	if (f->refuse)
		return false;
	assert_true(f->count < QUESTIONS);
	f->asked[f->count++] =
	    (struct question){ *question, answer, answer_arg };
	return true;
}

static void
on_known(void *arg, struct process_id id)
{
	(void)id;
	((struct fixture *)arg)->known++;
}

static void
on_settled(void *arg)
{
	((struct fixture *)arg)->settled++;
}

/* Answers the oldest question: with the text of a cgroup file, or an error. */
static void
answer(struct fixture *f, const char *text, int error)
{
	struct question *q = &f->asked[f->answered++];
	struct open_answer a = { .fd = -1, .error = error };

	assert_true(f->answered <= f->count);
	if (text != NULL) {
		a.fd = memfd_new("cgroup");
		assert_int_equal(memfd_append(a.fd, text, strlen(text)), 0);
	}
	q->answer(q->arg, &a);
}

static void
put_label(pb_ostream_t *target, const char *name, const char *value)
{
	uint8_t label[256];
	pb_ostream_t l = pb_ostream_from_buffer(label, sizeof(label));

	pb_encode_tag(&l, PB_WT_STRING, phlare_Label_name_tag);
	pb_encode_string(&l, (const pb_byte_t *)name, strlen(name));
	pb_encode_tag(&l, PB_WT_STRING, phlare_Label_value_tag);
	pb_encode_string(&l, (const pb_byte_t *)value, strlen(value));
	pb_encode_tag(target, PB_WT_STRING, phlare_Target_labels_tag);
	pb_encode_string(target, label, l.bytes_written);
}

struct row {
	const char *label, *value, *service;
};

/* The last row has no label: the default target, unless without service. */
static void
set_targets(struct fixture *f, const struct row *row)
{
	uint8_t bytes[4096], target[1024];
	pb_ostream_t o = pb_ostream_from_buffer(bytes, sizeof(bytes));
	struct targets *old = f->targets;
	const char *why;

	for (;; row++) {
		pb_ostream_t t = pb_ostream_from_buffer(target, sizeof(target));

		if (row->label == NULL && row->service == NULL)
			break;
		if (row->label != NULL)
			put_label(&t, row->label, row->value);
		put_label(&t, "service_name", row->service);
		pb_encode_tag(&o, PB_WT_STRING,
		    row->label ? phlare_TargetSet_targets_tag
			       : phlare_TargetSet_default_target_tag);
		pb_encode_string(&o, target, t.bytes_written);
		if (row->label == NULL)
			break;
	}
	f->targets = targets_decode(bytes, o.bytes_written, "x", &why);
	assert_non_null(f->targets);
	matching_set_targets(f->m, f->targets);
	targets_free(old);
}

static const struct row containers[] = {
	{ "__container_id__", H, "in-h" },
	{ "__container_id__", G, "in-g" },
	{ "__process_pid__", "77", "by-pid" },
	{ NULL, NULL, "rest" },
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	const struct matching_host host = { f, on_ask, on_known, on_settled };

	f->m = matching_new(&host, 100);
	set_targets(f, containers);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	matching_free(f->m);
	targets_free(f->targets);
	free(f);
	return 0;
}

static struct process
process_of(uint64_t generation, uint32_t pid)
{
	return (struct process){ .id = { 1, generation },
		.pid = pid,
		.start_time = 100 + generation };
}

/* The service that its samples go to; "" if they are filtered. */
static const char *
service_of(struct fixture *f, struct process *p)
{
	int number = matching_target(f->m, p);
	static char text[256];
	const char *labels, *at;
	size_t size;

	if (number < 0)
		return "";
	labels = targets_labels(f->targets, number, &size);
	at = memmem(labels, size, "service_name\x12", 13);
	assert_non_null(at);
	snprintf(text, sizeof(text), "%.*s", at[13], at + 14);
	return text;
}

#define EXPECT(f, p, service) assert_string_equal(service_of(f, p), service)

static void
test_a_process_is_asked_about_once(void **state)
{
	struct fixture *f = *state;
	struct process p = process_of(1, 10);

	matching_want(f->m, &p, SEC);
	matching_want(f->m, &p, 2 * SEC);
	assert_int_equal(f->count, 1);
	assert_int_equal(f->asked[0].what.kind, phlare_OpenKind_OPEN_CGROUP);
	assert_int_equal(f->asked[0].what.pid, 10);
	assert_int_equal(f->asked[0].what.start_time, 101);
	EXPECT(f, &p, "rest"); /* as far as is known */
	answer(f, "0::/docker/" H "\n", 0);
	assert_int_equal(f->known, 1);
	EXPECT(f, &p, "in-h");
	matching_want(f->m, &p, 1000 * SEC);
	assert_int_equal(f->count, 1);
}

static void
test_order_of_lookup(void **state)
{
	static const struct {
		uint32_t pid;
		const char *cgroup, *want;
	} rows[] = {
		{ 77, "0::/docker/" H "\n", "by-pid" },
		{ 10, "0::/docker/" H "\n", "in-h" },
		{ 11, "0::/docker/" G "\n", "in-g" },
		{ 12, "0::/docker/" H "/docker/" G "\n", "in-g" },
		{ 13, "0::/docker/e" D16 D16 D16 "0123456789abcde\n", "rest" },
		{ 14, "0::/system.slice/cron.service\n", "rest" },
		{ 15, "", "rest" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct process p = process_of(i + 1, rows[i].pid);

		matching_want(f->m, &p, SEC);
		answer(f, rows[i].cgroup, 0);
		EXPECT(f, &p, rows[i].want);
	}
	set_targets(f, (const struct row[]){
			   { "__container_id__", H, "in-h" }, { NULL } });
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct process p = process_of(i + 1, rows[i].pid);

		EXPECT(f, &p, i < 2 ? "in-h" : "");
	}
}

static void
test_without_container_targets_nothing_is_asked(void **state)
{
	struct fixture *f = *state;
	struct process p = process_of(1, 77), q = process_of(2, 78);

	set_targets(f, (const struct row[]){ { "__process_pid__", "77", "by" },
			   { NULL, NULL, "rest" } });
	assert_false(matching_needs_containers(f->m));
	matching_await(f->m, &p, SEC);
	matching_await(f->m, &q, SEC);
	EXPECT(f, &p, "by");
	EXPECT(f, &q, "rest");
	assert_int_equal(f->count, 0);
	assert_int_equal(matching_counts(f->m).lookups, 0);
	assert_int_equal(matching_counts(f->m).cached, 0);
}

static void
test_some_processes_are_in_no_container(void **state)
{
	struct fixture *f = *state;
	struct process kernel = process_of(1, 2), foreign = process_of(2, 77),
		       ended = process_of(3, 9);

	kernel.flags = BATCH_PROCESS_KERNEL;
	foreign.flags = BATCH_PROCESS_FOREIGN;
	ended.flags = BATCH_PROCESS_EXIT;
	matching_await(f->m, &kernel, SEC);
	matching_await(f->m, &foreign, SEC);
	matching_await(f->m, &ended, SEC);
	assert_int_equal(f->count, 0);
	EXPECT(f, &kernel, "rest");
	EXPECT(f, &foreign, "rest"); /* its pid 77 is another one's */
	EXPECT(f, &ended, "rest");
}

/* It is looked at again, at once half as often as before, but ever again. */
static void
test_a_process_that_joins_late_is_found(void **state)
{
	struct fixture *f = *state;
	struct process p = process_of(1, 10);
	uint64_t now = 10 * SEC
	, looks = 0, end = now + 3600 * SEC;

	for (; now < end; now += SEC) {
		matching_want(f->m, &p, now);
		if (f->count > f->answered) {
			answer(f, "0::/\n", 0);
			looks++;
		}
		EXPECT(f, &p, "rest");
	}
	/* 1 + 2 + ... + 256 s, then every 300 s */
	assert_in_range(looks, 19, 21);
	now += MATCHING_AGAIN_MAX_NS / SEC
	*SEC;
	matching_await(f->m, &p, now);
	assert_int_equal(f->count, f->answered + 1);
	answer(f, "0::/\n1:name=systemd:/docker/" H "\n", 0);
	EXPECT(f, &p, "in-h");
	matching_want(f->m, &p, now + 3600 * SEC);
	assert_int_equal(f->count, f->answered);
}

static void
test_the_second_look_comes_soon(void **state)
{
	struct fixture *f = *state;
	struct process p = process_of(1, 10);

	matching_want(f->m, &p, 10 * SEC);
	answer(f, "0::/\n", 0);
	matching_want(f->m, &p, 10 * SEC + MATCHING_AGAIN_NS - 1);
	assert_int_equal(f->count, 1);
	matching_want(f->m, &p, 10 * SEC + MATCHING_AGAIN_NS);
	assert_int_equal(f->count, 2);
}

/* The next that has the pid is another process, and so is each exec. */
static void
test_a_pid_that_is_used_again_is_not_mistaken(void **state)
{
	struct fixture *f = *state;
	struct process old = process_of(1, 10), new = process_of(2, 10),
		       other_sampler = process_of(1, 10);

	matching_want(f->m, &old, SEC);
	answer(f, "0::/docker/" H "\n", 0);
	matching_want(f->m, &new, SEC);
	EXPECT(f, &new, "rest");
	answer(f, "0::/docker/" G "\n", 0);
	EXPECT(f, &new, "in-g");
	EXPECT(f, &old, "in-h");
	other_sampler.id.session = 2;
	EXPECT(f, &other_sampler, "rest");
	matching_want(f->m, &other_sampler, SEC);
	assert_int_equal(f->count, 3);
	answer(f, NULL, ESRCH);
	EXPECT(f, &other_sampler, "rest");
}

static void
test_one_that_is_gone_is_not_asked_about_again(void **state)
{
	struct fixture *f = *state;
	struct process p = process_of(1, 10), q = process_of(2, 11);

	matching_want(f->m, &p, SEC);
	answer(f, NULL, ESRCH);
	matching_want(f->m, &p, 3600 * SEC);
	assert_int_equal(f->count, 1);
	matching_want(f->m, &q, SEC);
	answer(f, "0::/\n", 0);
	q.flags = BATCH_PROCESS_EXIT;
	matching_want(f->m, &q, 2 * SEC);
	q.flags = 0; /* as a batch with its last samples has it */
	matching_want(f->m, &q, 3600 * SEC);
	assert_int_equal(f->count, 2);
}

/* What was learned stays usable after its death. */
static void
test_a_dead_process_keeps_its_container(void **state)
{
	struct fixture *f = *state;
	struct process p = process_of(1, 10);

	matching_want(f->m, &p, SEC);
	answer(f, "0::/docker/" H "\n", 0);
	p.flags = BATCH_PROCESS_EXIT;
	matching_want(f->m, &p, 2 * SEC);
	EXPECT(f, &p, "in-h");
}

static void
test_an_error_is_no_answer_for_good(void **state)
{
	struct fixture *f = *state;
	struct process p = process_of(1, 10);

	matching_want(f->m, &p, SEC);
	answer(f, NULL, ETIMEDOUT);
	EXPECT(f, &p, "rest");
	matching_want(f->m, &p, 3 * SEC);
	answer(f, "0::/docker/" H "\n", 0);
	EXPECT(f, &p, "in-h");
}

static void
test_a_full_opener_is_asked_the_next_time(void **state)
{
	struct fixture *f = *state;
	struct process p = process_of(1, 10);

	f->refuse = true;
	matching_await(f->m, &p, SEC);
	assert_false(matching_busy(f->m));
	EXPECT(f, &p, "rest");
	f->refuse = false;
	matching_await(f->m, &p, SEC + 1);
	assert_true(matching_busy(f->m));
	answer(f, "0::/docker/" H "\n", 0);
	EXPECT(f, &p, "in-h");
}

static void
test_waiting_ends_with_the_last_answer(void **state)
{
	struct fixture *f = *state;
	struct process p = process_of(1, 10), q = process_of(2, 11),
		       news = process_of(3, 12);

	matching_want(f->m, &p, SEC);
	matching_await(f->m, &p, 2 * SEC); /* is under way already */
	matching_await(f->m, &q, 2 * SEC);
	matching_await(f->m, &q, 2 * SEC);
	matching_want(f->m, &news, 2 * SEC);
	assert_true(matching_busy(f->m));
	answer(f, "0::/\n", 0);
	assert_int_equal(f->settled, 0);
	answer(f, "0::/\n", 0);
	assert_int_equal(f->settled, 1);
	assert_false(matching_busy(f->m));
	answer(f, "0::/\n", 0); /* nobody waited for that */
	assert_int_equal(f->settled, 1);
	assert_int_equal(f->count, 3);
}

/* New targets are matched with what is known, in one step. */
static void
test_new_targets_need_no_new_questions(void **state)
{
	struct fixture *f = *state;
	struct process p = process_of(1, 10), q = process_of(2, 11);

	matching_want(f->m, &p, SEC);
	matching_want(f->m, &q, SEC);
	answer(f, "0::/docker/" H "\n", 0);
	answer(f, "0::/docker/" G "\n", 0);
	EXPECT(f, &p, "in-h");
	EXPECT(f, &q, "in-g");
	set_targets(f, (const struct row[]){
			   { "__container_id__", G, "now-g" }, { NULL } });
	EXPECT(f, &p, "");
	EXPECT(f, &q, "now-g");
	set_targets(f, (const struct row[]){ { NULL } });
	EXPECT(f, &p, "");
	EXPECT(f, &q, "");
	set_targets(f, containers);
	matching_want(f->m, &p, 2 * SEC);
	EXPECT(f, &p, "in-h");
	assert_int_equal(f->count, 2);
}

/* In the steady state: one lookup per process and interval, nothing opened. */
static void
test_what_the_steady_state_costs(void **state)
{
	enum { PROCESSES = 50, INTERVALS = 20, BATCHES = 3 };
	struct fixture *f = *state;
	struct process p[PROCESSES];
	struct matching_counts before, after;

	for (int i = 0; i < PROCESSES; i++) {
		p[i] = process_of(i + 1, 1000 + i);
		matching_want(f->m, &p[i], SEC);
		answer(f, "0::/docker/" H "\n", 0);
	}
	before = matching_counts(f->m);
	for (int t = 2; t < INTERVALS + 2; t++)
		for (int i = 0; i < PROCESSES * BATCHES; i++) {
			struct process *one = &p[i % PROCESSES];

			matching_await(f->m, one, t * SEC);
			assert_int_equal(matching_target(f->m, one),
			    matching_target(f->m, &p[0]));
			if (i % PROCESSES == PROCESSES - 1)
				matching_sweep(f->m);
		}
	after = matching_counts(f->m);
	assert_int_equal(after.lookups - before.lookups, PROCESSES * INTERVALS);
	assert_int_equal(after.asked, before.asked);
	assert_int_equal(after.evicted, 0);
}

static void
test_the_least_recently_used_leaves(void **state)
{
	struct fixture *f = *state;
	struct process p[3];

	for (int size = 1; size <= 2; size++) {
		size_t asked = f->count;

		matching_resize(f->m, size);
		for (int i = 0; i < 3; i++) {
			p[i] = process_of(10 * size + i, 100 + i);
			matching_want(f->m, &p[i], SEC);
			answer(f, "0::/docker/" H "\n", 0);
		}
		EXPECT(f, &p[0], "in-h"); /* used again */
		matching_sweep(f->m);
		assert_int_equal(matching_counts(f->m).cached, size);
		/* what left is asked about again, and nothing else is */
		for (int i = 0; i < 3; i++) {
			matching_want(f->m, &p[i], 2 * SEC);
			if (f->count > f->answered)
				answer(f, "0::/docker/" H "\n", 0);
			EXPECT(f, &p[i], "in-h");
		}
		assert_int_equal(f->count - asked, 3 + 3 - size);
	}
	assert_true(matching_counts(f->m).evicted > 0);
}

static void
test_what_is_asked_about_stays(void **state)
{
	struct fixture *f = *state;
	struct process p = process_of(1, 10), q = process_of(2, 11);

	matching_resize(f->m, 1);
	matching_want(f->m, &p, SEC);
	matching_want(f->m, &q, SEC);
	matching_sweep(f->m);
	assert_int_equal(matching_counts(f->m).cached, 2);
	answer(f, "0::/docker/" H "\n", 0);
	answer(f, "0::/docker/" G "\n", 0);
	EXPECT(f, &p, "in-h");
	EXPECT(f, &q, "in-g");
}

/* pid of generation, which came from parent; ancestor is told of already. */
static struct process
child_of(uint64_t parent, uint64_t ancestor, uint64_t generation, uint32_t pid)
{
	struct process p = process_of(generation, pid);

	p.parent = parent;
	p.ancestor = ancestor;
	return p;
}

static void
test_a_fork_is_where_its_parent_is(void **state)
{
	struct fixture *f = *state;
	struct process parent = process_of(1, 10), other = process_of(2, 11),
		       child = child_of(1, 1, 3, 12),
		       outside = child_of(2, 2, 4, 13);

	matching_want(f->m, &parent, SEC);
	matching_want(f->m, &other, SEC);
	answer(f, "0::/docker/" H "\n", 0);
	answer(f, "0::/\n", 0);
	matching_await(f->m, &child, SEC);
	EXPECT(f, &child, "in-h");
	assert_int_equal(f->count, 2);       /* nothing to ask */
	matching_await(f->m, &outside, SEC); /* it may be on its way inside */
	assert_int_equal(f->count, 3);
	answer(f, "0::/docker/" G "\n", 0);
	EXPECT(f, &outside, "in-g");
}

/* Between a fork and an exec a process may be moved: that is looked at. */
static void
test_an_exec_is_looked_at(void **state)
{
	struct fixture *f = *state;
	struct process parent = process_of(1, 10),
		       child = child_of(1, 1, 2, 11),
		       gone = child_of(1, 1, 3, 12);

	child.flags = gone.flags = BATCH_PROCESS_EXEC;
	matching_want(f->m, &parent, SEC);
	answer(f, "0::/docker/" H "\n", 0);
	matching_want(f->m, &child, SEC);
	matching_want(f->m, &gone, SEC);
	answer(f, "0::/docker/" H "/docker/" G "\n", 0);
	answer(f, NULL, ESRCH);
	EXPECT(f, &child, "in-g");
	EXPECT(f, &gone, "in-h"); /* as far as anyone can know */
}

/* One that is exiting seems to be outside; only a second look tells. */
static void
test_one_that_is_exiting_is_still_inside(void **state)
{
	struct fixture *f = *state;
	struct process parent = process_of(1, 10),
		       exiting = child_of(1, 1, 2, 11),
		       left = child_of(1, 1, 3, 12);

	exiting.flags = left.flags = BATCH_PROCESS_EXEC;
	matching_want(f->m, &parent, SEC);
	answer(f, "0::/docker/" H "\n", 0);
	matching_await(f->m, &exiting, SEC);
	matching_await(f->m, &left, SEC);
	answer(f, "1:name=systemd:/\n0::/\n", 0);
	answer(f, "1:name=systemd:/\n0::/\n", 0);
	EXPECT(f, &exiting, "in-h");
	exiting.flags |= BATCH_PROCESS_EXIT;
	matching_await(f->m, &exiting, 3 * SEC);
	EXPECT(f, &exiting, "in-h");
	matching_await(f->m, &left, 3 * SEC);
	answer(f, "1:name=systemd:/\n0::/\n", 0);
	EXPECT(f, &left, "rest");
}

/* Gone before anyone could look, and its parent too: their ancestor counts. */
static void
test_the_dead_are_where_they_came_from(void **state)
{
	struct fixture *f = *state;
	struct process ancestor = process_of(1, 10),
		       direct = child_of(1, 1, 2, 11),
		       deep = child_of(99, 1, 3, 12),
		       lost = child_of(99, 98, 4, 13),
		       other_sampler = child_of(1, 1, 5, 14);

	direct.flags = deep.flags = lost.flags = other_sampler.flags =
	    BATCH_PROCESS_EXIT | BATCH_PROCESS_EXEC;
	other_sampler.id.session = 2;
	matching_want(f->m, &ancestor, SEC);
	matching_await(f->m, &direct, SEC);
	EXPECT(f, &direct, "rest"); /* so far */
	answer(f, "0::/docker/" H "\n", 0);
	EXPECT(f, &direct, "in-h");
	matching_await(f->m, &deep, SEC);
	matching_await(f->m, &lost, SEC);
	matching_await(f->m, &other_sampler, SEC);
	EXPECT(f, &deep, "in-h");
	EXPECT(f, &lost, "rest");
	EXPECT(f, &other_sampler, "rest");
	assert_int_equal(f->count, 1);
	assert_int_equal(matching_counts(f->m).cached, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_process_is_asked_about_once),
		TEST(test_order_of_lookup),
		TEST(test_without_container_targets_nothing_is_asked),
		TEST(test_some_processes_are_in_no_container),
		TEST(test_a_process_that_joins_late_is_found),
		TEST(test_the_second_look_comes_soon),
		TEST(test_a_pid_that_is_used_again_is_not_mistaken),
		TEST(test_one_that_is_gone_is_not_asked_about_again),
		TEST(test_a_dead_process_keeps_its_container),
		TEST(test_an_error_is_no_answer_for_good),
		TEST(test_a_full_opener_is_asked_the_next_time),
		TEST(test_waiting_ends_with_the_last_answer),
		TEST(test_new_targets_need_no_new_questions),
		TEST(test_what_the_steady_state_costs),
		TEST(test_the_least_recently_used_leaves),
		TEST(test_what_is_asked_about_stays),
		TEST(test_a_fork_is_where_its_parent_is),
		TEST(test_an_exec_is_looked_at),
		TEST(test_one_that_is_exiting_is_still_inside),
		TEST(test_the_dead_are_where_they_came_from),
	};

	return cmocka_run_group_tests_name("matching", tests, NULL, NULL);
}
