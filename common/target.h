/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the labels of one target mean (spec/phlare-ebpf.md 2.1, 2.3, 3.2):
 * which process or container it is, and under which service_name it goes.
 */
#ifndef COMMON_TARGET_H
#define COMMON_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TARGET_PID_LABEL "__process_pid__"
#define TARGET_SERVICE_LABEL "service_name"
/* Room for any service_name that is put together. */
#define TARGET_SERVICE_SIZE 8192

struct target_label {
	const char *name, *value;
};

/* Labels in any order, no name twice. */
struct target {
	const struct target_label *label;
	size_t count;
};

/* The value of that label, "" if absent. */
const char *target_get(const struct target *target, const char *name);

/* The process that it names, or 0: it is no pid target. */
uint32_t target_pid(const struct target *target);

/*
 * The id of the container that it is, without the runtime's prefix, or "": it
 * is no container target. A pid target is none. Borrowed.
 */
const char *target_container_id(const struct target *target);

/* What service_name falls back to. */
struct target_naming {
	const char *service_name; /* the argument, "" if not given */
	const char *component;    /* full id */
};

/*
 * The service_name of the target; of a default target no discovery label is
 * looked at. Borrowed, or in room.
 */
const char *target_service_name(const struct target *target, bool is_default,
    const struct target_naming *naming, char room[TARGET_SERVICE_SIZE]);

/*
 * Whether a label has any effect once the targets are chosen: it is sent on,
 * or one of the above looks at it.
 */
bool target_label_counts(const char *name);
/* Whether it is sent on: no name with "__" in front, but for __name__. */
bool target_label_visible(const char *name);

enum target_match {
	TARGET_MATCH_NONE, /* the default target, if there is one */
	TARGET_MATCH_PID,
	TARGET_MATCH_CONTAINER,
};

/*
 * Which of the targets a process belongs to, by pid first, then by the id of
 * its container ("": none); the last of several counts. *index is set unless
 * there is none.
 */
enum target_match target_choose(const struct target *targets, size_t count,
    uint32_t pid, const char *container_id, size_t *index);

#endif
