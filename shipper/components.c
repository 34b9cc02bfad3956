/* SPDX-License-Identifier: Apache-2.0 */
/* What may stand at the top of a configuration. */
#include "config.h"

#include "shipper/components.h"

#include <stddef.h>
#include <string.h>

#include "shipper/discovery_args.h"
#include "shipper/labels.h"
#include "shipper/logging_args.h"
#include "shipper/relabel_args.h"

const struct river_capsule_type component_receiver_type = { "receiver" };
const struct river_capsule_type component_rules_type = { "rules" };

const char *
component_wrong_labels(
    struct river_decoder *d, const struct river_pairs *labels)
{
	for (size_t i = 0; i < labels->count; i++) {
		const struct river_pair *l = &labels->item[i];

		if (l->name[0] == '\0')
			return "a label must have a name";
		if (!labels_text_valid(l->name, strlen(l->name)) ||
		    !labels_text_valid(l->value, strlen(l->value)))
			return river_decoder_printf(
			    d, "label \"%s\" is no valid UTF-8", l->name);
	}
	return NULL;
}

static const struct component_kind write_kind = { COMPONENT_WRITE,
	&write_args_schema };
static const struct component_kind phlare_ebpf_kind = { COMPONENT_EBPF,
	&ebpf_args_phlare };
static const struct component_kind pyroscope_ebpf_kind = { COMPONENT_EBPF,
	&ebpf_args_pyroscope };
static const struct component_kind relabel_kind = { COMPONENT_RELABEL,
	&relabel_args_schema };
static const struct component_kind docker_kind = { COMPONENT_DISCOVERY,
	&discovery_args_docker,
	"this version does not ask Docker yet: the list of targets is empty" };
static const struct component_kind kubernetes_kind = { COMPONENT_DISCOVERY,
	&discovery_args_kubernetes,
	"this version does not ask Kubernetes yet: the list of targets is "
	"empty" };
static const struct component_kind logging_kind = { COMPONENT_LOGGING,
	&logging_args_schema };
static const struct component_kind ignored_kind = { COMPONENT_IGNORED };
static const struct component_kind unsupported_kind = { COMPONENT_UNSUPPORTED,
	NULL };

const struct river_rule component_rules[] = {
	{ "phlare.ebpf", RIVER_RULE_COMPONENT, &phlare_ebpf_kind },
	{ "phlare.write", RIVER_RULE_COMPONENT, &write_kind },
	{ "pyroscope.ebpf", RIVER_RULE_COMPONENT, &pyroscope_ebpf_kind },
	{ "pyroscope.write", RIVER_RULE_COMPONENT, &write_kind },
	{ "discovery.docker", RIVER_RULE_COMPONENT, &docker_kind },
	{ "discovery.kubernetes", RIVER_RULE_COMPONENT, &kubernetes_kind },
	{ "discovery.process", RIVER_RULE_COMPONENT, &unsupported_kind },
	{ "discovery.relabel", RIVER_RULE_COMPONENT, &relabel_kind },
	{ "logging", RIVER_RULE_CONFIG, &logging_kind },
	{ "tracing", RIVER_RULE_CONFIG, &ignored_kind },
	{ NULL, RIVER_RULE_COMPONENT, NULL },
};
