/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The targets of a configuration as the shipper tells them (its
 * show_targets.h), line by line.
 */
#ifndef CLI_TARGET_READER_H
#define CLI_TARGET_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <jansson.h>

#include "common/target.h"

/* A phlare.ebpf. What is lent is lent during the call. */
struct shown_component {
	const char *id;
	bool targets_only;
	const json_t *default_labels; /* NULL: it has no default target */
	const char *default_service;
};

struct shown_target {
	size_t number; /* from 1 */
	json_t *line;  /* "labels", "container_id", "service_name" */
	struct target target;
	const char *container_id; /* "": it is none of a container */
	const char *service_name;
};

/* What becomes of them; arg is the first argument of each. */
struct target_sink {
	void (*component)(void *arg, const struct shown_component *component);
	void (*target)(void *arg, const struct shown_target *target);
	/* After the last target of a component. */
	void (*end)(void *arg);
};

/* Reads all. 0, or -EBADMSG when it is not what the shipper says. */
int target_reader_read(FILE *in, const struct target_sink *sink, void *arg);

#endif
