/* SPDX-License-Identifier: Apache-2.0 */
#include "common/ipc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>
#include <pb_decode.h>
#include <pb_encode.h>

#include "common/log.h"
#include "common/now.h"

/* Messages handled per wake-up, so that one peer cannot hold the loop. */
#define READ_BURST 64
/* How long to wait when the kernel holds too many descriptors of ours. */
#define RETRY_MS 20
/* Descriptors one packet may try to smuggle in; all are closed. */
#define FDS_MAX 8

struct packet {
	TAILQ_ENTRY(packet) entry;
	int fd;
	size_t size;
	uint8_t data[];
};

struct ipc {
	const struct ipc_role *role;
	void *arg;
	int fd;
	struct event *readable, *writable, *retry;
	TAILQ_HEAD(, packet) queue;
	size_t queued, queued_bytes;
	bool dispatching; /* a handler of ours is on the stack */
	bool freed;       /* and it called ipc_free() */
	bool closed;      /* on_close was called */
	bool broken;      /* sending failed; the read side will tell */
};

static void on_readable(evutil_socket_t fd, short what, void *arg);
static void on_writable(evutil_socket_t fd, short what, void *arg);
static void on_retry(evutil_socket_t fd, short what, void *arg);

/* One buffer for all connections: a process has one thread. */
static uint8_t buffer[IPC_MAX_BYTES];

struct ipc *
ipc_new(struct event_base *base, int fd, const struct ipc_role *role, void *arg)
{
	struct ipc *ipc = ecalloc(1, sizeof(*ipc));

	evutil_make_socket_nonblocking(fd);
	ipc->fd = fd;
	ipc->role = role;
	ipc->arg = arg;
	TAILQ_INIT(&ipc->queue);
	ipc->readable =
	    event_new(base, fd, EV_READ | EV_PERSIST, on_readable, ipc);
	ipc->writable =
	    event_new(base, fd, EV_WRITE | EV_PERSIST, on_writable, ipc);
	ipc->retry = evtimer_new(base, on_retry, ipc);
	if (ipc->readable == NULL || ipc->writable == NULL ||
	    ipc->retry == NULL || event_add(ipc->readable, NULL) < 0)
		fatalx("out of memory");
	return ipc;
}

static void
packet_free(struct ipc *ipc, struct packet *p)
{
	TAILQ_REMOVE(&ipc->queue, p, entry);
	ipc->queued--;
	ipc->queued_bytes -= p->size;
	if (p->fd >= 0)
		close(p->fd);
	free(p);
}

static void
ipc_destroy(struct ipc *ipc)
{
	event_free(ipc->readable);
	event_free(ipc->writable);
	event_free(ipc->retry);
	while (!TAILQ_EMPTY(&ipc->queue))
		packet_free(ipc, TAILQ_FIRST(&ipc->queue));
	close(ipc->fd);
	free(ipc);
}

void
ipc_free(struct ipc *ipc)
{
	if (ipc == NULL)
		return;
	if (ipc->dispatching)
		ipc->freed = true;
	else
		ipc_destroy(ipc);
}

/* Ends the connection once; the owner frees it. */
static void
ipc_close(struct ipc *ipc, const char *why)
{
	if (ipc->closed || ipc->freed)
		return;
	ipc->closed = true;
	event_del(ipc->readable);
	event_del(ipc->writable);
	event_del(ipc->retry);
	shutdown(ipc->fd, SHUT_RDWR);
	if (strncmp(why, "protocol", 8) == 0)
		log_warnx("ipc", "disconnecting %s: %s", ipc->role->peer, why);
	ipc->role->on_close(ipc->arg, why);
}

static const struct ipc_handler *
find_handler(const struct ipc_role *role, uint32_t tag)
{
	for (const struct ipc_handler *h = role->handlers; h->tag != 0; h++)
		if (h->tag == tag)
			return h;
	return NULL;
}

/* Checks and decodes one packet, then calls its handler. Takes fd. */
static const char *
dispatch(struct ipc *ipc, size_t size, int fd)
{
	static union {
		uint8_t bytes[IPC_MAX_BYTES + 4096];
		uint64_t align;
	} msg;
	const struct ipc_role *role = ipc->role;
	const struct ipc_handler *h;
	pb_istream_t in = pb_istream_from_buffer(buffer, size), peek = in;
	pb_wire_type_t wire;
	uint32_t tag;
	bool eof;
	const char *why = NULL;

	if (!pb_decode_tag(&peek, &wire, &tag, &eof))
		why = "protocol error: not a message";
	else if ((h = find_handler(role, tag)) == NULL)
		why = "protocol error: message it may not send";
	else if ((h->flags & IPC_FD) && fd < 0)
		why = "protocol error: descriptor missing";
	else if (!(h->flags & (IPC_FD | IPC_FD_OPTIONAL)) && fd >= 0)
		why = "protocol error: unexpected descriptor";
	else if (role->recv_size > sizeof(msg) ||
		 !pb_decode(&in, role->recv, &msg) || *(pb_size_t *)&msg != tag)
		why = "protocol error: malformed message";
	if (why != NULL) {
		if (fd >= 0)
			close(fd);
		return why;
	}
	h->fn(ipc->arg, msg.bytes + role->recv_body, fd);
	return NULL;
}

/* Collects the descriptors of a packet. The number found. */
static int
take_fds(struct msghdr *mh, int fds[FDS_MAX])
{
	int n = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(mh); c != NULL;
	     c = CMSG_NXTHDR(mh, c)) {
		int count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (int i = 0; i < count && n < FDS_MAX; i++)
			memcpy(&fds[n++], CMSG_DATA(c) + i * sizeof(int),
			    sizeof(int));
	}
	return n;
}

static bool
wants_fds(const struct ipc_role *role)
{
	for (const struct ipc_handler *h = role->handlers; h->tag != 0; h++)
		if (h->flags & (IPC_FD | IPC_FD_OPTIONAL))
			return true;
	return false;
}

/*
 * Reads one packet into buffer. Its size, 0 at end of file, -errno. A peer
 * that may not send descriptors is read without room for any: the kernel
 * drops them.
 */
static ssize_t
read_packet(struct ipc *ipc, int *fd, const char **why)
{
	union {
		char space[CMSG_SPACE(sizeof(int) * FDS_MAX)];
		struct cmsghdr align;
	} control;
	struct iovec iov = { buffer, sizeof(buffer) };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };
	int fds[FDS_MAX], nfds;
	bool fds_allowed = wants_fds(ipc->role);
	ssize_t n;

	*fd = -1;
	if (fds_allowed) {
		mh.msg_control = &control;
		mh.msg_controllen = sizeof(control);
	}
	n = recvmsg(ipc->fd, &mh, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	if (n < 0)
		return -errno;
	nfds = take_fds(&mh, fds);
	if ((mh.msg_flags & MSG_TRUNC) || nfds > 1)
		*why = "protocol error: packet too large";
	else if (fds_allowed && (mh.msg_flags & MSG_CTRUNC))
		*why = "no room for its descriptor: too many open files";
	if (*why != NULL) {
		for (int i = 0; i < nfds; i++)
			close(fds[i]);
	} else if (nfds == 1) {
		*fd = fds[0];
	}
	return n;
}

/* What read_packet() gave. NULL, or why the connection ends. */
static const char *
take_packet(struct ipc *ipc, ssize_t n, int fd)
{
	if (n < 0)
		return "connection lost";
	if (n > 0)
		return dispatch(ipc, n, fd);
	if (fd < 0)
		return "closed by peer";
	close(fd);
	return "protocol error: empty packet";
}

static void
on_readable(evutil_socket_t sock, short what, void *arg)
{
	struct ipc *ipc = arg;
	const char *why = NULL;

	(void)sock;
	(void)what;
	ipc->dispatching = true;
	for (int i = 0; i < READ_BURST && why == NULL && !ipc->freed; i++) {
		int fd;
		ssize_t n = read_packet(ipc, &fd, &why);

		if (n == -EAGAIN || n == -EINTR)
			break;
		if (n == -ECONNRESET)
			continue; /* what it sent before it died follows */
		if (why != NULL)
			break;
		why = take_packet(ipc, n, fd);
	}
	if (why != NULL)
		ipc_close(ipc, why);
	ipc->dispatching = false;
	if (ipc->freed)
		ipc_destroy(ipc);
}

static int
send_packet(int sock, const void *data, size_t size, int fd, int flags)
{
	union {
		char space[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { { 0 } };
	struct iovec iov = { (void *)data, size };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (fd >= 0) {
		struct cmsghdr *c;

		mh.msg_control = &control;
		mh.msg_controllen = sizeof(control);
		c = CMSG_FIRSTHDR(&mh);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(int));
	}
	return sendmsg(sock, &mh, MSG_NOSIGNAL | flags) < 0 ? -errno : 0;
}

static bool
must_wait(int r)
{
	/* ETOOMANYREFS: too many descriptors of ours are in flight */
	return r == -EAGAIN || r == -ENOBUFS || r == -ETOOMANYREFS;
}

static int
enqueue(struct ipc *ipc, const void *data, size_t size, int fd)
{
	struct packet *p;
	int copy = -1;

	if (ipc->queued >= IPC_QUEUE_MESSAGES ||
	    ipc->queued_bytes + size > IPC_QUEUE_BYTES)
		return -ENOBUFS;
	if (fd >= 0 && (copy = fcntl(fd, F_DUPFD_CLOEXEC, 3)) < 0)
		return -errno;
	p = malloc(sizeof(*p) + size);
	if (p == NULL) {
		if (copy >= 0)
			close(copy);
		return -ENOMEM;
	}
	p->fd = copy;
	p->size = size;
	memcpy(p->data, data, size);
	TAILQ_INSERT_TAIL(&ipc->queue, p, entry);
	ipc->queued++;
	ipc->queued_bytes += size;
	event_add(ipc->writable, NULL);
	return 0;
}

int
ipc_send(struct ipc *ipc, const void *msg, int fd)
{
	static uint8_t out[IPC_MAX_BYTES];
	pb_ostream_t stream = pb_ostream_from_buffer(out, sizeof(out));
	int r;

	if (ipc->closed || ipc->freed || ipc->broken)
		return -EPIPE;
	if (!pb_encode(&stream, ipc->role->send, msg))
		return -EMSGSIZE;
	if (!TAILQ_EMPTY(&ipc->queue))
		return enqueue(ipc, out, stream.bytes_written, fd);
	r = send_packet(ipc->fd, out, stream.bytes_written, fd, MSG_DONTWAIT);
	if (must_wait(r))
		return enqueue(ipc, out, stream.bytes_written, fd);
	if (r < 0) {
		ipc->broken = true;
		shutdown(ipc->fd, SHUT_RDWR); /* the read side sees it */
		return -EPIPE;
	}
	return 0;
}

/* Sends what is queued until the peer must read first. 0 or -errno. */
static int
send_queued(struct ipc *ipc)
{
	struct packet *p;

	while ((p = TAILQ_FIRST(&ipc->queue)) != NULL) {
		int r =
		    send_packet(ipc->fd, p->data, p->size, p->fd, MSG_DONTWAIT);

		if (must_wait(r))
			return r;
		packet_free(ipc, p);
		if (r < 0) {
			ipc->broken = true;
			shutdown(ipc->fd, SHUT_RDWR);
			return -EPIPE;
		}
	}
	return 0;
}

static void
on_writable(evutil_socket_t sock, short what, void *arg)
{
	const struct timeval wait = { 0, RETRY_MS * 1000 };
	struct ipc *ipc = arg;
	int r = send_queued(ipc);

	(void)sock;
	(void)what;
	if (r == -EAGAIN)
		return;
	event_del(ipc->writable);
	/* the socket stays writable meanwhile: waiting for it would spin */
	if (must_wait(r))
		event_add(ipc->retry, &wait);
}

static void
on_retry(evutil_socket_t sock, short what, void *arg)
{
	struct ipc *ipc = arg;

	(void)sock;
	(void)what;
	event_add(ipc->writable, NULL);
}

size_t
ipc_queued(const struct ipc *ipc)
{
	return ipc->queued;
}

static int64_t
now_ms(void)
{
	return now_ns(CLOCK_MONOTONIC) / 1000000;
}

int
ipc_flush(struct ipc *ipc, int timeout_ms)
{
	int64_t end = now_ms() + timeout_ms, left;
	struct pollfd pfd = { ipc->fd, POLLOUT, 0 };

	if (ipc->broken || ipc->closed)
		return -EPIPE;
	for (;;) {
		int r = send_queued(ipc);

		if (!must_wait(r))
			return r;
		left = end - now_ms();
		if (left <= 0)
			return -ETIMEDOUT;
		if (r == -EAGAIN)
			poll(&pfd, 1, left);
		else /* writable all the time */
			poll(NULL, 0, left < RETRY_MS ? left : RETRY_MS);
	}
}

unsigned
ipc_peer_uid(const struct ipc *ipc)
{
	struct ucred cred;
	socklen_t size = sizeof(cred);

	if (getsockopt(ipc->fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) < 0)
		return (unsigned)-1;
	return cred.uid;
}

int
ipc_connect(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd, r;

	if (strlen(path) >= sizeof(sun.sun_path))
		return -ENAMETOOLONG;
	strcpy(sun.sun_path, path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0) {
		r = -errno;
		close(fd);
		return r;
	}
	return fd;
}
