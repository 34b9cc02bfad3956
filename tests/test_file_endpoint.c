/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/memfd.h"
#include "shipper/file_endpoint.h"
#include "shipper/labels.h"

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))
#define TIME_NS 1785585600123456789ull /* 2026-08-01T12:00:00.123 UTC */

static char directory[64];

static int
make_directory(void **state)
{
	(void)state;
	strcpy(directory, "/tmp/phlare-test-XXXXXX");
	return mkdtemp(directory) != NULL ? 0 : -1;
}

static int
remove_directory(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", directory);
	return system(command);
}

static char *
url_with(const char *query)
{
	static char url[128];

	snprintf(url, sizeof(url), "file://%s%s", directory, query);
	return url;
}

static struct labels *
labels_of(const char *service)
{
	struct labels *labels =
	    calloc(1, sizeof(*labels) + 1 * sizeof(struct label));

	labels->count = 1;
	labels->item[0] = (struct label){ "service_name", service };
	return labels;
}

/* 0 or -errno. */
static int
write_profile(struct file_endpoint *fe, const char *service, uint64_t time_ns,
    uint64_t id, size_t size)
{
	struct labels *labels = labels_of(service);
	struct file_profile p = { labels, 0xbeef, id, time_ns,
		memfd_new("profile"), size };
	char *bytes = malloc(size + 1);
	int r;

	memset(bytes, 'a' + id % 26, size);
	assert_int_equal(memfd_append(p.fd, bytes, size), 0);
	r = file_endpoint_write(fe, &p);
	close(p.fd);
	free(bytes);
	free(labels);
	return r;
}

/* Names in the directory, sorted, one a line; static. */
static const char *
listing(void)
{
	static char text[16384];
	struct dirent **entries;
	int count = scandir(directory, &entries, NULL, alphasort);
	size_t used = 0;

	text[0] = '\0';
	for (int i = 0; i < count; i++) {
		const char *name = entries[i]->d_name;

		if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0)
			used += snprintf(
			    text + used, sizeof(text) - used, "%s\n", name);
		free(entries[i]);
	}
	free(entries);
	return text;
}

static uint64_t
bytes_in_directory(void)
{
	struct dirent **entries;
	int count = scandir(directory, &entries, NULL, NULL);
	uint64_t bytes = 0;

	for (int i = 0; i < count; i++) {
		char path[512];
		struct stat st;

		snprintf(
		    path, sizeof(path), "%s/%s", directory, entries[i]->d_name);
		if (stat(path, &st) == 0 && S_ISREG(st.st_mode))
			bytes += st.st_size;
		free(entries[i]);
	}
	free(entries);
	return bytes;
}

static void
touch(const char *name, size_t size, time_t age)
{
	struct timespec times[2] = { { time(NULL) - age, 0 },
		{ time(NULL) - age, 0 } };
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, size), 0);
	assert_int_equal(futimens(fd, times), 0);
	close(fd);
}

static void
test_urls(void **state)
{
	static const char *const good[] = { "file:///", "file:///var/lib/x",
		"FILE:///x", "file:///x?max_bytes=1",
		"file:///x?max_bytes=18446744073709551615" };
	static const char *const bad[] = { "file://", "file:", "file:/x",
		"file://host/x", "file://x", "file:///x?", "file:///x?a=1",
		"file:///x?max_bytes=", "file:///x?max_bytes=0",
		"file:///x?max_bytes=-1", "file:///x?max_bytes=1k",
		"file:///x?max_bytes= 1", "file:///x%20y", "file:///x#y",
		"file:///x?max_bytes=18446744073709551616" };

	(void)state;
	for (size_t i = 0; i < LENGTH(good); i++) {
		assert_true(file_endpoint_is_url(good[i]));
		assert_null(file_endpoint_check(good[i]));
	}
	for (size_t i = 0; i < LENGTH(bad); i++)
		assert_non_null(file_endpoint_check(bad[i]));
	assert_false(file_endpoint_is_url("http://file:"));
	assert_false(file_endpoint_is_url("/x"));
}

static void
test_names(void **state)
{
	static const struct {
		const char *service;
		uint64_t time_ns;
		const char *name;
	} rows[] = {
		{ "app", TIME_NS,
		    "app-20260801T120000.123Z-0000beef-7.pb.gz\n" },
		{ "my app/\xc3\xa9:v1.2_x-y", TIME_NS,
		    "my_app____v1.2_x-y-20260801T120000.123Z-0000beef-7.pb.gz"
		    "\n" },
		{ "../../etc", TIME_NS,
		    "_._.._etc-20260801T120000.123Z-0000beef-7.pb.gz\n" },
		{ ".hidden", TIME_NS,
		    "_hidden-20260801T120000.123Z-0000beef-7.pb.gz\n" },
		{ "", TIME_NS,
		    "profile-20260801T120000.123Z-0000beef-7.pb.gz\n" },
		{ "app", 0, "app-19700101T000000.000Z-0000beef-7.pb.gz\n" },
		{ "app", UINT64_MAX,
		    "app-25540721T233433.709Z-0000beef-7.pb.gz\n" },
	};
	struct file_endpoint *fe;

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		make_directory(NULL);
		fe = file_endpoint_new(url_with(""));
		assert_int_equal(
		    write_profile(fe, rows[i].service, rows[i].time_ns, 7, 10),
		    0);
		assert_string_equal(listing(), rows[i].name);
		file_endpoint_free(fe);
		remove_directory(NULL);
	}
	make_directory(NULL);
}

static void
test_a_long_name_is_cut(void **state)
{
	struct file_endpoint *fe = file_endpoint_new(url_with(""));
	char service[2049];

	(void)state;
	memset(service, 'x', sizeof(service) - 1);
	service[sizeof(service) - 1] = '\0';
	assert_int_equal(write_profile(fe, service, TIME_NS, UINT64_MAX, 1), 0);
	assert_true(strlen(listing()) < 200);
	file_endpoint_free(fe);
}

static void
test_written_twice_it_replaces_itself(void **state)
{
	struct file_endpoint *fe = file_endpoint_new(url_with(""));
	char path[256];
	struct stat st;

	(void)state;
	assert_int_equal(write_profile(fe, "a", TIME_NS, 1, 100), 0);
	assert_int_equal(write_profile(fe, "a", TIME_NS, 1, 50), 0);
	assert_string_equal(
	    listing(), "a-20260801T120000.123Z-0000beef-1.pb.gz\n");
	snprintf(path, sizeof(path), "%s/%.*s", directory,
	    (int)strlen(listing()) - 1, listing());
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 50);
	assert_int_equal(st.st_mode & 0137, 0); /* nobody else's */
	file_endpoint_free(fe);
}

static void
test_the_cap_holds(void **state)
{
	struct file_endpoint *fe =
	    file_endpoint_new(url_with("?max_bytes=10000"));

	(void)state;
	touch("notes.txt", 50000, 100);   /* not ours: stays, not counted */
	touch("other.pb.gz", 50000, 100); /* nor this */
	touch(".x-20260801T120000.123Z-0000beef-1.pb.gz.tmp", 1, 10000);
	touch(".y-20260801T120000.123Z-0000beef-1.pb.gz.tmp", 1, 10);
	touch(".mine.tmp", 1, 10000);
	for (uint64_t id = 1; id <= 100; id++) {
		assert_int_equal(
		    write_profile(fe, "a", TIME_NS + id * 1000000000, id, 300),
		    0);
		assert_true(bytes_in_directory() <= 10000 + 100003);
	}
	assert_true(bytes_in_directory() > 8000 + 100002);
	assert_non_null(strstr(listing(), "-100.pb.gz")); /* the newest */
	assert_null(strstr(listing(), "beef-1.pb.gz\n"));
	assert_non_null(strstr(listing(), "notes.txt"));
	assert_non_null(strstr(listing(), "other.pb.gz"));
	assert_null(strstr(listing(), ".x-"));
	assert_non_null(strstr(listing(), ".y-"));
	assert_non_null(strstr(listing(), ".mine.tmp"));
	file_endpoint_free(fe);
}

/* The directory fills up with many small files, then a large one comes. */
static void
test_room_is_made_for_a_large_one(void **state)
{
	struct file_endpoint *fe =
	    file_endpoint_new(url_with("?max_bytes=10000"));
	const char *found;

	(void)state;
	for (uint64_t id = 1; id <= 900; id++)
		assert_int_equal(write_profile(fe, "a", TIME_NS, id, 10), 0);
	assert_int_equal(write_profile(fe, "a", TIME_NS, 1000, 9900), 0);
	assert_true(bytes_in_directory() <= 10000);
	found = strstr(listing(), "-1000.pb.gz");
	assert_non_null(found);
	/* one that can never fit takes nothing with it */
	assert_int_equal(write_profile(fe, "a", TIME_NS, 1001, 10001), -EFBIG);
	assert_non_null(strstr(listing(), "-1000.pb.gz"));
	file_endpoint_free(fe);
}

static void
test_files_of_an_earlier_run_count(void **state)
{
	struct file_endpoint *fe;

	(void)state;
	touch("a-20200101T000000.000Z-0000beef-1.pb.gz", 6000, 5000);
	touch("a-20200101T000001.000Z-0000beef-2.pb.gz", 3000, 4000);
	fe = file_endpoint_new(url_with("?max_bytes=10000"));
	assert_int_equal(write_profile(fe, "a", TIME_NS, 3, 2000), 0);
	assert_null(strstr(listing(), "beef-1.pb.gz"));
	assert_non_null(strstr(listing(), "beef-2.pb.gz"));
	assert_non_null(strstr(listing(), "beef-3.pb.gz"));
	file_endpoint_free(fe);
}

static void
test_nothing_partial_is_left(void **state)
{
	struct file_endpoint *fe = file_endpoint_new(url_with(""));
	struct labels *labels = labels_of("a");
	/* it promises more than it has */
	struct file_profile p = { labels, 1, 1, TIME_NS, memfd_new("x"), 100 };

	(void)state;
	assert_int_equal(memfd_append(p.fd, "short", 5), 0);
	assert_int_equal(file_endpoint_write(fe, &p), -EIO);
	assert_string_equal(listing(), "");
	close(p.fd);
	free(labels);
	file_endpoint_free(fe);
}

static void
test_a_directory_that_is_gone(void **state)
{
	struct file_endpoint *fe = file_endpoint_new(url_with("/sub"));

	(void)state;
	assert_int_equal(write_profile(fe, "a", TIME_NS, 1, 10), -ENOENT);
	assert_int_equal(file_endpoint_probe(url_with("/sub"), true), 0);
	assert_int_equal(write_profile(fe, "a", TIME_NS, 1, 10), 0);
	assert_int_equal(
	    file_endpoint_probe(url_with("/sub/a/b"), true), -ENOENT);
	touch("file", 1, 0);
	assert_int_equal(
	    file_endpoint_probe(url_with("/file"), true), -ENOTDIR);
	file_endpoint_free(fe);
}

#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, make_directory, remove_directory)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_urls),
		TEST(test_names),
		TEST(test_a_long_name_is_cut),
		TEST(test_written_twice_it_replaces_itself),
		TEST(test_the_cap_holds),
		TEST(test_room_is_made_for_a_large_one),
		TEST(test_files_of_an_earlier_run_count),
		TEST(test_nothing_partial_is_left),
		TEST(test_a_directory_that_is_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
