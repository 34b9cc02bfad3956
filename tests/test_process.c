/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "symbolizer/elf_cache.h"
#include "symbolizer/process.h"

#define CAPACITY 2

struct fixture {
	struct elf_cache *files;
	struct process_cache *cache;
};

static int
setup(void **state)
{
	static struct fixture f;

	f.files = elf_cache_new(NULL, 1, 1);
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

/* Many mappings of one process, each of a file: { start, end, inode } */
struct range {
	uint64_t start, end, inode;
};

static struct process *
say_ranges(struct fixture *f, uint64_t generation, uint32_t flags,
    const struct range *ranges, size_t count)
{
	const struct batch_header header = { .session = 1 };
	struct batch_mapping *mappings = calloc(count, sizeof(*mappings));
	const struct batch_process process = {
		.generation = generation,
		.pid = 50,
		.flags = flags,
		.mappings = count,
	};
	const struct batch_view view = { .header = &header,
		.processes = &process,
		.mappings = mappings,
		.strings = "/lib/x" };
	struct process *p;

	for (size_t i = 0; i < count; i++)
		mappings[i] = (struct batch_mapping){
			.start = ranges[i].start,
			.end = ranges[i].end,
			.inode = ranges[i].inode,
			.path_size = 6,
		};
	p = process_cache_update(f->cache, &view, 0);
	free(mappings);
	return p;
}

static uint64_t
inode_at(const struct process *p, uint64_t address)
{
	const struct process_mapping *m = process_find(p, address);

	return m != NULL ? m->raw.inode : 0;
}

static void
test_later_mapping_replaces_what_it_covers(void **state)
{
	static const struct range first[] = { { 0x5000, 0x7000, 3 },
		{ 0x1000, 0x3000, 1 }, { 0x3000, 0x5000, 2 } };
	static const struct range more[] = { { 0x9000, 0xa000, 5 },
		{ 0x2000, 0x4000, 4 } };
	struct process *p;

	say_ranges(*state, 1, 0, first, 3);
	p = say_ranges(*state, 1, 0, more, 2);
	assert_int_equal(p->count, 3);
	assert_int_equal(inode_at(p, 0x1000), 0);
	assert_int_equal(inode_at(p, 0x2000), 4);
	assert_int_equal(inode_at(p, 0x3fff), 4);
	assert_int_equal(inode_at(p, 0x4000), 0);
	assert_int_equal(inode_at(p, 0x5000), 3);
	assert_int_equal(inode_at(p, 0x9fff), 5);
	/* a complete list leaves nothing of what was before */
	p = say_ranges(*state, 1, BATCH_PROCESS_COMPLETE, first, 1);
	assert_int_equal(p->count, 1);
	assert_int_equal(inode_at(p, 0x6fff), 3);
	assert_int_equal(inode_at(p, 0x9000), 0);
}

/* A sampler that lists overlapping mappings gets no lookup astray. */
static void
test_overlapping_list_is_made_to_fit(void **state)
{
	static const struct range bad[] = { { 0x1000, 0x9000, 1 },
		{ 0x2000, 0x3000, 2 }, { 0x1000, 0x2000, 3 },
		{ 0x8fff, 0xb000, 4 }, { 0x9000, 0xa000, 5 } };
	struct process *p =
	    say_ranges(*state, 1, BATCH_PROCESS_COMPLETE, bad, 5);

	for (size_t i = 1; i < p->count; i++)
		assert_true(
		    p->mappings[i - 1].raw.end <= p->mappings[i].raw.start);
	assert_int_equal(inode_at(p, 0x9000), 5);
	assert_int_not_equal(inode_at(p, 0x1000), 0);
}

static void
test_what_a_program_maps_anew_is_fresh(void **state)
{
	static const struct range first[] = { { 0x1000, 0x2000, 1 } };
	static const struct range both[] = { { 0x1000, 0x2000, 1 },
		{ 0x3000, 0x4000, 2 } };
	uint32_t exec = BATCH_PROCESS_COMPLETE | BATCH_PROCESS_EXEC;
	struct process *p;

	/* a fork has what its parent had */
	p = say_ranges(
	    *state, 1, BATCH_PROCESS_COMPLETE | BATCH_PROCESS_NEW, first, 1);
	assert_false(p->mappings[0].fresh);
	p = say_ranges(*state, 1, BATCH_PROCESS_COMPLETE, both, 2);
	assert_false(p->mappings[0].fresh);
	assert_true(p->mappings[1].fresh);
	p = say_ranges(*state, 2, exec, first, 1);
	assert_true(p->mappings[0].fresh);
	/* asked for: it stays so when it is listed again */
	p->mappings[0].fresh = false;
	p = say_ranges(*state, 2, exec, both, 2);
	assert_false(p->mappings[0].fresh);
	assert_true(p->mappings[1].fresh);
}

static void
test_mappings_are_bounded(void **state)
{
	enum { MANY = 60000 };
	struct range *ranges = calloc(MANY, sizeof(*ranges));
	struct fixture *f = *state;
	struct process *p;

	for (size_t i = 0; i < MANY; i++)
		ranges[i] = (struct range){ (2 * i + 1) << 12,
			(2 * i + 2) << 12, i + 1 };
	p = say_ranges(f, 1, BATCH_PROCESS_COMPLETE, ranges, MANY);
	assert_int_equal(p->count, PROCESS_MAX_MAPPINGS);
	p = say_ranges(f, 1, 0, ranges + PROCESS_MAX_MAPPINGS, 1000);
	assert_int_equal(p->count, PROCESS_MAX_MAPPINGS);
	process_cache_resize(f->cache, 1000);
	for (uint64_t i = 2; i < 100; i++)
		say_ranges(
		    f, i, BATCH_PROCESS_COMPLETE, ranges, PROCESS_MAX_MAPPINGS);
	process_cache_trim(f->cache);
	assert_true(process_cache_counts(f->cache).mappings <=
		    PROCESS_CACHE_MAX_MAPPINGS);
	assert_true(process_cache_counts(f->cache).cached >= 30);
	/* the files of those that went are remembered, within a bound */
	elf_cache_sweep(f->files);
	assert_true(elf_cache_counts(f->files).files <=
		    PROCESS_MAX_MAPPINGS + 1000 + ELF_CACHE_IDLE_FILES);
	process_cache_resize(f->cache, 0);
	process_cache_sweep(f->cache);
	elf_cache_sweep(f->files);
	assert_int_equal(process_cache_counts(f->cache).mappings, 0);
	assert_int_equal(
	    elf_cache_counts(f->files).files, ELF_CACHE_IDLE_FILES);
	free(ranges);
}

static void
test_few_new_processes_push_out_none_until_the_interval_ends(void **state)
{
	struct fixture *f = *state;

	for (uint64_t i = 1; i <= PROCESS_CACHE_NEW; i++) {
		say(f, 1, i, 10, 0x1000);
		process_cache_trim(f->cache);
	}
	assert_int_equal(
	    process_cache_counts(f->cache).cached, PROCESS_CACHE_NEW);
	for (uint64_t i = 0; i < 10; i++) {
		say(f, 2, i, 10, 0x1000);
		process_cache_trim(f->cache);
	}
	assert_int_equal(process_cache_counts(f->cache).cached,
	    PROCESS_CACHE_NEW + CAPACITY);
	process_cache_sweep(f->cache);
	assert_int_equal(process_cache_counts(f->cache).cached, CAPACITY);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_what_was_said_before_is_kept),
		TEST(test_another_sampler_means_another_process),
		TEST(test_the_least_recently_used_leaves),
		TEST(test_later_mapping_replaces_what_it_covers),
		TEST(test_overlapping_list_is_made_to_fit),
		TEST(test_what_a_program_maps_anew_is_fresh),
		TEST(test_mappings_are_bounded),
		TEST(
		    test_few_new_processes_push_out_none_until_the_interval_ends),
	};

	return cmocka_run_group_tests_name("process", tests, NULL, NULL);
}
