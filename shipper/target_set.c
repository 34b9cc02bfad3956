/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "shipper/target_set.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/memfd.h"
#include "common/settings.h"
#include "common/target.h"
#include "shipper/ebpf_args.h"
#include "shipper/text.h"
#include "shipper/wire.h"

/* Field numbers. */
#define SET_TARGETS 1
#define SET_DEFAULT_TARGET 2
#define SET_SERVICE_NAME 3
#define SET_DECIDED_AT 4
#define TARGET_LABELS 1

#define JOB "job"

/* What is common to the targets of a component. */
struct source {
	const struct ebpf_args *args;
	const char *component;
	uint64_t decided_at;
	size_t left_out; /* labels that do not fit */
};

/* The labels of one target that are sent. */
struct selection {
	const struct river_pair *label[TARGET_SET_LABELS_MAX];
	size_t count, bytes;
	const char *job; /* in addition; NULL: it is among them */
};

static bool
fits(const struct selection *s, const struct river_pair *label, size_t bytes)
{
	return s->count < TARGET_SET_LABELS_MAX &&
	       strlen(label->name) <= TARGET_SET_NAME_MAX &&
	       strlen(label->value) <= TARGET_SET_VALUE_MAX &&
	       s->bytes + bytes <= TARGET_SET_LABEL_BYTES_MAX;
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
    struct source *source, const struct river_pair *label, struct selection *s)
{
	size_t bytes = wire_pair_size(label->name, label->value);

	if (!target_label_counts(label->name) || is_replaced(source, label))
		return;
	if (!fits(s, label, bytes)) {
		source->left_out++;
		return;
	}
	s->label[s->count++] = label;
	s->bytes += bytes;
	if (strcmp(label->name, JOB) == 0)
		s->job = NULL;
}

/* What the process is found by comes first: it is never left out for others. */
static void
select_labels(struct source *source, const struct river_pairs *labels,
    struct selection *s)
{
	const char *given = source->args->job_name;

	s->count = s->bytes = 0;
	s->job = text_given(given) ? given : source->component;
	for (int visible = 0; visible < 2; visible++)
		for (size_t i = 0; i < labels->count; i++)
			if (target_label_visible(labels->item[i].name) ==
			    visible)
				select_label(source, &labels->item[i], s);
}

static bool
put_target(pb_ostream_t *out, uint32_t field, struct source *source,
    const struct river_pairs *labels)
{
	struct selection s;
	size_t size;

	select_labels(source, labels, &s);
	size = s.bytes + (s.job ? wire_pair_size(JOB, s.job) : 0);
	if (!wire_put_length(out, field, size))
		return false;
	for (size_t i = 0; i < s.count; i++)
		if (!wire_put_pair(out, TARGET_LABELS, s.label[i]->name,
			s.label[i]->value))
			return false;
	return s.job == NULL || wire_put_pair(out, TARGET_LABELS, JOB, s.job);
}

static bool
put_set(pb_ostream_t *out, struct source *source)
{
	const struct ebpf_args *args = source->args;

	for (size_t i = 0; i < args->targets.count; i++)
		if (!put_target(
			out, SET_TARGETS, source, &args->targets.item[i]))
			return false;
	if (!args->targets_only &&
	    !put_target(out, SET_DEFAULT_TARGET, source, &args->default_target))
		return false;
	if (text_given(args->service_name) &&
	    !wire_put_string(out, SET_SERVICE_NAME, args->service_name))
		return false;
	return pb_encode_tag(out, PB_WT_64BIT, SET_DECIDED_AT) &&
	       pb_encode_fixed64(out, &source->decided_at);
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
	struct source source = { args, component, decided_at, 0 };
	pb_ostream_t out = PB_OSTREAM_SIZING;
	uint8_t *data;
	int fd;

	*count = args->targets.count;
	if (!put_set(&out, &source) ||
	    out.bytes_written > SETTINGS_TARGETS_MAX_BYTES)
		return -EFBIG;
	if (source.left_out > 0)
		log_warnx("targets",
		    "%s: leaving out %zu labels that are too long or too many",
		    component, source.left_out);
	data = ecalloc(1, out.bytes_written + 1);
	out = pb_ostream_from_buffer(data, out.bytes_written);
	if (!put_set(&out, &source))
		fatalx("targets: size changed");
	fd = sealed(data, out.bytes_written);
	free(data);
	return fd;
}
