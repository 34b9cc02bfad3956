/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolizer/matching.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include <uthash.h>

#include "common/collector.pb.h"
#include "common/container_id.h"
#include "common/log.h"
#include "symbolizer/targets.h"

enum state {
	UNKNOWN, /* never asked, or in vain: ask */
	ASKED,
	OUTSIDE, /* in no container when it was last looked at */
	INSIDE,
	GONE, /* it ended before it could be looked at */
};

/* What is known of a process. */
struct member {
	UT_hash_handle hh;
	TAILQ_ENTRY(member) used; /* the first was used least recently */
	struct matching *matching;
	struct process_id id;
	uint64_t again, wait; /* OUTSIDE: when it is due, and the time to it */
	uint64_t version;     /* of the targets that target is from; 0: none */
	int target;
	enum state state;
	bool awaited, ended;
	char container[CONTAINER_ID_SIZE];
};

struct matching {
	struct matching_host host;
	const struct targets *targets;
	uint64_t version;
	size_t capacity, awaited;
	struct member *by_id;
	TAILQ_HEAD(, member) members;
	struct matching_counts counts;
	uint64_t now;
};

struct matching *
matching_new(const struct matching_host *host, size_t capacity)
{
	struct matching *m = ecalloc(1, sizeof(*m));

	m->host = *host;
	m->capacity = capacity;
	TAILQ_INIT(&m->members);
	return m;
}

static void
member_free(struct matching *m, struct member *e)
{
	HASH_DEL(m->by_id, e);
	TAILQ_REMOVE(&m->members, e, used);
	free(e);
}

void
matching_free(struct matching *matching)
{
	if (matching == NULL)
		return;
	while (!TAILQ_EMPTY(&matching->members))
		member_free(matching, TAILQ_FIRST(&matching->members));
	free(matching);
}

void
matching_resize(struct matching *matching, size_t capacity)
{
	matching->capacity = capacity;
}

void
matching_set_targets(struct matching *matching, const struct targets *targets)
{
	matching->targets = targets;
	matching->version++;
}

/* ---- what is known */

static struct member *
find(struct matching *m, struct process_id id)
{
	struct member *e;

	m->counts.lookups++;
	HASH_FIND(hh, m->by_id, &id, sizeof(id), e);
	if (e == NULL)
		return NULL;
	TAILQ_REMOVE(&m->members, e, used);
	TAILQ_INSERT_TAIL(&m->members, e, used);
	return e;
}

static struct member *
find_or_add(struct matching *m, struct process_id id)
{
	struct member *e = find(m, id);

	if (e != NULL)
		return e;
	e = ecalloc(1, sizeof(*e));
	e->matching = m;
	e->id = id;
	HASH_ADD(hh, m->by_id, id, sizeof(e->id), e);
	TAILQ_INSERT_TAIL(&m->members, e, used);
	return e;
}

/*
 * The container of what p came from, "" if none is known. *pending: it is
 * being read.
 */
static const char *
inherited(struct matching *m, const struct process *p, bool *pending)
{
	const uint64_t from[] = { p->parent, p->ancestor };

	*pending = false;
	for (int i = 0; i < 2; i++) {
		struct member *e = NULL;

		if (from[i] != 0 && (i == 0 || from[i] != from[0]))
			e = find(
			    m, (struct process_id){ p->id.session, from[i] });
		if (e == NULL || e->state == UNKNOWN || e->state == GONE)
			continue;
		*pending = e->state == ASKED;
		return e->container;
	}
	return "";
}

/* ---- asking */

/* In no container: each further look is twice as far away. */
static void
look_again_later(struct member *e)
{
	e->state = OUTSIDE;
	e->wait = e->wait == 0 ? MATCHING_AGAIN_NS : 2 * e->wait;
	if (e->wait > MATCHING_AGAIN_MAX_NS)
		e->wait = MATCHING_AGAIN_MAX_NS;
	e->again = e->matching->now + e->wait;
}

static void
take_answer(struct member *e, int fd, int error)
{
	if (fd >= 0) {
		error = -container_id_read(fd, e->container);
		close(fd);
	}
	if (e->container[0] != '\0')
		e->state = INSIDE;
	else if (error == ESRCH || error == ENOENT)
		e->state = GONE;
	else
		look_again_later(e);
	e->version = 0;
}

static void
on_answer(void *arg, const struct open_answer *answer)
{
	struct member *e = arg;
	struct matching *m = e->matching;
	bool settled = e->awaited && --m->awaited == 0;

	e->awaited = false;
	take_answer(e, answer->fd, answer->error);
	m->host.on_known(m->host.arg, e->id);
	if (settled)
		m->host.on_settled(m->host.arg);
}

static bool
is_due(const struct member *e, uint64_t now)
{
	return !e->ended && (e->state == UNKNOWN ||
				(e->state == OUTSIDE && now >= e->again));
}

static void
ask(struct matching *m, struct member *e, const struct process *p)
{
	struct open_question q = { .kind = phlare_OpenKind_OPEN_CGROUP,
		.pid = p->pid,
		.start_time = p->start_time };
	enum state before = e->state;

	e->state = ASKED;
	e->version = 0; /* what its target is by may change */
	m->counts.asked++;
	if (!m->host.ask(m->host.arg, &q, on_answer, e))
		e->state = before;
}

bool
matching_needs_containers(const struct matching *matching)
{
	return matching->targets != NULL &&
	       targets_containers(matching->targets) > 0;
}

/* A kernel thread is in no container, others' processes have no file here. */
static bool
can_be_inside(const struct matching *m, const struct process *p)
{
	return matching_needs_containers(m) &&
	       !(p->flags & (BATCH_PROCESS_KERNEL | BATCH_PROCESS_FOREIGN));
}

/*
 * A fork is where its parent is; who means to move it there from elsewhere
 * does so before an exec, and then we look.
 */
static void
take_after_parent(struct matching *m, struct member *e, const struct process *p)
{
	const char *container;
	bool pending;

	if (p->flags & BATCH_PROCESS_EXEC)
		return;
	container = inherited(m, p, &pending);
	if (container[0] == '\0')
		return;
	memcpy(e->container, container, strlen(container) + 1);
	e->state = INSIDE;
}

/* Its entry, with a question under way if need be; NULL: it needs none. */
static struct member *
look_at(struct matching *m, struct process *p, uint64_t now)
{
	struct member *e;

	m->now = now;
	p->matched_at = now;
	if (!can_be_inside(m, p))
		return NULL;
	if (p->flags & BATCH_PROCESS_EXIT)
		e = find(m, p->id);
	else
		e = find_or_add(m, p->id);
	if (e != NULL && (p->flags & BATCH_PROCESS_EXIT))
		e->ended = true;
	if (e != NULL && e->state == UNKNOWN)
		take_after_parent(m, e, p);
	if (e != NULL && is_due(e, now)) {
		p->matched = 0;
		ask(m, e, p);
	}
	return e;
}

void
matching_want(struct matching *matching, struct process *process, uint64_t now)
{
	look_at(matching, process, now);
}

/* Of cgroup v1 the kernel shows the root for a process that is exiting. */
static bool
is_surely_outside(const struct member *e)
{
	return e != NULL && e->state == OUTSIDE && e->wait > MATCHING_AGAIN_NS;
}

/*
 * What is known of it; of its parent as long as nobody has seen it outside
 * twice.
 */
static const char *
container_of(struct matching *m, const struct process *p,
    const struct member *e, bool *pending)
{
	const char *container = e != NULL ? e->container : "";

	*pending = false;
	if (can_be_inside(m, p) && container[0] == '\0' &&
	    !is_surely_outside(e))
		container = inherited(m, p, pending);
	/* what is being read may change it */
	*pending = *pending || (e != NULL && e->state == ASKED);
	return container;
}

static void
take_target(struct matching *m, struct process *p, struct member *e)
{
	bool pending = false;

	if (e == NULL || e->version != m->version) {
		const struct targets_process what = {
			.pid = p->flags & BATCH_PROCESS_FOREIGN ? 0 : p->pid,
			.start_time = p->start_time,
			.container_id = container_of(m, p, e, &pending),
		};

		p->target = targets_find(m->targets, &what);
	} else {
		p->target = e->target;
	}
	if (e != NULL && !pending) {
		e->target = p->target;
		e->version = m->version;
	}
	p->matched = pending ? 0 : m->version;
}

void
matching_await(struct matching *matching, struct process *process, uint64_t now)
{
	struct member *e;

	if (process->matched == matching->version && process->matched_at == now)
		return; /* it is in another batch of the interval as well */
	e = look_at(matching, process, now);
	take_target(matching, process, e);
	if (e == NULL || e->state != ASKED || e->awaited)
		return;
	e->awaited = true;
	matching->awaited++;
}

bool
matching_busy(const struct matching *matching)
{
	return matching->awaited > 0;
}

int
matching_target(struct matching *matching, struct process *process)
{
	if (process->matched != matching->version)
		take_target(matching, process,
		    can_be_inside(matching, process)
			? find(matching, process->id)
			: NULL);
	return process->target;
}

void
matching_sweep(struct matching *matching)
{
	struct member *e = TAILQ_FIRST(&matching->members), *next;

	for (; e != NULL && HASH_COUNT(matching->by_id) > matching->capacity;
	     e = next) {
		next = TAILQ_NEXT(e, used);
		if (e->state == ASKED)
			continue;
		member_free(matching, e);
		matching->counts.evicted++;
	}
}

struct matching_counts
matching_counts(const struct matching *matching)
{
	struct matching_counts counts = matching->counts;

	counts.cached = HASH_COUNT(matching->by_id);
	return counts;
}
