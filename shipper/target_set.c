/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "shipper/target_set.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/memfd.h"
#include "common/settings.h"
#include "common/target.h"
#include "shipper/ebpf_args.h"
#include "shipper/text.h"

/* Tags of fields of bytes (TargetSet, Target, Label) and of the fixed one. */
#define SET_TARGETS 0x0a
#define SET_DEFAULT_TARGET 0x12
#define SET_SERVICE_NAME 0x1a
#define SET_DECIDED_AT 0x21
#define TARGET_LABELS 0x0a
#define LABEL_NAME 0x0a
#define LABEL_VALUE 0x12
/* The most that a tag and a length take here. */
#define HEAD_MAX 6

#define JOB "job"

/* What is common to the targets of a component. */
struct source {
	const struct ebpf_args *args;
	const char *job; /* where a target has none, or for all */
	uint64_t decided_at;
	size_t left_out; /* labels that do not fit */
};

struct text {
	const char *data;
	size_t size;
};

/* A label that is sent, and how long it is encoded. */
struct sent_label {
	struct text name, value;
	size_t bytes;
};

/* The labels of one target that are sent. */
struct selection {
	struct sent_label label[TARGET_SET_LABELS_MAX + 1];
	size_t count, bytes; /* bytes: with tags and lengths */
	bool has_job;
};

/* What is sent, as it grows; a set has a hundred thousand labels. */
struct set {
	uint8_t *data;
	size_t size, room;
};

static size_t
varint_size(size_t n)
{
	size_t size = 1;

	while (n >= 128) {
		n >>= 7;
		size++;
	}
	return size;
}

/* A field of that much content, with its tag and length. */
static size_t
field_size(size_t content)
{
	return 1 + varint_size(content) + content;
}

static uint8_t *
put_head(uint8_t *p, uint8_t tag, size_t size)
{
	*p++ = tag;
	while (size >= 128) {
		*p++ = size | 128;
		size >>= 7;
	}
	*p++ = size;
	return p;
}

static uint8_t *
put_text(uint8_t *p, uint8_t tag, struct text text)
{
	p = put_head(p, tag, text.size);
	memcpy(p, text.data, text.size);
	return p + text.size;
}

static struct text
text_of(const char *data)
{
	return (struct text){ data, strlen(data) };
}

static struct sent_label
label_of(const char *name, const char *value)
{
	struct sent_label l = { text_of(name), text_of(value), 0 };

	l.bytes = field_size(l.name.size) + field_size(l.value.size);
	return l;
}

/* Room for so many bytes more at the end. */
static uint8_t *
make_room(struct set *set, size_t bytes)
{
	if (set->size + bytes > set->room) {
		set->room = 2 * set->room + bytes + 4096;
		set->data = erealloc(set->data, set->room, 1);
	}
	return set->data + set->size;
}

static bool
fits(const struct selection *s, const struct sent_label *label)
{
	return s->count < TARGET_SET_LABELS_MAX &&
	       label->name.size <= TARGET_SET_NAME_MAX &&
	       label->value.size <= TARGET_SET_VALUE_MAX &&
	       s->bytes + field_size(label->bytes) <=
		   TARGET_SET_LABEL_BYTES_MAX;
}

static void
add_label(struct selection *s, const struct sent_label *label)
{
	s->label[s->count++] = *label;
	s->bytes += field_size(label->bytes);
}

/* An empty job is as good as none; a given job_name replaces any. */
static bool
is_replaced(const struct source *source, const struct river_pair *label)
{
	return strcmp(label->name, JOB) == 0 &&
	       (text_given(source->args->job_name) || label->value[0] == '\0');
}

static void
select_label(
    struct source *source, const struct river_pair *pair, struct selection *s)
{
	struct sent_label label;

	if (!target_label_counts(pair->name) || is_replaced(source, pair))
		return;
	label = label_of(pair->name, pair->value);
	if (!fits(s, &label)) {
		source->left_out++;
		return;
	}
	add_label(s, &label);
	s->has_job = s->has_job || strcmp(pair->name, JOB) == 0;
}

/* What the process is found by comes first: it is never left out for others. */
static void
select_labels(struct source *source, const struct river_pairs *labels,
    struct selection *s)
{
	s->count = s->bytes = 0;
	s->has_job = false;
	for (int visible = 0; visible < 2; visible++)
		for (size_t i = 0; i < labels->count; i++)
			if (target_label_visible(labels->item[i].name) ==
			    visible)
				select_label(source, &labels->item[i], s);
	if (!s->has_job) {
		struct sent_label job = label_of(JOB, source->job);

		add_label(s, &job);
	}
}

static void
put_target(struct set *set, uint8_t tag, struct source *source,
    const struct river_pairs *labels)
{
	struct selection s;
	uint8_t *p;

	select_labels(source, labels, &s);
	p = make_room(set, HEAD_MAX + s.bytes);
	p = put_head(p, tag, s.bytes);
	for (size_t i = 0; i < s.count; i++) {
		p = put_head(p, TARGET_LABELS, s.label[i].bytes);
		p = put_text(p, LABEL_NAME, s.label[i].name);
		p = put_text(p, LABEL_VALUE, s.label[i].value);
	}
	set->size = p - set->data;
}

static void
put_rest(struct set *set, const struct source *source)
{
	const char *name = source->args->service_name;
	struct text service = text_of(name != NULL ? name : "");
	uint8_t *p = make_room(set, HEAD_MAX + service.size + 9);

	if (service.size > 0)
		p = put_text(p, SET_SERVICE_NAME, service);
	*p++ = SET_DECIDED_AT;
	for (int i = 0; i < 8; i++)
		*p++ = source->decided_at >> 8 * i;
	set->size = p - set->data;
}

/* -EFBIG as soon as it is too large. */
static int
put_set(struct set *set, struct source *source)
{
	const struct ebpf_args *args = source->args;

	for (size_t i = 0; i < args->targets.count; i++) {
		put_target(set, SET_TARGETS, source, &args->targets.item[i]);
		if (set->size > SETTINGS_TARGETS_MAX_BYTES)
			return -EFBIG;
	}
	if (!args->targets_only)
		put_target(
		    set, SET_DEFAULT_TARGET, source, &args->default_target);
	put_rest(set, source);
	return set->size > SETTINGS_TARGETS_MAX_BYTES ? -EFBIG : 0;
}

static struct source
source_of(
    const struct ebpf_args *args, const char *component, uint64_t decided_at)
{
	const char *given = args->job_name;

	return (struct source){ args, text_given(given) ? given : component,
		decided_at, 0 };
}

/* No set of theirs is longer. Far quicker than to write it. */
static size_t
at_most(const struct ebpf_args *args, const struct source *source)
{
	size_t rest = 4 * HEAD_MAX + strlen(JOB) + strlen(source->job);
	/* the default target, the service and when */
	size_t bytes = 2 * (TARGET_SET_LABEL_BYTES_MAX + HEAD_MAX);

	for (size_t i = 0; i < args->targets.count; i++) {
		const struct river_pairs *t = &args->targets.item[i];

		bytes += rest;
		for (size_t j = 0; j < t->count; j++)
			bytes += 3 * HEAD_MAX + strlen(t->item[j].name) +
				 strlen(t->item[j].value);
	}
	return bytes;
}

bool
target_set_fits(const struct ebpf_args *args, const char *component)
{
	struct source source = source_of(args, component, 0);
	struct set set = { 0 };
	bool fits;

	if (at_most(args, &source) <= SETTINGS_TARGETS_MAX_BYTES)
		return true;
	fits = put_set(&set, &source) == 0;
	free(set.data);
	return fits;
}

/* A sealed memfd of these bytes, or -errno. */
static int
sealed(const uint8_t *data, size_t size)
{
	int fd = memfd_new("targets"), r;

	if (fd < 0)
		return fd;
	if ((r = memfd_append(fd, data, size)) < 0 ||
	    (r = memfd_seal(fd)) < 0) {
		close(fd);
		return r;
	}
	return fd;
}

int
target_set_new(const struct ebpf_args *args, const char *component,
    uint64_t decided_at, uint32_t *count)
{
	struct source source = source_of(args, component, decided_at);
	struct set set = { 0 };
	int r = put_set(&set, &source);

	*count = args->targets.count;
	if (source.left_out > 0)
		log_warnx("targets",
		    "%s: leaving out %zu labels that are too long or too many",
		    component, source.left_out);
	if (r == 0)
		r = sealed(set.data, set.size);
	free(set.data);
	return r;
}
