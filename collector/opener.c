/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request at a time, answered before the next is looked at. A client that
 * does not read its answers stops its opener: so few descriptors are in
 * flight, and nothing queues here.
 */
#include "collector/opener.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include "collector.pb.h"
#include "collector/open_files.h"
#include "collector/token_bucket.h"
#include "common/ipc.h"
#include "common/log.h"
#include "common/now.h"
#include "common/sandbox.h"
#include "common/version.h"

/*
 * What the kernel accounts for a small packet, at least: its skb and a 512
 * byte buffer. A socket polls writable while less than a quarter of its send
 * buffer is unread; setsockopt() doubles what it is given.
 */
#define PACKET_TRUESIZE 768
#define SEND_BUFFER ((OPENER_IN_FLIGHT - 1) * PACKET_TRUESIZE * 4 / 2)

struct opener {
	const struct opener_context *ctx;
	struct event_base *base;
	struct ipc *ipc;
	struct token_bucket bucket;
	uint64_t session;
	bool greeted; /* the client has said hello */
};

/* No handler is called after this. */
static void
stop(struct opener *o)
{
	ipc_free(o->ipc);
	o->ipc = NULL;
	event_base_loopbreak(o->base);
}

static void
violation(struct opener *o, const char *what)
{
	log_warnx("opener", "disconnecting symbolizer: %s", what);
	stop(o);
}

static void
on_close(void *arg, const char *why)
{
	log_debug("opener", "client %s", why);
	stop(arg);
}

static void
send_event(struct opener *o, const phlare_OpenEvent *event, int fd)
{
	int r = ipc_send(o->ipc, event, fd);

	if (r < 0 && r != -EPIPE) {
		log_warnx("opener", "cannot answer: %s", strerror(-r));
		stop(o);
	}
}

static void
send_hello(struct opener *o)
{
	phlare_OpenEvent event = { .which_body = phlare_OpenEvent_hello_tag };

	event.body.hello.protocol_version = IPC_PROTOCOL_VERSION;
	event.body.hello.program_version = PROGRAM_VERSION;
	event.body.hello.session = o->session;
	send_event(o, &event, -1);
}

static void
on_hello(void *arg, const void *body, int fd)
{
	struct opener *o = arg;
	const phlare_Hello *hello = body;

	(void)fd;
	if (o->greeted)
		violation(o, "a second hello");
	else if (hello->protocol_version != IPC_PROTOCOL_VERSION)
		violation(o, "it speaks another protocol version");
	o->greeted = true;
}

/* Waits until the client has read enough. False: it has hung up. */
static bool
wait_for_client(const struct opener *o)
{
	struct pollfd pfd = { o->ctx->client, POLLOUT, 0 };

	while (poll(&pfd, 1, -1) < 0)
		if (errno != EINTR)
			return false;
	return (pfd.revents & (POLLHUP | POLLERR)) == 0;
}

/* False: it cannot be told from others, so it is not handed out. */
static bool
describe(int fd, phlare_OpenReply *reply)
{
	struct statfs fs;
	struct stat st;

	if (fstat(fd, &st) < 0 || fstatfs(fd, &fs) < 0)
		return false;
	reply->device = st.st_dev;
	reply->inode = st.st_ino;
	reply->changed_ns =
	    st.st_ctim.tv_sec * 1000000000ULL + st.st_ctim.tv_nsec;
	reply->size = st.st_size;
	reply->owner = st.st_uid;
	reply->file_system = fs.f_type;
	return true;
}

static void
on_open(void *arg, const void *body, int fd)
{
	struct opener *o = arg;
	const phlare_OpenRequest *request = body;
	phlare_OpenEvent event = { .which_body = phlare_OpenEvent_reply_tag };

	if (!o->greeted) {
		violation(o, "a request before hello");
		return;
	}
	if (!wait_for_client(o)) {
		stop(o);
		return;
	}
	if (token_bucket_take(&o->bucket, now_ns(CLOCK_MONOTONIC)))
		fd = open_files_open(request, o->ctx->debug_dir);
	else
		fd = -EAGAIN;
	if (fd >= 0 && !describe(fd, &event.body.reply)) {
		close(fd);
		fd = -EIO;
	}
	event.body.reply.id = request->id;
	event.body.reply.error = fd < 0 ? -fd : 0;
	send_event(o, &event, fd < 0 ? -1 : fd);
	if (fd >= 0)
		close(fd);
}

static const struct ipc_handler handlers[] = {
	{ phlare_OpenerRequest_hello_tag, 0, on_hello },
	{ phlare_OpenerRequest_open_tag, 0, on_open },
	{ 0, 0, NULL },
};

static const struct ipc_role role = {
	.peer = "symbolizer",
	.recv = phlare_OpenerRequest_fields,
	.recv_size = sizeof(phlare_OpenerRequest),
	.recv_body = offsetof(phlare_OpenerRequest, body),
	.send = phlare_OpenEvent_fields,
	.handlers = handlers,
	.on_close = on_close,
};

/* All that the sandbox forbids later. */
static void
prepare(struct opener *o)
{
	int size = SEND_BUFFER;

	o->base = event_base_new();
	if (o->base == NULL)
		fatalx("opener: no event loop");
	if (setsockopt(
		o->ctx->client, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)) < 0)
		fatal("opener: SO_SNDBUF");
	if (getrandom(&o->session, sizeof(o->session), 0) != sizeof(o->session))
		fatal("opener: getrandom");
}

void
opener_run(const struct opener_context *ctx)
{
	struct opener o = { .ctx = ctx };

	prepare(&o);
	if (privilege_drop(PROCESS_OPENER, &ctx->ids, 0) < 0)
		_exit(1);
	privilege_die_with(ctx->listener);
	if (sandbox_enter(PROCESS_OPENER, NULL) < 0)
		_exit(1);
	token_bucket_init(&o.bucket, OPENER_BURST, OPENER_PER_SECOND,
	    now_ns(CLOCK_MONOTONIC));
	o.ipc = ipc_new(o.base, ctx->client, &role, &o);
	send_hello(&o);
	event_base_dispatch(o.base);
	_exit(0);
}
