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
#include "shipper/text.h"

#define SEC 1000000000LL
#define MSEC 1000000LL
/* Any size_t offset of a member. */
#define AT(type, member) offsetof(struct type, member)
#define LABEL_VALUE_MAX_BYTES 2048
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

const struct river_capsule_type component_receiver_type = { "receiver" };

/* ---- words */

struct word {
	const char *text;
	int number;
};

static int
find_word(const struct word *words, size_t count, const char *text)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(words[i].text, text) == 0)
			return words[i].number;
	return -1;
}

static const struct word demangle_words[] = {
	{ "none", phlare_Demangle_DEMANGLE_NONE },
	{ "simplified", phlare_Demangle_DEMANGLE_SIMPLIFIED },
	{ "templates", phlare_Demangle_DEMANGLE_TEMPLATES },
	{ "full", phlare_Demangle_DEMANGLE_FULL },
};

static const struct word comm_words[] = {
	{ "none", phlare_Comm_COMM_NONE },
	{ "", phlare_Comm_COMM_NONE },
	{ "label", phlare_Comm_COMM_LABEL },
	{ "stackframe", phlare_Comm_COMM_STACKFRAME },
	{ "both", phlare_Comm_COMM_BOTH },
};

int
component_demangle_number(const char *text)
{
	return find_word(demangle_words, COUNT(demangle_words), text);
}

int
component_comm_number(const char *text)
{
	return find_word(comm_words, COUNT(comm_words), text);
}

/* ---- checks of one value */

static const char *
check_demangle(struct river_decoder *d, const void *member)
{
	const char *text = *(const char *const *)member;

	if (component_demangle_number(text) >= 0)
		return NULL;
	return river_decoder_printf(d,
	    "\"%s\" is no demangle mode: none, simplified, templates or full",
	    text);
}

static const char *
check_comm(struct river_decoder *d, const void *member)
{
	const char *text = *(const char *const *)member;

	if (component_comm_number(text) >= 0)
		return NULL;
	return river_decoder_printf(
	    d, "\"%s\" is no comm mode: none, label, stackframe or both", text);
}

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

/* The mistake in one set of labels, or NULL. */
static const char *
wrong_labels(struct river_decoder *d, const struct river_pairs *labels)
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
	return wrong_labels(d, member);
}

/* A value of a label. 2048 bytes are what servers take. */
static const char *
check_label_text(struct river_decoder *d, const void *member)
{
	const char *text = *(const char *const *)member;
	size_t size = strlen(text);

	(void)d;
	if (size > LABEL_VALUE_MAX_BYTES)
		return "longer than a label may be";
	return labels_text_valid(text, size) ? NULL : "no valid UTF-8";
}

static const char *
check_targets(struct river_decoder *d, const void *member)
{
	const struct river_targets *targets = member;
	const char *wrong = NULL;

	if (targets->count > SETTINGS_TARGETS_MAX)
		return river_decoder_printf(
		    d, "more than %d targets", SETTINGS_TARGETS_MAX);
	for (size_t i = 0; i < targets->count && wrong == NULL; i++)
		wrong = wrong_labels(d, &targets->item[i]);
	return wrong;
}

/* ---- endpoint */

static void
check_endpoint(struct river_decoder *d, void *args)
{
	const struct endpoint_args *a = args;
	const char *wrong = http_args_wrong(d, &a->http);

	if (wrong == NULL &&
	    (a->http.oauth2 != NULL || a->http.http_headers.count > 0 ||
		a->http.proxy.from_environment ||
		a->http.proxy.connect_header.count > 0 ||
		text_given(a->http.proxy.no_proxy)))
		wrong = "oauth2, http_headers and the later arguments of "
			"proxies are not supported yet";
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

/* ---- phlare.ebpf */

static const struct river_field ebpf_fields[] = {
	{ "forward_to", RIVER_FIELD_CAPSULES, AT(ebpf_args, forward_to),
	    RIVER_REQUIRED, .capsule = &component_receiver_type },
	{ "targets", RIVER_FIELD_TARGETS, AT(ebpf_args, targets),
	    .check = check_targets },
	{ "default_target", RIVER_FIELD_MAP, AT(ebpf_args, default_target),
	    .check = check_labels },
	{ "targets_only", RIVER_FIELD_BOOL, AT(ebpf_args, targets_only) },
	{ "job_name", RIVER_FIELD_STRING, AT(ebpf_args, job_name),
	    .check = check_label_text },
	{ "service_name", RIVER_FIELD_STRING, AT(ebpf_args, service_name),
	    .check = check_label_text },
	{ "kubernetes_node", RIVER_FIELD_STRING,
	    AT(ebpf_args, kubernetes_node) },
	{ "collect_interval", RIVER_FIELD_DURATION,
	    AT(ebpf_args, collect_interval), .min = SETTINGS_INTERVAL_MIN_NS,
	    .max = SETTINGS_INTERVAL_MAX_NS },
	{ "sample_rate", RIVER_FIELD_INT, AT(ebpf_args, sample_rate), .min = 1,
	    .max = SETTINGS_RATE_MAX },
	{ "pid_cache_size", RIVER_FIELD_INT, AT(ebpf_args, pid_cache_size),
	    .min = 1, .max = SETTINGS_PID_CACHE_MAX },
	{ "elf_cache_size", RIVER_FIELD_INT, AT(ebpf_args, elf_cache_size),
	    .min = 1, .max = SETTINGS_ELF_CACHE_MAX },
	{ "build_id_cache_size", RIVER_FIELD_INT,
	    AT(ebpf_args, build_id_cache_size), .min = 1,
	    .max = SETTINGS_ELF_CACHE_MAX },
	{ "same_file_cache_size", RIVER_FIELD_INT,
	    AT(ebpf_args, same_file_cache_size), .min = 1,
	    .max = SETTINGS_ELF_CACHE_MAX },
	{ "container_id_cache_size", RIVER_FIELD_INT,
	    AT(ebpf_args, container_id_cache_size), .min = 1,
	    .max = SETTINGS_PID_CACHE_MAX },
	{ "collect_user_profile", RIVER_FIELD_BOOL,
	    AT(ebpf_args, collect_user_profile) },
	{ "collect_kernel_profile", RIVER_FIELD_BOOL,
	    AT(ebpf_args, collect_kernel_profile) },
	{ "demangle", RIVER_FIELD_STRING, AT(ebpf_args, demangle),
	    .check = check_demangle },
	{ "comm", RIVER_FIELD_STRING, AT(ebpf_args, comm),
	    .check = check_comm },
	{ "pid_label", RIVER_FIELD_BOOL, AT(ebpf_args, pid_label) },
	{ "cache_rounds", RIVER_FIELD_INT, AT(ebpf_args, cache_rounds) },
	{ "symbols_map_size", RIVER_FIELD_INT, AT(ebpf_args, symbols_map_size),
	    .min = 1, .max = INT64_MAX },
	{ "pid_map_size", RIVER_FIELD_INT, AT(ebpf_args, pid_map_size),
	    .min = 1, .max = INT64_MAX },
	{ "python_enabled", RIVER_FIELD_BOOL, AT(ebpf_args, python_enabled) },
	{ "go_table_fallback", RIVER_FIELD_BOOL,
	    AT(ebpf_args, go_table_fallback) },
	{ 0 },
};

/* The later names of the file cache mean ours, the largest one counts. */
static void
take_aliases(struct river_decoder *d, void *args)
{
	struct ebpf_args *a = args;
	int64_t alias = a->build_id_cache_size > a->same_file_cache_size
			    ? a->build_id_cache_size
			    : a->same_file_cache_size;

	(void)d;
	if (alias > 0 &&
	    river_body_attribute(&a->block->body, "elf_cache_size") == NULL)
		a->elf_cache_size = alias;
}

static const struct ebpf_args phlare_ebpf_defaults = {
	.collect_interval = 10 * SEC,
	.sample_rate = 100,
	.pid_cache_size = 64,
	.elf_cache_size = 128,
	.container_id_cache_size = 1024,
	.collect_user_profile = true,
	.collect_kernel_profile = true,
	.demangle = "simplified",
	.comm = "stackframe",
};
static const struct river_schema phlare_ebpf_schema = { sizeof(
							    struct ebpf_args),
	ebpf_fields, &phlare_ebpf_defaults, take_aliases };

/* The same under its later name, whose defaults ship less. */
static const struct ebpf_args pyroscope_ebpf_defaults = {
	.targets_only = true,
	.collect_interval = 15 * SEC,
	.sample_rate = 97,
	.pid_cache_size = 32,
	.elf_cache_size = 64,
	.container_id_cache_size = 1024,
	.collect_user_profile = true,
	.collect_kernel_profile = true,
	.demangle = "none",
	.comm = "stackframe",
};
static const struct river_schema pyroscope_ebpf_schema = {
	sizeof(struct ebpf_args), ebpf_fields, &pyroscope_ebpf_defaults,
	take_aliases
};

/* ---- the top of a file */

static const struct component_kind write_kind = { COMPONENT_WRITE,
	&write_schema };
static const struct component_kind phlare_ebpf_kind = { COMPONENT_EBPF,
	&phlare_ebpf_schema };
static const struct component_kind pyroscope_ebpf_kind = { COMPONENT_EBPF,
	&pyroscope_ebpf_schema };
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
