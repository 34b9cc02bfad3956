/* SPDX-License-Identifier: Apache-2.0 */
/* The arguments of discovery.relabel, and what is wrong with them. */
#ifndef SHIPPER_RELABEL_ARGS_H
#define SHIPPER_RELABEL_ARGS_H

#include "common/river/schema.h"

/* A rule; strings are never NULL. */
struct relabel_rule_args {
	const struct river_block *block;
	struct river_strings source_labels;
	const char *separator, *regex;
	uint64_t modulus;
	const char *target_label, *replacement, *action;
};

struct relabel_args {
	const struct river_block *block;
	struct river_targets targets;
	struct river_blocks rules; /* of struct relabel_rule_args */
};

extern const struct river_schema relabel_args_schema;
/* Of a rule alone. */
extern const struct river_schema relabel_args_rule;

#endif
