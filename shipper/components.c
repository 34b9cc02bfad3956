/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables: what each component takes, its defaults, and which values are
 * wrong. Texts of the mistakes are those that users of the format know.
 */
#include "config.h"

#include "shipper/components.h"

#include <stddef.h>
#include <string.h>

#include "common/settings.h"
#include "common/shipper.pb.h"
#include "shipper/file_endpoint.h"
#include "shipper/http_args.h"
#include "shipper/http_url.h"
#include "shipper/labels.h"

#define SEC 1000000000LL
#define MSEC 1000000LL
/* Any size_t offset of a member. */
#define AT(type, member) offsetof(struct type, member)
#define LABEL_VALUE_MAX_BYTES 2048
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

const struct river_capsule_type component_receiver_type = { "receiver" };

/* ---- checks of one value */

static const char *
check_url(struct river_decoder *d, const void *member)
{
	const char *url = *(const char *const *)member, *wrong;

	wrong = file_endpoint_is_url(url) ? file_endpoint_check(url)
					  : http_url_check(url);
	return wrong == NULL
		   ? NULL
		   : river_decoder_printf(d, "\"%s\": %s", url, wrong);
}

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

static const char *
check_labels(struct river_decoder *d, const void *member)
{
	return component_wrong_labels(d, member);
}

/* ---- endpoint */

static void
check_endpoint(struct river_decoder *d, void *args)
{
	const struct endpoint_args *a = args;
	const char *wrong = http_args_wrong(d, &a->http);

	if (wrong != NULL)
		river_decoder_refuse(d, "%s", wrong);
}

static const struct river_field endpoint_fields[] = {
	{ "url", RIVER_FIELD_STRING, AT(endpoint_args, url), RIVER_REQUIRED,
	    .check = check_url },
	{ "name", RIVER_FIELD_STRING, AT(endpoint_args, name) },
	{ "remote_timeout", RIVER_FIELD_DURATION,
	    AT(endpoint_args, remote_timeout), .min = MSEC, .max = INT64_MAX },
	{ "headers", RIVER_FIELD_MAP, AT(endpoint_args, headers),
	    .check = http_args_check_headers },
	{ "min_backoff_period", RIVER_FIELD_DURATION,
	    AT(endpoint_args, min_backoff_period), .max = INT64_MAX },
	{ "max_backoff_period", RIVER_FIELD_DURATION,
	    AT(endpoint_args, max_backoff_period), .max = INT64_MAX },
	{ "max_backoff_retries", RIVER_FIELD_INT,
	    AT(endpoint_args, max_backoff_retries) },
	{ "retry_on_http_429", RIVER_FIELD_BOOL,
	    AT(endpoint_args, retry_on_http_429) },
	HTTP_ARGS_FIELDS(endpoint_args, http),
	{ 0 },
};
static const struct endpoint_args endpoint_defaults = {
	.remote_timeout = 10 * SEC,
	.min_backoff_period = 500 * MSEC,
	.max_backoff_period = 5 * 60 * SEC,
	.max_backoff_retries = 10,
	.retry_on_http_429 = true,
	.http = HTTP_ARGS_DEFAULTS,
};
static const struct river_schema endpoint_schema = { sizeof(
							 struct endpoint_args),
	endpoint_fields, &endpoint_defaults, check_endpoint };

/* ---- phlare.write */

static const struct river_field write_fields[] = {
	{ "external_labels", RIVER_FIELD_MAP, AT(write_args, external_labels),
	    .check = check_labels },
	{ "endpoint", RIVER_FIELD_BLOCKS, AT(write_args, endpoints),
	    .block = &endpoint_schema },
	{ 0 },
};
static const struct river_schema write_schema = { sizeof(struct write_args),
	write_fields, NULL, NULL };

/* ---- the top of a file */

static const struct component_kind write_kind = { COMPONENT_WRITE,
	&write_schema };
static const struct component_kind phlare_ebpf_kind = { COMPONENT_EBPF,
	&ebpf_args_phlare };
static const struct component_kind pyroscope_ebpf_kind = { COMPONENT_EBPF,
	&ebpf_args_pyroscope };
static const struct component_kind unsupported_kind = { COMPONENT_UNSUPPORTED,
	NULL };

const struct river_rule component_rules[] = {
	{ "phlare.ebpf", RIVER_RULE_COMPONENT, &phlare_ebpf_kind },
	{ "phlare.write", RIVER_RULE_COMPONENT, &write_kind },
	{ "pyroscope.ebpf", RIVER_RULE_COMPONENT, &pyroscope_ebpf_kind },
	{ "pyroscope.write", RIVER_RULE_COMPONENT, &write_kind },
	{ "discovery.docker", RIVER_RULE_COMPONENT, &unsupported_kind },
	{ "discovery.kubernetes", RIVER_RULE_COMPONENT, &unsupported_kind },
	{ "discovery.process", RIVER_RULE_COMPONENT, &unsupported_kind },
	{ "discovery.relabel", RIVER_RULE_COMPONENT, &unsupported_kind },
	{ "logging", RIVER_RULE_CONFIG, &unsupported_kind },
	{ "tracing", RIVER_RULE_CONFIG, &unsupported_kind },
	{ NULL, RIVER_RULE_COMPONENT, NULL },
};
