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
#include "shipper/components.h"
#include "shipper/wire.h"

/* Field numbers. */
#define SET_TARGETS 1
#define SET_DEFAULT_TARGET 2
#define SET_SERVICE_NAME 3
#define TARGET_LABELS 1

#define JOB "job"

/* The labels of one target with the job that it gets. */
struct target {
	const struct river_pairs *labels;
	const char *job;
	bool override; /* job_name was given: a label job is replaced */
};

static bool
is_replaced(const struct target *t, const struct river_pair *label)
{
	return t->override && strcmp(label->name, JOB) == 0;
}

static bool
has_job(const struct target *t)
{
	for (size_t i = 0; i < t->labels->count; i++)
		if (strcmp(t->labels->item[i].name, JOB) == 0 &&
		    t->labels->item[i].value[0] != '\0')
			return !t->override;
	return false;
}

static bool
is_kept(const struct target *t, const struct river_pair *label)
{
	/* an empty job is as good as none */
	return !is_replaced(t, label) &&
	       (strcmp(label->name, JOB) != 0 || label->value[0] != '\0');
}

static size_t
target_size(const struct target *t)
{
	size_t size = has_job(t) ? 0 : wire_pair_size(JOB, t->job);

	for (size_t i = 0; i < t->labels->count; i++) {
		const struct river_pair *l = &t->labels->item[i];

		if (is_kept(t, l))
			size += wire_pair_size(l->name, l->value);
	}
	return size;
}

static bool
put_target(pb_ostream_t *out, uint32_t field, const struct target *t)
{
	if (!wire_put_length(out, field, target_size(t)))
		return false;
	for (size_t i = 0; i < t->labels->count; i++) {
		const struct river_pair *l = &t->labels->item[i];

		if (is_kept(t, l) &&
		    !wire_put_pair(out, TARGET_LABELS, l->name, l->value))
			return false;
	}
	return has_job(t) || wire_put_pair(out, TARGET_LABELS, JOB, t->job);
}

static struct target
target_of(const struct ebpf_args *args, const char *component,
    const struct river_pairs *labels)
{
	bool given = args->job_name != NULL && args->job_name[0] != '\0';

	return (
	    struct target){ labels, given ? args->job_name : component, given };
}

static bool
put_set(pb_ostream_t *out, const struct ebpf_args *args, const char *component)
{
	for (size_t i = 0; i < args->targets.count; i++) {
		struct target t =
		    target_of(args, component, &args->targets.item[i]);

		if (!put_target(out, SET_TARGETS, &t))
			return false;
	}
	if (!args->targets_only) {
		struct target t =
		    target_of(args, component, &args->default_target);

		if (!put_target(out, SET_DEFAULT_TARGET, &t))
			return false;
	}
	return args->service_name == NULL || args->service_name[0] == '\0' ||
	       wire_put_string(out, SET_SERVICE_NAME, args->service_name);
}

int
target_set_new(
    const struct ebpf_args *args, const char *component, uint32_t *count)
{
	pb_ostream_t out = PB_OSTREAM_SIZING;
	uint8_t *data;
	int fd, r;

	*count = args->targets.count;
	if (!put_set(&out, args, component) ||
	    out.bytes_written > SETTINGS_TARGETS_MAX_BYTES)
		return -EFBIG;
	data = ecalloc(1, out.bytes_written + 1);
	out = pb_ostream_from_buffer(data, out.bytes_written);
	if (!put_set(&out, args, component))
		fatalx("targets: size changed");
	fd = memfd_new("targets");
	r = fd < 0 ? fd : memfd_append(fd, data, out.bytes_written);
	free(data);
	if (r < 0 || (r = memfd_seal(fd)) < 0) {
		if (fd >= 0)
			close(fd);
		return r;
	}
	return fd;
}
