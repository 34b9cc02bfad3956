/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "common/memfd.h"
#include "shipper/file_writer.h"
#include "shipper/labels.h"

#define TIME_NS 1785585600123456789ull /* 2026-08-01T12:00:00.123 UTC */
#define BYTES 100000

struct written {
	int count, result;
};

static char directory[64];
static struct event_base *base;

static int
set_up(void **state)
{
	(void)state;
	strcpy(directory, "/tmp/phlare-test-XXXXXX");
	base = event_base_new();
	return mkdtemp(directory) != NULL && base != NULL ? 0 : -1;
}

static int
tear_down(void **state)
{
	char command[128];

	(void)state;
	event_base_free(base);
	snprintf(command, sizeof(command), "rm -rf %s", directory);
	return system(command);
}

static void
on_written(void *arg, int r)
{
	struct written *w = arg;

	w->count++;
	w->result = r;
}

static struct file_writer *
writer_of(const char *below)
{
	char url[128];

	snprintf(url, sizeof(url), "file://%s%s", directory, below);
	return file_writer_new(base, url, on_written);
}

/* Its descriptor and labels are gone when this returns. */
static void
start(struct file_writer *writer, uint64_t id, struct written *w)
{
	struct labels *labels =
	    calloc(1, sizeof(*labels) + sizeof(struct label));
	struct file_profile p = { labels, 0xbeef, id, TIME_NS,
		memfd_new("profile"), BYTES };
	static char bytes[BYTES];

	labels->count = 1;
	labels->item[0] = (struct label){ "service_name", "s" };
	assert_int_equal(memfd_append(p.fd, bytes, sizeof(bytes)), 0);
	assert_int_equal(file_writer_start(writer, &p, w), 0);
	close(p.fd);
	memset(labels, 0xff, sizeof(*labels));
	free(labels);
}

/* Whole files only. */
static size_t
files(void)
{
	char pattern[128];
	glob_t found;
	size_t count;

	snprintf(
	    pattern, sizeof(pattern), "%s/s-*-0000beef-*.pb.gz", directory);
	glob(pattern, 0, NULL, &found);
	count = found.gl_pathc;
	globfree(&found);
	return count;
}

static void
test_it_writes_and_says_so_from_the_loop(void **state)
{
	struct file_writer *writer = writer_of("");
	struct written w = { 0 };

	(void)state;
	for (int i = 1; i <= 5; i++) {
		start(writer, i, &w);
		assert_int_equal(w.count, i - 1);
		while (w.count < i)
			event_base_loop(base, EVLOOP_ONCE);
		assert_int_equal(w.result, 0);
		assert_int_equal(files(), i);
	}
	file_writer_free(writer);
}

static void
test_an_error_is_handed_on(void **state)
{
	struct file_writer *writer = writer_of("/not/there");
	struct written w = { 0 };

	(void)state;
	start(writer, 1, &w);
	while (w.count == 0)
		event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(w.result, -ENOENT);
	file_writer_free(writer);
}

/* Whoever is gone is not told; the file is whole all the same. */
static void
test_a_write_may_outlive_its_writer(void **state)
{
	struct written w = { 0 };

	(void)state;
	for (int i = 1; i <= 20; i++) {
		struct file_writer *writer = writer_of("");

		start(writer, i, &w);
		if (i % 2 == 0)
			usleep(300);
		file_writer_free(writer);
		event_base_loop(base, EVLOOP_NONBLOCK);
		while (files() < (size_t)i)
			usleep(1000);
	}
	assert_int_equal(w.count, 0);
	usleep(50000); /* the last thread ends */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    test_it_writes_and_says_so_from_the_loop, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(
		    test_an_error_is_handed_on, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_a_write_may_outlive_its_writer, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
