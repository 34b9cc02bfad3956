/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Holds the capabilities that its children start with, so it does as little
 * as can be: plain poll, a signal descriptor, a table of children. It keeps a
 * copy of each connection to see the client hang up, because a child may hang
 * in an open() that never returns.
 */
#include "collector/listener.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "collector/open_files.h"
#include "collector/opener.h"
#include "collector/orphans.h"
#include "collector/sampler.h"
#include "common/log.h"
#include "common/notify.h"
#include "common/now.h"

#define NSEC_PER_MSEC 1000000ULL
#define STOP_GRACE_MS 2000
#define MAX_CHILDREN (CHILD_KINDS * LISTENER_MAX_CHILDREN)

static const struct {
	const char *name;
	const char *process; /* as ps shows it */
} kinds[CHILD_KINDS] = {
	[CHILD_SAMPLER] = { "sampler", "phlare-sampler" },
	[CHILD_OPENER] = { "opener", "phlare-opener" },
};

struct child {
	pid_t pid; /* 0: this slot is free */
	enum child_kind kind;
	int client;       /* our copy of the connection */
	uint64_t hung_up; /* when its client did, CLOCK_MONOTONIC ns, or 0 */
	bool killed;      /* by us, because its client is gone */
	struct ledger_page *page; /* a sampler's */
	struct orphans handed;    /* to a sampler's client */
};

struct listener {
	const struct listener_options *options;
	int signals;
	sigset_t old_mask;
	bool stopping;
	uint64_t session;
	struct orphans orphans;
	struct child children[MAX_CHILDREN];
};

static const struct privilege_ids same_ids = { (uid_t)-1, (gid_t)-1 };

/* ---- starting children */

/* A free slot, unless there are enough of this kind. */
static struct child *
find_slot(struct listener *l, enum child_kind kind)
{
	struct child *slot = NULL;
	int n = 0;

	for (int i = 0; i < MAX_CHILDREN; i++) {
		if (l->children[i].pid == 0)
			slot = &l->children[i];
		else if (l->children[i].kind == kind)
			n++;
	}
	return n < LISTENER_MAX_CHILDREN ? slot : NULL;
}

/* The child lets go of all that is the listener's or other children's. */
static void
leave_listener(struct listener *l, enum child_kind kind)
{
	if (kind != CHILD_SAMPLER && l->options->kallsyms >= 0)
		close(l->options->kallsyms);
	for (int k = 0; k < CHILD_KINDS; k++)
		if (l->options->sockets[k] >= 0)
			close(l->options->sockets[k]);
	for (int i = 0; i < MAX_CHILDREN; i++) {
		if (l->children[i].pid == 0)
			continue;
		close(l->children[i].client);
		ledger_page_free(l->children[i].page);
	}
	close(l->signals);
	/* Ctrl-C is for the listener, which ends us in its own time */
	signal(SIGINT, SIG_IGN);
	sigprocmask(SIG_SETMASK, &l->old_mask, NULL);
}

static void
run_child(struct listener *l, const struct child *c, pid_t parent, int page_fd)
{
	const struct listener_options *options = l->options;

	privilege_die_with(parent);
	prctl(PR_SET_NAME, kinds[c->kind].process);
	leave_listener(l, c->kind);
	if (c->kind == CHILD_SAMPLER) {
		struct sampler_context ctx = {
			.client = c->client,
			.listener = parent,
			.ids = same_ids,
			.listener_session = l->session,
			.handed = &c->handed,
			.page = c->page,
			.page_fd = page_fd,
			.kallsyms = options->kallsyms,
			.stack_parts = options->stack_parts,
			.counts = options->counts,
		};

		options->sampler(&ctx);
	} else {
		struct opener_context ctx = {
			.client = c->client,
			.listener = parent,
			.ids = same_ids,
			.debug_dir = OPEN_FILES_DEBUG_DIR,
		};

		options->opener(&ctx);
	}
	_exit(1);
}

/* Takes client. */
static int
start_child(struct listener *l, enum child_kind kind, int client)
{
	struct child child = { .kind = kind, .client = client };
	struct child *slot = find_slot(l, kind);
	pid_t parent = getpid();
	int page_fd = -1, r = 0;

	if (kind == CHILD_SAMPLER) {
		child.page = ledger_page_new(&page_fd);
		if (child.page == NULL)
			r = -errno;
		else
			orphans_take(&l->orphans, &child.handed);
	}
	if (r == 0) {
		child.pid = fork();
		if (child.pid == 0)
			run_child(l, &child, parent, page_fd);
		if (child.pid < 0)
			r = -errno;
	}
	if (page_fd >= 0)
		close(page_fd);
	if (r < 0) {
		close(client);
		if (child.page != NULL)
			orphans_add(&l->orphans, child.page, SESSION_LEFT,
			    &child.handed, 0);
		ledger_page_free(child.page);
		return r;
	}
	*slot = child;
	log_debug("listener", "%s %d started", kinds[kind].name, child.pid);
	return 0;
}

static bool
may_connect(const struct listener *l, int client)
{
	static struct log_limit limit;
	struct ucred cred = { .uid = (uid_t)-1 };
	socklen_t size = sizeof(cred);

	if (getsockopt(client, SOL_SOCKET, SO_PEERCRED, &cred, &size) < 0)
		return false;
	if (cred.uid == 0 ||
	    (cred.uid == l->options->client && cred.uid != (uid_t)-1))
		return true;
	if (log_limit_ok(&limit))
		log_warnx("listener",
		    "refused a client: its uid %u is not %u%s",
		    (unsigned)cred.uid, (unsigned)l->options->client,
		    log_limit_tail(&limit));
	return false;
}

/* It connected and left while nobody was there to accept. */
static bool
is_gone(int client)
{
	struct pollfd pfd = { client, POLLRDHUP, 0 };

	return poll(&pfd, 1, 0) > 0;
}

static void
accept_failed(void)
{
	static struct log_limit limit;
	const struct timespec pause = { .tv_nsec = 100 * NSEC_PER_MSEC };

	if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
		return;
	if (log_limit_ok(&limit))
		log_warn("listener", "accept%s", log_limit_tail(&limit));
	nanosleep(&pause, NULL); /* the connection is still waiting there */
}

static void
too_many(enum child_kind kind)
{
	static struct log_limit limit[CHILD_KINDS];

	if (log_limit_ok(&limit[kind]))
		log_warnx("listener", "refused a client: there are %d %ss%s",
		    LISTENER_MAX_CHILDREN, kinds[kind].name,
		    log_limit_tail(&limit[kind]));
}

static void
accept_client(struct listener *l, enum child_kind kind)
{
	int client = accept4(l->options->sockets[kind], NULL, NULL,
	    SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (client < 0) {
		accept_failed();
		return;
	}
	if (is_gone(client) || !may_connect(l, client)) {
		close(client);
	} else if (find_slot(l, kind) == NULL) {
		too_many(kind);
		close(client);
	} else {
		int r = start_child(l, kind, client);

		if (r < 0) {
			errno = -r;
			log_warn(
			    "listener", "cannot start a %s", kinds[kind].name);
		}
	}
}

/* ---- ending them */

static void
settle(struct listener *l, const struct child *c, int status)
{
	bool crashed = !c->killed && c->hung_up == 0 &&
		       !(WIFEXITED(status) && WEXITSTATUS(status) == 0);

	if (c->kind == CHILD_SAMPLER && WIFEXITED(status) &&
	    WEXITSTATUS(status) != 0 && c->page->session == 0)
		notify_send(NOTIFY_NO_SAMPLER);
	if (c->kind == CHILD_SAMPLER)
		orphans_add(&l->orphans, c->page,
		    crashed ? SESSION_CRASHED : SESSION_LEFT, &c->handed,
		    now_ns(CLOCK_BOOTTIME));
	if (WIFSIGNALED(status) && !c->killed && !l->stopping)
		log_warnx("listener", "%s %d died by signal %d",
		    kinds[c->kind].name, c->pid, WTERMSIG(status));
	else
		log_debug(
		    "listener", "%s %d ended", kinds[c->kind].name, c->pid);
}

static void
reap(struct listener *l)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (int i = 0; i < MAX_CHILDREN; i++) {
			struct child *c = &l->children[i];

			if (c->pid != pid)
				continue;
			settle(l, c, status);
			ledger_page_free(c->page);
			close(c->client);
			*c = (struct child){ 0 };
		}
	}
}

static void
read_signals(struct listener *l)
{
	struct signalfd_siginfo info;

	while (read(l->signals, &info, sizeof(info)) == sizeof(info))
		if (info.ssi_signo != SIGCHLD)
			l->stopping = true;
	reap(l);
}

/* Kills those whose grace is over; ms until the next one's is, or -1. */
static int
kill_overdue(struct listener *l)
{
	uint64_t now = now_ns(CLOCK_MONOTONIC);
	int next = -1;

	for (int i = 0; i < MAX_CHILDREN; i++) {
		struct child *c = &l->children[i];
		uint64_t end = c->hung_up + LISTENER_GRACE_MS * NSEC_PER_MSEC;

		if (c->pid == 0 || c->hung_up == 0 || c->killed)
			continue;
		if (end <= now) {
			log_debug("listener", "%s %d outlives its client",
			    kinds[c->kind].name, c->pid);
			c->killed = true;
			kill(c->pid, SIGKILL);
		} else {
			int ms = (end - now) / NSEC_PER_MSEC + 1;

			next = next < 0 || ms < next ? ms : next;
		}
	}
	return next;
}

static void
signal_all(const struct listener *l, int signo)
{
	for (int i = 0; i < MAX_CHILDREN; i++)
		if (l->children[i].pid != 0)
			kill(l->children[i].pid, signo);
}

static bool
any_child(const struct listener *l)
{
	for (int i = 0; i < MAX_CHILDREN; i++)
		if (l->children[i].pid != 0)
			return true;
	return false;
}

static void
end_children(struct listener *l)
{
	uint64_t end = now_ns(CLOCK_MONOTONIC) + STOP_GRACE_MS * NSEC_PER_MSEC;
	struct pollfd pfd = { l->signals, POLLIN, 0 };

	signal_all(l, SIGTERM);
	while (any_child(l)) {
		uint64_t now = now_ns(CLOCK_MONOTONIC);

		if (now >= end)
			signal_all(l, SIGKILL);
		poll(&pfd, 1, now >= end ? 100 : (end - now) / NSEC_PER_MSEC);
		read_signals(l);
	}
}

/* ---- the loop */

struct poll_set {
	struct pollfd fds[1 + CHILD_KINDS + MAX_CHILDREN];
	struct child *children[MAX_CHILDREN];
	int clients;
};

/* Signals, then the sockets, then the connections whose end we wait for. */
static int
fill(struct listener *l, struct poll_set *set)
{
	int n = 0;

	set->clients = 0;
	set->fds[n++] = (struct pollfd){ l->signals, POLLIN, 0 };
	for (int k = 0; k < CHILD_KINDS; k++)
		set->fds[n++] =
		    (struct pollfd){ l->options->sockets[k], POLLIN, 0 };
	for (int i = 0; i < MAX_CHILDREN; i++) {
		struct child *c = &l->children[i];

		if (c->pid == 0 || c->hung_up != 0)
			continue;
		set->children[set->clients++] = c;
		set->fds[n++] = (struct pollfd){ c->client, POLLRDHUP, 0 };
	}
	return n;
}

static void
handle(struct listener *l, const struct poll_set *set)
{
	const struct pollfd *clients = set->fds + 1 + CHILD_KINDS;

	for (int i = 0; i < set->clients; i++)
		if (clients[i].revents != 0)
			set->children[i]->hung_up = now_ns(CLOCK_MONOTONIC);
	if (set->fds[0].revents != 0)
		read_signals(l);
	for (int k = 0; k < CHILD_KINDS && !l->stopping; k++)
		if (set->fds[1 + k].revents != 0)
			accept_client(l, k);
}

static int
watch_signals(struct listener *l)
{
	sigset_t mask;

	sigemptyset(&mask);
	sigaddset(&mask, SIGCHLD);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGTERM);
	if (sigprocmask(SIG_BLOCK, &mask, &l->old_mask) < 0)
		return -errno;
	signal(SIGPIPE, SIG_IGN);
	l->signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	return l->signals < 0 ? -errno : 0;
}

int
listener_run(const struct listener_options *options)
{
	struct listener *l = ecalloc(1, sizeof(*l));
	struct poll_set set;
	int r;

	l->options = options;
	if ((r = watch_signals(l)) < 0 ||
	    getrandom(&l->session, sizeof(l->session), 0) < 0) {
		free(l);
		return r < 0 ? r : -errno;
	}
	while (!l->stopping) {
		int timeout = kill_overdue(l), n = fill(l, &set);

		if (poll(set.fds, n, timeout) > 0)
			handle(l, &set);
	}
	log_debug("listener", "ending");
	end_children(l);
	close(l->signals);
	free(l);
	return 0;
}
