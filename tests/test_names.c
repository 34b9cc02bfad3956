/* SPDX-License-Identifier: Apache-2.0 */
/* Names are demangled once, and in no interval twice. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <cmocka.h>
#include <event2/event.h>

#include "common/log.h"
#include "symbolizer/frames.h"
#include "symbolizer/names.h"

struct fixture {
	struct event_base *base;
	struct names *names;
	int ready;
};

static void
on_ready(void *arg)
{
	struct fixture *f = arg;

	f->ready++;
	event_base_loopbreak(f->base);
}

static int
setup(void **state)
{
	static struct fixture f;

	f.base = event_base_new();
	f.names = names_new(f.base, on_ready, &f);
	f.ready = 0;
	names_set_mode(f.names, DEMANGLE_SIMPLIFIED);
	*state = &f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	names_free(f->names);
	event_base_dispatch(f->base); /* until nothing is left to wait for */
	event_base_free(f->base);
	return waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD ? 0 : -1;
}

static struct frames *
frames_with(const char *const *raw, size_t count)
{
	struct frames *frames = frames_new();

	for (size_t i = 0; i < count; i++)
		assert_int_equal(
		    frames_name(frames, raw[i], strlen(raw[i])), i + 1);
	return frames;
}

/* As an interval does. True if a child was needed. */
static bool
make_readable(struct fixture *f, struct frames *frames)
{
	int before = f->ready;
	bool started;

	names_want(f->names, frames);
	started = names_start(f->names);
	if (started)
		event_base_dispatch(f->base);
	assert_int_equal(f->ready, before + started);
	names_apply(f->names, frames);
	names_sweep(f->names);
	return started;
}

static void
test_names_are_demangled_once(void **state)
{
	static const char *const raw[] = { "_Z3fooi", "main", "_ZN1A1bEv.cold",
		"_RINvNtC3std3mem8align_ofjEC3foo", "_Znotmangled" };
	static const char *const shown[] = { "foo", "main", "A::b",
		"std::mem::align_of", "_Znotmangled" };
	struct fixture *f = *state;

	for (int round = 0; round < 3; round++) {
		struct frames *frames = frames_with(raw, 5);

		assert_int_equal(make_readable(f, frames), round == 0);
		for (int i = 0; i < 5; i++) {
			assert_string_equal(
			    frames_shown(frames, i + 1), shown[i]);
			assert_string_equal(
			    frames_name_text(frames, i + 1), raw[i]);
		}
		frames_free(frames);
	}
	/* what is not mangled was tried once and is known as well */
	assert_int_equal(names_counts(f->names).asked, 4);
	assert_int_equal(names_counts(f->names).known, 4);
}

static void
test_plain_names_need_no_child(void **state)
{
	static const char *const raw[] = { "main", "__libc_start_main", "",
		"</script>\x1b[31m" };
	struct frames *frames = frames_with(raw, 4);

	assert_false(make_readable(*state, frames));
	assert_string_equal(frames_shown(frames, 4), raw[3]);
	frames_free(frames);
}

static void
test_another_mode_begins_anew(void **state)
{
	static const char *const raw[] = { "_Z3fooi" };
	struct fixture *f = *state;
	struct frames *frames = frames_with(raw, 1);

	make_readable(f, frames);
	names_set_mode(f->names, DEMANGLE_FULL);
	assert_true(make_readable(f, frames));
	assert_string_equal(frames_shown(frames, 1), "foo(int)");
	names_set_mode(f->names, DEMANGLE_FULL);
	assert_false(make_readable(f, frames));
	frames_free(frames);
	names_set_mode(f->names, DEMANGLE_NONE);
	frames = frames_with(raw, 1);
	assert_false(make_readable(f, frames));
	assert_string_equal(frames_shown(frames, 1), "_Z3fooi");
	frames_free(frames);
}

static void
test_what_is_not_ready_in_time_stays_raw(void **state)
{
	static const char *const raw[] = { "_Z3fooi", "_Z3barv" };
	struct fixture *f = *state;
	struct frames *frames = frames_with(raw, 2);

	names_want(f->names, frames);
	assert_true(names_start(f->names));
	names_stop(f->names);
	names_apply(f->names, frames);
	assert_string_equal(frames_shown(frames, 1), "_Z3fooi");
	assert_int_equal(f->ready, 0);
	assert_int_equal(names_counts(f->names).known, 0);
	assert_int_equal(names_counts(f->names).bytes, 0);
	/* the next interval tries again */
	assert_true(make_readable(f, frames));
	assert_string_equal(frames_shown(frames, 2), "bar");
	frames_free(frames);
}

static void
test_without_a_child_names_stay_raw(void **state)
{
	static const char *const raw[] = { "_Z3fooi" };
	struct fixture *f = *state;
	struct frames *frames = frames_with(raw, 1);
	struct rlimit few = { 0, 0 }, before;

	/* no descriptor is left for what a child needs */
	getrlimit(RLIMIT_NOFILE, &before);
	few.rlim_max = before.rlim_max;
	setrlimit(RLIMIT_NOFILE, &few);
	assert_false(make_readable(f, frames));
	setrlimit(RLIMIT_NOFILE, &before);
	assert_string_equal(frames_shown(frames, 1), "_Z3fooi");
	assert_int_equal(names_counts(f->names).known, 0);
	assert_true(make_readable(f, frames));
	assert_string_equal(frames_shown(frames, 1), "foo");
	frames_free(frames);
}

/* Names whose readable form is much longer, more than are remembered. */
static void
test_memory_is_bounded(void **state)
{
	enum { ROUNDS = 5, COUNT = 20000 };
	struct fixture *f = *state;

	for (int round = 0; round < ROUNDS; round++) {
		struct frames *frames = frames_new();
		char raw[64];

		for (int i = 0; i < COUNT; i++) {
			int n = snprintf(raw, sizeof(raw),
			    "_ZNSt6vectorIiSaIiEE8f%07dEv", round * COUNT + i);

			frames_name(frames, raw, n);
		}
		assert_true(make_readable(f, frames));
		assert_true(names_counts(f->names).known <= NAMES_MAX);
		assert_true(names_counts(f->names).bytes <= NAMES_MAX_BYTES);
		/* the latest are those that stayed */
		assert_false(make_readable(f, frames));
		snprintf(raw, sizeof(raw), "std::vector::f%07d",
		    round * COUNT + COUNT - 1);
		assert_string_equal(frames_shown(frames, COUNT), raw);
		frames_free(frames);
	}
	assert_int_equal(names_counts(f->names).asked, ROUNDS * COUNT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_names_are_demangled_once),
		TEST(test_plain_names_need_no_child),
		TEST(test_another_mode_begins_anew),
		TEST(test_what_is_not_ready_in_time_stays_raw),
		TEST(test_without_a_child_names_stay_raw),
		TEST(test_memory_is_bounded),
	};

	log_init("test_names", false);
	return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
