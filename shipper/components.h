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

struct basic_auth_args {
	const struct river_block *block;
	const char *username, *password, *password_file;
};

struct authorization_args {
	const struct river_block *block;
	const char *type, *credentials, *credentials_file;
};

struct tls_args {
	const struct river_block *block;
	const char *ca_pem, *ca_file;
	const char *cert_pem, *cert_file;
	const char *key_pem, *key_file;
	const char *server_name;
	bool insecure_skip_verify;
	const char *min_version; /* "TLS10" to "TLS13", or not given */
};

struct oauth2_args {
	const struct river_block *block;
	const char *client_id, *client_secret, *client_secret_file;
	struct river_strings scopes;
	const char *token_url, *proxy_url;
	struct river_pairs endpoint_params;
	struct tls_args *tls_config;
};

struct endpoint_args {
	const struct river_block *block;
	const char *url, *name;
	int64_t remote_timeout; /* durations are ns */
	struct river_pairs headers;
	int64_t min_backoff_period, max_backoff_period;
	int64_t max_backoff_retries;
	const char *bearer_token, *bearer_token_file;
	const char *proxy_url;
	bool follow_redirects, enable_http2, retry_on_http_429;
	struct basic_auth_args *basic_auth;
	struct authorization_args *authorization;
	struct oauth2_args *oauth2;
	struct tls_args *tls_config;
	/* not supported yet */
	const char *no_proxy;
	bool proxy_from_environment;
	struct river_multimap proxy_connect_header, http_headers;
};

/* phlare.write, pyroscope.write */
struct write_args {
	const struct river_block *block;
	struct river_pairs external_labels;
	struct river_blocks endpoints; /* of struct endpoint_args */
};

/* phlare.ebpf, pyroscope.ebpf */
struct ebpf_args {
	const struct river_block *block;
	struct river_capsules forward_to; /* struct config_component */
	struct river_targets targets;
	struct river_pairs default_target;
	bool targets_only;
	const char *job_name, *service_name, *kubernetes_node;
	int64_t collect_interval;
	int64_t sample_rate;
	int64_t pid_cache_size, elf_cache_size, container_id_cache_size;
	int64_t build_id_cache_size, same_file_cache_size; /* 0: not given */
	bool collect_user_profile, collect_kernel_profile;
	const char *demangle, *comm;
	bool pid_label;
	/* accepted for the sake of configurations that have them */
	int64_t cache_rounds, symbols_map_size, pid_map_size;
	bool python_enabled, go_table_fallback;
};

enum component_role {
	COMPONENT_WRITE,
	COMPONENT_EBPF,
	COMPONENT_UNSUPPORTED, /* known by name, not there yet */
};

struct component_kind {
	enum component_role role;
	const struct river_schema *schema; /* NULL if unsupported */
};

/* river_rule.what is a struct component_kind. */
extern const struct river_rule component_rules[];

/* What phlare.write exports as "receiver"; data: struct config_component. */
extern const struct river_capsule_type component_receiver_type;

/* Numbers of enum Demangle and enum Comm, or -1. */
int component_demangle_number(const char *text);
int component_comm_number(const char *text);

/* enum http_tls_version of min_version (may be NULL), or -1. */
int component_tls_version(const char *text);

/*
 * Whether both were decoded to the same by schema: deeply, places aside.
 * Capsules are equal when capsule_equal says so.
 */
bool component_args_equal(const struct river_schema *schema, const void *a,
    const void *b, bool (*capsule_equal)(const void *a, const void *b));

#endif
