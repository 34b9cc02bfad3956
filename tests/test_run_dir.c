/* SPDX-License-Identifier: Apache-2.0 */
/* Run directories, the janitor and what they remove, in a scratch directory. */
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
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/janitor.h"
#include "cli/remove_tree.h"
#include "cli/run_dir.h"

static char top[32];

static int
set_up(void **state)
{
	(void)state;
	strcpy(top, "/tmp/test-run-dir-XXXXXX");
	return mkdtemp(top) == NULL ? -1 : 0;
}

static int
tear_down(void **state)
{
	(void)state;
	return remove_tree(AT_FDCWD, top);
}

static int
is_there(const char *name)
{
	char path[128];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", top, name);
	return lstat(path, &st) == 0;
}

static void
make(const char *name, int directory)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", top, name);
	if (directory) {
		assert_int_equal(mkdir(path, 0700), 0);
		return;
	}
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	close(fd);
}

/* A pid that nobody has: of a child that has ended. */
static pid_t
dead_pid(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	return pid;
}

static void
test_tree_is_removed_but_no_link_is_followed(void **state)
{
	char path[128];

	(void)state;
	make("a", 1);
	make("a/b", 1);
	make("a/b/f", 0);
	make("precious", 1);
	make("precious/f", 0);
	snprintf(path, sizeof(path), "%s/a/b/link", top);
	assert_int_equal(symlink("../../precious", path), 0);
	snprintf(path, sizeof(path), "%s/a", top);
	assert_int_equal(remove_tree(AT_FDCWD, path), 0);
	assert_false(is_there("a"));
	assert_true(is_there("precious/f"));
	assert_int_equal(remove_tree(AT_FDCWD, path), 0);
}

static void
test_a_tree_too_deep_is_refused(void **state)
{
	char path[128];
	int n = snprintf(path, sizeof(path), "%s/d", top);

	(void)state;
	make("d", 1);
	for (int i = 0; i < REMOVE_TREE_DEPTH; i++) {
		strcpy(path + n, "/d");
		n += 2;
		assert_int_equal(mkdir(path, 0700), 0);
	}
	snprintf(path, sizeof(path), "%s/d", top);
	assert_int_equal(remove_tree(AT_FDCWD, path), -ELOOP);
	snprintf(path, sizeof(path), "%s/d/d", top);
	assert_int_equal(remove_tree(AT_FDCWD, path), 0);
}

static void
test_only_dead_owners_are_cleaned_up(void **state)
{
	char dead[64], locked[64];
	struct run_dir mine;
	pid_t holder;
	int ready[2];
	char byte;

	(void)state;
	snprintf(dead, sizeof(dead), RUN_DIR_PREFIX "%d", (int)dead_pid());
	make(dead, 1);
	make(RUN_DIR_PREFIX "1", 1);    /* lives */
	make(RUN_DIR_PREFIX "x", 1);    /* not ours */
	make(RUN_DIR_PREFIX "12.5", 1); /* not ours */
	make("phlare-other", 1);
	/* of another pid namespace: the pid is nobody's here, the lock is */
	snprintf(locked, sizeof(locked), RUN_DIR_PREFIX "%d", (int)dead_pid());
	assert_int_equal(run_dir_name(&mine, top), 0);
	strcpy(mine.name, locked);
	assert_int_equal(pipe(ready), 0);
	holder = fork();
	if (holder == 0) {
		_exit(run_dir_make(&mine) != 0 ||
		      write(ready[1], "x", 1) != 1 || pause() == 0);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	run_dirs_clean(top);
	assert_false(is_there(dead));
	assert_true(is_there(locked));
	assert_true(is_there(RUN_DIR_PREFIX "1"));
	assert_true(is_there(RUN_DIR_PREFIX "x"));
	assert_true(is_there(RUN_DIR_PREFIX "12.5"));
	assert_true(is_there("phlare-other"));
	kill(holder, SIGKILL);
	waitpid(holder, NULL, 0);
	run_dirs_clean(top);
	assert_false(is_there(locked));
	run_dir_close(&mine);
	close(ready[0]);
	close(ready[1]);
}

static void
test_an_own_directory_is_left_over_from_another_life(void **state)
{
	struct run_dir mine, again;

	(void)state;
	assert_int_equal(run_dir_name(&mine, top), 0);
	make(mine.name, 1);
	assert_int_equal(run_dir_make(&mine), -EEXIST);
	run_dirs_clean(top);
	assert_int_equal(run_dir_make(&mine), 0);
	assert_int_equal(run_dir_name(&again, top), 0);
	run_dirs_clean(top); /* locked now */
	assert_true(is_there(mine.name));
	run_dir_close(&again);
	run_dir_close(&mine);
}

static void
test_the_janitor_removes_when_its_maker_is_killed(void **state)
{
	int ready[2];
	pid_t maker;
	char byte;

	(void)state;
	assert_int_equal(pipe(ready), 0);
	maker = fork();
	if (maker == 0) {
		struct run_dir dir;
		struct janitor j;

		_exit(run_dir_name(&dir, top) != 0 ||
		      janitor_start(&j, dir.parent, "work") != 0 ||
		      mkdirat(dir.parent, "work", 0700) != 0 ||
		      mkdirat(dir.parent, "work/sub", 0700) != 0 ||
		      write(ready[1], "x", 1) != 1 || pause() == 0);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_true(is_there("work/sub"));
	kill(maker, SIGKILL);
	waitpid(maker, NULL, 0);
	for (int i = 0; i < 200 && is_there("work"); i++)
		usleep(10000);
	assert_false(is_there("work"));
	close(ready[0]);
	close(ready[1]);
}

static void
test_the_janitor_has_done_its_work_at_the_end(void **state)
{
	struct run_dir dir;
	struct janitor j;

	(void)state;
	assert_int_equal(run_dir_name(&dir, top), 0);
	assert_int_equal(janitor_start(&j, dir.parent, "work"), 0);
	make("work", 1);
	make("work/file", 0);
	janitor_end(&j);
	assert_false(is_there("work"));
	janitor_end(&j); /* once is enough */
	run_dir_close(&dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tree_is_removed_but_no_link_is_followed),
		cmocka_unit_test(test_a_tree_too_deep_is_refused),
		cmocka_unit_test(test_only_dead_owners_are_cleaned_up),
		cmocka_unit_test(
		    test_an_own_directory_is_left_over_from_another_life),
		cmocka_unit_test(
		    test_the_janitor_removes_when_its_maker_is_killed),
		cmocka_unit_test(test_the_janitor_has_done_its_work_at_the_end),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
