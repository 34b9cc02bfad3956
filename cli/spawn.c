/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/spawn.h"

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "common/privilege.h"

#define FDS_START 3 /* SD_LISTEN_FDS_START */

/* Set anew for each program, or no business of a program of ours. */
static const char *const never_passed[] = { "JOURNAL_STREAM=", "LD_", "LISTEN_",
	"NOTIFY_SOCKET=", "WATCHDOG_", NULL };
/* Passed to every program. */
static const char *const always_passed[] = {
#ifdef WITH_SANITIZERS
	"ASAN_OPTIONS=", "LSAN_OPTIONS=", "UBSAN_OPTIONS=",
#endif
	NULL
};

static bool
begins_with_one_of(const char *text, const char *const *prefixes)
{
	for (; *prefixes != NULL; prefixes++)
		if (strncmp(text, *prefixes, strlen(*prefixes)) == 0)
			return true;
	return false;
}

static char *
variable(const char *name, const char *value)
{
	char *text;

	if (asprintf(&text, "%s=%s", name, value) < 0)
		fatal("out of memory");
	return text;
}

static char *
variable_number(const char *name, long value)
{
	char text[32];

	snprintf(text, sizeof(text), "%ld", value);
	return variable(name, text);
}

/* Says on the child's standard error what failed. */
static void
child_failed(const char *what)
{
	log_warn(NULL, "%s", what);
	_exit(SPAWN_NOT_EXECUTED);
}

/* In the child, which need not free it. */
static char **
child_environment(const struct spawn *s)
{
	size_t n = 0, count = 0;
	char **env, stream[64];
	struct stat st = { 0 };

	while (environ[count] != NULL)
		count++;
	env = ecalloc(count + 8, sizeof(*env));
	for (size_t i = 0; i < count; i++) {
		if (begins_with_one_of(environ[i], always_passed) ||
		    (s->environment &&
			!begins_with_one_of(environ[i], never_passed)))
			env[n++] = environ[i];
	}
	if (!s->environment)
		env[n++] = variable("PATH", "/usr/bin:/bin");
	fstat(STDERR_FILENO, &st);
	snprintf(stream, sizeof(stream), "%llu:%llu",
	    (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
	env[n++] = variable("JOURNAL_STREAM", stream);
	env[n++] = variable("NOTIFY_SOCKET", s->notify);
	env[n++] = variable_number("LISTEN_PID", getpid());
	env[n++] = variable_number("LISTEN_FDS", s->fds_count);
	env[n++] = variable("LISTEN_FDNAMES", s->fd_names);
	return env;
}

/* Standard input, output, error and the passed ones; nothing else. */
static void
child_descriptors(const struct spawn *s, int err)
{
	int high[SPAWN_MAX_FDS], null = open("/dev/null", O_RDONLY);

	if (null < 0 || dup2(null, STDIN_FILENO) < 0 ||
	    dup2(err, STDOUT_FILENO) < 0 || dup2(err, STDERR_FILENO) < 0)
		child_failed("pass descriptors");
	for (int i = 0; i < s->fds_count; i++)
		high[i] = fcntl(s->fds[i], F_DUPFD, FDS_START + SPAWN_MAX_FDS);
	for (int i = 0; i < s->fds_count; i++)
		if (high[i] < 0 || dup2(high[i], FDS_START + i) < 0)
			child_failed("pass descriptors");
	if (close_range(FDS_START + s->fds_count, ~0U, 0) < 0)
		child_failed("close_range");
}

static void
child_signals(void)
{
	sigset_t none;

	for (int i = 1; i < SIGRTMIN; i++)
		signal(i, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void
child_execute(const struct spawn *s, pid_t parent, int err)
{
	setsid();
	child_signals();
	privilege_die_with(parent);
	child_descriptors(s, err);
	execve(s->path, s->argv, child_environment(s));
	child_failed(s->path);
}

pid_t
spawn_program(const struct spawn *s, int *stderr_fd)
{
	pid_t pid, parent = getpid();
	sigset_t all, before;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	/* our handlers must not run in the child */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid = fork();
	if (pid == 0)
		child_execute(s, parent, ends[1]);
	sigprocmask(SIG_SETMASK, &before, NULL);
	close(ends[1]);
	if (pid < 0) {
		pid = -errno;
		close(ends[0]);
		return pid;
	}
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	*stderr_fd = ends[0];
	return pid;
}
