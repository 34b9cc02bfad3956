/* SPDX-License-Identifier: Apache-2.0 */
/* The table of phlare.write and pyroscope.write, and which values are wrong. */
#include "config.h"

#include "shipper/write_args.h"

#include <stddef.h>

#include "shipper/components.h"
#include "shipper/file_endpoint.h"
#include "shipper/http_url.h"

#define SEC 1000000000LL
#define MSEC 1000000LL
/* Any size_t offset of a member. */
#define AT(type, member) offsetof(struct type, member)

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
	{ "debug_info_upload_timeout", RIVER_FIELD_DURATION,
	    AT(endpoint_args, debug_info_upload_timeout) },
	HTTP_ARGS_FIELDS(endpoint_args, http),
	{ 0 },
};
static const struct endpoint_args endpoint_defaults = {
	.remote_timeout = 10 * SEC,
	.min_backoff_period = 500 * MSEC,
	.max_backoff_period = 5 * 60 * SEC,
	.max_backoff_retries = 10,
	.debug_info_upload_timeout = 2 * 60 * SEC,
	.retry_on_http_429 = true,
	.http = HTTP_ARGS_DEFAULTS,
};
static const struct river_schema endpoint_schema = { sizeof(
							 struct endpoint_args),
	endpoint_fields, &endpoint_defaults, check_endpoint };

/* ---- phlare.write */

static const struct river_field tracing_fields[] = {
	{ "jaeger_propagator", RIVER_FIELD_BOOL,
	    AT(tracing_args, jaeger_propagator) },
	{ "trace_context_propagator", RIVER_FIELD_BOOL,
	    AT(tracing_args, trace_context_propagator) },
	{ 0 },
};
static const struct tracing_args tracing_defaults = {
	.jaeger_propagator = true,
	.trace_context_propagator = true,
};
static const struct river_schema tracing_schema = { sizeof(struct tracing_args),
	tracing_fields, &tracing_defaults, NULL };

static const struct river_field write_fields[] = {
	{ "external_labels", RIVER_FIELD_MAP, AT(write_args, external_labels),
	    .check = check_labels },
	{ "endpoint", RIVER_FIELD_BLOCKS, AT(write_args, endpoints),
	    .block = &endpoint_schema },
	{ "tracing", RIVER_FIELD_BLOCK, AT(write_args, tracing),
	    .block = &tracing_schema },
	{ 0 },
};
const struct river_schema write_args_schema = { sizeof(struct write_args),
	write_fields, NULL, NULL };
