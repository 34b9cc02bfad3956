/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "shipper/symbolizer_server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <event2/event.h>

#include "common/ipc.h"
#include "common/log.h"
#include "common/settings.h"
#include "common/version.h"
#include "shipper/labels.h"

#define FLUSH_MSEC 500

struct symbolizer_server {
	struct event_base *base;
	struct event *accepting;
	int fd; /* listening */
	uint64_t session;
	const struct symbolizer_callbacks *callbacks;
	void *arg;

	struct ipc *peer; /* NULL: nobody is connected */
	bool greeted;
	uint64_t peer_session;
};

/* Ends the connection; says why if it was the peer's doing. */
static void
hang_up(struct symbolizer_server *s, const char *why)
{
	bool greeted = s->greeted;

	if (why != NULL)
		log_warnx("symbolizer", "disconnecting it: %s", why);
	ipc_free(s->peer);
	s->peer = NULL;
	s->greeted = false;
	s->peer_session = 0;
	event_add(s->accepting, NULL);
	if (greeted)
		s->callbacks->on_gone(s->arg);
}

static void
on_close(void *arg, const char *why)
{
	struct symbolizer_server *s = arg;

	log_info("symbolizer", "connection over: %s", why);
	hang_up(s, NULL);
}

static void
on_hello(void *arg, const void *body, int fd)
{
	struct symbolizer_server *s = arg;
	const phlare_ShipperHello *hello = body;

	(void)fd;
	if (s->greeted || hello->session == 0) {
		hang_up(s, "hello out of place");
		return;
	}
	if (hello->protocol_version != IPC_PROTOCOL_VERSION) {
		log_warnx("symbolizer",
		    "it speaks version %u of the protocol, not %u",
		    (unsigned)hello->protocol_version, IPC_PROTOCOL_VERSION);
		hang_up(s, NULL);
		return;
	}
	s->greeted = true;
	s->peer_session = hello->session;
	s->callbacks->on_hello(s->arg, hello->session);
}

/* The size of a sealed memfd of at most max bytes, or -errno. */
static int64_t
sealed_size(int fd, int64_t max)
{
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat st;

	if (seals < 0 || !(seals & F_SEAL_WRITE) || !(seals & F_SEAL_SHRINK) ||
	    !(seals & F_SEAL_GROW))
		return -EPERM;
	if (fstat(fd, &st) < 0)
		return -errno;
	return !S_ISREG(st.st_mode) || st.st_size > max ? -EFBIG : st.st_size;
}

static void
take_profile(struct symbolizer_server *s, const phlare_Profile *message, int fd)
{
	struct symbolizer_profile p = {
		.session = s->peer_session,
		.id = message->id,
		.component = message->component,
		.samples = message->samples,
		.time_ns = message->time_ns,
		.duration_ns = message->duration_ns,
		.known_symbols = message->known_symbols,
		.unknown_symbols = message->unknown_symbols,
		.unknown_modules = message->unknown_modules,
		.unknown_stacks = message->unknown_stacks,
		.fd = fd,
	};
	int64_t size = sealed_size(fd, SETTINGS_PROFILE_MAX_BYTES);
	int r;

	if (size <= 0) {
		close(fd);
		hang_up(s, "profile in no sealed memfd, empty or too large");
		return;
	}
	p.size = size;
	r = labels_decode(
	    message->labels.bytes, message->labels.size, &p.labels);
	if (r == 0) {
		s->callbacks->on_profile(s->arg, &p);
		return;
	}
	close(fd);
	p.fd = -1;
	if (r == -EBADMSG || r == -E2BIG)
		hang_up(s, labels_error(r));
	else
		s->callbacks->on_unfit(s->arg, &p, labels_error(r));
}

static void
on_profile(void *arg, const void *body, int fd)
{
	struct symbolizer_server *s = arg;

	if (!s->greeted) {
		close(fd);
		hang_up(s, "profile before hello");
		return;
	}
	take_profile(s, body, fd);
}

static void
on_report(void *arg, const void *body, int fd)
{
	struct symbolizer_server *s = arg;

	(void)fd;
	if (s->greeted)
		s->callbacks->on_report(s->arg, body);
	else
		hang_up(s, "report before hello");
}

static void
on_status(void *arg, const void *body, int fd)
{
	struct symbolizer_server *s = arg;

	(void)fd;
	if (s->greeted)
		s->callbacks->on_status(s->arg, body);
	else
		hang_up(s, "status before hello");
}

static void
on_finish_done(void *arg, const void *body, int fd)
{
	struct symbolizer_server *s = arg;

	(void)body;
	(void)fd;
	if (s->greeted)
		s->callbacks->on_finished(s->arg);
	else
		hang_up(s, "finish before hello");
}

static void
on_removed(void *arg, const void *body, int fd)
{
	struct symbolizer_server *s = arg;

	(void)fd;
	if (s->greeted)
		s->callbacks->on_removed(
		    s->arg, ((const phlare_Removed *)body)->component);
	else
		hang_up(s, "removed before hello");
}

static const struct ipc_handler handlers[] = {
	{ phlare_SymbolizerEvent_hello_tag, 0, on_hello },
	{ phlare_SymbolizerEvent_profile_tag, IPC_FD, on_profile },
	{ phlare_SymbolizerEvent_ledger_tag, 0, on_report },
	{ phlare_SymbolizerEvent_status_tag, 0, on_status },
	{ phlare_SymbolizerEvent_finish_done_tag, 0, on_finish_done },
	{ phlare_SymbolizerEvent_removed_tag, 0, on_removed },
	{ 0 },
};

static const struct ipc_role role = {
	.peer = "symbolizer",
	.recv = &phlare_SymbolizerEvent_msg,
	.recv_size = sizeof(phlare_SymbolizerEvent),
	.recv_body = offsetof(phlare_SymbolizerEvent, body),
	.send = &phlare_ShipperCommand_msg,
	.handlers = handlers,
	.on_close = on_close,
};

static void
send_hello(struct symbolizer_server *s)
{
	phlare_ShipperCommand command = {
		.which_body = phlare_ShipperCommand_hello_tag,
		.body.hello = { IPC_PROTOCOL_VERSION, PROGRAM_VERSION,
		    s->session },
	};

	ipc_send(s->peer, &command, -1);
}

/*
 * The next one waits in the socket until this one is over: a dead peer's last
 * messages are read first, and a live one cannot be pushed out.
 */
static void
on_accept(evutil_socket_t listening, short what, void *arg)
{
	struct symbolizer_server *s = arg;
	int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)what;
	if (fd < 0)
		return;
	event_del(s->accepting);
	log_info("symbolizer", "connected");
	s->peer = ipc_new(s->base, fd, &role, s);
	send_hello(s);
}

struct symbolizer_server *
symbolizer_server_new(struct event_base *base, int fd, uint64_t session,
    const struct symbolizer_callbacks *callbacks, void *arg)
{
	struct symbolizer_server *s = ecalloc(1, sizeof(*s));

	s->base = base;
	s->fd = fd;
	s->session = session;
	s->callbacks = callbacks;
	s->arg = arg;
	s->accepting = event_new(base, fd, EV_READ | EV_PERSIST, on_accept, s);
	if (s->accepting == NULL || event_add(s->accepting, NULL) < 0)
		fatalx("out of memory");
	return s;
}

void
symbolizer_server_free(struct symbolizer_server *s)
{
	if (s == NULL)
		return;
	ipc_free(s->peer);
	event_free(s->accepting);
	close(s->fd);
	free(s);
}

bool
symbolizer_server_connected(const struct symbolizer_server *s)
{
	return s->greeted;
}

uint64_t
symbolizer_server_session(const struct symbolizer_server *s)
{
	return s->peer_session;
}

int
symbolizer_server_send(
    struct symbolizer_server *s, const phlare_ShipperCommand *command, int fd)
{
	return s->greeted ? ipc_send(s->peer, command, fd) : -ENOTCONN;
}

void
symbolizer_server_flush(struct symbolizer_server *s)
{
	if (s->greeted)
		ipc_flush(s->peer, FLUSH_MSEC);
}
