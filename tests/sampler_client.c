/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sampler_client.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <pb_decode.h>
#include <pb_encode.h>

#include "common/ipc.h"
#include "common/log.h"
#include "common/memfd.h"
#include "common/version.h"

int
client_send(int sock, const phlare_SamplerRequest *request)
{
	uint8_t data[1024];
	pb_ostream_t out = pb_ostream_from_buffer(data, sizeof(data));

	if (!pb_encode(&out, phlare_SamplerRequest_fields, request))
		return -EMSGSIZE;
	if (send(sock, data, out.bytes_written, MSG_NOSIGNAL) < 0)
		return -errno;
	return 0;
}

int
client_hello(int sock)
{
	phlare_SamplerRequest r = {
		.which_body = phlare_SamplerRequest_hello_tag,
		.body.hello = { IPC_PROTOCOL_VERSION, PROGRAM_VERSION, 1 },
	};

	return client_send(sock, &r);
}

int
client_settings(int sock, uint32_t rate, uint32_t user, uint32_t kernel)
{
	phlare_SamplerRequest r = {
		.which_body = phlare_SamplerRequest_settings_tag,
		.body.settings = { rate, user, kernel },
	};

	return client_send(sock, &r);
}

int
client_collect(int sock, uint64_t interval)
{
	phlare_SamplerRequest r = {
		.which_body = phlare_SamplerRequest_collect_tag,
		.body.collect = { .interval = interval },
	};

	return client_send(sock, &r);
}

int
client_collect_last(int sock, uint64_t interval, uint32_t last)
{
	phlare_SamplerRequest r = {
		.which_body = phlare_SamplerRequest_collect_tag,
		.body.collect = { .interval = interval, .last = last },
	};

	return client_send(sock, &r);
}

int
client_ack(int sock, uint64_t sequence)
{
	phlare_SamplerRequest r = {
		.which_body = phlare_SamplerRequest_ack_tag,
		.body.ack = { sequence },
	};

	return client_send(sock, &r);
}

int
client_ask_kernel_symbols(int sock)
{
	phlare_SamplerRequest r = {
		.which_body = phlare_SamplerRequest_kernel_symbols_tag,
	};

	return client_send(sock, &r);
}

/* News that came as bytes, in a descriptor like longer ones. */
static int
news_fd(const phlare_ProcessNews *news)
{
	int fd = memfd_new("news");

	if (memfd_append(fd, news->data.bytes, news->data.size) < 0 ||
	    memfd_seal(fd) < 0)
		fatal("news");
	return fd;
}

int
client_receive(int sock, phlare_SamplerEvent *event, int *fd, int timeout_ms)
{
	static uint8_t data[IPC_MAX_BYTES];
	union {
		char space[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = { data, sizeof(data) };
	struct msghdr mh = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	struct pollfd pfd = { sock, POLLIN, 0 };
	struct cmsghdr *c;
	pb_istream_t in;
	ssize_t n;

	*fd = -1;
	n = poll(&pfd, 1, timeout_ms);
	if (n <= 0)
		return n < 0 ? -errno : 0;
	n = recvmsg(sock, &mh, MSG_CMSG_CLOEXEC);
	if (n <= 0)
		return n < 0 ? -errno : -EPIPE;
	c = CMSG_FIRSTHDR(&mh);
	if (c != NULL && c->cmsg_type == SCM_RIGHTS)
		memcpy(fd, CMSG_DATA(c), sizeof(int));
	in = pb_istream_from_buffer(data, n);
	if (!pb_decode(&in, phlare_SamplerEvent_fields, event)) {
		if (*fd >= 0)
			close(*fd);
		return -EBADMSG;
	}
	if (event->which_body == phlare_SamplerEvent_processes_tag && *fd < 0)
		*fd = news_fd(&event->body.processes);
	return 1;
}

static bool
section_ok(
    const struct batch_view *v, const struct batch_section *s, size_t size)
{
	return s->offset <= v->size && s->offset % 8 == 0 &&
	       s->count <= (v->size - s->offset) / size;
}

static bool
processes_ok(const struct batch_view *v)
{
	const struct batch_header *h = v->header;

	for (uint32_t i = 0; i < h->processes.count; i++) {
		const struct batch_process *p = &v->processes[i];

		if (p->generation == 0 ||
		    p->first_mapping > h->mappings.count ||
		    p->mappings > h->mappings.count - p->first_mapping)
			return false;
	}
	for (uint32_t i = 0; i < h->mappings.count; i++) {
		const struct batch_mapping *m = &v->mappings[i];

		if (m->start >= m->end || m->path > h->strings.count ||
		    m->path_size > h->strings.count - m->path)
			return false;
	}
	return true;
}

int
batch_view_open(struct batch_view *v, int fd)
{
	const struct batch_header *h;
	const char *base;
	int r = memfd_map(fd, BATCH_MAX_BYTES, &v->data, &v->size);

	close(fd);
	if (r < 0)
		return r;
	h = v->header = v->data;
	base = v->data;
	if (v->size < sizeof(*h) || h->magic != BATCH_MAGIC ||
	    h->version != BATCH_VERSION ||
	    !section_ok(v, &h->cpus, sizeof(*v->cpus)) ||
	    !section_ok(v, &h->processes, sizeof(*v->processes)) ||
	    !section_ok(v, &h->mappings, sizeof(*v->mappings)) ||
	    !section_ok(v, &h->counts, sizeof(*v->counts)) ||
	    !section_ok(v, &h->stack_parts, sizeof(*v->parts)) ||
	    !section_ok(v, &h->strings, 1)) {
		batch_view_close(v);
		return -EBADMSG;
	}
	v->cpus = (const void *)(base + h->cpus.offset);
	v->processes = (const void *)(base + h->processes.offset);
	v->mappings = (const void *)(base + h->mappings.offset);
	v->counts = (const void *)(base + h->counts.offset);
	v->parts = (const void *)(base + h->stack_parts.offset);
	v->strings = base + h->strings.offset;
	if (processes_ok(v))
		return 0;
	batch_view_close(v);
	return -EBADMSG;
}

void
batch_view_close(struct batch_view *v)
{
	memfd_unmap(v->data, v->size);
	v->data = NULL;
}

uint64_t
batch_view_samples(const struct batch_view *v)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < v->header->counts.count; i++)
		sum += v->counts[i].count;
	return sum;
}

const struct batch_process *
batch_view_process(const struct batch_view *v, uint64_t generation)
{
	for (uint32_t i = 0; i < v->header->processes.count; i++)
		if (v->processes[i].generation == generation)
			return &v->processes[i];
	return NULL;
}

static const struct batch_stack_part *
find_part(const struct batch_view *v, uint64_t stack, uint32_t part)
{
	for (uint32_t i = 0; i < v->header->stack_parts.count; i++)
		if (v->parts[i].stack == stack && v->parts[i].part == part)
			return &v->parts[i];
	return NULL;
}

unsigned
batch_view_stack(const struct batch_view *v, uint64_t stack,
    uint64_t address[BATCH_MAX_FRAMES])
{
	const struct batch_stack_part *p = find_part(v, stack, 0);
	unsigned frames = p != NULL ? p->frames : 0;

	if (frames > BATCH_MAX_FRAMES)
		return 0;
	for (unsigned i = 0; i < frames; i++) {
		if (i % BATCH_STACK_PART == 0)
			p = find_part(v, stack, i / BATCH_STACK_PART);
		if (p == NULL)
			return 0;
		address[i] = p->address[i % BATCH_STACK_PART];
	}
	return frames;
}
