/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "symbolizer/throwaway.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/event.h>

#include "common/log.h"
#include "common/memfd.h"
#include "common/privilege.h"
#include "common/sandbox.h"

/* The child's descriptors after it has put them in order. */
#define CHILD_IN 3
#define CHILD_OUT 4
#define CHILD_SANDBOX_FAILED 120
#define KILL_GRACE_SEC 1

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

struct file_reader {
	const struct throwaway_job *job;
	file_reader_done done; /* NULL: called, or cancelled */
	void *arg;
	pid_t pid;
	int pidfd, memfd;
	struct event *ended, *deadline;
	bool late;
};

static void
limit(int resource, rlim_t value, rlim_t hard)
{
	struct rlimit l = { value, hard };

	if (setrlimit(resource, &l) < 0)
		_exit(CHILD_SANDBOX_FAILED);
}

/*
 * Input and result stay. Standard error only where it is to tell us which
 * call was refused, or what a sanitizer found.
 */
static void
keep_descriptors(int in, int out)
{
	int a = fcntl(in, F_DUPFD_CLOEXEC, 10);
	int b = fcntl(out, F_DUPFD_CLOEXEC, 10);

	if (a < 0 || b < 0 || dup3(a, CHILD_IN, O_CLOEXEC) < 0 ||
	    dup3(b, CHILD_OUT, O_CLOEXEC) < 0 ||
	    syscall(SYS_close_range, CHILD_OUT + 1, ~0U, 0) < 0)
		_exit(CHILD_SANDBOX_FAILED);
	close(STDIN_FILENO);
	close(STDOUT_FILENO);
#ifndef WITH_SANITIZERS
	if (!sandbox_is_trapping())
		close(STDERR_FILENO);
#endif
}

/*
 * The parent's handlers would write into its event loop. What ends the
 * parent (a ^C goes to the whole group) ends the child through it.
 */
static void
reset_signals(void)
{
	static const int ignored[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM };
	static const int defaults[] = { SIGALRM, SIGCHLD, SIGPIPE, SIGUSR1,
		SIGUSR2, SIGXCPU, SIGXFSZ };
	sigset_t none;

	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
	for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++)
		signal(defaults[i], SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/*
 * Capabilities, ids and no_new_privs are the symbolizer's already: none, its
 * own, and set. What is added here is what only the child can do without.
 */
static void
child(const struct throwaway_job *job, int in, int out, pid_t parent)
{
	reset_signals();
	privilege_die_with(parent);
	keep_descriptors(in, out);
	limit(RLIMIT_CORE, 0, 0);
	limit(RLIMIT_NOFILE, CHILD_OUT + 1, CHILD_OUT + 1);
	limit(RLIMIT_FSIZE, job->output_bytes, job->output_bytes);
	/* SIGXCPU first, which tells it from a crash */
	limit(RLIMIT_CPU, job->cpu_sec, job->cpu_sec + 1);
#ifndef WITH_SANITIZERS /* their shadow memory is terabytes */
	limit(RLIMIT_DATA, job->memory_bytes, job->memory_bytes);
#endif
	if (sandbox_enter(PROCESS_FILE_READER, NULL) < 0)
		_exit(CHILD_SANDBOX_FAILED);
	_exit(job->run(CHILD_IN, CHILD_OUT));
}

static void
throwaway_free(struct file_reader *r)
{
	if (r->ended != NULL)
		event_free(r->ended);
	if (r->deadline != NULL)
		event_free(r->deadline);
	if (r->pidfd >= 0)
		close(r->pidfd);
	if (r->memfd >= 0)
		close(r->memfd);
	free(r);
}

static enum file_reader_result
judge(const struct file_reader *r, int status, const char **why)
{
	*why = "";
	if (r->late || (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU)) {
		*why = "took too long";
		return FILE_READER_TIMEOUT;
	}
	if (WIFSIGNALED(status)) {
		*why = strsignal(WTERMSIG(status));
		return FILE_READER_CRASHED;
	}
	if (WEXITSTATUS(status) == 0)
		return FILE_READER_OK;
	if (WEXITSTATUS(status) == CHILD_SANDBOX_FAILED) {
		*why = "its sandbox failed";
		return FILE_READER_FAILED;
	}
	*why = r->job->refusal(WEXITSTATUS(status));
	/* an exit that no job makes: the sanitizers', or trap mode's */
	return strcmp(*why, "unknown") == 0 ? FILE_READER_CRASHED
					    : FILE_READER_REFUSED;
}

/* Tells the caller, once. It may cancel or start others in there. */
static void
report(struct file_reader *r, enum file_reader_result result, int memfd,
    const char *why)
{
	file_reader_done done = r->done;

	r->done = NULL;
	if (done != NULL)
		done(r->arg, result, memfd, why);
	else if (memfd >= 0)
		close(memfd);
}

static void
on_ended(evutil_socket_t fd, short what, void *arg)
{
	struct file_reader *r = arg;
	enum file_reader_result result;
	const char *why;
	int status = SIGKILL, memfd = -1;

	(void)fd;
	(void)what;
	if (waitpid(r->pid, &status, WNOHANG) == 0)
		return;
	result = judge(r, status, &why);
	if ((result == FILE_READER_OK || r->job->keep_partial) &&
	    result != FILE_READER_FAILED) {
		if (memfd_seal(r->memfd) == 0) {
			memfd = r->memfd;
			r->memfd = -1;
		} else if (result == FILE_READER_OK) {
			result = FILE_READER_FAILED;
			why = "its result cannot be sealed";
		}
	}
	report(r, result, memfd, why);
	throwaway_free(r);
}

/*
 * Late: it is killed, and on_ended follows. If the kernel does not end it
 * either (it waits for a dead file server), the caller is told now and the
 * child reaped when it can be.
 */
static void
on_deadline(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval grace = { .tv_sec = KILL_GRACE_SEC };
	struct file_reader *r = arg;

	(void)fd;
	(void)what;
	if (r->late) {
		report(r, FILE_READER_TIMEOUT, -1, "cannot be ended");
		return;
	}
	r->late = true;
	kill(r->pid, SIGKILL);
	event_add(r->deadline, &grace);
}

static bool
watch(struct file_reader *r, struct event_base *base)
{
	struct timeval limit_tv = { .tv_sec = r->job->wall_sec };

	r->pidfd = syscall(SYS_pidfd_open, r->pid, 0);
	if (r->pidfd < 0)
		return false;
	r->ended = event_new(base, r->pidfd, EV_READ | EV_PERSIST, on_ended, r);
	r->deadline = evtimer_new(base, on_deadline, r);
	return r->ended != NULL && r->deadline != NULL &&
	       event_add(r->ended, NULL) == 0 &&
	       event_add(r->deadline, &limit_tv) == 0;
}

/* No handler of ours may run in the child. */
static pid_t
fork_quietly(void)
{
	sigset_t all, before;
	pid_t pid;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid = fork();
	if (pid != 0)
		sigprocmask(SIG_SETMASK, &before, NULL);
	return pid;
}

struct file_reader *
throwaway_start(struct event_base *base, int fd,
    const struct throwaway_job *job, file_reader_done done, void *arg)
{
	struct file_reader *r = ecalloc(1, sizeof(*r));
	pid_t parent = getpid();
	const char *why = "fork";

	r->job = job;
	r->done = done;
	r->arg = arg;
	r->pid = r->pidfd = -1;
	r->memfd = memfd_new(job->name);
	if (r->memfd >= 0)
		r->pid = fork_quietly();
	if (r->pid == 0)
		child(job, fd, r->memfd, parent);
	if (fd >= 0)
		close(fd);
	if (r->pid > 0 && watch(r, base))
		return r;
	if (r->pid > 0) {
		/* it has hardly begun: this does not take long */
		kill(r->pid, SIGKILL);
		waitpid(r->pid, NULL, 0);
		why = "pidfd_open";
	}
	log_warn(job->name, "no child: %s", why);
	throwaway_free(r);
	done(arg, FILE_READER_FAILED, -1, why);
	return NULL;
}

void
file_reader_cancel(struct file_reader *reader)
{
	if (reader == NULL)
		return;
	kill(reader->pid, SIGKILL);
	reader->done = NULL;
	event_del(reader->deadline);
}
