/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What phlare.ebpf takes, and pyroscope.ebpf, its later name. Arguments that
 * have no effect are accepted with a warning.
 */
#ifndef SHIPPER_EBPF_ARGS_H
#define SHIPPER_EBPF_ARGS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/river/schema.h"

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

extern const struct river_schema ebpf_args_phlare;
/* The same with the defaults of its day, which ship less. */
extern const struct river_schema ebpf_args_pyroscope;

/* Numbers of enum Demangle and enum Comm, or -1. */
int ebpf_args_demangle(const char *text);
int ebpf_args_comm(const char *text);

#endif
