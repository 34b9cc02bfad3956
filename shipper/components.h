/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The arguments of each component, as its schema table decodes them
 * (common/river/schema.h), and what may stand at the top of a configuration.
 * A string that is not given is NULL or "".
 */
#ifndef SHIPPER_COMPONENTS_H
#define SHIPPER_COMPONENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/river/load.h"
#include "common/river/schema.h"
#include "shipper/http_args.h"

struct endpoint_args {
	const struct river_block *block;
	const char *url, *name;
	int64_t remote_timeout; /* durations are ns */
	struct river_pairs headers;
	int64_t min_backoff_period, max_backoff_period;
	int64_t max_backoff_retries;
	bool retry_on_http_429;
	struct http_args http;
};

/* phlare.write, pyroscope.write */
struct write_args {
	const struct river_block *block;
	struct river_pairs external_labels;
	struct river_blocks endpoints; /* of struct endpoint_args */
};

/* phlare.ebpf, pyroscope.ebpf */
struct ebpf_args {
	const struct river_block *block;
	struct river_capsules forward_to; /* struct config_component */
	struct river_targets targets;
	struct river_pairs default_target;
	bool targets_only;
	const char *job_name, *service_name, *kubernetes_node;
	int64_t collect_interval;
	int64_t sample_rate;
	int64_t pid_cache_size, elf_cache_size, container_id_cache_size;
	int64_t build_id_cache_size, same_file_cache_size; /* 0: not given */
	bool collect_user_profile, collect_kernel_profile;
	const char *demangle, *comm;
	bool pid_label;
	/* accepted for the sake of configurations that have them */
	int64_t cache_rounds, symbols_map_size, pid_map_size;
	bool python_enabled, go_table_fallback;
};

enum component_role {
	COMPONENT_WRITE,
	COMPONENT_EBPF,
	COMPONENT_UNSUPPORTED, /* known by name, not there yet */
};

struct component_kind {
	enum component_role role;
	const struct river_schema *schema; /* NULL if unsupported */
};

/* river_rule.what is a struct component_kind. */
extern const struct river_rule component_rules[];

/* What phlare.write exports as "receiver"; data: struct config_component. */
extern const struct river_capsule_type component_receiver_type;

/* Numbers of enum Demangle and enum Comm, or -1. */
int component_demangle_number(const char *text);
int component_comm_number(const char *text);

/*
 * Whether both were decoded to the same by schema: deeply, places aside.
 * Capsules are equal when capsule_equal says so.
 */
bool component_args_equal(const struct river_schema *schema, const void *a,
    const void *b, bool (*capsule_equal)(const void *a, const void *b));

#endif
