/* SPDX-License-Identifier: Apache-2.0 */
/* What `phlare-ebpf record` was asked for. */
#ifndef CLI_RECORD_H
#define CLI_RECORD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "cli/supervisor.h"

#define RECORD_PIDS_MAX 1024
#define RECORD_RATE_MAX 10000
#define RECORD_DURATION_MAX_SEC (24 * 3600)

struct record_options {
	struct supervisor_options common; /* first: SUPERVISOR_OPTION_ROWS */
	int64_t duration;                 /* ns */
	uint64_t rate;                    /* samples per second and CPU */
	const char *output;               /* a directory */
	pid_t pids[RECORD_PIDS_MAX];
	int pids_count; /* 0: every process */
	bool no_kernel;
};

#endif
