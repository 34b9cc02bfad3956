/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/janitor.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/remove_tree.h"
#include "common/privilege.h"

#define REMOVE_ATTEMPTS 20
#define REMOVE_PAUSE_MS 100

enum { KEEP_PARENT = 3, KEEP_MAKER, KEEP_NONE };

/* What it must not hold open: terminals, pipes, the maker's lock. */
static void
let_go(int parent, int maker)
{
	int null = open("/dev/null", O_RDWR);

	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	parent = fcntl(parent, F_DUPFD, KEEP_NONE);
	maker = fcntl(maker, F_DUPFD, KEEP_NONE);
	dup2(parent, KEEP_PARENT);
	dup2(maker, KEEP_MAKER);
	close_range(KEEP_NONE, ~0U, 0);
}

static void
live(int parent, int maker, const char *name)
{
	struct timespec pause = { 0, REMOVE_PAUSE_MS * 1000000L };
	char byte;

	setsid();
	signal(SIGHUP, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	let_go(parent, maker);
	/* the scratch of another uid is removed too */
	privilege_forget(~(1ULL << CAP_DAC_OVERRIDE));
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	while (read(KEEP_MAKER, &byte, 1) < 0 && errno == EINTR)
		;
	/* the programs die at the same moment and may still write */
	for (int i = 0; i < REMOVE_ATTEMPTS; i++) {
		if (remove_tree(KEEP_PARENT, name) == 0)
			_exit(0);
		nanosleep(&pause, NULL);
	}
	_exit(1);
}

int
janitor_start(struct janitor *j, int parent, const char *name)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	j->pid = fork();
	if (j->pid == 0) {
		close(ends[1]);
		live(parent, ends[0], name);
	}
	close(ends[0]);
	j->alive = ends[1];
	if (j->pid < 0) {
		close(ends[1]);
		return -EAGAIN;
	}
	return 0;
}

void
janitor_leave(struct janitor *j)
{
	close(j->alive);
	j->alive = -1;
}

void
janitor_end(struct janitor *j)
{
	if (j->pid <= 0)
		return;
	janitor_leave(j);
	while (waitpid(j->pid, NULL, 0) < 0 && errno == EINTR)
		;
	j->pid = 0;
}
