/* SPDX-License-Identifier: Apache-2.0 */
/* The sampler's memory of processes: what came from what. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "collector/processes.h"
#include "common/batch.h"

#define SHELL 100
#define CHILD 101
#define GRANDCHILD 102

struct told {
	struct process *newest[1000];
	uint32_t flags[1000];
};

static bool
on_news(void *arg, struct process *p, uint32_t flags)
{
	struct told *told = arg;

	told->newest[p->pid] = p;
	told->flags[p->pid] = flags;
	return true;
}

static struct process *
find(struct processes *ps, uint32_t pid, uint64_t start)
{
	struct process *p = processes_find(ps, pid, start, 0);

	assert_non_null(p);
	return p;
}

static void
test_a_fork_knows_its_parent(void **state)
{
	struct processes *ps = processes_new(NULL);
	struct told told = { .flags = { 0 } };
	struct process *shell, *child;

	(void)state;
	processes_scan_begin(ps, 10);
	processes_scan_add(ps, 10, SHELL, 5, 0, NULL);
	processes_scan_end(ps, 10, true);
	shell = find(ps, SHELL, 5);
	assert_int_equal(shell->parent, 0);
	processes_fork(ps, 20, CHILD, SHELL);
	child = find(ps, CHILD, 20);
	assert_int_equal(child->parent, shell->generation);
	assert_int_equal(child->ancestor, 0); /* nobody was told of it */
	processes_news(ps, 30, on_news, &told);
	assert_ptr_equal(told.newest[SHELL], shell);
	processes_fork(ps, 40, GRANDCHILD, CHILD);
	assert_int_equal(find(ps, GRANDCHILD, 40)->ancestor, child->generation);
	processes_free(ps);
}

/* sh forks, the child forks again and both execute something: none is told. */
static void
test_an_ancestor_is_one_that_was_told_of(void **state)
{
	struct processes *ps = processes_new(NULL);
	struct told told = { .flags = { 0 } };
	struct process *shell, *child, *grandchild;
	uint64_t generation;

	(void)state;
	processes_scan_begin(ps, 10);
	processes_scan_add(ps, 10, SHELL, 5, 0, NULL);
	processes_scan_end(ps, 10, true);
	processes_news(ps, 10, on_news, &told);
	shell = find(ps, SHELL, 5);
	processes_fork(ps, 20, CHILD, SHELL);
	generation = find(ps, CHILD, 20)->generation;
	processes_exec(ps, 21, CHILD);
	child = processes_find(ps, CHILD, 20, 1);
	assert_non_null(child);
	assert_int_equal(child->parent, generation);
	assert_int_equal(child->ancestor, shell->generation);
	processes_fork(ps, 30, GRANDCHILD, CHILD);
	grandchild = processes_find(ps, GRANDCHILD, 30, 1);
	assert_non_null(grandchild);
	assert_int_equal(grandchild->parent, child->generation);
	assert_int_equal(grandchild->ancestor, shell->generation);
	assert_false(grandchild->exited);
	processes_exit(ps, 40, GRANDCHILD);
	assert_true(grandchild->exited);
	processes_free(ps);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_fork_knows_its_parent),
		cmocka_unit_test(test_an_ancestor_is_one_that_was_told_of),
	};

	return cmocka_run_group_tests_name("processes", tests, NULL, NULL);
}
