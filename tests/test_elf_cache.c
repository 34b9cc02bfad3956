/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that are known, come again, are replaced, cannot be had or cost too
 * much; with real children, and an opener that does as it is told.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "common/log.h"
#include "common/memfd.h"
#include "symbolizer/elf_cache.h"
#include "symbolizer/fetch.h"
#include "symbolizer/opener.h"
#include "symbolizer/symbol_table.h"
#include "tests/elf_image.h"
#include "tests/fake_opener.h"

#define TEXT 0x1000
#define SEC 1000000000ULL
#define BTRFS 0x9123683e
#define FILES 16

struct fixture {
	struct event_base *base;
	struct fake_opener *fake;
	struct opener *opener;
	struct fetch *fetch;
	struct elf_cache *cache;
	uint64_t now;
	int settled;
	/* what there is to open: by inode, or by the process that maps it */
	int fd[FILES];
	uint64_t version[FILES]; /* instead of its ctime */
	int error[FILES];
	bool hangs[FILES], by_process, btrfs;
	int debug_fd; /* of the separate debug file, or -1 */
	char debug_name[128];
	int debug_asked;
};

/* An image with one function of that name at TEXT. */
static int
program(const char *name)
{
	const struct elf_image_spec spec = {
		.text = TEXT,
		.text_size = 0x1000,
		.text_offset = 0x1000,
		.symbols =
		    (const struct elf_image_symbol[]){
			{ name, TEXT, 0x1000, STT_FUNC, STB_GLOBAL }, { 0 } },
	};
	struct elf_image image = elf_image_new(&spec);
	int fd = elf_image_fd(image.bytes, image.size);

	elf_image_free(&image);
	return fd;
}

static struct fake_answer
answer_debug(struct fixture *f, const phlare_OpenRequest *q)
{
	f->debug_asked++;
	if (q->kind == phlare_OpenKind_OPEN_DEBUG_LINK)
		snprintf(f->debug_name, sizeof(f->debug_name), "%.*s",
		    (int)q->name.size, (const char *)q->name.bytes);
	return (struct fake_answer){ .fd = f->debug_fd >= 0 ? dup(f->debug_fd)
							    : -ENOENT };
}

static struct fake_answer
answers(void *arg, const phlare_OpenRequest *q)
{
	struct fixture *f = arg;
	/* the tests map a file at 4096 times its number */
	uint64_t n = f->by_process ? q->pid : q->vma_start / 4096;
	struct fake_answer a = { .fd = -ENOENT };

	if (q->kind != phlare_OpenKind_OPEN_MAPPED_FILE)
		return answer_debug(f, q);
	assert_true(n < FILES);
	a.hangs = f->hangs[n];
	if (f->error[n] != 0)
		a.fd = -f->error[n];
	else if (f->fd[n] >= 0)
		a.fd = dup(f->fd[n]);
	a.changed_ns = f->version[n];
	a.file_system = f->btrfs ? BTRFS : 0;
	return a;
}

static void
on_settled(void *arg)
{
	struct fixture *f = arg;

	f->settled++;
	event_base_loopbreak(f->base);
}

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->base = event_base_new();
	f->fake = fake_opener_new(f->base, answers, f);
	f->opener = opener_new(f->base, fake_opener_path(f->fake));
	f->fetch = fetch_new(f->base, f->opener, NULL, on_settled, f);
	f->cache = elf_cache_new(f->fetch, 100, ELF_CACHE_MAX_BYTES);
	f->now = 1000 * SEC;
	f->debug_fd = -1;
	for (int i = 0; i < FILES; i++)
		f->fd[i] = -1;
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	opener_free(f->opener);
	elf_cache_free(f->cache);
	fetch_free(f->fetch);
	fake_opener_free(f->fake);
	event_base_loop(f->base, EVLOOP_NONBLOCK);
	event_base_free(f->base);
	for (int i = 0; i < FILES; i++)
		if (f->fd[i] >= 0)
			close(f->fd[i]);
	if (f->debug_fd >= 0)
		close(f->debug_fd);
	free(f);
	return waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD ? 0 : -1;
}

/* The n-th file as a process maps it. */
static struct batch_mapping
mapping_of(int n)
{
	return (struct batch_mapping){ .start = 4096 * n,
		.end = 4096 * (n + 1),
		.file_offset = 0x1000,
		.inode = 1000 + n };
}

static struct elf_file *
file_of(struct fixture *f, int n)
{
	struct batch_mapping m = mapping_of(n);

	return elf_cache_file(f->cache, &m, "/bin/x", 6);
}

static void
wait_for_all(struct fixture *f)
{
	while (fetch_is_busy(f->fetch))
		event_base_dispatch(f->base);
}

/* Process pid, sampled in the n-th file, which it has mapped anew or not. */
static void
want_of(struct fixture *f, struct elf_file **file, int n, int pid, bool fresh)
{
	struct batch_mapping m = mapping_of(n);
	struct elf_holder holder = { .serial = pid,
		.pid = pid,
		.start_time = 1,
		.now = f->now,
		.fresh = fresh,
		.urgent = true };

	elf_cache_want(f->cache, file, &holder, &m);
	wait_for_all(f);
}

static void
want(struct fixture *f, struct elf_file **file, int n)
{
	want_of(f, file, n, 1, false);
}

/* What the function in the file is called; NULL: nobody knows. */
static const char *
name_in(struct elf_file *file)
{
	const struct symbol_table *t = elf_file_table(file);
	static char text[64];
	struct symbol s;

	if (t == NULL || !symbol_table_find(t, TEXT + 8, &s))
		return NULL;
	snprintf(text, sizeof(text), "%s", s.name);
	return text;
}

static void
expect_name(struct elf_file *file, const char *want_name)
{
	const char *name = name_in(file);

	if (want_name == NULL)
		assert_null(name);
	else if (name == NULL || strcmp(name, want_name) != 0)
		fail_msg("%s instead of %s", name ? name : "none", want_name);
}

/* ---- */

static void
test_file_is_read_once(void **state)
{
	struct fixture *f = *state;
	struct elf_file *a, *b;

	f->fd[1] = program("first");
	/* the second tuple leads to the same file: a bind mount, say */
	f->fd[2] = dup(f->fd[1]);
	a = file_of(f, 1);
	b = file_of(f, 2);
	expect_name(a, NULL);
	for (int i = 0; i < 5; i++) {
		want(f, &a, 1);
		want(f, &b, 2);
		f->now += SEC;
	}
	expect_name(a, "first");
	expect_name(b, "first");
	assert_int_equal(elf_cache_counts(f->cache).parsed, 1);
	assert_int_equal(elf_cache_counts(f->cache).cached, 1);
	assert_int_equal(fake_opener_asked(f->fake), 2);
	elf_file_put(a);
	elf_file_put(b);
	/* nobody maps it any more; who comes finds it, without a question */
	elf_cache_sweep(f->cache);
	a = file_of(f, 1);
	expect_name(a, "first");
	want(f, &a, 1);
	assert_int_equal(fake_opener_asked(f->fake), 2);
	elf_file_put(a);
}

static void
test_tables_over_the_capacity_go_and_come_back(void **state)
{
	struct fixture *f = *state;
	struct elf_file *files[4];

	for (size_t capacity = 1; capacity <= 2; capacity++) {
		struct elf_cache_counts before = elf_cache_counts(f->cache);

		elf_cache_resize(f->cache, capacity);
		for (int round = 0; round < 3; round++) {
			for (int i = 0; i < 4; i++) {
				char name[24];

				snprintf(name, sizeof(name), "program_%d", i);
				if (f->fd[i] < 0)
					f->fd[i] = program(name);
				files[i] = file_of(f, i);
				want(f, &files[i], i);
			}
			/* all that an interval needs is there until its end */
			for (int i = 0; i < 4; i++) {
				char name[24];

				snprintf(name, sizeof(name), "program_%d", i);
				expect_name(files[i], name);
				elf_file_put(files[i]);
			}
			elf_cache_sweep(f->cache);
			assert_int_equal(
			    elf_cache_counts(f->cache).cached, capacity);
			f->now += 15 * SEC;
		}
		assert_true(
		    elf_cache_counts(f->cache).evicted - before.evicted >=
		    3 * (4 - capacity) - 1);
		assert_true(elf_cache_counts(f->cache).parsed - before.parsed <=
			    3 * 4 - 2 * capacity + 1);
	}
	/* the most recently used ones are those that stayed */
	files[3] = file_of(f, 3);
	expect_name(files[3], "program_3");
	elf_file_put(files[3]);
}

/* A library that every program maps and nobody is ever sampled in. */
static void
test_table_that_no_sample_needs_goes_first_and_for_good(void **state)
{
	struct fixture *f = *state;
	struct elf_file *files[4];
	struct batch_mapping m;

	elf_cache_resize(f->cache, 2);
	for (int i = 0; i < 4; i++) {
		f->fd[i] = program("f");
		f->version[i] = i + 1;
		files[i] = file_of(f, i);
	}
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 4; i++) {
			struct elf_holder holder = { .serial = 10 + round,
				.pid = 10 + round,
				.now = f->now,
				.fresh = true };

			m = mapping_of(i);
			elf_cache_want(f->cache, &files[i], &holder, &m);
			wait_for_all(f);
		}
		for (int i = 0; i < 2; i++) {
			want(f, &files[i], i);
			expect_name(files[i], "f");
		}
		elf_cache_sweep(f->cache);
		f->now += 20 * SEC;
	}
	assert_int_equal(elf_cache_counts(f->cache).parsed, 4);
	assert_int_equal(elf_cache_counts(f->cache).evicted, 2);
	/* until it is sampled after all */
	want(f, &files[3], 3);
	expect_name(files[3], "f");
	assert_int_equal(elf_cache_counts(f->cache).parsed, 5);
	for (int i = 0; i < 4; i++)
		elf_file_put(files[i]);
}

static void
test_file_written_in_place_is_read_again(void **state)
{
	struct fixture *f = *state;
	struct elf_file *file;
	int asked;

	f->fd[1] = program("old");
	f->version[1] = 1;
	file = file_of(f, 1);
	want_of(f, &file, 1, 1, true);
	expect_name(file, "old");
	/* the same tuple, but for its ctime; a new program maps it */
	close(f->fd[1]);
	f->fd[1] = program("new");
	f->version[1] = 2;
	asked = fake_opener_asked(f->fake);
	want_of(f, &file, 1, 2, true);
	/* trusted a while: else each process would cost a question */
	assert_int_equal(fake_opener_asked(f->fake), asked);
	f->now += (ELF_CACHE_TRUST_SEC + 1) * SEC;
	/* but not forgotten */
	want_of(f, &file, 1, 2, false);
	expect_name(file, "new");
	assert_int_equal(elf_cache_counts(f->cache).parsed, 2);
	/* as long as nobody new maps it, nobody asks */
	asked = fake_opener_asked(f->fake);
	for (int i = 0; i < 20; i++) {
		f->now += 60 * SEC;
		want_of(f, &file, 1, 2, false);
	}
	assert_int_equal(fake_opener_asked(f->fake), asked);
	/* one that has not changed is not read again */
	want_of(f, &file, 1, 3, true);
	assert_int_equal(fake_opener_asked(f->fake), asked + 1);
	assert_int_equal(elf_cache_counts(f->cache).parsed, 2);
	expect_name(file, "new");
	elf_file_put(file);
}

static void
test_what_is_no_program_is_refused_and_counted_once(void **state)
{
	static const int errors[] = { ENOEXEC, EACCES, EFBIG };
	struct fixture *f = *state;

	for (int i = 0; i < 3; i++) {
		struct elf_file *file = file_of(f, i);

		f->error[i] = errors[i];
		for (int n = 0; n < 4; n++) {
			want(f, &file, i);
			f->now += 60 * SEC;
		}
		assert_true(elf_file_refused(file));
		expect_name(file, NULL);
		assert_int_equal(fake_opener_asked(f->fake), i + 1);
		assert_int_equal(elf_cache_counts(f->cache).refused, i + 1);
		elf_file_put(file);
	}
}

static void
test_bad_contents_are_refused_by_identity(void **state)
{
	struct fixture *f = *state;
	struct elf_file *file = file_of(f, 1), *again;

	f->fd[1] = memfd_new("text");
	assert_int_equal(memfd_append(f->fd[1], "#!/bin/sh\n", 10), 0);
	f->version[1] = 1;
	f->fd[2] = dup(f->fd[1]);
	f->version[2] = 1;
	want(f, &file, 1);
	assert_true(elf_file_refused(file));
	/* the same bytes under another name: nothing is read */
	again = file_of(f, 2);
	want(f, &again, 2);
	assert_true(elf_file_refused(again));
	assert_int_equal(elf_cache_counts(f->cache).refused, 1);
	/* and then it is made a program */
	close(f->fd[1]);
	f->fd[1] = program("at_last");
	f->version[1] = 2;
	f->now += (ELF_CACHE_TRUST_SEC + 1) * SEC;
	want_of(f, &file, 1, 9, true);
	expect_name(file, "at_last");
	assert_int_equal(elf_cache_counts(f->cache).parsed, 1);
	elf_file_put(file);
	elf_file_put(again);
}

static void
test_what_cannot_be_had_now_is_asked_for_ever_more_rarely(void **state)
{
	struct fixture *f = *state;
	struct elf_file *file = file_of(f, 1);
	int before;

	f->error[1] = ESRCH;
	for (int i = 0; i < 1000; i++) {
		want(f, &file, 1);
		f->now += SEC;
	}
	assert_in_range(fake_opener_asked(f->fake), 5, 12);
	assert_int_equal(elf_cache_counts(f->cache).refused, 0);
	assert_false(elf_file_refused(file));
	/* who maps it anew may be lucky at once */
	before = fake_opener_asked(f->fake);
	f->error[1] = 0;
	f->fd[1] = program("found");
	want_of(f, &file, 1, 2, true);
	assert_int_equal(fake_opener_asked(f->fake), before + 1);
	expect_name(file, "found");
	elf_file_put(file);
}

static void
test_file_whose_opening_hangs_is_refused(void **state)
{
	struct fixture *f = *state;
	struct elf_file *bad = file_of(f, 1), *good = file_of(f, 2);
	struct batch_mapping m = mapping_of(1);
	struct elf_holder holder = { .now = f->now, .pid = 1, .serial = 1 };

	f->hangs[1] = true;
	f->fd[2] = program("good");
	elf_cache_want(f->cache, &bad, &holder, &m);
	want(f, &good, 2);
	expect_name(good, "good");
	assert_true(elf_file_refused(bad));
	assert_int_equal(elf_cache_counts(f->cache).refused, 1);
	elf_file_put(bad);
	elf_file_put(good);
}

/* Where the records name two files alike, each process has its own. */
static void
test_files_of_subvolumes_are_told_apart(void **state)
{
	struct fixture *f = *state;
	struct elf_file *of_one, *of_two, *later;

	f->btrfs = f->by_process = true;
	f->fd[1] = program("in_one");
	f->fd[2] = program("in_two");
	of_one = file_of(f, 5);
	of_two = file_of(f, 5);
	assert_ptr_equal(of_one, of_two);
	want_of(f, &of_one, 5, 1, true);
	want_of(f, &of_two, 5, 2, true);
	want_of(f, &of_one, 5, 1, false);
	expect_name(of_one, "in_one");
	expect_name(of_two, "in_two");
	/* each is read once, whatever the number of processes */
	later = file_of(f, 5);
	f->fd[3] = dup(f->fd[1]);
	want_of(f, &later, 5, 3, true);
	expect_name(later, "in_one");
	assert_int_equal(elf_cache_counts(f->cache).parsed, 2);
	elf_file_put(of_one);
	elf_file_put(of_two);
	elf_file_put(later);
}

static void
test_all_tables_together_are_bounded(void **state)
{
	struct fixture *f = *state;
	struct elf_file *files[6];
	size_t room;

	for (int i = 0; i < 6; i++) {
		f->fd[i] = program("f");
		f->version[i] = i + 1;
		files[i] = file_of(f, i);
	}
	want(f, &files[0], 0);
	room = 3 * elf_cache_counts(f->cache).bytes + 10;
	elf_file_put(files[0]);
	elf_cache_free(f->cache);
	f->cache = elf_cache_new(f->fetch, 100, room);
	for (int i = 0; i < 6; i++)
		files[i] = file_of(f, i);
	for (int i = 0; i < 6; i++) {
		want(f, &files[i], i);
		assert_true(elf_cache_counts(f->cache).bytes <= room);
	}
	/* what this interval has used is not pushed out by what comes later */
	for (int i = 0; i < 6; i++)
		expect_name(files[i], i < 3 ? "f" : NULL);
	assert_int_equal(elf_cache_counts(f->cache).evicted, 3);
	/* those that had no place are not read again and again */
	for (int n = 0; n < 5; n++)
		want(f, &files[4], 4);
	assert_int_equal(elf_cache_counts(f->cache).parsed, 6);
	/* in the next interval they have it */
	elf_cache_sweep(f->cache);
	f->now += 60 * SEC;
	want(f, &files[4], 4);
	expect_name(files[4], "f");
	assert_true(elf_cache_counts(f->cache).bytes <= room);
	for (int i = 0; i < 6; i++)
		elf_file_put(files[i]);
}

/* ---- separate debug files */

/* Builds in dir and leaves a stripped file in *stripped and *debug. */
static void
debug_pair(struct fixture *f, int n, const char *strip_flags)
{
	char dir[] = "/tmp/test-elf-cache-XXXXXX", command[1024], path[64];

	assert_non_null(mkdtemp(dir));
	snprintf(command, sizeof(command),
	    "cd %s && echo 'static int hidden(int n) { return n * 3; } "
	    "int shown(int n) { return hidden(n); }' | cc -x c - -O0 -shared "
	    "-fPIC -g -Wl,--build-id=sha1 -o full.so && "
	    "objcopy --only-keep-debug full.so the.debug && "
	    "objcopy --strip-all --add-gnu-debuglink=the.debug %s full.so "
	    "stripped.so",
	    dir, strip_flags);
	assert_int_equal(system(command), 0);
	snprintf(path, sizeof(path), "%s/stripped.so", dir);
	f->fd[n] = open(path, O_RDONLY | O_CLOEXEC);
	snprintf(path, sizeof(path), "%s/the.debug", dir);
	f->debug_fd = open(path, O_RDONLY | O_CLOEXEC);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	assert_int_equal(system(command), 0);
	assert_true(f->fd[n] >= 0 && f->debug_fd >= 0);
}

static bool
has_function(struct elf_file *file, const char *name)
{
	const struct symbol_table *t = elf_file_table(file);
	struct symbol s;

	for (uint64_t at = 0x1000; t != NULL && at < 0x1400; at++)
		if (symbol_table_find(t, at, &s) && strcmp(s.name, name) == 0)
			return true;
	return false;
}

static void
test_debug_file_is_found_by_build_id(void **state)
{
	struct fixture *f = *state;
	struct elf_file *file = file_of(f, 1);

	debug_pair(f, 1, "");
	want(f, &file, 1);
	assert_true(has_function(file, "shown"));
	assert_true(has_function(file, "hidden"));
	assert_int_equal(f->debug_asked, 1);
	assert_int_equal(elf_cache_counts(f->cache).parsed, 1);
	assert_int_equal(elf_cache_counts(f->cache).cached, 1);
	assert_int_equal(elf_cache_counts(f->cache).refused, 0);
	elf_file_put(file);
}

static void
test_debug_file_is_found_by_link(void **state)
{
	struct fixture *f = *state;
	struct elf_file *file = file_of(f, 1);

	debug_pair(f, 1, "--remove-section=.note.gnu.build-id");
	want(f, &file, 1);
	assert_true(has_function(file, "hidden"));
	assert_string_equal(f->debug_name, "the.debug");
	assert_int_equal(f->debug_asked, 1);
	elf_file_put(file);
}

static void
test_debug_file_of_another_costs_nothing(void **state)
{
	struct fixture *f = *state;
	struct elf_file *file = file_of(f, 1);

	debug_pair(f, 1, "");
	close(f->debug_fd);
	f->debug_fd = program("hidden");
	want(f, &file, 1);
	/* by build id, then by link: neither is it */
	assert_int_equal(f->debug_asked, 2);
	assert_true(has_function(file, "shown"));
	assert_false(has_function(file, "hidden"));
	assert_int_equal(elf_cache_counts(f->cache).refused, 2);
	/* and it stays at that */
	want(f, &file, 1);
	assert_int_equal(f->debug_asked, 2);
	elf_file_put(file);
}

static void
test_missing_debug_file_costs_two_questions_once(void **state)
{
	struct fixture *f = *state;
	struct elf_file *file = file_of(f, 1);

	debug_pair(f, 1, "");
	close(f->debug_fd);
	f->debug_fd = -1;
	for (int i = 0; i < 3; i++)
		want(f, &file, 1);
	assert_true(has_function(file, "shown"));
	assert_int_equal(f->debug_asked, 2);
	assert_int_equal(fake_opener_asked(f->fake), 3);
	assert_int_equal(elf_cache_counts(f->cache).refused, 0);
	elf_file_put(file);
}

static void
test_cache_may_go_while_files_are_read(void **state)
{
	struct fixture *f = *state;
	struct batch_mapping m = mapping_of(1);
	struct elf_holder holder = { .now = f->now, .pid = 1, .serial = 1 };
	struct elf_file *file = file_of(f, 1);

	f->fd[1] = program("f");
	elf_cache_want(f->cache, &file, &holder, &m);
	for (int i = 0; i < 3; i++)
		event_base_loop(f->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	elf_file_put(file);
	/* teardown looks for what is left */
	opener_free(f->opener);
	elf_cache_free(f->cache);
	f->opener = NULL;
	f->cache = NULL;
	event_base_loop(f->base, EVLOOP_NONBLOCK);
	usleep(100000);
	event_base_loop(f->base, EVLOOP_NONBLOCK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_file_is_read_once),
		TEST(test_tables_over_the_capacity_go_and_come_back),
		TEST(test_table_that_no_sample_needs_goes_first_and_for_good),
		TEST(test_file_written_in_place_is_read_again),
		TEST(test_what_is_no_program_is_refused_and_counted_once),
		TEST(test_bad_contents_are_refused_by_identity),
		TEST(test_what_cannot_be_had_now_is_asked_for_ever_more_rarely),
		TEST(test_file_whose_opening_hangs_is_refused),
		TEST(test_files_of_subvolumes_are_told_apart),
		TEST(test_all_tables_together_are_bounded),
		TEST(test_debug_file_is_found_by_build_id),
		TEST(test_debug_file_is_found_by_link),
		TEST(test_debug_file_of_another_costs_nothing),
		TEST(test_missing_debug_file_costs_two_questions_once),
		TEST(test_cache_may_go_while_files_are_read),
	};

	log_init("test_elf_cache", false);
	return cmocka_run_group_tests_name("elf_cache", tests, NULL, NULL);
}
