/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registry of processes. A pid leads to the newest process that had it,
 * that one to the older ones which still may have undrained counts. Mappings
 * are shared between a process and its forks until one of them changes.
 */
#include "collector/processes.h"

#include <stdlib.h>
#include <string.h>

#include "common/batch.h"
#include "common/log.h"

#define NEWS_GAP 100000000ull /* ns between changes told of a process */
#define KTHREADD 2            /* parent of the kernel's threads */

static const struct processes_limits usual_limits = {
	.processes = 8192,
	.mappings = 131072,
	.mappings_per_process = 2048,
	.path_bytes = 4 * 1024 * 1024,
};

TAILQ_HEAD(process_list, process);

struct processes {
	struct processes_limits limits;
	struct process *by_pid;
	struct mapped_file *files;
	struct process_list all; /* oldest generation first */
	struct process_list dirty, news;
	struct mapping_set *nothing;
	struct processes_counts counts;
	uint64_t generation; /* the last one given */
	uint64_t scan, scan_began;
	size_t lively_news; /* on news with more to tell than an exit */
	bool scan_wanted;
};

/* ---- files and mappings */

static struct mapped_file *
file_find(struct processes *ps, const struct mapping_event *m)
{
	static char key[sizeof(struct mapped_file_id) + 4096];
	struct mapped_file *f;
	size_t size = sizeof(m->file) + m->path_size;

	memcpy(key, &m->file, sizeof(m->file));
	memcpy(key + sizeof(m->file), m->path, m->path_size);
	HASH_FIND(hh, ps->files, key, size, f);
	return f;
}

/* The file with a reference more, or NULL when paths take too much. */
static struct mapped_file *
file_get(struct processes *ps, const struct mapping_event *m)
{
	struct mapped_file *f;

	if (m->path_size > 4096)
		return NULL;
	f = file_find(ps, m);
	if (f == NULL) {
		size_t cost = sizeof(*f) + m->path_size;

		if (ps->counts.path_bytes + cost > ps->limits.path_bytes)
			return NULL;
		f = ecalloc(1, cost);
		f->id = m->file;
		f->path_size = m->path_size;
		memcpy(f->path, m->path, m->path_size);
		ps->counts.path_bytes += cost;
		HASH_ADD_KEYPTR(
		    hh, ps->files, &f->id, sizeof(f->id) + m->path_size, f);
	}
	f->refs++;
	return f;
}

static void
file_put(struct processes *ps, struct mapped_file *f)
{
	if (--f->refs > 0)
		return;
	HASH_DEL(ps->files, f);
	ps->counts.path_bytes -= sizeof(*f) + f->path_size;
	free(f);
}

static struct mapping_set *
set_new(unsigned room)
{
	struct mapping_set *s = ecalloc(1, sizeof(*s) + room * sizeof(s->m[0]));

	s->refs = 1;
	s->room = room;
	return s;
}

static struct mapping_set *
set_get(struct mapping_set *s)
{
	s->refs++;
	return s;
}

static void
set_put(struct processes *ps, struct mapping_set *s)
{
	if (s == NULL || --s->refs > 0)
		return;
	for (unsigned i = 0; i < s->count; i++)
		file_put(ps, s->m[i].file);
	ps->counts.mappings -= s->count;
	free(s);
}

static void
set_append(struct processes *ps, struct mapping_set *s, struct mapping m)
{
	m.file->refs++;
	s->m[s->count++] = m;
	ps->counts.mappings++;
}

static bool
set_holds(const struct mapping_set *s, const struct mapping *m)
{
	for (unsigned i = 0; i < s->count; i++)
		if (s->m[i].start == m->start && s->m[i].end == m->end &&
		    s->m[i].file_offset == m->file_offset &&
		    s->m[i].file == m->file)
			return true;
	return false;
}

static bool
set_equal(const struct mapping_set *a, const struct mapping_set *b)
{
	if (a->count != b->count)
		return false;
	for (unsigned i = 0; i < a->count; i++)
		if (!set_holds(b, &a->m[i]))
			return false;
	return true;
}

/* A copy of old with m put over what it overlaps: the newest wins. */
static struct mapping_set *
set_with(struct processes *ps, const struct mapping_set *old, struct mapping m)
{
	/* a mapping in the middle of one makes two of it */
	struct mapping_set *s = set_new(old->count + 2);
	bool done = false;

	for (unsigned i = 0; i < old->count; i++) {
		struct mapping left = old->m[i], right = left;

		if (left.end > m.start)
			left.end = m.start;
		if (right.start < m.end) {
			right.file_offset += m.end - right.start;
			right.start = m.end;
		}
		if (left.start < left.end)
			set_append(ps, s, left);
		if (!done && old->m[i].end > m.start) {
			set_append(ps, s, m);
			done = true;
		}
		if (right.start < right.end && old->m[i].end > m.start)
			set_append(ps, s, right);
	}
	if (!done)
		set_append(ps, s, m);
	return s;
}

/* Puts m into *set. 1: changed, 0: was there, -1: no room. */
static int
set_add(struct processes *ps, struct mapping_set **set,
    const struct mapping_event *e)
{
	struct mapping m = { e->start, e->end, e->file_offset, NULL };
	struct mapping_set *old = *set;

	if (e->start >= e->end)
		return 0;
	if (old->count >= ps->limits.mappings_per_process ||
	    ps->counts.mappings + old->count + 2 > ps->limits.mappings ||
	    (m.file = file_get(ps, e)) == NULL) {
		ps->counts.refused_mappings++;
		ps->scan_wanted = true;
		return -1;
	}
	if (set_holds(old, &m)) {
		file_put(ps, m.file);
		return 0;
	}
	*set = set_with(ps, old, m);
	file_put(ps, m.file);
	set_put(ps, old);
	return 1;
}

/* ---- processes */

static struct process *
newest(struct processes *ps, uint32_t pid)
{
	struct process *p;

	HASH_FIND(hh, ps->by_pid, &pid, sizeof(pid), p);
	return p;
}

static void
mark_dirty(struct processes *ps, struct process *p)
{
	if (p->on_dirty)
		return;
	p->on_dirty = true;
	TAILQ_INSERT_TAIL(&ps->dirty, p, dirty);
}

static bool
is_lively(const struct process *p)
{
	return p->ended == 0;
}

static void
mark_news(struct processes *ps, struct process *p)
{
	if (p->on_news)
		return;
	p->on_news = true;
	TAILQ_INSERT_TAIL(&ps->news, p, news);
	ps->lively_news += is_lively(p);
}

static void
unmark_news(struct processes *ps, struct process *p)
{
	if (!p->on_news)
		return;
	p->on_news = false;
	TAILQ_REMOVE(&ps->news, p, news);
	ps->lively_news -= is_lively(p);
}

static void
end_process(struct processes *ps, struct process *p, uint64_t time, bool exited)
{
	if (p->ended != 0)
		return;
	if (p->on_news)
		ps->lively_news--;
	p->ended = time > 0 ? time : 1;
	p->exited = exited;
	ps->counts.ended++;
	if (exited) {
		mark_dirty(ps, p);
		mark_news(ps, p);
	}
}

/* Puts p before (as the newest) or behind what has its pid. */
static void
link_process(struct processes *ps, struct process *p, bool front)
{
	struct process *head = newest(ps, p->pid);

	if (head == NULL) {
		HASH_ADD(hh, ps->by_pid, pid, sizeof(p->pid), p);
	} else if (front) {
		HASH_DEL(ps->by_pid, head);
		p->older = head;
		p->published = head->published; /* what is in force */
		head->published = false;
		HASH_ADD(hh, ps->by_pid, pid, sizeof(p->pid), p);
	} else {
		p->older = head->older;
		head->older = p;
	}
}

static void
unlink_process(struct processes *ps, struct process *p)
{
	struct process *head = newest(ps, p->pid);

	if (head == p) {
		HASH_DEL(ps->by_pid, p);
		if (p->older != NULL)
			HASH_ADD(hh, ps->by_pid, pid, sizeof(p->pid), p->older);
		return;
	}
	while (head != NULL && head->older != p)
		head = head->older;
	if (head != NULL)
		head->older = p->older;
}

static void
forget(struct processes *ps, struct process *p)
{
	unlink_process(ps, p);
	unmark_news(ps, p);
	if (p->on_dirty)
		TAILQ_REMOVE(&ps->dirty, p, dirty);
	TAILQ_REMOVE(&ps->all, p, all);
	ps->counts.known--;
	ps->counts.ended -= p->ended != 0;
	set_put(ps, p->mappings);
	set_put(ps, p->scanned);
	free(p);
}

/* A new generation, not linked to its pid yet; NULL when there are too many */
static struct process *
create(struct processes *ps, uint32_t pid, uint64_t start, uint32_t flags,
    struct mapping_set *mappings)
{
	struct process *p;

	if (ps->counts.known >= ps->limits.processes) {
		ps->counts.refused_processes++;
		return NULL;
	}
	p = ecalloc(1, sizeof(*p));
	p->pid = pid;
	p->flags = flags;
	p->generation = ++ps->generation;
	p->start = start;
	p->start_latest = start;
	p->mappings = set_get(mappings);
	TAILQ_INSERT_TAIL(&ps->all, p, all);
	ps->counts.known++;
	return p;
}

static void
set_origin(struct process *p, const struct process *from)
{
	if (from == NULL)
		return;
	p->parent = from->generation;
	p->ancestor = from->announced ? from->generation : from->ancestor;
}

struct processes *
processes_new(const struct processes_limits *limits)
{
	struct processes *ps = ecalloc(1, sizeof(*ps));

	ps->limits = limits != NULL ? *limits : usual_limits;
	TAILQ_INIT(&ps->all);
	TAILQ_INIT(&ps->dirty);
	TAILQ_INIT(&ps->news);
	ps->nothing = set_new(0);
	return ps;
}

void
processes_free(struct processes *ps)
{
	if (ps == NULL)
		return;
	while (!TAILQ_EMPTY(&ps->all))
		forget(ps, TAILQ_FIRST(&ps->all));
	set_put(ps, ps->nothing);
	free(ps);
}

/* ---- what the kernel tells */

void
processes_fork(
    struct processes *ps, uint64_t time, uint32_t pid, uint32_t parent)
{
	struct process *p = newest(ps, pid), *from = newest(ps, parent);
	struct mapping_set *mappings = ps->nothing;
	uint32_t flags = BATCH_PROCESS_NEW;

	if (p != NULL && p->ended == 0) {
		if (p->seen >= time)
			return; /* the list had it already */
		end_process(ps, p, time, true);
	}
	if (parent == KTHREADD ||
	    (from != NULL && (from->flags & BATCH_PROCESS_KERNEL)))
		flags |= BATCH_PROCESS_KERNEL;
	else if (from != NULL)
		mappings = from->mappings;
	else
		ps->scan_wanted = true;
	p = create(ps, pid, time, flags, mappings);
	if (p == NULL)
		return;
	set_origin(p, from);
	p->seen = time;
	/* the kernel's threads all have the exec id of the first one, 0 */
	p->exec_known = flags & BATCH_PROCESS_KERNEL ? true
			: from != NULL               ? from->exec_known
						     : false;
	p->exec_id = from != NULL ? from->exec_id : 0;
	link_process(ps, p, true);
	mark_dirty(ps, p);
	mark_news(ps, p);
}

void
processes_exec(struct processes *ps, uint64_t time, uint32_t pid)
{
	struct process *old = newest(ps, pid), *p;

	if (old != NULL && old->seen >= time)
		return;
	if (old == NULL)
		ps->scan_wanted = true;
	p = create(ps, pid, old != NULL ? old->start : time, BATCH_PROCESS_EXEC,
	    ps->nothing);
	if (old != NULL)
		end_process(ps, old, time, false);
	if (p == NULL)
		return;
	set_origin(p, old);
	p->seen = time;
	if (old != NULL) {
		p->start_latest = old->start_latest;
		p->exec_known = old->exec_known;
		p->exec_id = old->exec_id + 1;
	}
	link_process(ps, p, true);
	mark_dirty(ps, p);
	mark_news(ps, p);
}

void
processes_map(struct processes *ps, uint64_t time, uint32_t pid,
    const struct mapping_event *m)
{
	struct process *p = newest(ps, pid);

	if (p == NULL) {
		ps->scan_wanted = true;
		return;
	}
	if (p->seen >= time || set_add(ps, &p->mappings, m) != 1)
		return;
	p->changed = true;
	mark_dirty(ps, p);
	if (p->ended == 0)
		mark_news(ps, p);
}

void
processes_exit(struct processes *ps, uint64_t time, uint32_t pid)
{
	struct process *p = newest(ps, pid);

	if (p != NULL && p->start <= time)
		end_process(ps, p, time, true);
}

/* ---- a full list */

void
processes_scan_begin(struct processes *ps, uint64_t now)
{
	ps->scan++;
	ps->scan_began = now;
}

/* The entry for a listed process, made if it is not there; or NULL. */
static struct process *
listed(struct processes *ps, uint64_t time, uint32_t pid, uint64_t start,
    uint32_t exec_id)
{
	struct process *p = newest(ps, pid);
	uint32_t flags = BATCH_PROCESS_NEW;

	if (p != NULL && p->ended == 0 && start <= p->start_latest &&
	    (!p->exec_known || p->exec_id == exec_id))
		goto found;
	if (p != NULL && p->ended == 0) {
		if (start <= p->start_latest)
			flags = BATCH_PROCESS_EXEC;
		end_process(ps, p, time, flags != BATCH_PROCESS_EXEC);
	}
	p = create(ps, pid, start, flags, ps->nothing);
	if (p == NULL)
		return NULL;
	link_process(ps, p, true);
	mark_news(ps, p);
found:
	if (!p->announced)
		p->start = start;
	p->start_latest = start;
	p->exec_known = true;
	p->exec_id = exec_id;
	p->seen = time;
	return p;
}

void
processes_scan_add(struct processes *ps, uint64_t time, uint32_t pid,
    uint64_t start, uint32_t exec_id, const struct mapping_event *m)
{
	struct process *p = newest(ps, pid);

	if (p == NULL || p->scan != ps->scan || p->exec_id != exec_id)
		p = listed(ps, time, pid, start, exec_id);
	if (p == NULL)
		return;
	p->scan = ps->scan;
	p->seen = time;
	if (p->scanned == NULL)
		p->scanned = set_get(ps->nothing);
	if (m != NULL)
		set_add(ps, &p->scanned, m);
}

/* Puts what the list said of p in force. */
static void
take_scanned(struct processes *ps, struct process *p)
{
	struct mapping_set *old = p->mappings;

	p->mappings = p->scanned;
	p->scanned = NULL;
	if (!set_equal(old, p->mappings)) {
		p->changed = true;
		mark_news(ps, p);
	}
	set_put(ps, old);
	mark_dirty(ps, p);
}

void
processes_scan_end(struct processes *ps, uint64_t now, bool complete)
{
	struct process *p;

	TAILQ_FOREACH(p, &ps->all, all) {
		if (p->scanned != NULL && p->ended == 0)
			take_scanned(ps, p);
		else if (complete && p->ended == 0 && p->scan != ps->scan &&
			 p->seen < ps->scan_began &&
			 !(p->flags & BATCH_PROCESS_KERNEL))
			end_process(ps, p, now, true);
		set_put(ps, p->scanned);
		p->scanned = NULL;
	}
	ps->scan_wanted = false;
}

bool
processes_scan_wanted(const struct processes *ps)
{
	return ps->scan_wanted;
}

void
processes_want_scan(struct processes *ps)
{
	ps->scan_wanted = true;
}

/* ---- use */

struct process *
processes_find(
    struct processes *ps, uint32_t pid, uint64_t start, uint32_t exec_id)
{
	struct process *found = NULL;

	/* the oldest that may have started then: a later one reuses the pid */
	for (struct process *p = newest(ps, pid); p != NULL; p = p->older)
		if (start <= p->start_latest &&
		    (!p->exec_known || p->exec_id == exec_id))
			found = p;
	if (found != NULL && !found->exec_known) {
		found->exec_known = true;
		found->exec_id = exec_id;
		mark_dirty(ps, found);
	}
	return found;
}

struct process *
processes_adopt(struct processes *ps, uint64_t now, uint32_t pid,
    uint64_t start, uint32_t exec_id, uint32_t flags)
{
	struct process *p = processes_find(ps, pid, start, exec_id), *head;
	size_t limit = ps->limits.processes;
	bool stays;

	if (p != NULL)
		return p;
	head = newest(ps, pid);
	stays = (flags & BATCH_PROCESS_KERNEL) &&
		(head == NULL || head->ended != 0);
	if (flags == 0)
		ps->scan_wanted = true;
	/* the batch must name it: one that stays does not take the last room */
	if (ps->counts.known >= limit) {
		stays = false;
		ps->limits.processes = ps->counts.known + 1;
	}
	p = create(ps, pid, start, BATCH_PROCESS_NEW | flags, ps->nothing);
	ps->limits.processes = limit;
	p->exec_known = true;
	p->exec_id = exec_id;
	p->seen = start;
	link_process(ps, p, stays);
	if (!stays) {
		p->ended = now;
		ps->counts.ended++;
	}
	return p;
}

unsigned
processes_ranges(
    const struct process *p, uint64_t *start, uint64_t *end, unsigned max)
{
	const struct mapping_set *s = p->mappings;
	uint64_t last = 0;
	unsigned n = 0;

	for (unsigned i = 0; i < s->count; i++) {
		if (n > 0 && s->m[i].start == last) {
			if (n <= max)
				end[n - 1] = s->m[i].end;
		} else {
			if (n < max) {
				start[n] = s->m[i].start;
				end[n] = s->m[i].end;
			}
			n++;
		}
		last = s->m[i].end;
	}
	return n;
}

void
processes_publish(struct processes *ps,
    int (*fn)(void *arg, const struct process *p), void *arg)
{
	struct process *p;

	while ((p = TAILQ_FIRST(&ps->dirty)) != NULL) {
		TAILQ_REMOVE(&ps->dirty, p, dirty);
		p->on_dirty = false;
		/* a later exec of the same pid has the last word */
		if (p != newest(ps, p->pid) || !p->exec_known)
			continue;
		if ((p->ended != 0 || (p->flags & BATCH_PROCESS_KERNEL)) &&
		    !p->published)
			continue;
		p->refused = fn(arg, p) < 0;
		p->published = p->ended == 0 && (p->published || !p->refused);
	}
}

/* What to tell of p now: flags, or 0 for nothing, or -1 for later. */
static int64_t
tell(const struct process *p, uint64_t now)
{
	if (p->ended != 0)
		return p->announced && p->exited ? BATCH_PROCESS_EXIT : 0;
	if (!p->announced)
		return p->flags;
	if (!p->changed)
		return 0;
	return now - p->announced_at < NEWS_GAP ? -1 : (int64_t)p->flags;
}

void
processes_news(struct processes *ps, uint64_t now,
    bool (*fn)(void *arg, struct process *p, uint32_t flags), void *arg)
{
	struct process *p, *next;

	for (p = TAILQ_FIRST(&ps->news); p != NULL; p = next) {
		int64_t flags = tell(p, now);

		next = TAILQ_NEXT(p, news);
		if (flags < 0)
			continue;
		if (flags > 0 && !fn(arg, p, flags))
			return;
		unmark_news(ps, p);
		p->announced = true;
		p->changed = false;
		p->announced_at = now;
	}
}

bool
processes_has_news(const struct processes *ps)
{
	return ps->lively_news > 0;
}

bool
processes_any_news(const struct processes *ps)
{
	return !TAILQ_EMPTY(&ps->news);
}

void
processes_reap(struct processes *ps, uint64_t time)
{
	struct process *p, *next;

	for (p = TAILQ_FIRST(&ps->all); p != NULL; p = next) {
		next = TAILQ_NEXT(p, all);
		if (p->ended != 0 && p->ended <= time)
			forget(ps, p);
		else if (p->refused)
			mark_dirty(ps, p);
	}
}

void
processes_count(const struct processes *ps, struct processes_counts *counts)
{
	*counts = ps->counts;
}
