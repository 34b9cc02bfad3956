/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolizer/targets.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pb_decode.h>
#include <pb_encode.h>
#include <uthash.h>

#include "common/log.h"
#include "common/shipper.pb.h"

#define META "__meta_"
#define PID_LABEL "__process_pid__"

struct label {
	char *name, *value;
};

/* A target while it is read. */
struct draft {
	struct label labels[TARGET_MAX_LABELS];
	size_t count;
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

struct targets {
	struct label_set *by_labels;
	struct label_set **list;
	size_t sets, room;
	struct pid_target *by_pid;
	size_t count;
	int fallback; /* number of the default target, or -1 */
};

/* What the callbacks of one decoding share. */
struct reading {
	struct targets *targets;
	const char *component, *service_name, *why;
	struct draft draft;
};

static void
draft_clear(struct draft *d)
{
	for (size_t i = 0; i < d->count; i++) {
		free(d->labels[i].name);
		free(d->labels[i].value);
	}
	d->count = 0;
}

static const char *
draft_get(const struct draft *d, const char *name)
{
	for (size_t i = 0; i < d->count; i++)
		if (strcmp(d->labels[i].name, name) == 0)
			return d->labels[i].value;
	return "";
}

/* Sets a label, replacing one of that name. */
static void
draft_set(struct draft *d, const char *name, const char *value)
{
	for (size_t i = 0; i < d->count; i++) {
		if (strcmp(d->labels[i].name, name) != 0)
			continue;
		free(d->labels[i].value);
		d->labels[i].value = estrdup(value);
		return;
	}
	if (d->count == TARGET_MAX_LABELS)
		return;
	d->labels[d->count].name = estrdup(name);
	d->labels[d->count++].value = estrdup(value);
}

static int
compare_labels(const void *a, const void *b)
{
	const struct label *x = a, *y = b;

	return strcmp(x->name, y->name);
}

/*
 * service_name: the label; the annotation; namespace/pod; the container's
 * name; the argument; the component (DESIGN.md 4, P0 column of the spec).
 */
static void
add_service_name(const struct reading *r, struct draft *d, bool fallback)
{
	const char *const chain[] = {
		draft_get(d,
		    META "kubernetes_pod_annotation_pyroscope_io_service_name"),
		draft_get(d, META "docker_container_name"),
	};
	const char *ns = draft_get(d, META "kubernetes_namespace");
	const char *pod = draft_get(d, META "kubernetes_pod_name");
	char both[2 * LABEL_VALUE_MAX + 2];
	const char *name = r->component;

	if (draft_get(d, "service_name")[0] != '\0')
		return;
	if (r->service_name[0] != '\0')
		name = r->service_name;
	if (!fallback && chain[0][0] != '\0') {
		name = chain[0];
	} else if (!fallback && ns[0] != '\0' && pod[0] != '\0') {
		snprintf(both, sizeof(both), "%s/%s", ns, pod);
		name = both;
	} else if (!fallback && chain[1][0] != '\0') {
		name = chain[1];
	}
	draft_set(d, "service_name", name);
}

/* Drops what starts with "__", but for __name__. */
static void
drop_meta(struct draft *d)
{
	size_t kept = 0;

	for (size_t i = 0; i < d->count; i++) {
		const char *name = d->labels[i].name;

		if (strncmp(name, "__", 2) == 0 &&
		    strcmp(name, "__name__") != 0) {
			free(d->labels[i].name);
			free(d->labels[i].value);
			continue;
		}
		d->labels[kept++] = d->labels[i];
	}
	d->count = kept;
}

static bool
encode_one(pb_ostream_t *out, const struct label *label)
{
	size_t n = strlen(label->name), v = strlen(label->value);
	pb_ostream_t sizing = PB_OSTREAM_SIZING;
	pb_ostream_t *o = &sizing;

	for (int pass = 0; pass < 2; pass++) {
		if (pass == 1 &&
		    (!pb_encode_tag(
			 out, PB_WT_STRING, phlare_Target_labels_tag) ||
			!pb_encode_varint(out, sizing.bytes_written)))
			return false;
		o = pass == 0 ? &sizing : out;
		if (!pb_encode_tag(o, PB_WT_STRING, phlare_Label_name_tag) ||
		    !pb_encode_string(o, (const pb_byte_t *)label->name, n) ||
		    !pb_encode_tag(o, PB_WT_STRING, phlare_Label_value_tag) ||
		    !pb_encode_string(o, (const pb_byte_t *)label->value, v))
			return false;
	}
	return true;
}

/* The number of the draft's label set, new or known; -1: too long. */
static int
intern(struct targets *t, struct draft *d)
{
	static uint8_t bytes[TARGET_LABELS_MAX];
	pb_ostream_t out = pb_ostream_from_buffer(bytes, sizeof(bytes));
	struct label_set *set;

	qsort(d->labels, d->count, sizeof(d->labels[0]), compare_labels);
	for (size_t i = 0; i < d->count; i++)
		if (!encode_one(&out, &d->labels[i]))
			return -1;
	HASH_FIND(hh, t->by_labels, bytes, out.bytes_written, set);
	if (set != NULL)
		return set->number;
	if (t->sets == t->room) {
		t->room = t->room ? 2 * t->room : 16;
		t->list = erealloc(t->list, t->room, sizeof(*t->list));
	}
	set = ecalloc(1, sizeof(*set) + out.bytes_written);
	memcpy(set->bytes, bytes, out.bytes_written);
	set->size = out.bytes_written;
	set->number = t->sets;
	t->list[t->sets++] = set;
	HASH_ADD_KEYPTR(hh, t->by_labels, set->bytes, set->size, set);
	return set->number;
}

/* The pid that the target names, or 0. */
static uint32_t
pid_of(const struct draft *d)
{
	const char *text = draft_get(d, PID_LABEL);
	char *end;
	unsigned long pid;

	if (text[0] < '0' || text[0] > '9')
		return 0;
	pid = strtoul(text, &end, 10);
	return *end == '\0' && pid <= UINT32_MAX ? pid : 0;
}

/* Takes the draft over as a target; the later of two for one pid wins. */
static bool
finish(struct reading *r, bool fallback)
{
	struct draft *d = &r->draft;
	uint32_t pid = fallback ? 0 : pid_of(d);
	struct pid_target *p;
	int number;

	add_service_name(r, d, fallback);
	drop_meta(d);
	if (draft_get(d, "__name__")[0] == '\0')
		draft_set(d, "__name__", "process_cpu");
	number = intern(r->targets, d);
	draft_clear(d);
	if (number < 0) {
		r->why = "labels of a target are too long";
		return false;
	}
	if (fallback) {
		r->targets->fallback = number;
		return true;
	}
	r->targets->count++;
	if (pid == 0)
		return true;
	HASH_FIND(hh, r->targets->by_pid, &pid, sizeof(pid), p);
	if (p == NULL) {
		p = ecalloc(1, sizeof(*p));
		p->pid = pid;
		HASH_ADD(hh, r->targets->by_pid, pid, sizeof(p->pid), p);
	}
	p->number = number;
	return true;
}

/* A string of at most max bytes without NUL; the caller frees it. */
static char *
read_string(pb_istream_t *in, size_t max)
{
	size_t size = in->bytes_left;
	char *text;

	if (size > max)
		return NULL;
	text = ecalloc(size + 1, 1);
	if (!pb_read(in, (pb_byte_t *)text, size) || strlen(text) != size) {
		free(text);
		return NULL;
	}
	return text;
}

static bool
on_text(pb_istream_t *in, const pb_field_t *field, void **arg)
{
	char **out = *arg;
	size_t max = field->tag == phlare_Label_name_tag ? LABEL_NAME_MAX
							 : LABEL_VALUE_MAX;

	free(*out);
	*out = read_string(in, max);
	return *out != NULL;
}

static bool
on_label(pb_istream_t *in, const pb_field_t *field, void **arg)
{
	struct reading *r = *arg;
	phlare_Label label = phlare_Label_init_zero;
	char *name = NULL, *value = NULL;
	bool good;

	(void)field;
	label.name.funcs.decode = on_text;
	label.name.arg = &name;
	label.value.funcs.decode = on_text;
	label.value.arg = &value;
	good = pb_decode(in, phlare_Label_fields, &label) && name != NULL &&
	       name[0] != '\0' && r->draft.count < TARGET_MAX_LABELS;
	if (good)
		draft_set(&r->draft, name, value ? value : "");
	free(name);
	free(value);
	return good;
}

static bool
read_target(pb_istream_t *in, struct reading *r, bool fallback)
{
	phlare_Target target = phlare_Target_init_zero;

	target.labels.funcs.decode = on_label;
	target.labels.arg = r;
	if (r->targets->count >= TARGETS_MAX) {
		r->why = "too many targets";
		return false;
	}
	return pb_decode(in, phlare_Target_fields, &target) &&
	       finish(r, fallback);
}

static bool
on_target(pb_istream_t *in, const pb_field_t *field, void **arg)
{
	return read_target(
	    in, *arg, field->tag == phlare_TargetSet_default_target_tag);
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
	r->service_name = set.service_name;
	set.targets.funcs.decode = set.default_target.funcs.decode = on_target;
	set.targets.arg = set.default_target.arg = r;
	return pb_decode_ex(
	    &again, phlare_TargetSet_fields, &set, PB_DECODE_NOINIT);
}

struct targets *
targets_decode(
    const void *data, size_t size, const char *component, const char **why)
{
	struct reading r = { .component = component, .why = "malformed" };

	r.targets = ecalloc(1, sizeof(*r.targets));
	r.targets->fallback = -1;
	if (size > TARGETS_MAX_BYTES || !decode(&r, data, size)) {
		*why = r.why;
		draft_clear(&r.draft);
		targets_free(r.targets);
		return NULL;
	}
	return r.targets;
}

void
targets_free(struct targets *targets)
{
	struct label_set *set, *next_set;
	struct pid_target *p, *next_pid;

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
	free(targets->list);
	free(targets);
}

size_t
targets_count(const struct targets *targets)
{
	return targets->count;
}

int
targets_find(const struct targets *targets, uint32_t pid)
{
	struct pid_target *p;

	HASH_FIND(hh, targets->by_pid, &pid, sizeof(pid), p);
	return p != NULL ? p->number : targets->fallback;
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
