/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fake_opener.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <event2/event.h>

#include "common/ipc.h"
#include "common/log.h"
#include "common/version.h"

struct fake_opener {
	struct event_base *base;
	fake_opener_answers answers;
	void *arg;
	char dir[64], path[96];
	int listener, asked;
	struct event *accept;
	struct ipc *ipc;
};

static void
describe(phlare_OpenReply *reply, int fd)
{
	struct statfs fs;
	struct stat st;

	if (fstat(fd, &st) < 0 || fstatfs(fd, &fs) < 0)
		abort();
	reply->device = st.st_dev;
	reply->inode = st.st_ino;
	reply->changed_ns =
	    st.st_ctim.tv_sec * 1000000000ULL + st.st_ctim.tv_nsec;
	reply->size = st.st_size;
	reply->owner = st.st_uid;
	reply->file_system = fs.f_type;
}

static void
override(phlare_OpenReply *reply, const struct fake_answer *a)
{
	if (a->device != 0)
		reply->device = a->device;
	if (a->inode != 0)
		reply->inode = a->inode;
	if (a->changed_ns != 0)
		reply->changed_ns = a->changed_ns;
	if (a->size != 0)
		reply->size = a->size;
	if (a->owner != 0)
		reply->owner = a->owner;
	if (a->file_system != 0)
		reply->file_system = a->file_system;
}

static void
on_hello(void *arg, const void *body, int fd)
{
	(void)arg;
	(void)body;
	(void)fd;
}

static void
on_open(void *arg, const void *body, int fd)
{
	struct fake_opener *f = arg;
	const phlare_OpenRequest *question = body;
	phlare_OpenEvent m = phlare_OpenEvent_init_zero;
	struct fake_answer a = f->answers(f->arg, question);

	(void)fd;
	f->asked++;
	if (a.hangs)
		return;
	m.which_body = phlare_OpenEvent_reply_tag;
	m.body.reply.id = question->id;
	if (a.fd < 0) {
		m.body.reply.error = -a.fd;
	} else {
		describe(&m.body.reply, a.fd);
		override(&m.body.reply, &a);
	}
	ipc_send(f->ipc, &m, a.fd < 0 ? -1 : a.fd);
	if (a.fd >= 0)
		close(a.fd);
}

static void
on_close(void *arg, const char *why)
{
	struct fake_opener *f = arg;

	(void)why;
	ipc_free(f->ipc);
	f->ipc = NULL;
}

static const struct ipc_handler handlers[] = {
	{ phlare_OpenerRequest_hello_tag, 0, on_hello },
	{ phlare_OpenerRequest_open_tag, 0, on_open },
	{ 0 },
};

static const struct ipc_role role = {
	.peer = "client",
	.recv = phlare_OpenerRequest_fields,
	.recv_size = sizeof(phlare_OpenerRequest),
	.recv_body = offsetof(phlare_OpenerRequest, body),
	.send = phlare_OpenEvent_fields,
	.handlers = handlers,
	.on_close = on_close,
};

static void
on_accept(evutil_socket_t fd, short what, void *arg)
{
	struct fake_opener *f = arg;
	phlare_OpenEvent m = phlare_OpenEvent_init_zero;

	(void)what;
	ipc_free(f->ipc);
	f->ipc = ipc_new(f->base, accept(fd, NULL, NULL), &role, f);
	m.which_body = phlare_OpenEvent_hello_tag;
	m.body.hello.protocol_version = IPC_PROTOCOL_VERSION;
	m.body.hello.program_version = PROGRAM_VERSION;
	m.body.hello.session = 1;
	ipc_send(f->ipc, &m, -1);
}

struct fake_opener *
fake_opener_new(struct event_base *base, fake_opener_answers answers, void *arg)
{
	struct fake_opener *f = ecalloc(1, sizeof(*f));
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	f->base = base;
	f->answers = answers;
	f->arg = arg;
	strcpy(f->dir, "/tmp/test-opener-XXXXXX");
	if (mkdtemp(f->dir) == NULL)
		fatal("mkdtemp");
	snprintf(f->path, sizeof(f->path), "%s/sock", f->dir);
	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", f->path);
	f->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (f->listener < 0 ||
	    bind(f->listener, (struct sockaddr *)&sa, sizeof(sa)) < 0 ||
	    listen(f->listener, 4) < 0)
		fatal("listen");
	f->accept =
	    event_new(base, f->listener, EV_READ | EV_PERSIST, on_accept, f);
	event_add(f->accept, NULL);
	return f;
}

void
fake_opener_free(struct fake_opener *fake)
{
	ipc_free(fake->ipc);
	event_free(fake->accept);
	close(fake->listener);
	unlink(fake->path);
	rmdir(fake->dir);
	free(fake);
}

const char *
fake_opener_path(const struct fake_opener *fake)
{
	return fake->path;
}

int
fake_opener_asked(const struct fake_opener *fake)
{
	return fake->asked;
}
