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

/* The child's descriptors after it has put them in order: inputs, result. */
#define CHILD_IN 3
#define CHILD_OUT (CHILD_IN + THROWAWAY_INPUTS)
#define CHILD_SANDBOX_FAILED 120
#define KILL_GRACE_SEC 1

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

struct throwaway {
	const struct throwaway_job *job;
	throwaway_done done; /* NULL: called, or cancelled */
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

static int
move_up(int fd)
{
	fd = fcntl(fd, F_DUPFD_CLOEXEC, CHILD_OUT + 1);
	if (fd < 0)
		_exit(CHILD_SANDBOX_FAILED);
	return fd;
}

/*
 * Inputs and result stay. Standard error only where it is to tell us which
 * call was refused, or what a sanitizer found.
 */
static void
keep_descriptors(struct throwaway_input *in, int out)
{
	for (int i = 0; i < THROWAWAY_INPUTS; i++)
		if (in->fd[i] >= 0)
			in->fd[i] = move_up(in->fd[i]);
	out = move_up(out);
	for (int i = 0; i < THROWAWAY_INPUTS; i++) {
		if (in->fd[i] < 0)
			close(CHILD_IN + i);
		else if (dup3(in->fd[i], CHILD_IN + i, O_CLOEXEC) < 0)
			_exit(CHILD_SANDBOX_FAILED);
		else
			in->fd[i] = CHILD_IN + i;
	}
	if (dup3(out, CHILD_OUT, O_CLOEXEC) < 0 ||
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
child(const struct throwaway_job *job, struct throwaway_input in, int out,
    pid_t parent)
{
	reset_signals();
	privilege_die_with(parent);
	keep_descriptors(&in, out);
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
	_exit(job->run(&in, CHILD_OUT));
}

static void
throwaway_free(struct throwaway *t)
{
	if (t->ended != NULL)
		event_free(t->ended);
	if (t->deadline != NULL)
		event_free(t->deadline);
	if (t->pidfd >= 0)
		close(t->pidfd);
	if (t->memfd >= 0)
		close(t->memfd);
	free(t);
}

static enum throwaway_result
judge(const struct throwaway *t, int status, const char **why)
{
	*why = "";
	if (t->late || (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU)) {
		*why = "took too long";
		return THROWAWAY_TIMEOUT;
	}
	if (WIFSIGNALED(status)) {
		*why = strsignal(WTERMSIG(status));
		return THROWAWAY_CRASHED;
	}
	if (WEXITSTATUS(status) == 0)
		return THROWAWAY_OK;
	if (WEXITSTATUS(status) == CHILD_SANDBOX_FAILED) {
		*why = "its sandbox failed";
		return THROWAWAY_FAILED;
	}
	*why = t->job->refusal(WEXITSTATUS(status));
	/* an exit that no job makes: the sanitizers', or trap mode's */
	return strcmp(*why, "unknown") == 0 ? THROWAWAY_CRASHED
					    : THROWAWAY_REFUSED;
}

/* Seals what it wrote and hands it on, if that is of use. */
static void
take_result(struct throwaway *t, struct throwaway_outcome *o)
{
	if (o->result == THROWAWAY_FAILED ||
	    (o->result != THROWAWAY_OK && !t->job->keep_partial))
		return;
	if (memfd_seal(t->memfd) == 0) {
		o->memfd = t->memfd;
		t->memfd = -1;
	} else if (o->result == THROWAWAY_OK) {
		o->result = THROWAWAY_FAILED;
		o->why = "its result cannot be sealed";
	}
}

/* Tells the caller, once. It may cancel or start others in there. */
static void
report(struct throwaway *t, const struct throwaway_outcome *outcome)
{
	throwaway_done done = t->done;

	t->done = NULL;
	if (done != NULL)
		done(t->arg, outcome);
	else if (outcome->memfd >= 0)
		close(outcome->memfd);
}

static uint64_t
nanoseconds(const struct timeval *tv)
{
	return tv->tv_sec * 1000000000ULL + tv->tv_usec * 1000ULL;
}

static void
on_ended(evutil_socket_t fd, short what, void *arg)
{
	struct throwaway *t = arg;
	struct throwaway_outcome o = { .memfd = -1 };
	struct rusage usage = { 0 };
	int status = SIGKILL;

	(void)fd;
	(void)what;
	if (wait4(t->pid, &status, WNOHANG, &usage) == 0)
		return;
	o.result = judge(t, status, &o.why);
	if (o.result == THROWAWAY_REFUSED)
		o.status = WEXITSTATUS(status);
	o.cpu_ns = nanoseconds(&usage.ru_utime) + nanoseconds(&usage.ru_stime);
	take_result(t, &o);
	report(t, &o);
	throwaway_free(t);
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
	struct throwaway *t = arg;

	(void)fd;
	(void)what;
	if (t->late) {
		report(
		    t, &(struct throwaway_outcome){ .result = THROWAWAY_TIMEOUT,
			   .memfd = -1,
			   .why = "cannot be ended" });
		return;
	}
	t->late = true;
	kill(t->pid, SIGKILL);
	event_add(t->deadline, &grace);
}

static bool
watch(struct throwaway *t, struct event_base *base)
{
	struct timeval limit_tv = { .tv_sec = t->job->wall_sec };

	t->pidfd = syscall(SYS_pidfd_open, t->pid, 0);
	if (t->pidfd < 0)
		return false;
	t->ended = event_new(base, t->pidfd, EV_READ | EV_PERSIST, on_ended, t);
	t->deadline = evtimer_new(base, on_deadline, t);
	return t->ended != NULL && t->deadline != NULL &&
	       event_add(t->ended, NULL) == 0 &&
	       event_add(t->deadline, &limit_tv) == 0;
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

void
throwaway_input_close(const struct throwaway_input *input)
{
	for (int i = 0; i < THROWAWAY_INPUTS; i++)
		if (input->fd[i] >= 0)
			close(input->fd[i]);
}

struct throwaway *
throwaway_start(struct event_base *base, const struct throwaway_job *job,
    const struct throwaway_input *input, throwaway_done done, void *arg)
{
	struct throwaway *t = ecalloc(1, sizeof(*t));
	struct throwaway_outcome failed = {
		.result = THROWAWAY_FAILED, .memfd = -1, .why = "fork"
	};
	pid_t parent = getpid();

	t->job = job;
	t->done = done;
	t->arg = arg;
	t->pid = t->pidfd = -1;
	t->memfd = memfd_new(job->name);
	if (t->memfd >= 0)
		t->pid = fork_quietly();
	if (t->pid == 0)
		child(job, *input, t->memfd, parent);
	throwaway_input_close(input);
	if (t->pid > 0 && watch(t, base))
		return t;
	if (t->pid > 0) {
		/* it has hardly begun: this does not take long */
		kill(t->pid, SIGKILL);
		waitpid(t->pid, NULL, 0);
		failed.why = "pidfd_open";
	}
	log_warn(job->name, "no child: %s", failed.why);
	throwaway_free(t);
	done(arg, &failed);
	return NULL;
}

void
throwaway_cancel(struct throwaway *child)
{
	if (child == NULL)
		return;
	kill(child->pid, SIGKILL);
	child->done = NULL;
	event_del(child->deadline);
}

const char *
throwaway_result_name(enum throwaway_result result)
{
	static const char *const names[] = {
		[THROWAWAY_OK] = "ok",
		[THROWAWAY_REFUSED] = "refused",
		[THROWAWAY_CRASHED] = "crashed",
		[THROWAWAY_TIMEOUT] = "timed out",
		[THROWAWAY_FAILED] = "could not start",
	};

	return names[result];
}
