/* SPDX-License-Identifier: Apache-2.0 */
/* What logging takes, the block that says how much is logged. */
#ifndef SHIPPER_LOGGING_ARGS_H
#define SHIPPER_LOGGING_ARGS_H

#include "common/river/schema.h"

struct config;

struct logging_args {
	const struct river_block *block;
	const char *level, *format;
};

extern const struct river_schema logging_args_schema;

/* The level of syslog.h up to which the configuration wants log lines. */
int logging_args_level(const struct config *config);

#endif
