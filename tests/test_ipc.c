/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>
#include <pb_encode.h>

#include "common/ipc.h"
#include "common/log.h"
#include "common/collector.pb.h"

struct peer {
	struct event_base *base;
	struct ipc *ipc; /* the end under test */
	int other;       /* the raw end */
	int hellos, batches, fd;
	uint64_t session;
	bool free_in_handler;
	char why[80];
};

static void
on_hello(void *arg, const void *body, int fd)
{
	struct peer *p = arg;
	const phlare_SamplerHello *hello = body;

	p->hellos++;
	p->session = hello->session;
	p->fd = fd;
	if (p->free_in_handler) {
		ipc_free(p->ipc);
		p->ipc = NULL;
	}
}

static void
on_batch(void *arg, const void *body, int fd)
{
	struct peer *p = arg;

	(void)body;
	p->batches++;
	close(fd);
}

static void
on_close(void *arg, const char *why)
{
	struct peer *p = arg;

	snprintf(p->why, sizeof(p->why), "%s", why);
}

static const struct ipc_handler handlers[] = {
	{ phlare_SamplerEvent_hello_tag, 0, on_hello },
	{ phlare_SamplerEvent_batch_tag, IPC_FD, on_batch },
	{ 0 },
};

static const struct ipc_role role = {
	.peer = "test",
	.recv = phlare_SamplerEvent_fields,
	.recv_size = sizeof(phlare_SamplerEvent),
	.recv_body = offsetof(phlare_SamplerEvent, body),
	.send = phlare_SamplerRequest_fields,
	.handlers = handlers,
	.on_close = on_close,
};

static int
set_up(void **state)
{
	static struct peer peer;
	int sv[2];

	memset(&peer, 0, sizeof(peer));
	peer.fd = -1;
	peer.base = event_base_new();
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sv), 0);
	peer.ipc = ipc_new(peer.base, sv[0], &role, &peer);
	peer.other = sv[1];
	*state = &peer;
	return 0;
}

static int
tear_down(void **state)
{
	struct peer *p = *state;

	ipc_free(p->ipc);
	close(p->other);
	event_base_free(p->base);
	return 0;
}

static void
turn(struct peer *p)
{
	event_base_loop(p->base, EVLOOP_NONBLOCK);
}

/* Sends an encoded message by hand, with nfds copies of stdin. */
static void
send_raw(struct peer *p, const void *data, size_t size, int nfds)
{
	char control[CMSG_SPACE(sizeof(int) * 4)] = { 0 };
	struct iovec iov = { (void *)data, size };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (nfds > 0) {
		struct cmsghdr *c;
		int null = open("/dev/null", O_RDONLY);

		mh.msg_control = control;
		mh.msg_controllen = CMSG_SPACE(sizeof(int) * nfds);
		c = CMSG_FIRSTHDR(&mh);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * nfds);
		for (int i = 0; i < nfds; i++)
			memcpy(
			    CMSG_DATA(c) + i * sizeof(int), &null, sizeof(int));
		assert_int_equal(sendmsg(p->other, &mh, 0), size);
		close(null);
		return;
	}
	assert_int_equal(sendmsg(p->other, &mh, 0), size);
}

static void
send_event(struct peer *p, const phlare_SamplerEvent *event, int nfds)
{
	uint8_t out[1024];
	pb_ostream_t stream = pb_ostream_from_buffer(out, sizeof(out));

	assert_true(pb_encode(&stream, phlare_SamplerEvent_fields, event));
	send_raw(p, out, stream.bytes_written, nfds);
}

static int
open_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void
test_message_reaches_its_handler(void **state)
{
	struct peer *p = *state;
	phlare_SamplerEvent e = phlare_SamplerEvent_init_zero;

	e.which_body = phlare_SamplerEvent_hello_tag;
	e.body.hello.session = 42;
	send_event(p, &e, 0);
	turn(p);
	assert_int_equal(p->hellos, 1);
	assert_int_equal(p->session, 42);
	assert_int_equal(p->fd, -1);
	assert_string_equal(p->why, "");
}

static void
test_descriptor_arrives_and_is_required(void **state)
{
	struct peer *p = *state;
	phlare_SamplerEvent e = phlare_SamplerEvent_init_zero;
	int before = open_fds();

	e.which_body = phlare_SamplerEvent_batch_tag;
	send_event(p, &e, 1);
	turn(p);
	assert_int_equal(p->batches, 1);
	assert_int_equal(open_fds(), before);
	send_event(p, &e, 0);
	turn(p);
	assert_int_equal(p->batches, 1);
	assert_string_equal(p->why, "protocol error: descriptor missing");
}

static void
test_unexpected_descriptor_is_closed(void **state)
{
	struct peer *p = *state;
	phlare_SamplerEvent e = phlare_SamplerEvent_init_zero;
	int before = open_fds();

	e.which_body = phlare_SamplerEvent_hello_tag;
	send_event(p, &e, 1);
	turn(p);
	assert_int_equal(p->hellos, 0);
	assert_string_equal(p->why, "protocol error: unexpected descriptor");
	assert_int_equal(open_fds(), before);
}

static void
test_more_than_one_descriptor_ends_it(void **state)
{
	struct peer *p = *state;
	phlare_SamplerEvent e = phlare_SamplerEvent_init_zero;
	int before = open_fds();

	e.which_body = phlare_SamplerEvent_batch_tag;
	send_event(p, &e, 3);
	turn(p);
	assert_int_equal(p->batches, 0);
	assert_true(strncmp(p->why, "protocol error", 14) == 0);
	assert_int_equal(open_fds(), before);
}

static void
test_garbage_ends_it(void **state)
{
	struct peer *p = *state;

	send_raw(p, "\xff\xff\xff\xff garbage", 12, 0);
	turn(p);
	assert_string_equal(p->why, "protocol error: not a message");
}

static void
test_descriptor_without_a_message_is_closed(void **state)
{
	struct peer *p = *state;
	int before = open_fds();

	send_raw(p, "", 0, 1);
	turn(p);
	assert_string_equal(p->why, "protocol error: empty packet");
	assert_int_equal(open_fds(), before);
}

static void
test_half_a_message_ends_it(void **state)
{
	struct peer *p = *state;

	send_raw(p, "\x0a\x20\x0d", 3, 0);
	turn(p);
	assert_string_equal(p->why, "protocol error: malformed message");
	assert_int_equal(p->hellos, 0);
}

static void
test_message_of_another_direction_ends_it(void **state)
{
	struct peer *p = *state;
	phlare_SamplerEvent e = phlare_SamplerEvent_init_zero;

	e.which_body = phlare_SamplerEvent_done_tag; /* no handler here */
	send_event(p, &e, 0);
	turn(p);
	assert_string_equal(p->why, "protocol error: message it may not send");
}

static void
test_end_of_file_is_told_once(void **state)
{
	struct peer *p = *state;

	shutdown(p->other, SHUT_RDWR);
	turn(p);
	assert_string_equal(p->why, "closed by peer");
	p->why[0] = '\0';
	turn(p);
	assert_string_equal(p->why, "");
}

/* A dead peer has read nothing of ours: the kernel calls that a reset. */
static void
test_what_a_peer_sent_before_it_died_is_read(void **state)
{
	struct peer *p = *state;
	phlare_SamplerRequest r = phlare_SamplerRequest_init_zero;
	phlare_SamplerEvent e = phlare_SamplerEvent_init_zero;

	r.which_body = phlare_SamplerRequest_hello_tag;
	assert_int_equal(ipc_send(p->ipc, &r, -1), 0);
	e.which_body = phlare_SamplerEvent_hello_tag;
	send_event(p, &e, 0);
	send_event(p, &e, 0);
	close(p->other);
	p->other = -1;
	turn(p);
	assert_int_equal(p->hellos, 2);
	assert_string_equal(p->why, "closed by peer");
}

static void
test_handler_may_free_its_connection(void **state)
{
	struct peer *p = *state;
	phlare_SamplerEvent e = phlare_SamplerEvent_init_zero;

	p->free_in_handler = true;
	e.which_body = phlare_SamplerEvent_hello_tag;
	send_event(p, &e, 0);
	send_event(p, &e, 0);
	turn(p);
	assert_int_equal(p->hellos, 1);
	assert_null(p->ipc);
}

static void
test_slow_peer_fills_the_queue_and_loses_nothing(void **state)
{
	struct peer *p = *state;
	phlare_SamplerRequest m = phlare_SamplerRequest_init_zero;
	uint8_t in[64];
	int sent = 0, got = 0, r;

	m.which_body = phlare_SamplerRequest_collect_tag;
	while ((r = ipc_send(p->ipc, &m, -1)) == 0 && sent < 100000)
		sent++;
	assert_int_equal(r, -ENOBUFS);
	assert_int_equal(ipc_queued(p->ipc), IPC_QUEUE_MESSAGES);
	for (int i = 0; i < 100000 && got < sent; i++) {
		if (recv(p->other, in, sizeof(in), MSG_DONTWAIT) > 0)
			got++;
		else
			turn(p);
	}
	assert_int_equal(got, sent);
	assert_int_equal(ipc_queued(p->ipc), 0);
}

static double
cpu_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

/* Reads all that is there, with its descriptors, which it closes. */
static int
drain(struct peer *p)
{
	char control[CMSG_SPACE(sizeof(int))], in[64];
	int n = 0;

	for (;; n++) {
		struct iovec iov = { in, sizeof(in) };
		struct msghdr mh = { .msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = control,
			.msg_controllen = sizeof(control) };
		int fd;

		if (recvmsg(p->other, &mh, MSG_DONTWAIT) <= 0)
			return n;
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&mh)), sizeof(fd));
		close(fd);
	}
}

/* Like the daemons: without the privilege to have more in flight. */
static int
send_more_descriptors_than_allowed(struct peer *p)
{
	struct rlimit few = { 40, 40 };
	struct timeval wait = { 0, 300000 };
	phlare_SamplerRequest m = phlare_SamplerRequest_init_zero;
	int sent = 0, got;
	double start;

	if (setrlimit(RLIMIT_NOFILE, &few) < 0 ||
	    (geteuid() == 0 && setuid(65534) < 0))
		return 2;
	m.which_body = phlare_SamplerRequest_collect_tag;
	while (ipc_queued(p->ipc) < 3 && sent < 200)
		if (ipc_send(p->ipc, &m, p->other) == 0)
			sent++;
	if (ipc_queued(p->ipc) != 3)
		return 3;
	start = cpu_seconds();
	event_base_loopexit(p->base, &wait);
	event_base_dispatch(p->base);
	if (cpu_seconds() - start > 0.1)
		return 4;
	if (ipc_flush(p->ipc, 50) != -ETIMEDOUT)
		return 5;
	got = drain(p);
	event_base_loopexit(p->base, &wait);
	event_base_dispatch(p->base);
	got += drain(p);
	return got == sent && ipc_queued(p->ipc) == 0 ? 0 : 6;
}

static void
test_too_many_descriptors_in_flight_wait_without_spinning(void **state)
{
	struct peer *p = *state;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		event_reinit(p->base);
		_exit(send_more_descriptors_than_allowed(p));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void
test_flush_gives_up_in_time(void **state)
{
	struct peer *p = *state;
	phlare_SamplerRequest m = phlare_SamplerRequest_init_zero;
	struct timespec start, end;

	m.which_body = phlare_SamplerRequest_collect_tag;
	while (ipc_queued(p->ipc) == 0)
		assert_int_equal(ipc_send(p->ipc, &m, -1), 0);
	clock_gettime(CLOCK_MONOTONIC, &start);
	assert_int_equal(ipc_flush(p->ipc, 50), -ETIMEDOUT);
	clock_gettime(CLOCK_MONOTONIC, &end);
	assert_true(end.tv_sec - start.tv_sec < 5);
	shutdown(p->other, SHUT_RDWR);
	assert_int_equal(ipc_flush(p->ipc, 1000), -EPIPE);
}

static void
test_flush_sends_all_to_a_peer_that_reads(void **state)
{
	struct peer *p = *state;
	phlare_SamplerRequest m = phlare_SamplerRequest_init_zero;
	int sent = 0, status;
	uint8_t in[64];
	pid_t pid;

	m.which_body = phlare_SamplerRequest_collect_tag;
	for (; ipc_queued(p->ipc) < 100; sent++)
		assert_int_equal(ipc_send(p->ipc, &m, -1), 0);
	pid = fork();
	if (pid == 0) {
		while (sent-- > 0)
			if (recv(p->other, in, sizeof(in), 0) <= 0)
				_exit(1);
		_exit(0);
	}
	assert_int_equal(ipc_flush(p->ipc, 5000), 0);
	assert_int_equal(ipc_queued(p->ipc), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_message_reaches_its_handler),
		TEST(test_descriptor_arrives_and_is_required),
		TEST(test_unexpected_descriptor_is_closed),
		TEST(test_more_than_one_descriptor_ends_it),
		TEST(test_garbage_ends_it),
		TEST(test_descriptor_without_a_message_is_closed),
		TEST(test_half_a_message_ends_it),
		TEST(test_message_of_another_direction_ends_it),
		TEST(test_end_of_file_is_told_once),
		TEST(test_what_a_peer_sent_before_it_died_is_read),
		TEST(test_handler_may_free_its_connection),
		TEST(test_slow_peer_fills_the_queue_and_loses_nothing),
		TEST(test_too_many_descriptors_in_flight_wait_without_spinning),
		TEST(test_flush_gives_up_in_time),
		TEST(test_flush_sends_all_to_a_peer_that_reads),
	};

	log_init("test_ipc", false);
	return cmocka_run_group_tests_name("ipc", tests, NULL, NULL);
}
