/* SPDX-License-Identifier: Apache-2.0 */
/* Who is read first, and what strangers' files may cost. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "common/log.h"
#include "common/memfd.h"
#include "symbolizer/fetch.h"

#define READINGS 300

struct reader {
	struct fetch_reading reading;
	struct fixture *fixture;
	int number;
	enum throwaway_result result;
};

struct fixture {
	struct event_base *base;
	struct fetch *fetch;
	struct reader readers[READINGS];
	int order[READINGS], over, settled;
};

static double
seconds(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

/* Uses as many ms of CPU time as it is told. */
static int
burn(const struct throwaway_input *in, int out)
{
	double end = seconds(CLOCK_PROCESS_CPUTIME_ID) + in->argument / 1000.0;

	(void)out;
	while (seconds(CLOCK_PROCESS_CPUTIME_ID) < end)
		;
	return 0;
}

static const char *
no_refusal(int status)
{
	(void)status;
	return "unknown";
}

static const struct throwaway_job job = {
	.name = "burn",
	.run = burn,
	.refusal = no_refusal,
	.memory_bytes = 64 << 20,
	.output_bytes = 1024,
	.cpu_sec = 5,
	.wall_sec = 20,
};

static void
on_done(void *arg, const struct throwaway_outcome *o)
{
	struct reader *r = arg;
	struct fixture *f = r->fixture;

	r->result = o->result;
	f->order[f->over++] = r->number;
	if (o->memfd >= 0)
		close(o->memfd);
}

static void
on_settled(void *arg)
{
	struct fixture *f = arg;

	f->settled++;
	event_base_loopbreak(f->base);
}

static int
setup_with(void **state, const struct fetch_limits *limits)
{
	static struct fixture f;

	memset(&f, 0, sizeof(f));
	f.base = event_base_new();
	f.fetch = fetch_new(f.base, NULL, limits, on_settled, &f);
	*state = &f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < READINGS; i++)
		if (f->readers[i].fixture != NULL)
			fetch_cancel(&f->readers[i].reading);
	fetch_free(f->fetch);
	event_base_dispatch(f->base); /* until nothing is left to wait for */
	event_base_free(f->base);
	return waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD ? 0 : -1;
}

static bool
add(struct fixture *f, int number, uint32_t owner, uint64_t ms)
{
	struct reader *r = &f->readers[number];
	struct throwaway_input in = { .fd = { -1, -1 }, .argument = ms };

	r->fixture = f;
	r->number = number;
	r->reading.job = &job;
	r->reading.owner = owner;
	r->reading.done = on_done;
	r->reading.arg = r;
	if (fetch_read(f->fetch, &r->reading, &in))
		return true;
	r->fixture = NULL;
	return false;
}

static int
place_of(const struct fixture *f, int number)
{
	for (int i = 0; i < f->over; i++)
		if (f->order[i] == number)
			return i;
	return -1;
}

static int
setup_one(void **state)
{
	static const struct fetch_limits limits = { 1, 60000000000ULL, 5 };

	return setup_with(state, &limits);
}

static void
test_who_has_cost_the_least_goes_first(void **state)
{
	struct fixture *f = *state;

	/* a flood of slow files, and then one of somebody else */
	for (int i = 0; i < 10; i++)
		assert_true(add(f, i, 1000, 60));
	while (f->over < 2)
		event_base_loop(f->base, EVLOOP_ONCE);
	add(f, 20, 2000, 1);
	add(f, 21, 0, 1);
	while (fetch_is_busy(f->fetch))
		event_base_dispatch(f->base);
	assert_int_equal(f->over, 12);
	assert_true(f->settled >= 1);
	assert_in_range(place_of(f, 20), 2, 4);
	assert_in_range(place_of(f, 21), 2, 4);
	/* equals go in order */
	for (int i = 1; i < 10; i++)
		assert_true(place_of(f, i) > place_of(f, i - 1));
}

static int
setup_poor(void **state)
{
	/* 100 ms at once, and a tenth of a CPU */
	static const struct fetch_limits limits = { 2, 100000000, 10 };

	return setup_with(state, &limits);
}

static void
test_strangers_files_do_not_get_more_than_their_share(void **state)
{
	struct fixture *f = *state;
	double start = seconds(CLOCK_MONOTONIC), took;

	for (int i = 0; i < 8; i++)
		add(f, i, 1000, 50);
	for (int i = 0; i < 4; i++)
		add(f, 20 + i, 0, 50);
	while (fetch_is_busy(f->fetch))
		event_base_dispatch(f->base);
	took = seconds(CLOCK_MONOTONIC) - start;
	print_message("# %.2f s\n", took);
	/* 400 ms: 100 at once, the last one started when 350 were paid for */
	assert_true(took >= 1.5);
	/* root's have not waited for that */
	for (int i = 0; i < 4; i++)
		assert_true(place_of(f, 20 + i) < 10);
	for (int i = 0; i < 8; i++)
		assert_int_equal(f->readers[i].result, THROWAWAY_OK);
}

static void
test_few_descriptors_wait(void **state)
{
	struct fixture *f = *state;
	int taken = 0;

	for (int i = 0; i < FETCH_WAITING + 20; i++)
		taken += add(f, i, 1000, 1000);
	/* one runs */
	assert_int_equal(taken, FETCH_WAITING + 1);
	for (int i = 0; i < READINGS; i++)
		if (f->readers[i].fixture != NULL)
			fetch_cancel(&f->readers[i].reading);
	assert_false(fetch_is_busy(f->fetch));
	assert_int_equal(f->settled, 1);
	/* there is room again, and no answer of those comes */
	assert_true(add(f, 299, 1000, 1));
	while (fetch_is_busy(f->fetch))
		event_base_dispatch(f->base);
	assert_int_equal(f->over, 1);
	assert_int_equal(f->order[0], 299);
}

#define TEST(name, setup) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_who_has_cost_the_least_goes_first, setup_one),
		TEST(test_strangers_files_do_not_get_more_than_their_share,
		    setup_poor),
		TEST(test_few_descriptors_wait, setup_one),
	};

	log_init("test_fetch", false);
	return cmocka_run_group_tests_name("fetch", tests, NULL, NULL);
}
