/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables: what each component takes, its defaults, and which values are
 * wrong. Texts of the mistakes are those that users of the format know.
 */
#include "config.h"

#include "shipper/components.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "common/settings.h"
#include "common/shipper.pb.h"
#include "shipper/file_endpoint.h"
#include "shipper/http_client.h"
#include "shipper/labels.h"

#define SEC 1000000000LL
#define MSEC 1000000LL
/* Any size_t offset of a member. */
#define AT(type, member) offsetof(struct type, member)
#define LABEL_VALUE_MAX_BYTES 2048
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

const struct river_capsule_type component_receiver_type = { "receiver" };

static bool
given(const char *text)
{
	return text != NULL && text[0] != '\0';
}

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

static const struct word tls_words[] = {
	{ "", HTTP_TLS12 },
	{ "TLS10", HTTP_TLS10 },
	{ "TLS11", HTTP_TLS11 },
	{ "TLS12", HTTP_TLS12 },
	{ "TLS13", HTTP_TLS13 },
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

int
component_tls_version(const char *text)
{
	return find_word(tls_words, COUNT(tls_words), text != NULL ? text : "");
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
check_tls_version(struct river_decoder *d, const void *member)
{
	const char *text = *(const char *const *)member;

	if (component_tls_version(text) >= 0)
		return NULL;
	return river_decoder_printf(d, "unknown TLS version: %s", text);
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

static const char *
check_proxy_url(struct river_decoder *d, const void *member)
{
	const char *url = *(const char *const *)member, *wrong;

	if (url[0] == '\0')
		return NULL;
	wrong = http_proxy_check(url);
	return wrong == NULL
		   ? NULL
		   : river_decoder_printf(d, "\"%s\": %s", url, wrong);
}

static bool
is_header_name(const char *name)
{
	if (name[0] == '\0')
		return false;
	for (; *name != '\0'; name++)
		if (!isalnum((unsigned char)*name) &&
		    strchr("!#$%&'*+-.^_`|~", *name) == NULL)
			return false;
	return true;
}

static bool
is_header_value(const char *value)
{
	for (; *value != '\0'; value++)
		if (((unsigned char)*value < 0x20 && *value != '\t') ||
		    *value == 0x7f)
			return false;
	return true;
}

static const char *
check_headers(struct river_decoder *d, const void *member)
{
	const struct river_pairs *headers = member;

	for (size_t i = 0; i < headers->count; i++) {
		if (!is_header_name(headers->item[i].name))
			return river_decoder_printf(d,
			    "\"%s\" is no name of a header",
			    headers->item[i].name);
		if (!is_header_value(headers->item[i].value))
			return river_decoder_printf(d,
			    "the value of header \"%s\" has control characters",
			    headers->item[i].name);
	}
	return NULL;
}

/* What goes into a header must not be able to start another one. */
static const char *
check_header_text(struct river_decoder *d, const void *member)
{
	(void)d;
	return is_header_value(*(const char *const *)member)
		   ? NULL
		   : "must not contain control characters";
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

static const char *
not_yet(struct river_decoder *d, const void *member)
{
	(void)d;
	(void)member;
	return "not supported yet";
}

/* ---- blocks of an endpoint */

static const struct river_field basic_auth_fields[] = {
	{ "username", RIVER_FIELD_STRING, AT(basic_auth_args, username) },
	{ "password", RIVER_FIELD_SECRET, AT(basic_auth_args, password) },
	{ "password_file", RIVER_FIELD_STRING,
	    AT(basic_auth_args, password_file) },
	{ 0 },
};
static const struct river_schema basic_auth_schema = {
	sizeof(struct basic_auth_args), basic_auth_fields, NULL, NULL
};

static const struct river_field authorization_fields[] = {
	{ "type", RIVER_FIELD_STRING, AT(authorization_args, type),
	    .check = check_header_text },
	{ "credentials", RIVER_FIELD_SECRET,
	    AT(authorization_args, credentials), .check = check_header_text },
	{ "credentials_file", RIVER_FIELD_STRING,
	    AT(authorization_args, credentials_file) },
	{ 0 },
};
static const struct authorization_args authorization_defaults = {
	.type = "Bearer",
};
static const struct river_schema authorization_schema = {
	sizeof(struct authorization_args), authorization_fields,
	&authorization_defaults, NULL
};

static void
check_tls(struct river_decoder *d, void *args)
{
	const struct tls_args *a = args;
	bool cert = given(a->cert_pem) || given(a->cert_file);
	bool key = given(a->key_pem) || given(a->key_file);

	if (given(a->ca_pem) && given(a->ca_file))
		river_decoder_refuse(
		    d, "at most one of ca_pem and ca_file must be configured");
	else if (given(a->cert_pem) && given(a->cert_file))
		river_decoder_refuse(d,
		    "at most one of cert_pem and cert_file must be "
		    "configured");
	else if (given(a->key_pem) && given(a->key_file))
		river_decoder_refuse(d,
		    "at most one of key_pem and key_file must be configured");
	else if (cert && !key)
		river_decoder_refuse(d,
		    "exactly one of key_pem or key_file must be configured "
		    "when a client certificate is configured");
	else if (key && !cert)
		river_decoder_refuse(d,
		    "exactly one of cert_pem or cert_file must be configured "
		    "when a client key is configured");
}

static const struct river_field tls_fields[] = {
	{ "ca_pem", RIVER_FIELD_STRING, AT(tls_args, ca_pem) },
	{ "ca_file", RIVER_FIELD_STRING, AT(tls_args, ca_file) },
	{ "cert_pem", RIVER_FIELD_STRING, AT(tls_args, cert_pem) },
	{ "cert_file", RIVER_FIELD_STRING, AT(tls_args, cert_file) },
	{ "key_pem", RIVER_FIELD_SECRET, AT(tls_args, key_pem) },
	{ "key_file", RIVER_FIELD_STRING, AT(tls_args, key_file) },
	{ "server_name", RIVER_FIELD_STRING, AT(tls_args, server_name),
	    .check = check_header_text },
	{ "insecure_skip_verify", RIVER_FIELD_BOOL,
	    AT(tls_args, insecure_skip_verify) },
	{ "min_version", RIVER_FIELD_STRING, AT(tls_args, min_version),
	    .check = check_tls_version },
	{ 0 },
};
static const struct river_schema tls_schema = { sizeof(struct tls_args),
	tls_fields, NULL, check_tls };

static const struct river_field oauth2_fields[] = {
	{ "client_id", RIVER_FIELD_STRING, AT(oauth2_args, client_id) },
	{ "client_secret", RIVER_FIELD_SECRET, AT(oauth2_args, client_secret) },
	{ "client_secret_file", RIVER_FIELD_STRING,
	    AT(oauth2_args, client_secret_file) },
	{ "scopes", RIVER_FIELD_STRINGS, AT(oauth2_args, scopes) },
	{ "token_url", RIVER_FIELD_STRING, AT(oauth2_args, token_url) },
	{ "endpoint_params", RIVER_FIELD_MAP,
	    AT(oauth2_args, endpoint_params) },
	{ "proxy_url", RIVER_FIELD_STRING, AT(oauth2_args, proxy_url) },
	{ "tls_config", RIVER_FIELD_BLOCK, AT(oauth2_args, tls_config),
	    .block = &tls_schema },
	{ 0 },
};
static const struct river_schema oauth2_schema = { sizeof(struct oauth2_args),
	oauth2_fields, NULL, NULL };

/* ---- endpoint */

/* The first rule that is broken, or NULL. */
static const char *
wrong_auth(const struct endpoint_args *a)
{
	const struct basic_auth_args *basic = a->basic_auth;
	const struct authorization_args *auth = a->authorization;
	bool token = given(a->bearer_token);
	bool token_file = given(a->bearer_token_file);

	if (token && token_file)
		return "at most one of bearer_token & bearer_token_file must "
		       "be configured";
	if ((basic != NULL || a->oauth2 != NULL) && (token || token_file))
		return "at most one of basic_auth, oauth2, bearer_token & "
		       "bearer_token_file must be configured";
	if (basic != NULL && given(basic->password) &&
	    given(basic->password_file))
		return "at most one of basic_auth password & password_file "
		       "must be configured";
	if (auth == NULL)
		return NULL;
	if (token || token_file)
		return "authorization is not compatible with bearer_token & "
		       "bearer_token_file";
	if (given(auth->credentials) && given(auth->credentials_file))
		return "at most one of authorization credentials & "
		       "credentials_file must be configured";
	if (strcasecmp(auth->type, "basic") == 0)
		return "authorization type cannot be set to \"basic\", use "
		       "\"basic_auth\" instead";
	if (basic != NULL || a->oauth2 != NULL)
		return "at most one of basic_auth, oauth2 & authorization must "
		       "be configured";
	return NULL;
}

static void
check_endpoint(struct river_decoder *d, void *args)
{
	const struct endpoint_args *a = args;
	const char *wrong = wrong_auth(a);

	if (wrong != NULL)
		river_decoder_refuse(d, "%s", wrong);
	else if (a->oauth2 != NULL)
		river_decoder_refuse_at(
		    d, a->oauth2->block, "", "oauth2 is not supported yet");
}

static const struct river_field endpoint_fields[] = {
	{ "url", RIVER_FIELD_STRING, AT(endpoint_args, url), RIVER_REQUIRED,
	    .check = check_url },
	{ "name", RIVER_FIELD_STRING, AT(endpoint_args, name) },
	{ "remote_timeout", RIVER_FIELD_DURATION,
	    AT(endpoint_args, remote_timeout), .min = MSEC, .max = INT64_MAX },
	{ "headers", RIVER_FIELD_MAP, AT(endpoint_args, headers),
	    .check = check_headers },
	{ "min_backoff_period", RIVER_FIELD_DURATION,
	    AT(endpoint_args, min_backoff_period), .max = INT64_MAX },
	{ "max_backoff_period", RIVER_FIELD_DURATION,
	    AT(endpoint_args, max_backoff_period), .max = INT64_MAX },
	{ "max_backoff_retries", RIVER_FIELD_INT,
	    AT(endpoint_args, max_backoff_retries) },
	{ "bearer_token", RIVER_FIELD_SECRET, AT(endpoint_args, bearer_token),
	    .check = check_header_text },
	{ "bearer_token_file", RIVER_FIELD_STRING,
	    AT(endpoint_args, bearer_token_file) },
	{ "proxy_url", RIVER_FIELD_STRING, AT(endpoint_args, proxy_url),
	    .check = check_proxy_url },
	{ "follow_redirects", RIVER_FIELD_BOOL,
	    AT(endpoint_args, follow_redirects) },
	{ "enable_http2", RIVER_FIELD_BOOL, AT(endpoint_args, enable_http2) },
	{ "retry_on_http_429", RIVER_FIELD_BOOL,
	    AT(endpoint_args, retry_on_http_429) },
	{ "basic_auth", RIVER_FIELD_BLOCK, AT(endpoint_args, basic_auth),
	    .block = &basic_auth_schema },
	{ "authorization", RIVER_FIELD_BLOCK, AT(endpoint_args, authorization),
	    .block = &authorization_schema },
	{ "oauth2", RIVER_FIELD_BLOCK, AT(endpoint_args, oauth2),
	    .block = &oauth2_schema },
	{ "tls_config", RIVER_FIELD_BLOCK, AT(endpoint_args, tls_config),
	    .block = &tls_schema },
	{ "no_proxy", RIVER_FIELD_STRING, AT(endpoint_args, no_proxy),
	    .check = not_yet },
	{ "proxy_from_environment", RIVER_FIELD_BOOL,
	    AT(endpoint_args, proxy_from_environment), .check = not_yet },
	{ "proxy_connect_header", RIVER_FIELD_SECRETS,
	    AT(endpoint_args, proxy_connect_header), .check = not_yet },
	{ "http_headers", RIVER_FIELD_SECRETS, AT(endpoint_args, http_headers),
	    .check = not_yet },
	{ 0 },
};
static const struct endpoint_args endpoint_defaults = {
	.remote_timeout = 10 * SEC,
	.min_backoff_period = 500 * MSEC,
	.max_backoff_period = 5 * 60 * SEC,
	.max_backoff_retries = 10,
	.follow_redirects = true,
	.enable_http2 = true,
	.retry_on_http_429 = true,
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
