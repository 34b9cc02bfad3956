/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/opener_peer.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <pb_decode.h>
#include <pb_encode.h>

#include "common/ipc.h"
#include "common/version.h"

#define TIMEOUT_MS 5000

uint64_t
opener_peer_start_time(pid_t pid)
{
	char path[64], text[2048], *p;
	unsigned long long ticks;
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "r");
	if (f == NULL)
		return 0;
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	p = strrchr(text, ')');
	if (p == NULL ||
	    sscanf(p + 1,
		" %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
		"%*s %*s %*s %*s %*s %llu",
		&ticks) != 1)
		return 0;
	return ticks * (1000000000ULL / sysconf(_SC_CLK_TCK));
}

static int
send_request(int sock, const phlare_OpenerRequest *request)
{
	uint8_t bytes[1024];
	pb_ostream_t out = pb_ostream_from_buffer(bytes, sizeof(bytes));

	if (!pb_encode(&out, phlare_OpenerRequest_fields, request))
		return -EMSGSIZE;
	return send(sock, bytes, out.bytes_written, MSG_NOSIGNAL) < 0 ? -errno
								      : 0;
}

/* One message and the descriptor on it. */
static int
receive(int sock, phlare_OpenEvent *event, int *fd)
{
	union {
		char space[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	uint8_t bytes[1024];
	struct iovec iov = { bytes, sizeof(bytes) };
	struct msghdr mh = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	struct pollfd pfd = { sock, POLLIN, 0 };
	struct cmsghdr *c;
	pb_istream_t in;
	ssize_t n;

	*fd = -1;
	if (poll(&pfd, 1, TIMEOUT_MS) <= 0)
		return -ETIMEDOUT;
	n = recvmsg(sock, &mh, MSG_CMSG_CLOEXEC);
	if (n <= 0)
		return -ECONNRESET;
	c = CMSG_FIRSTHDR(&mh);
	if (c != NULL && c->cmsg_type == SCM_RIGHTS)
		memcpy(fd, CMSG_DATA(c), sizeof(*fd));
	in = pb_istream_from_buffer(bytes, n);
	return pb_decode(&in, phlare_OpenEvent_fields, event) ? 0 : -EPROTO;
}

int
opener_peer_hello(int sock)
{
	phlare_OpenerRequest hello = { .which_body =
					   phlare_OpenerRequest_hello_tag };
	phlare_OpenEvent event;
	int fd, r = receive(sock, &event, &fd);

	if (r < 0)
		return r;
	if (event.which_body != phlare_OpenEvent_hello_tag || fd >= 0 ||
	    event.body.hello.protocol_version != IPC_PROTOCOL_VERSION ||
	    event.body.hello.session == 0)
		return -EPROTO;
	hello.body.hello.protocol_version = IPC_PROTOCOL_VERSION;
	hello.body.hello.program_version = PROGRAM_VERSION;
	hello.body.hello.session = 1;
	return send_request(sock, &hello);
}

int
opener_peer_send(int sock, const phlare_OpenRequest *request)
{
	phlare_OpenerRequest message = { .which_body =
					     phlare_OpenerRequest_open_tag };

	message.body.open = *request;
	return send_request(sock, &message);
}

int
opener_peer_reply(int sock, phlare_OpenReply *reply, int *fd)
{
	phlare_OpenEvent event;
	int r = receive(sock, &event, fd);

	if (r == 0 && event.which_body != phlare_OpenEvent_reply_tag)
		r = -EPROTO;
	if (r == 0)
		*reply = event.body.reply;
	return r;
}

int
opener_peer_open(int sock, const phlare_OpenRequest *request)
{
	phlare_OpenReply reply = phlare_OpenReply_init_zero;
	int fd, r;

	if ((r = opener_peer_send(sock, request)) < 0)
		return r == -EPIPE ? -ECONNRESET : r;
	if ((r = opener_peer_reply(sock, &reply, &fd)) < 0)
		return r;
	if (reply.id != request->id || (reply.error == 0) != (fd >= 0)) {
		if (fd >= 0)
			close(fd);
		return -EPROTO;
	}
	return reply.error != 0 ? -(int)reply.error : fd;
}
