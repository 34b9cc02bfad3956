/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/output.h"
#include "cli/remove_tree.h"

static char top[32];

static int
set_up(void **state)
{
	(void)state;
	strcpy(top, "/tmp/test-output-XXXXXX");
	return mkdtemp(top) == NULL ? -1 : 0;
}

static int
tear_down(void **state)
{
	(void)state;
	return remove_tree(AT_FDCWD, top);
}

static const char *
in_top(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", top, name);
	return path;
}

static int
memory_file(const char *text)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	return fd;
}

static const char *
contents(const char *name)
{
	static char text[128];
	int fd = open(in_top(name), O_RDONLY);
	ssize_t n;

	assert_true(fd >= 0);
	n = read(fd, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	close(fd);
	return text;
}

static int
put(const char *name, const char *text)
{
	int dir = output_open(top), from = memory_file(text), r;

	assert_true(dir >= 0);
	r = output_put(dir, name, from);
	close(from);
	close(dir);
	return r;
}

static void
test_a_file_is_put_whole_and_readable(void **state)
{
	struct stat st;
	mode_t mask = umask(077);

	(void)state;
	assert_int_equal(put("file", "hello"), 0);
	umask(mask);
	assert_string_equal(contents("file"), "hello");
	assert_int_equal(stat(in_top("file"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
}

static void
test_what_was_there_is_replaced(void **state)
{
	(void)state;
	assert_int_equal(put("again", "a longer first text"), 0);
	assert_int_equal(put("again", "second"), 0);
	assert_string_equal(contents("again"), "second");
}

static void
test_a_link_is_replaced_not_followed(void **state)
{
	char path[128];

	(void)state;
	assert_int_equal(put("victim", "precious"), 0);
	strcpy(path, in_top("link"));
	assert_int_equal(symlink("victim", path), 0);
	assert_int_equal(put("link", "new"), 0);
	assert_string_equal(contents("victim"), "precious");
	assert_string_equal(contents("link"), "new");
}

static void
test_failure_leaves_nothing(void **state)
{
	char temporary[64];

	(void)state;
	assert_int_equal(mkdir(in_top("taken"), 0700), 0);
	assert_int_equal(put("taken", "x"), -EISDIR);
	snprintf(
	    temporary, sizeof(temporary), ".%s.%d", "taken", (int)getpid());
	assert_int_equal(access(in_top(temporary), F_OK), -1);
}

static void
test_directories_that_are_none_are_refused(void **state)
{
	(void)state;
	assert_int_equal(put("plain", "x"), 0);
	assert_int_equal(output_open(in_top("plain")), -ENOTDIR);
	assert_int_equal(output_open(in_top("missing")), -ENOENT);
	assert_int_equal(output_open(""), -ENOENT);
	assert_true(output_open("/proc") < 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_file_is_put_whole_and_readable),
		cmocka_unit_test(test_what_was_there_is_replaced),
		cmocka_unit_test(test_a_link_is_replaced_not_followed),
		cmocka_unit_test(test_failure_leaves_nothing),
		cmocka_unit_test(test_directories_that_are_none_are_refused),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
