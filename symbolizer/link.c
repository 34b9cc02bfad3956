/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolizer/link.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "common/log.h"

/* Trouble is in the log once the wait for the next attempt is so long. */
#define TELL_FROM_MS (4 * LINK_RETRY_MIN_MS)

struct link {
	struct event_base *base;
	const char *path;
	const struct link_role *role;
	struct ipc_role ipc_role;
	void *owner;
	struct ipc *ipc;
	struct event *retry;
	int retry_ms;
	bool greeted; /* the peer's hello was good */
	bool told;    /* the present trouble is in the log */
	char trouble[200];
};

static void
try_later(struct link *l)
{
	struct timeval tv = { .tv_sec = l->retry_ms / 1000,
		.tv_usec = l->retry_ms % 1000 * 1000 };

	event_add(l->retry, &tv);
	l->retry_ms *= 2;
	if (l->retry_ms > LINK_RETRY_MAX_MS)
		l->retry_ms = LINK_RETRY_MAX_MS;
}

static void
have_trouble(struct link *l, const char *what)
{
	char now[sizeof(l->trouble)];

	snprintf(
	    now, sizeof(now), "no connection to %s: %s", l->role->peer, what);
	if (strcmp(now, l->trouble) != 0)
		l->told = false; /* another trouble is news */
	snprintf(l->trouble, sizeof(l->trouble), "%s", now);
	/* one that was only started again is back by then */
	if (l->retry_ms >= TELL_FROM_MS && !l->told) {
		log_warnx("link", "%s; trying again", l->trouble);
		l->told = true;
	}
	try_later(l);
}

static void
hang_up(struct link *l)
{
	if (l->ipc == NULL)
		return;
	ipc_free(l->ipc);
	l->ipc = NULL;
	l->greeted = false;
	l->role->on_down(l->owner);
}

static void
on_close(void *arg, const char *why)
{
	struct link *l = arg;

	hang_up(l);
	have_trouble(l, why);
}

static void
on_retry(evutil_socket_t fd, short what, void *arg)
{
	struct link *l = arg;
	int r = ipc_connect(l->path);

	(void)fd;
	(void)what;
	if (r < 0) {
		have_trouble(l, strerror(-r));
		return;
	}
	l->ipc = ipc_new(l->base, r, &l->ipc_role, l);
	l->role->on_up(l->owner);
}

struct link *
link_new(struct event_base *base, const char *path,
    const struct link_role *role, void *owner)
{
	struct link *l = ecalloc(1, sizeof(*l));
	static const struct timeval now;

	l->base = base;
	l->path = path;
	l->role = role;
	l->owner = owner;
	l->retry_ms = LINK_RETRY_MIN_MS;
	snprintf(l->trouble, sizeof(l->trouble), "no connection to %s yet",
	    role->peer);
	l->ipc_role = (struct ipc_role){
		.peer = role->peer,
		.recv = role->recv,
		.recv_size = role->recv_size,
		.recv_body = role->recv_body,
		.send = role->send,
		.handlers = role->handlers,
		.on_close = on_close,
	};
	l->retry = evtimer_new(base, on_retry, l);
	if (l->retry == NULL || event_add(l->retry, &now) < 0)
		fatalx("out of memory");
	return l;
}

void
link_free(struct link *link)
{
	if (link == NULL)
		return;
	ipc_free(link->ipc);
	event_free(link->retry);
	free(link);
}

void *
link_owner(void *link)
{
	return ((struct link *)link)->owner;
}

int
link_send(struct link *link, const void *msg, int fd)
{
	return link->ipc ? ipc_send(link->ipc, msg, fd) : -ENOTCONN;
}

void
link_restart(struct link *link)
{
	static const struct timeval now;

	hang_up(link);
	event_add(link->retry, &now);
}

void
link_refuse(struct link *link, const char *why)
{
	hang_up(link);
	link->retry_ms = LINK_RETRY_MAX_MS;
	have_trouble(link, why);
}

void
link_stop(struct link *link)
{
	if (link->ipc != NULL)
		ipc_flush(link->ipc, LINK_FLUSH_MS);
	hang_up(link);
	event_del(link->retry);
}

void
link_start(struct link *link)
{
	if (link->ipc == NULL)
		link_restart(link);
}

size_t
link_queued(const struct link *link)
{
	return link->ipc != NULL ? ipc_queued(link->ipc) : 0;
}

bool
link_version_ok(struct link *link, uint32_t protocol_version)
{
	if (protocol_version != IPC_PROTOCOL_VERSION) {
		char text[100];

		snprintf(text, sizeof(text),
		    "it speaks protocol %u, we speak %d", protocol_version,
		    IPC_PROTOCOL_VERSION);
		link_refuse(link, text);
		return false;
	}
	if (link->told)
		log_info("link", "connected to %s again", link->role->peer);
	link->greeted = true;
	link->told = false;
	link->retry_ms = LINK_RETRY_MIN_MS;
	return true;
}

const char *
link_trouble(const struct link *link)
{
	return link->greeted ? NULL : link->trouble;
}
