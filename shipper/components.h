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
#include "shipper/ebpf_args.h"
#include "shipper/write_args.h"

enum component_role {
	COMPONENT_WRITE,
	COMPONENT_EBPF,
	COMPONENT_RELABEL,
	COMPONENT_DISCOVERY,
	COMPONENT_LOGGING,
	COMPONENT_IGNORED,     /* accepted for the sake of what has it */
	COMPONENT_UNSUPPORTED, /* known by name, not there yet */
};

struct component_kind {
	enum component_role role;
	const struct river_schema *schema; /* NULL: it is not decoded */
	/* What it does not do yet, for who reads logs and health; or NULL. */
	const char *notice;
};

/* river_rule.what is a struct component_kind. */
extern const struct river_rule component_rules[];

/* What phlare.write exports as "receiver"; data: struct config_component. */
extern const struct river_capsule_type component_receiver_type;
/* What discovery.relabel exports as "rules"; data: the same. */
extern const struct river_capsule_type component_rules_type;

/* For checks: the mistake in one set of labels, or NULL. */
const char *component_wrong_labels(
    struct river_decoder *decoder, const struct river_pairs *labels);

/*
 * Whether both were decoded to the same by schema: deeply, places aside.
 * Capsules are equal when capsule_equal says so.
 */
bool component_args_equal(const struct river_schema *schema, const void *a,
    const void *b, bool (*capsule_equal)(const void *a, const void *b));

#endif
