/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolizer/opener.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include <event2/event.h>

#include "common/collector.pb.h"
#include "common/ipc.h"
#include "common/log.h"
#include "common/version.h"
#include "symbolizer/link.h"

#define AGAIN_MS 100

struct question {
	TAILQ_ENTRY(question) entry;
	uint64_t id;
	struct open_question what;
	opener_answered answered;
	void *arg;
	char name[];
};

TAILQ_HEAD(questions, question);

struct opener {
	struct link *link;
	struct event *deadline, *again;
	struct questions waiting[2]; /* by urgent */
	struct questions asked;
	int waiting_count, asked_count;
	uint64_t next_id;
	bool greeted;
};

static void
arm_deadline(struct opener *o)
{
	struct timeval tv = { .tv_sec = OPENER_DEADLINE_SEC };

	if (o->asked_count > 0)
		event_add(o->deadline, &tv);
	else
		event_del(o->deadline);
}

static struct question *
first_waiting(struct opener *o)
{
	struct question *q = TAILQ_FIRST(&o->waiting[true]);

	return q != NULL ? q : TAILQ_FIRST(&o->waiting[false]);
}

static void
pump(struct opener *o)
{
	struct question *q;
	int before = o->asked_count;

	while (o->greeted && o->asked_count < OPENER_IN_FLIGHT &&
	       !event_pending(o->again, EV_TIMEOUT, NULL) &&
	       (q = first_waiting(o)) != NULL) {
		phlare_OpenerRequest m = phlare_OpenerRequest_init_zero;

		m.which_body = phlare_OpenerRequest_open_tag;
		m.body.open.id = q->id;
		m.body.open.kind = q->what.kind;
		m.body.open.pid = q->what.pid;
		m.body.open.start_time = q->what.start_time;
		m.body.open.vma_start = q->what.vma_start;
		m.body.open.vma_end = q->what.vma_end;
		m.body.open.name.size = q->what.name_size;
		memcpy(m.body.open.name.bytes, q->name, q->what.name_size);
		if (link_send(o->link, &m, -1) < 0)
			break;
		TAILQ_REMOVE(&o->waiting[q->what.urgent], q, entry);
		TAILQ_INSERT_TAIL(&o->asked, q, entry);
		o->waiting_count--;
		o->asked_count++;
	}
	if (before == 0)
		arm_deadline(o);
}

/* Takes the question off its list, answers it, forgets it. */
static void
answer(struct opener *o, struct question *q, const struct open_answer *a)
{
	TAILQ_REMOVE(&o->asked, q, entry);
	o->asked_count--;
	q->answered(q->arg, a);
	free(q);
}

/* The question goes back to the front of the line. */
static void
put_back(struct opener *o, struct question *q)
{
	TAILQ_REMOVE(&o->asked, q, entry);
	TAILQ_INSERT_HEAD(&o->waiting[q->what.urgent], q, entry);
	o->asked_count--;
	o->waiting_count++;
}

static void
on_hello(void *arg, const void *body, int fd)
{
	struct opener *o = link_owner(arg);

	(void)fd;
	if (!link_version_ok(
		o->link, ((const phlare_Hello *)body)->protocol_version))
		return;
	o->greeted = true;
	pump(o);
}

static void
on_reply(void *arg, const void *body, int fd)
{
	static const struct timeval again = { .tv_usec = AGAIN_MS * 1000 };
	struct opener *o = link_owner(arg);
	const phlare_OpenReply *reply = body;
	struct question *q;

	TAILQ_FOREACH(q, &o->asked, entry)
		if (q->id == reply->id)
			break;
	if (q == NULL || (reply->error == 0) != (fd >= 0)) {
		if (fd >= 0)
			close(fd);
		return;
	}
	if (reply->error == EAGAIN) {
		put_back(o, q);
		event_add(o->again, &again);
	} else {
		answer(o, q,
		    &(struct open_answer){ .fd = fd,
			.error = reply->error,
			.device = reply->device,
			.inode = reply->inode,
			.changed_ns = reply->changed_ns,
			.size = reply->size,
			.owner = reply->owner,
			.file_system = reply->file_system });
	}
	arm_deadline(o);
	pump(o);
}

static void
on_again(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	pump(arg);
}

/* It hangs in an open: the first one asked is the one it hangs on. */
static void
on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct opener *o = arg;
	struct question *q = TAILQ_FIRST(&o->asked);

	(void)fd;
	(void)what;
	if (q == NULL)
		return;
	log_warnx("opener",
	    "no answer in %d s for a file of process %u: "
	    "asking a new opener",
	    OPENER_DEADLINE_SEC, q->what.pid);
	answer(o, q, &(struct open_answer){ .fd = -1, .error = ETIMEDOUT });
	link_restart(o->link);
}

static void
on_up(void *arg)
{
	struct opener *o = arg;
	phlare_OpenerRequest m = phlare_OpenerRequest_init_zero;

	m.which_body = phlare_OpenerRequest_hello_tag;
	m.body.hello.protocol_version = IPC_PROTOCOL_VERSION;
	m.body.hello.program_version = PROGRAM_VERSION;
	link_send(o->link, &m, -1);
}

/* What was asked is asked again of the next one. */
static void
on_down(void *arg)
{
	struct opener *o = arg;

	o->greeted = false;
	event_del(o->deadline);
	while (!TAILQ_EMPTY(&o->asked))
		put_back(o, TAILQ_LAST(&o->asked, questions));
}

static const struct ipc_handler handlers[] = {
	{ phlare_OpenEvent_hello_tag, 0, on_hello },
	{ phlare_OpenEvent_reply_tag, IPC_FD_OPTIONAL, on_reply },
	{ 0 },
};

static const struct link_role role = {
	.peer = "opener",
	.recv = phlare_OpenEvent_fields,
	.recv_size = sizeof(phlare_OpenEvent),
	.recv_body = offsetof(phlare_OpenEvent, body),
	.send = phlare_OpenerRequest_fields,
	.handlers = handlers,
	.on_up = on_up,
	.on_down = on_down,
};

struct opener *
opener_new(struct event_base *base, const char *path)
{
	struct opener *o = ecalloc(1, sizeof(*o));

	TAILQ_INIT(&o->waiting[false]);
	TAILQ_INIT(&o->waiting[true]);
	TAILQ_INIT(&o->asked);
	o->deadline = evtimer_new(base, on_deadline, o);
	o->again = evtimer_new(base, on_again, o);
	if (o->deadline == NULL || o->again == NULL)
		fatalx("out of memory");
	o->link = link_new(base, path, &role, o);
	return o;
}

void
opener_free(struct opener *opener)
{
	struct questions *lists[3];

	if (opener == NULL)
		return;
	lists[0] = &opener->waiting[false];
	lists[1] = &opener->waiting[true];
	lists[2] = &opener->asked;
	for (int i = 0; i < 3; i++)
		while (!TAILQ_EMPTY(lists[i])) {
			struct question *q = TAILQ_FIRST(lists[i]);

			TAILQ_REMOVE(lists[i], q, entry);
			free(q);
		}
	link_free(opener->link);
	event_free(opener->deadline);
	event_free(opener->again);
	free(opener);
}

bool
opener_ask(struct opener *opener, const struct open_question *question,
    opener_answered answered, void *arg)
{
	int most = question->urgent ? OPENER_WAITING : OPENER_WAITING_LEISURE;
	struct question *q;
	size_t size = question->name_size;

	if (opener->waiting_count >= most)
		return false;
	if (size > OPENER_NAME_MAX)
		size = OPENER_NAME_MAX;
	q = ecalloc(1, sizeof(*q) + size);
	q->id = ++opener->next_id;
	q->what = *question;
	q->what.name_size = size;
	q->answered = answered;
	q->arg = arg;
	if (size > 0)
		memcpy(q->name, question->name, size);
	TAILQ_INSERT_TAIL(&opener->waiting[question->urgent], q, entry);
	opener->waiting_count++;
	pump(opener);
	return true;
}

const char *
opener_trouble(const struct opener *opener)
{
	return link_trouble(opener->link);
}
