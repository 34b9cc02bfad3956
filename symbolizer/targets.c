/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolizer/targets.h"

#include <stdlib.h>
#include <string.h>

#include <pb_decode.h>
#include <uthash.h>

#include "common/log.h"
#include "common/settings.h"
#include "common/shipper.pb.h"
#include "common/target.h"

#define NAME_LABEL "__name__"
#define NAME_DEFAULT "process_cpu"
/* Injected beside what a target may bring. */
#define INJECTED 2
/* Fields of bytes, of Target and of Label. */
#define TAG(number) ((number) << 3 | PB_WT_STRING)
#define TAG_LABELS TAG(phlare_Target_labels_tag)
#define TAG_NAME TAG(phlare_Label_name_tag)
#define TAG_VALUE TAG(phlare_Label_value_tag)
#define LABEL_TEXT_MAX (LABEL_NAME_MAX + LABEL_VALUE_MAX + 2)

/*
 * A target while it is read: its labels in the order of their names, their
 * text in one buffer that the next target uses again.
 */
struct draft {
	struct target_label label[TARGET_MAX_LABELS + INJECTED];
	size_t count, used;
	char text[TARGET_MAX_LABELS * LABEL_TEXT_MAX];
	char service_name[TARGET_SERVICE_SIZE];
	uint8_t encoded[TARGET_LABELS_MAX];
};

/* An encoded label set; the key is its bytes. */
struct label_set {
	UT_hash_handle hh;
	int number;
	size_t size;
	uint8_t bytes[];
};

struct pid_target {
	UT_hash_handle hh;
	uint32_t pid;
	int number;
};

struct container_target {
	UT_hash_handle hh;
	int number;
	char id[];
};

struct targets {
	struct label_set *by_labels;
	struct label_set **list;
	size_t sets, room;
	struct pid_target *by_pid;
	struct container_target *by_container;
	size_t count;
	uint64_t decided_at;
	int fallback; /* number of the default target, or -1 */
};

/* What the callbacks of one decoding share. */
struct reading {
	struct targets *targets;
	struct target_naming naming;
	const char *why;
	struct draft *draft;
};

/* ---- one target */

/* Where a label of this name is, or belongs. */
static size_t
place_of(const struct draft *d, const char *name, bool *found)
{
	size_t low = 0, high = d->count;

	*found = false;
	if (high > 0 && strcmp(d->label[high - 1].name, name) < 0)
		return high; /* they often come in their order */
	while (low < high && !*found) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(d->label[middle].name, name);

		*found = order == 0;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return *found ? high : low;
}

/* Sets a label, replacing one of that name. The draft keeps the pointers. */
static bool
draft_set(struct draft *d, const char *name, const char *value)
{
	bool found;
	size_t at = place_of(d, name, &found);

	if (!found) {
		if (d->count == TARGET_MAX_LABELS + INJECTED)
			return false;
		memmove(&d->label[at + 1], &d->label[at],
		    (d->count - at) * sizeof(d->label[0]));
		d->count++;
	}
	d->label[at] = (struct target_label){ name, value };
	return true;
}

static struct target
target_of(const struct draft *d)
{
	return (struct target){ d->label, d->count };
}

static size_t
varint_size(size_t n)
{
	return n < 128 ? 1 : n < 128 * 128 ? 2 : 3;
}

/* A field of so many bytes: its tag and length. */
static uint8_t *
put_head(uint8_t *p, uint8_t tag, size_t size)
{
	*p++ = tag;
	for (; size >= 128; size >>= 7)
		*p++ = size | 128;
	*p++ = size;
	return p;
}

/* Appends a label to what is encoded; false if it does not fit. */
static bool
encode_label(struct draft *d, const struct target_label *label, size_t *size)
{
	size_t n = strlen(label->name), v = strlen(label->value);
	size_t content = 1 + varint_size(n) + n + 1 + varint_size(v) + v;
	uint8_t *p = d->encoded + *size;

	if (1 + varint_size(content) + content > sizeof(d->encoded) - *size)
		return false;
	p = put_head(p, TAG_LABELS, content);
	p = put_head(p, TAG_NAME, n);
	memcpy(p, label->name, n);
	p = put_head(p + n, TAG_VALUE, v);
	memcpy(p, label->value, v);
	*size = p + v - d->encoded;
	return true;
}

/* The size of the labels that go out, encoded; 0: too long. */
static size_t
encode(struct draft *d)
{
	size_t size = 0;

	for (size_t i = 0; i < d->count; i++)
		if (target_label_visible(d->label[i].name) &&
		    !encode_label(d, &d->label[i], &size))
			return 0;
	return size;
}

/* ---- the set */

/* The number of the draft's label set, new or known; -1: too long. */
static int
intern(struct targets *t, struct draft *d)
{
	size_t size = encode(d);
	struct label_set *set;
	unsigned hash;

	if (size == 0)
		return -1;
	HASH_VALUE(d->encoded, size, hash);
	HASH_FIND_BYHASHVALUE(hh, t->by_labels, d->encoded, size, hash, set);
	if (set != NULL)
		return set->number;
	if (t->sets == t->room) {
		t->room = t->room ? 2 * t->room : 16;
		t->list = erealloc(t->list, t->room, sizeof(*t->list));
	}
	set = ecalloc(1, sizeof(*set) + size);
	memcpy(set->bytes, d->encoded, size);
	set->size = size;
	set->number = t->sets;
	t->list[t->sets++] = set;
	HASH_ADD_KEYPTR_BYHASHVALUE(
	    hh, t->by_labels, set->bytes, set->size, hash, set);
	return set->number;
}

/* The later of two for one process wins. */
static void
add_pid(struct targets *t, uint32_t pid, int number)
{
	struct pid_target *p;

	HASH_FIND(hh, t->by_pid, &pid, sizeof(pid), p);
	if (p == NULL) {
		p = ecalloc(1, sizeof(*p));
		p->pid = pid;
		HASH_ADD(hh, t->by_pid, pid, sizeof(p->pid), p);
	}
	p->number = number;
}

/* The later of two for one container wins. */
static void
add_container(struct targets *t, const char *id, int number)
{
	size_t size = strlen(id);
	struct container_target *c;

	HASH_FIND(hh, t->by_container, id, size, c);
	if (c == NULL) {
		c = ecalloc(1, sizeof(*c) + size + 1);
		memcpy(c->id, id, size + 1);
		HASH_ADD_KEYPTR(hh, t->by_container, c->id, size, c);
	}
	c->number = number;
}

static void
add_target(struct targets *t, const struct target *target, int number)
{
	uint32_t pid = target_pid(target);
	const char *id = target_container_id(target);

	t->count++;
	if (pid != 0)
		add_pid(t, pid, number);
	else if (id[0] != '\0')
		add_container(t, id, number);
}

static bool
add_draft(struct reading *r, bool is_default)
{
	struct draft *d = r->draft;
	struct target target = target_of(d);
	const char *service = target_service_name(
	    &target, is_default, &r->naming, d->service_name);
	int number;

	if (!draft_set(d, TARGET_SERVICE_LABEL, service))
		return false;
	target = target_of(d);
	if (target_get(&target, NAME_LABEL)[0] == '\0' &&
	    !draft_set(d, NAME_LABEL, NAME_DEFAULT))
		return false;
	number = intern(r->targets, d);
	if (number < 0) {
		r->why = "labels of a target are too long";
		return false;
	}
	target = target_of(d);
	if (is_default)
		r->targets->fallback = number;
	else
		add_target(r->targets, &target, number);
	return true;
}

/* ---- decoding */

struct slice {
	const uint8_t *p, *end;
};

/* The next field, which must be one of bytes. */
static bool
take_field(struct slice *in, uint8_t *tag, struct slice *content)
{
	size_t size = 0;
	int shift = 0;

	*tag = *in->p++;
	if ((*tag & 7) != PB_WT_STRING)
		return false;
	do {
		if (in->p == in->end || shift > 21)
			return false;
		size |= (size_t)(*in->p & 127) << shift;
		shift += 7;
	} while (*in->p++ & 128);
	if (size > (size_t)(in->end - in->p))
		return false;
	*content = (struct slice){ in->p, in->p + size };
	in->p += size;
	return true;
}

/* A string of at most max bytes without NUL, into the draft's buffer. */
static const char *
read_string(struct slice in, struct draft *d, size_t max)
{
	size_t size = in.end - in.p;
	char *text = d->text + d->used;

	if (size > max || size >= sizeof(d->text) - d->used ||
	    memchr(in.p, '\0', size) != NULL)
		return NULL;
	memcpy(text, in.p, size);
	text[size] = '\0';
	d->used += size + 1;
	return text;
}

static bool
read_label(struct slice in, struct draft *d)
{
	struct target_label label = { "", "" };
	struct slice content;
	uint8_t tag;

	while (in.p < in.end) {
		if (!take_field(&in, &tag, &content))
			return false;
		if (tag == TAG_NAME)
			label.name = read_string(content, d, LABEL_NAME_MAX);
		else if (tag == TAG_VALUE)
			label.value = read_string(content, d, LABEL_VALUE_MAX);
		if (label.name == NULL || label.value == NULL)
			return false;
	}
	return label.name[0] != '\0' && d->count < TARGET_MAX_LABELS &&
	       draft_set(d, label.name, label.value);
}

/* By hand: a set has a hundred thousand labels. */
static bool
read_labels(struct slice in, struct draft *d)
{
	struct slice label;
	uint8_t tag;

	d->count = d->used = 0;
	while (in.p < in.end)
		if (!take_field(&in, &tag, &label) ||
		    (tag == TAG_LABELS && !read_label(label, d)))
			return false;
	return true;
}

static bool
on_target(pb_istream_t *in, const pb_field_t *field, void **arg)
{
	struct reading *r = *arg;
	bool is_default = field->tag == phlare_TargetSet_default_target_tag;
	const uint8_t *start = in->state; /* of a stream over a buffer */
	struct slice bytes = { start, start + in->bytes_left };

	if (is_default ? r->targets->fallback >= 0
		       : r->targets->count >= SETTINGS_TARGETS_MAX) {
		r->why = "too many targets";
		return false;
	}
	return read_labels(bytes, r->draft) && add_draft(r, is_default) &&
	       pb_read(in, NULL, in->bytes_left);
}

/*
 * Two passes over the bytes: service_name, which comes last, is needed for
 * the labels of each target.
 */
static bool
decode(struct reading *r, const void *data, size_t size)
{
	static phlare_TargetSet set;
	pb_istream_t in = pb_istream_from_buffer(data, size), again = in;

	set = (phlare_TargetSet)phlare_TargetSet_init_zero;
	if (!pb_decode(&in, phlare_TargetSet_fields, &set))
		return false;
	r->naming.service_name = set.service_name;
	r->targets->decided_at = set.decided_at;
	set.targets.funcs.decode = set.default_target.funcs.decode = on_target;
	set.targets.arg = set.default_target.arg = r;
	return pb_decode_ex(
	    &again, phlare_TargetSet_fields, &set, PB_DECODE_NOINIT);
}

struct targets *
targets_decode(
    const void *data, size_t size, const char *component, const char **why)
{
	struct reading r = { .naming.component = component,
		.why = "malformed" };
	bool good;

	r.targets = ecalloc(1, sizeof(*r.targets));
	r.targets->fallback = -1;
	r.draft = ecalloc(1, sizeof(*r.draft));
	good = size <= SETTINGS_TARGETS_MAX_BYTES && decode(&r, data, size);
	free(r.draft);
	if (good)
		return r.targets;
	*why = r.why;
	targets_free(r.targets);
	return NULL;
}

void
targets_free(struct targets *targets)
{
	struct label_set *set, *next_set;
	struct pid_target *p, *next_pid;
	struct container_target *c, *next_container;

	if (targets == NULL)
		return;
	HASH_ITER(hh, targets->by_labels, set, next_set) {
		HASH_DEL(targets->by_labels, set);
		free(set);
	}
	HASH_ITER(hh, targets->by_pid, p, next_pid) {
		HASH_DEL(targets->by_pid, p);
		free(p);
	}
	HASH_ITER(hh, targets->by_container, c, next_container) {
		HASH_DEL(targets->by_container, c);
		free(c);
	}
	free(targets->list);
	free(targets);
}

/* ---- use */

size_t
targets_count(const struct targets *targets)
{
	return targets->count;
}

size_t
targets_pids(const struct targets *targets)
{
	return HASH_COUNT(targets->by_pid);
}

size_t
targets_containers(const struct targets *targets)
{
	return HASH_COUNT(targets->by_container);
}

/* A process that started later only has a pid that was used again. */
static int
find_by_pid(const struct targets *t, const struct targets_process *process)
{
	struct pid_target *p;

	if (process->pid == 0 || t->by_pid == NULL ||
	    (t->decided_at != 0 &&
		process->start_time > t->decided_at + TARGETS_START_SLACK_NS))
		return -1;
	HASH_FIND(hh, t->by_pid, &process->pid, sizeof(process->pid), p);
	return p != NULL ? p->number : -1;
}

int
targets_find(
    const struct targets *targets, const struct targets_process *process)
{
	int number = find_by_pid(targets, process);
	struct container_target *c = NULL;

	if (number >= 0)
		return number;
	if (process->container_id[0] != '\0')
		HASH_FIND(hh, targets->by_container, process->container_id,
		    strlen(process->container_id), c);
	return c != NULL ? c->number : targets->fallback;
}

const void *
targets_labels(const struct targets *targets, int number, size_t *size)
{
	*size = targets->list[number]->size;
	return targets->list[number]->bytes;
}

int
targets_numbers(const struct targets *targets)
{
	return targets->sets;
}
