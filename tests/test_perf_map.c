/* SPDX-License-Identifier: Apache-2.0 */
/* Perf maps: what lines mean, and when the file is asked for and read. */
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
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "common/log.h"
#include "common/memfd.h"
#include "symbolizer/elf_cache.h"
#include "symbolizer/fetch.h"
#include "symbolizer/opener.h"
#include "symbolizer/perf_map.h"
#include "symbolizer/perf_maps.h"
#include "symbolizer/symbol_format.h"
#include "symbolizer/symbol_table.h"
#include "tests/fake_opener.h"

#define SEC 1000000000ULL

static struct symbol_table *
table_of(const char *text, size_t size)
{
	int out = memfd_new("table");
	struct symbol_table *t;

	assert_int_equal(perf_map_parse(text, size, out), PERF_MAP_ACCEPTED);
	assert_int_equal(memfd_seal(out), 0);
	assert_int_equal(symbol_table_open(out, &t), 0);
	return t;
}

static void
expect(const struct symbol_table *t, uint64_t address, const char *want)
{
	struct symbol s;
	bool found = symbol_table_find(t, address, &s);

	if (found != (want != NULL) || (found && strcmp(s.name, want) != 0))
		fail_msg("at %llx: %s instead of %s",
		    (unsigned long long)address, found ? s.name : "none",
		    want ? want : "none");
}

static void
test_lines_name_addresses(void **state)
{
	static const char text[] =
	    "7f0000001000 20 LazyCompile:*add /app/main.js:1\n"
	    "0x7f0000002000 0x10 Interp\tprefix\r\n"
	    "7F00AABBC000 a UPPER\n"
	    "7fffffffe000 1000 last";
	struct symbol_table *t = table_of(text, sizeof(text) - 1);

	(void)state;
	expect(t, 0x7f0000000fff, NULL);
	expect(t, 0x7f0000001000, "LazyCompile:*add /app/main.js:1");
	expect(t, 0x7f000000101f, "LazyCompile:*add /app/main.js:1");
	expect(t, 0x7f0000001020, NULL);
	expect(t, 0x7f000000200f, "Interp\tprefix");
	expect(t, 0x7f00aabbc009, "UPPER");
	expect(t, 0x7fffffffefff, "last");
	symbol_table_free(t);
}

static void
test_what_is_no_line_is_skipped(void **state)
{
	static const char text[] = "\n"
				   "garbage\n"
				   "7f00 zz name\n"
				   "7f00 10\n"
				   "7f00 10 \n"
				   "7f00  0 empty\n"
				   "12345678123456789 10 too_long\n"
				   "7f00 10 good\n"
				   "-1 10 negative\n"
				   "\xff\xfe\x00\x01\n"
				   "9000 10 a\0b\n"
				   "ffffffffffffff00 ffffffffffffffff end\n"
				   " 5000 10 indented\n";
	struct symbol_table *t = table_of(text, sizeof(text) - 1);

	(void)state;
	expect(t, 0x7f00, "good");
	expect(t, 0x9000, "a");
	expect(t, 0xffffffffffffff00, "end");
	expect(t, 0x5000, NULL);
	assert_int_equal(symbol_table_count(t), 3);
	symbol_table_free(t);
	t = table_of("", 0);
	expect(t, 0, NULL);
	symbol_table_free(t);
}

/* Memory is used again: what was written last is there now. */
static void
test_later_lines_win(void **state)
{
	static const char text[] = "1000 1000 old\n"
				   "1800 100 inside\n"
				   "1f00 200 over_the_end\n"
				   "0f00 200 over_the_start\n"
				   "1850 10 inmost\n"
				   "3000 100 gone\n"
				   "2f00 400 covers_it\n";
	struct symbol_table *t = table_of(text, sizeof(text) - 1);

	(void)state;
	expect(t, 0x0f00, "over_the_start");
	expect(t, 0x10ff, "over_the_start");
	expect(t, 0x1100, "old");
	expect(t, 0x17ff, "old");
	expect(t, 0x1800, "inside");
	expect(t, 0x1850, "inmost");
	expect(t, 0x1860, "inside");
	expect(t, 0x1900, "old");
	expect(t, 0x1eff, "old");
	expect(t, 0x1f00, "over_the_end");
	expect(t, 0x20ff, "over_the_end");
	expect(t, 0x2100, NULL);
	expect(t, 0x3000, "covers_it");
	expect(t, 0x32ff, "covers_it");
	symbol_table_free(t);
}

/* The slow way: who wrote each address last. */
static void
test_any_overlap_is_settled_as_the_slow_way_does(void **state)
{
	enum { LINES = 60, SPACE = 300 };
	unsigned seed = 7;

	(void)state;
	for (int round = 0; round < 200; round++) {
		char text[LINES * 32], name[16];
		int owner[SPACE + 40];
		size_t used = 0;
		struct symbol_table *t;

		memset(owner, -1, sizeof(owner));
		for (int i = 0; i < LINES; i++) {
			int start = rand_r(&seed) % SPACE;
			int size = 1 + rand_r(&seed) % 40;

			used += sprintf(text + used, "%x %x f%d\n",
			    0x1000 + start, size, i);
			for (int n = 0; n < size; n++)
				owner[start + n] = i;
		}
		t = table_of(text, used);
		for (int i = 0; i < SPACE + 40; i++) {
			snprintf(name, sizeof(name), "f%d", owner[i]);
			expect(t, 0x1000 + i, owner[i] >= 0 ? name : NULL);
		}
		symbol_table_free(t);
	}
}

static void
test_code_may_lie_far_apart(void **state)
{
	char text[8192];
	size_t used = 0;
	struct symbol_table *t;
	int out;

	(void)state;
	for (int i = 0; i < 40; i++)
		used += sprintf(text + used, "%llx 100 far_%d\n",
		    (i + 1) * 0x180000000ULL, i);
	/* one that is longer than an entry can be is cut */
	used += sprintf(text + used, "700000000000 1ffffffff long\n");
	t = table_of(text, used);
	expect(t, 0x180000000, "far_0");
	expect(t, 40 * 0x180000000 + 0xff, "far_39");
	expect(t, 0x700000000000, "long");
	expect(t, 0x7000fffffffe, "long");
	expect(t, 0x7000ffffffff, NULL);
	symbol_table_free(t);
	/* all over the address space: not what a compiler does */
	used = 0;
	for (int i = 0; i < 100; i++)
		used += sprintf(
		    text + used, "%llx 1 f\n", (i + 1) * 0x10000000000ULL);
	out = memfd_new("table");
	assert_int_equal(perf_map_parse(text, used, out), PERF_MAP_TOO_LARGE);
	close(out);
}

static void
test_very_many_lines_are_refused(void **state)
{
	size_t lines = SYMBOL_FORMAT_SYMBOLS + 10, size = lines * 6;
	char *text = malloc(size + 1);
	int out = memfd_new("table");

	(void)state;
	for (size_t i = 0; i < lines; i++)
		memcpy(text + 6 * i, "1 1 f\n", 6);
	assert_int_equal(perf_map_parse(text, size, out), PERF_MAP_TOO_LARGE);
	close(out);
	free(text);
}

/* ---- asking for it */

struct fixture {
	struct event_base *base;
	struct fake_opener *fake;
	struct opener *opener;
	struct fetch *fetch;
	struct perf_maps *maps;
	struct perf_map *map;
	uint64_t now, version;
	int fd, error;
};

static struct fake_answer
answers(void *arg, const phlare_OpenRequest *q)
{
	struct fixture *f = arg;

	assert_int_equal(q->kind, phlare_OpenKind_OPEN_PERF_MAP);
	assert_int_equal(q->pid, 77);
	return (struct fake_answer){ .fd = f->error ? -f->error : dup(f->fd),
		.changed_ns = f->version };
}

static void
on_settled(void *arg)
{
	event_base_loopbreak(((struct fixture *)arg)->base);
}

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->base = event_base_new();
	f->fake = fake_opener_new(f->base, answers, f);
	f->opener = opener_new(f->base, fake_opener_path(f->fake));
	f->fetch = fetch_new(f->base, f->opener, NULL, on_settled, f);
	f->maps = perf_maps_new(f->fetch, 4096);
	f->now = 1000 * SEC;
	f->version = 1;
	f->fd = memfd_new("map");
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	opener_free(f->opener);
	perf_map_put(f->map);
	perf_maps_free(f->maps);
	fetch_free(f->fetch);
	fake_opener_free(f->fake);
	event_base_loop(f->base, EVLOOP_NONBLOCK);
	event_base_free(f->base);
	close(f->fd);
	free(f);
	return 0;
}

static void
want_map(struct fixture *f, struct perf_map **map)
{
	struct elf_holder holder = { .pid = 77,
		.start_time = 1,
		.serial = 1,
		.now = f->now,
		.urgent = true };

	perf_maps_want(f->maps, map, &holder);
	while (fetch_is_busy(f->fetch))
		event_base_dispatch(f->base);
}

static void
write_map(struct fixture *f, const char *text)
{
	assert_int_equal(memfd_append(f->fd, text, strlen(text)), 0);
	f->version++;
}

static void
test_map_is_read_again_when_it_has_grown(void **state)
{
	struct fixture *f = *state;

	write_map(f, "1000 10 first\n");
	want_map(f, &f->map);
	expect(perf_map_table(f->map), 0x1000, "first");
	expect(perf_map_table(f->map), 0x2000, NULL);
	write_map(f, "2000 10 second\n1000 10 instead\n");
	want_map(f, &f->map);
	expect(perf_map_table(f->map), 0x1000, "instead");
	expect(perf_map_table(f->map), 0x2000, "second");
	assert_int_equal(perf_maps_counts(f->maps).parsed, 2);
	assert_int_equal(perf_maps_counts(f->maps).cached, 1);
}

static void
test_map_that_does_not_change_is_not_read_again(void **state)
{
	struct fixture *f = *state;

	write_map(f, "1000 10 only\n");
	for (int i = 0; i < 200; i++) {
		want_map(f, &f->map);
		f->now += SEC;
	}
	assert_int_equal(perf_maps_counts(f->maps).parsed, 1);
	/* nor asked for in each interval */
	assert_true(fake_opener_asked(f->fake) <= 8);
}

static void
test_map_that_is_not_there_is_asked_for_ever_more_rarely(void **state)
{
	struct fixture *f = *state;

	f->error = ENOENT;
	for (int i = 0; i < 200; i++) {
		want_map(f, &f->map);
		f->now += SEC;
	}
	assert_in_range(fake_opener_asked(f->fake), 4, 8);
	assert_int_equal(perf_maps_counts(f->maps).refused, 0);
	assert_null(perf_map_table(f->map));
	f->error = 0;
	f->now += 100 * SEC;
	write_map(f, "1000 10 late\n");
	want_map(f, &f->map);
	expect(perf_map_table(f->map), 0x1000, "late");
}

static void
test_bad_maps_are_refused_and_counted(void **state)
{
	struct fixture *f = *state;

	f->error = EFBIG;
	want_map(f, &f->map);
	assert_int_equal(perf_maps_counts(f->maps).refused, 1);
	/* one that is too large once it is read */
	f->error = 0;
	f->now += 1000 * SEC;
	write_map(f, "1000 10 f\n");
	assert_int_equal(ftruncate(f->fd, PERF_MAP_MAX_BYTES + 4096LL), 0);
	want_map(f, &f->map);
	assert_int_equal(perf_maps_counts(f->maps).refused, 2);
	assert_null(perf_map_table(f->map));
	/* a hole full of nothing names nothing */
	f->now += 1000 * SEC;
	f->version++;
	assert_int_equal(ftruncate(f->fd, 20 << 20), 0);
	want_map(f, &f->map);
	expect(perf_map_table(f->map), 0x1000, "f");
	assert_int_equal(perf_maps_counts(f->maps).parsed, 1);
}

static void
test_tables_of_maps_are_bounded(void **state)
{
	struct fixture *f = *state;
	struct perf_map *maps[8] = { 0 };

	for (int i = 0; i < 20; i++) {
		char line[128];

		snprintf(line, sizeof(line), "%x 10 a_long_name_%050d\n",
		    0x1000 * (i + 1), i);
		write_map(f, line);
	}
	for (int i = 0; i < 8; i++) {
		want_map(f, &maps[i]);
		assert_non_null(perf_map_table(maps[i]));
		assert_true(perf_maps_counts(f->maps).bytes <= 4096);
	}
	assert_true(perf_maps_counts(f->maps).evicted >= 4);
	/* one that was pushed out can be had again */
	assert_null(perf_map_table(maps[0]));
	want_map(f, &maps[0]);
	expect(perf_map_table(maps[0]), 0x1000,
	    "a_long_name_00000000000000000000000000000000000000000000000000");
	for (int i = 0; i < 8; i++)
		perf_map_put(maps[i]);
	assert_int_equal(perf_maps_counts(f->maps).bytes, 0);
}

static void
test_process_may_be_forgotten_while_its_map_is_read(void **state)
{
	struct fixture *f = *state;
	struct elf_holder holder = { .pid = 77, .now = f->now };

	write_map(f, "1000 10 f\n");
	perf_maps_want(f->maps, &f->map, &holder);
	perf_map_put(f->map);
	f->map = NULL;
	while (fetch_is_busy(f->fetch))
		event_base_dispatch(f->base);
	assert_int_equal(perf_maps_counts(f->maps).bytes, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines_name_addresses),
		cmocka_unit_test(test_what_is_no_line_is_skipped),
		cmocka_unit_test(test_later_lines_win),
		cmocka_unit_test(
		    test_any_overlap_is_settled_as_the_slow_way_does),
		cmocka_unit_test(test_code_may_lie_far_apart),
		cmocka_unit_test(test_very_many_lines_are_refused),
		TEST(test_map_is_read_again_when_it_has_grown),
		TEST(test_map_that_does_not_change_is_not_read_again),
		TEST(test_map_that_is_not_there_is_asked_for_ever_more_rarely),
		TEST(test_bad_maps_are_refused_and_counted),
		TEST(test_tables_of_maps_are_bounded),
		TEST(test_process_may_be_forgotten_while_its_map_is_read),
	};

	log_init("test_perf_map", false);
	return cmocka_run_group_tests_name("perf_map", tests, NULL, NULL);
}
