/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "symbolizer/elf_cache.h"
#include "symbolizer/process.h"

#define CAPACITY 2

struct fixture {
	struct elf_cache *files;
	struct process_cache *cache;
};

static void
on_settled(void *arg)
{
	(void)arg;
}

static int
setup(void **state)
{
	static struct fixture f;

	f.files = elf_cache_new(NULL, NULL, 1, on_settled, NULL);
	f.cache = process_cache_new(CAPACITY, f.files);
	*state = &f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	process_cache_free(f->cache);
	elf_cache_free(f->files);
	return 0;
}

/* What a sampler says of one process with one mapping, or with none. */
static struct process *
say(struct fixture *f, uint64_t session, uint64_t generation, uint32_t pid,
    uint64_t start)
{
	const struct batch_header header = { .session = session };
	const struct batch_mapping mapping = { .start = start,
		.end = start + 4096 };
	const struct batch_process process = {
		.generation = generation,
		.pid = pid,
		.start_time = 7,
		.flags = start != 0 ? BATCH_PROCESS_COMPLETE : 0,
		.mappings = start != 0,
	};
	const struct batch_view view = { .header = &header,
		.processes = &process,
		.mappings = &mapping,
		.strings = "" };

	return process_cache_update(f->cache, &view, 0);
}

static void
test_what_was_said_before_is_kept(void **state)
{
	struct process *p;

	say(*state, 1, 5, 100, 0x1000);
	p = say(*state, 1, 5, 100, 0);
	assert_int_equal(p->pid, 100);
	assert_int_equal(p->count, 1);
	assert_non_null(process_find(p, 0x1fff));
	assert_null(process_find(p, 0x2000));
	assert_null(process_find(p, 0xfff));
	p = say(*state, 1, 5, 100, 0x3000);
	assert_int_equal(p->count, 1);
	assert_null(process_find(p, 0x1000));
	assert_non_null(process_find(p, 0x3000));
}

/* The next sampler begins to number again. */
static void
test_another_sampler_means_another_process(void **state)
{
	struct process *p;

	say(*state, 1, 5, 100, 0x1000);
	p = say(*state, 2, 5, 200, 0);
	assert_int_equal(p->pid, 200);
	assert_int_equal(p->count, 0);
	assert_int_equal(say(*state, 1, 5, 100, 0)->count, 1);
}

static void
test_the_least_recently_used_leaves(void **state)
{
	struct fixture *f = *state;

	say(f, 1, 1, 11, 0x1000);
	say(f, 1, 2, 12, 0x1000);
	say(f, 1, 3, 13, 0x1000);
	say(f, 1, 1, 11, 0);
	assert_int_equal(process_cache_counts(f->cache).cached, 3);
	process_cache_sweep(f->cache);
	assert_int_equal(process_cache_counts(f->cache).cached, CAPACITY);
	assert_int_equal(process_cache_counts(f->cache).evicted, 1);
	assert_int_equal(say(f, 1, 1, 11, 0)->count, 1);
	assert_int_equal(say(f, 1, 3, 13, 0)->count, 1);
	assert_int_equal(say(f, 1, 2, 12, 0)->count, 0);
	process_cache_resize(f->cache, 1);
	process_cache_sweep(f->cache);
	assert_int_equal(process_cache_counts(f->cache).cached, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_what_was_said_before_is_kept),
		TEST(test_another_sampler_means_another_process),
		TEST(test_the_least_recently_used_leaves),
	};

	return cmocka_run_group_tests_name("process", tests, NULL, NULL);
}
