/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The arguments of phlare.write and pyroscope.write, as their schema table
 * decodes them. A string that is not given is NULL or "".
 */
#ifndef SHIPPER_WRITE_ARGS_H
#define SHIPPER_WRITE_ARGS_H

#include <stdbool.h>
#include <stdint.h>

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
	/* accepted for the sake of configurations that have it */
	int64_t debug_info_upload_timeout;
	struct http_args http;
};

/* Accepted for the sake of configurations that have it. */
struct tracing_args {
	const struct river_block *block;
	bool jaeger_propagator, trace_context_propagator;
};

struct write_args {
	const struct river_block *block;
	struct river_pairs external_labels;
	struct river_blocks endpoints; /* of struct endpoint_args */
	struct tracing_args *tracing;
};

extern const struct river_schema write_args_schema;

#endif
