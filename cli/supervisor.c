/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/supervisor.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "cli/backoff.h"
#include "cli/log_lines.h"
#include "cli/spawn.h"
#include "common/log.h"
#include "common/now.h"
#include "common/options.h"
#include "common/sandbox.h"

#define ARGUMENTS_MAX 16
#define NOTIFY_MAX 4096
#define MAP_ENTRIES_MAX (512 * 1024) /* as phlare-collector has it */
/* ends by itself with an error this early, without a word: it cannot start */
#define START_MS 5000

struct service {
	struct supervisor *owner;
	enum program program;
	char *argv[ARGUMENTS_MAX];
	pid_t pid; /* 0: does not run */
	unsigned long long started_ms;
	bool was_ready; /* at any time */
	bool told;      /* it has said what is wrong with it */
	struct backoff backoff;
	struct log_lines lines;
	int stderr_fd;
	struct event *on_stderr, *on_notify, *on_restart;
};

struct supervisor {
	struct event_base *base;
	const struct stage *stage;
	const struct supervisor_options *options;
	const struct supervisor_hooks *hooks;
	void *arg;
	struct service service[PROGRAMS];
	struct event *on_child, *on_stop_limit;
	bool stopping, killed, ended;
	int stop_step; /* index into stop_order */
	int code;
};

/*
 * The shipper first: it asks for what was collected last and delivers it. Its
 * limit is above its own.
 */
static const struct {
	enum program program;
	int limit_sec;
} stop_order[PROGRAMS] = {
	{ PROGRAM_SHIPPER, 30 },
	{ PROGRAM_SYMBOLIZER, 5 },
	{ PROGRAM_COLLECTOR, 5 },
};

static void service_start(struct service *v);

static unsigned long long
now_ms(void)
{
	return now_ns(CLOCK_MONOTONIC) / 1000000;
}

/* A line of our own among those of the programs. */
static void __attribute__((format(printf, 3, 4)))
say(struct supervisor *s, int level, const char *fmt, ...)
{
	char line[512];
	va_list ap;
	int n = snprintf(line, sizeof(line), "phlare-ebpf: ");

	va_start(ap, fmt);
	vsnprintf(line + n, sizeof(line) - n, fmt, ap);
	va_end(ap);
	s->hooks->on_log(s->arg, level, line);
}

static void
end_if_over(struct supervisor *s)
{
	for (int i = 0; i < PROGRAMS; i++)
		if (s->service[i].pid != 0)
			return;
	if (s->ended)
		return;
	s->ended = true;
	evtimer_del(s->on_stop_limit);
	for (int i = 0; i < PROGRAMS; i++)
		evtimer_del(s->service[i].on_restart);
	s->hooks->on_end(s->arg, s->code);
}

/* ---- options */

int
supervisor_set_sandbox(void *options, const char *value, const char **why)
{
	struct supervisor_options *o = options;

	*why = "must be enforce or trap";
	o->sandbox = value;
	return sandbox_set_mode(value);
}

static int
set_entries(const char **into, const char *value, const char **why)
{
	uint64_t n;

	*why = "must be 1 to 524288 entries";
	*into = value;
	return options_number(value, 1, MAP_ENTRIES_MAX, &n);
}

int
supervisor_set_stack_parts(void *options, const char *value, const char **why)
{
	struct supervisor_options *o = options;

	return set_entries(&o->stack_parts, value, why);
}

int
supervisor_set_counts(void *options, const char *value, const char **why)
{
	struct supervisor_options *o = options;

	return set_entries(&o->counts, value, why);
}

int
supervisor_set_debug(void *options, const char *value, const char **why)
{
	struct supervisor_options *o = options;

	(void)value;
	(void)why;
	o->debug = true;
	return 0;
}

/* ---- what programs say */

static void
on_line(void *arg, int level, const char *line)
{
	struct service *v = arg;

	v->told |= level <= LOG_WARNING;
	v->owner->hooks->on_log(v->owner->arg, level, line);
}

static void
close_stderr(struct service *v)
{
	if (v->stderr_fd < 0)
		return;
	log_lines_end(&v->lines, on_line, v);
	event_free(v->on_stderr);
	close(v->stderr_fd);
	v->on_stderr = NULL;
	v->stderr_fd = -1;
}

/* False at the end of the file. */
static bool
read_stderr(struct service *v)
{
	char data[4096];
	ssize_t n;

	while ((n = read(v->stderr_fd, data, sizeof(data))) > 0)
		log_lines_feed(&v->lines, data, n, on_line, v);
	return n < 0 && (errno == EAGAIN || errno == EINTR);
}

static void
on_stderr(int fd, short what, void *arg)
{
	struct service *v = arg;

	(void)fd;
	(void)what;
	if (!read_stderr(v))
		close_stderr(v);
}

/* Each line of a datagram is one state. */
static void
on_notify(int fd, short what, void *arg)
{
	struct service *v = arg;
	char data[NOTIFY_MAX + 1], *rest = data, *state;
	ssize_t n = recv(fd, data, NOTIFY_MAX, MSG_DONTWAIT);

	(void)what;
	if (n <= 0)
		return;
	data[n] = '\0';
	while ((state = strsep(&rest, "\n")) != NULL) {
		if (strcmp(state, "READY=1") == 0)
			v->was_ready = true;
		if (*state != '\0')
			v->owner->hooks->on_state(
			    v->owner->arg, v->program, state);
	}
}

/* ---- starting */

static void
add_argument(struct service *v, const char *text)
{
	for (int i = 0; i < ARGUMENTS_MAX - 1; i++)
		if (v->argv[i] == NULL) {
			v->argv[i] = estrdup(text);
			return;
		}
	fatalx("too many arguments");
}

static void
add_option(struct service *v, const char *name, const char *value)
{
	if (value == NULL)
		return;
	add_argument(v, name);
	add_argument(v, value);
}

static void
build_arguments(struct supervisor *s, struct service *v)
{
	const struct supervisor_options *o = s->options;
	const struct stage *stage = s->stage;
	const struct privilege_ids *ids = &stage->ids[v->program];
	char text[64];

	add_argument(v, program_name(v->program));
	snprintf(text, sizeof(text), "%u:%u", (unsigned)ids->uid,
	    (unsigned)ids->gid);
	add_option(v, "--user", text);
	add_option(v, "--sandbox", o->sandbox);
	if (o->debug)
		add_argument(v, "--debug");
	switch (v->program) {
	case PROGRAM_COLLECTOR:
		snprintf(text, sizeof(text), "%u",
		    (unsigned)stage->ids[PROGRAM_SYMBOLIZER].uid);
		add_option(v, "--client", text);
		add_option(v, "--stack-parts", o->stack_parts);
		add_option(v, "--counts", o->counts);
		break;
	case PROGRAM_SYMBOLIZER:
		add_option(v, "--collector-socket",
		    stage->socket_path[SOCKET_COLLECTOR]);
		add_option(
		    v, "--opener-socket", stage->socket_path[SOCKET_OPENER]);
		add_option(
		    v, "--shipper-socket", stage->socket_path[SOCKET_SHIPPER]);
		break;
	default:
		add_option(v, "--listen", o->listen);
		add_option(v, "--ledger", o->ledger);
		add_option(v, "--", o->config);
	}
}

static void
fill_spawn(const struct service *v, struct spawn *spawn)
{
	const struct stage *stage = v->owner->stage;

	*spawn = (struct spawn){
		.path = stage->program[v->program],
		.argv = v->argv,
		.fd_names = "",
		.notify = stage->notify_path[v->program],
	};
	if (v->program == PROGRAM_COLLECTOR) {
		spawn->fds[0] = stage->listener[SOCKET_COLLECTOR];
		spawn->fds[1] = stage->listener[SOCKET_OPENER];
		spawn->fds_count = 2;
		spawn->fd_names = "collector:opener";
	} else if (v->program == PROGRAM_SHIPPER) {
		spawn->fds[0] = stage->listener[SOCKET_SHIPPER];
		spawn->fds_count = 1;
		spawn->fd_names = "shipper";
		spawn->environment = true;
	}
}

static void
start_later(struct service *v, unsigned int wait_ms)
{
	struct timeval wait = { wait_ms / 1000, wait_ms % 1000 * 1000 };

	evtimer_add(v->on_restart, &wait);
}

static void
on_restart(int fd, short what, void *arg)
{
	struct service *v = arg;

	(void)fd;
	(void)what;
	if (!v->owner->stopping)
		service_start(v);
}

static void
service_start(struct service *v)
{
	struct spawn spawn;
	pid_t pid;

	close_stderr(v);
	fill_spawn(v, &spawn);
	pid = spawn_program(&spawn, &v->stderr_fd);
	if (pid < 0) {
		say(v->owner, LOG_WARNING, "start %s: %s",
		    program_name(v->program), strerror(-pid));
		start_later(v, RESTART_MAX_MS);
		return;
	}
	v->pid = pid;
	v->started_ms = now_ms();
	v->on_stderr = event_new(
	    v->owner->base, v->stderr_fd, EV_READ | EV_PERSIST, on_stderr, v);
	event_add(v->on_stderr, NULL);
	say(v->owner, LOG_INFO, "started %s, pid %d", program_name(v->program),
	    (int)pid);
}

/* ---- stopping */

static void
signal_all(struct supervisor *s, int signal)
{
	/* a program leads a group of its own: its children go with it */
	for (int i = 0; i < PROGRAMS; i++)
		if (s->service[i].pid != 0)
			kill(-s->service[i].pid, signal);
}

/* Asks the next one that still runs to stop. */
static void
stop_next(struct supervisor *s)
{
	for (; s->stop_step < PROGRAMS; s->stop_step++) {
		struct service *v =
		    &s->service[stop_order[s->stop_step].program];
		struct timeval limit = { stop_order[s->stop_step].limit_sec,
			0 };

		if (v->pid == 0)
			continue;
		kill(v->pid, SIGTERM);
		evtimer_add(s->on_stop_limit, &limit);
		return;
	}
	end_if_over(s);
}

static void
on_stop_limit(int fd, short what, void *arg)
{
	struct supervisor *s = arg;
	struct service *v = &s->service[stop_order[s->stop_step].program];

	(void)fd;
	(void)what;
	if (v->pid == 0)
		return;
	say(s, LOG_WARNING, "%s (pid %d) did not stop within %d s: killed",
	    program_name(v->program), (int)v->pid,
	    stop_order[s->stop_step].limit_sec);
	s->code = 1;
	kill(-v->pid, SIGKILL);
}

void
supervisor_stop(struct supervisor *s)
{
	if (s->stopping)
		return;
	s->stopping = true;
	stop_next(s);
}

void
supervisor_kill(struct supervisor *s)
{
	s->stopping = s->killed = true;
	s->code = 1;
	signal_all(s, SIGKILL);
	end_if_over(s);
}

void
supervisor_reload(struct supervisor *s)
{
	if (s->service[PROGRAM_SHIPPER].pid != 0)
		kill(s->service[PROGRAM_SHIPPER].pid, SIGHUP);
}

/* ---- what ended */

static void
describe(int status, char *text, size_t size)
{
	if (WIFSIGNALED(status))
		snprintf(text, size, "was ended by signal %d (%s)",
		    WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		snprintf(
		    text, size, "exited with code %d", WEXITSTATUS(status));
}

/* True if starting it again would be no use. */
static bool
cannot_start(const struct service *v, int status, unsigned long long ran_ms)
{
	return !v->was_ready && v->backoff.restarts == 0 && ran_ms < START_MS &&
	       WIFEXITED(status) && WEXITSTATUS(status) != 0;
}

static void
service_ended(struct service *v, int status)
{
	struct supervisor *s = v->owner;
	unsigned long long ran_ms = now_ms() - v->started_ms;
	pid_t pid = v->pid;
	unsigned int wait;
	char how[96];

	v->pid = 0;
	if (v->stderr_fd >= 0)
		read_stderr(v);
	close_stderr(v);
	describe(status, how, sizeof(how));
	if (s->stopping) {
		if (status != 0 && !s->killed && s->code == 0) {
			say(s, LOG_WARNING, "%s (pid %d) %s while stopping",
			    program_name(v->program), (int)pid, how);
			s->code = 1;
		}
		if (s->killed)
			end_if_over(s);
		else
			stop_next(s);
		return;
	}
	if (cannot_start(v, status, ran_ms)) {
		if (!v->told)
			say(s, LOG_ERR, "%s cannot start",
			    program_name(v->program));
		s->code = 1;
		supervisor_stop(s);
		return;
	}
	wait = backoff_next(&v->backoff, ran_ms);
	say(s, LOG_WARNING, "%s (pid %d) %s; starting it again in %u ms",
	    program_name(v->program), (int)pid, how, wait);
	start_later(v, wait);
}

static void
on_child(int fd, short what, void *arg)
{
	struct supervisor *s = arg;

	(void)fd;
	(void)what;
	for (int i = 0; i < PROGRAMS; i++) {
		struct service *v = &s->service[i];
		siginfo_t info = { 0 };
		int status;

		if (v->pid == 0 ||
		    waitid(P_PID, v->pid, &info, WEXITED | WNOHANG | WNOWAIT) <
			0 ||
		    info.si_pid == 0)
			continue;
		/* while its pid still names its group: nothing may stay */
		kill(-v->pid, SIGKILL);
		if (waitpid(v->pid, &status, 0) == v->pid)
			service_ended(v, status);
	}
}

/* ---- the whole */

struct supervisor *
supervisor_new(struct event_base *base, const struct stage *stage,
    const struct supervisor_options *options,
    const struct supervisor_hooks *hooks, void *arg)
{
	struct supervisor *s = ecalloc(1, sizeof(*s));

	s->base = base;
	s->stage = stage;
	s->options = options;
	s->hooks = hooks;
	s->arg = arg;
	s->on_child = evsignal_new(base, SIGCHLD, on_child, s);
	event_add(s->on_child, NULL);
	s->on_stop_limit = evtimer_new(base, on_stop_limit, s);
	for (int i = 0; i < PROGRAMS; i++) {
		struct service *v = &s->service[i];

		v->owner = s;
		v->program = i;
		v->stderr_fd = -1;
		v->on_restart = evtimer_new(base, on_restart, v);
		v->on_notify = event_new(
		    base, stage->notify[i], EV_READ | EV_PERSIST, on_notify, v);
		event_add(v->on_notify, NULL);
		build_arguments(s, v);
	}
	return s;
}

void
supervisor_free(struct supervisor *s)
{
	if (s == NULL)
		return;
	for (int i = 0; i < PROGRAMS; i++) {
		struct service *v = &s->service[i];

		close_stderr(v);
		event_free(v->on_restart);
		event_free(v->on_notify);
		for (int a = 0; a < ARGUMENTS_MAX; a++)
			free(v->argv[a]);
	}
	event_free(s->on_stop_limit);
	event_free(s->on_child);
	free(s);
}

void
supervisor_start(struct supervisor *s)
{
	for (int i = 0; i < PROGRAMS; i++)
		service_start(&s->service[i]);
}
