/* SPDX-License-Identifier: Apache-2.0 */
/* One configuration file, read, checked and evaluated as a whole. */
#ifndef SHIPPER_CONFIG_FILE_H
#define SHIPPER_CONFIG_FILE_H

#include <stddef.h>

#include "shipper/components.h"
#include "shipper/relabel.h"

struct river_diagnostics;

struct config_component {
	const char *id; /* "phlare.write.staging" */
	enum component_role role;
	const struct river_schema *schema;
	void *args;         /* struct write_args, struct ebpf_args, ... */
	const char *notice; /* of its kind */
	struct relabel_counts relabelled; /* by discovery.relabel */
};

struct config {
	struct config_component *item; /* in the order of the file */
	size_t count;
	struct config_memory *memory;
};

/*
 * Reads fd to its end (it stays the caller's) and evaluates it. NULL when
 * there is any mistake: all of them are in diagnostics, whose places point
 * into *source, which the caller frees after it (NULL, and errno set, when
 * the file could not be read at all).
 */
struct config *config_read(const char *name, int fd,
    struct river_source **source, struct river_diagnostics *diagnostics);

/*
 * What can find further mistakes, while the places of all arguments are still
 * known. It gets a configuration without any so far.
 */
typedef void config_look(const struct config *config,
    const struct river_source *source, struct river_diagnostics *diagnostics);

/* The same, and then look. */
struct config *config_read_with(const char *name, int fd,
    struct river_source **source, struct river_diagnostics *diagnostics,
    config_look *look);

/* NULL is fine. */
void config_free(struct config *config);

/* By id, or NULL. */
const struct config_component *config_find(
    const struct config *config, const char *id);

/* Whether a component has the same id and arguments in two configurations. */
bool config_component_equal(
    const struct config_component *a, const struct config_component *b);

#endif
