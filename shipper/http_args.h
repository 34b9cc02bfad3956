/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The arguments of a client of HTTP: what an endpoint of phlare.write and a
 * discovery component have in common. A component takes them like this:
 *
 *   struct endpoint_args {
 *       ...
 *       struct http_args http;
 *   };
 *   static const struct river_field endpoint_fields[] = {
 *       ...
 *       HTTP_ARGS_FIELDS(endpoint_args, http),
 *       { 0 },
 *   };
 *   static const struct endpoint_args endpoint_defaults = {
 *       ...
 *       .http = HTTP_ARGS_DEFAULTS,
 *   };
 *
 * and lets http_args_wrong() look at them in the check of its schema.
 */
#ifndef SHIPPER_HTTP_ARGS_H
#define SHIPPER_HTTP_ARGS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/river/schema.h"

/* A string that is not given is NULL or "". */

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

struct proxy_args {
	const char *url, *no_proxy;
	bool from_environment;
	struct river_multimap connect_header;
};

struct oauth2_args {
	const struct river_block *block;
	const char *client_id, *client_secret, *client_secret_file;
	struct river_strings scopes;
	const char *token_url;
	struct river_pairs endpoint_params;
	struct proxy_args proxy;
	struct tls_args *tls_config; /* NULL: not given, as all blocks */
};

struct http_args {
	const char *bearer_token, *bearer_token_file;
	struct proxy_args proxy;
	bool follow_redirects, enable_http2;
	struct river_multimap http_headers;
	struct basic_auth_args *basic_auth;
	struct authorization_args *authorization;
	struct oauth2_args *oauth2;
	struct tls_args *tls_config;
};

/*
 * What is wrong with them as a whole (the first rule that is broken), or
 * NULL.
 */
const char *http_args_wrong(
    struct river_decoder *decoder, const struct http_args *args);

/* enum http_tls_version of min_version (may be NULL), or -1. */
int http_args_tls_version(const char *text);

/* What is done with a file: "unable to ..." */
#define HTTP_FILE_PASSWORD "read basic auth password file"
#define HTTP_FILE_CREDENTIALS "read authorization credentials file"
#define HTTP_FILE_BEARER "read bearer token file"
#define HTTP_FILE_SECRET "read oauth2 client secret file"
#define HTTP_FILE_CA "load specified CA cert"
#define HTTP_FILE_CERT "read specified client cert"
#define HTTP_FILE_KEY "read specified client key"

/* A file that an attribute of a block names. */
struct http_file {
	const struct river_block *block;
	const char *attribute;
	const char *what; /* as above */
	const char *path;
};

/* Calls fn for each file that they name. block: where they stand. */
void http_args_each_file(const struct http_args *args,
    const struct river_block *block,
    void (*fn)(void *arg, const struct http_file *file), void *arg);

/* ---- the rows of the table */

const char *http_args_check_headers(
    struct river_decoder *decoder, const void *member);
const char *http_args_check_header_text(
    struct river_decoder *decoder, const void *member);
const char *http_args_check_connect_header(
    struct river_decoder *decoder, const void *member);
const char *http_args_check_http_headers(
    struct river_decoder *decoder, const void *member);
const char *http_args_check_proxy_url(
    struct river_decoder *decoder, const void *member);

extern const struct river_schema http_args_basic_auth;
extern const struct river_schema http_args_authorization;
extern const struct river_schema http_args_oauth2;
extern const struct river_schema http_args_tls_config;

#define HTTP_ROW(name, type, tag, member, ...)                                 \
	{                                                                      \
		name, RIVER_FIELD_##type, offsetof(struct tag, member),        \
		    __VA_ARGS__                                                \
	}

#define PROXY_ARGS_FIELDS(tag, member)                                         \
	HTTP_ROW("proxy_url", STRING, tag, member.url,                         \
	    .check = http_args_check_proxy_url),                               \
	    HTTP_ROW("no_proxy", STRING, tag, member.no_proxy),                \
	    HTTP_ROW(                                                          \
		"proxy_from_environment", BOOL, tag, member.from_environment), \
	    HTTP_ROW("proxy_connect_header", SECRETS, tag,                     \
		member.connect_header,                                         \
		.check = http_args_check_connect_header)

#define HTTP_ARGS_FIELDS(tag, member)                                          \
	HTTP_ROW("bearer_token", SECRET, tag, member.bearer_token,             \
	    .check = http_args_check_header_text),                             \
	    HTTP_ROW(                                                          \
		"bearer_token_file", STRING, tag, member.bearer_token_file),   \
	    PROXY_ARGS_FIELDS(tag, member.proxy),                              \
	    HTTP_ROW("follow_redirects", BOOL, tag, member.follow_redirects),  \
	    HTTP_ROW("enable_http2", BOOL, tag, member.enable_http2),          \
	    HTTP_ROW("http_headers", SECRETS, tag, member.http_headers,        \
		.check = http_args_check_http_headers),                        \
	    HTTP_ROW("basic_auth", BLOCK, tag, member.basic_auth,              \
		.block = &http_args_basic_auth),                               \
	    HTTP_ROW("authorization", BLOCK, tag, member.authorization,        \
		.block = &http_args_authorization),                            \
	    HTTP_ROW("oauth2", BLOCK, tag, member.oauth2,                      \
		.block = &http_args_oauth2),                                   \
	    HTTP_ROW("tls_config", BLOCK, tag, member.tls_config,              \
		.block = &http_args_tls_config)

#define HTTP_ARGS_DEFAULTS                                                     \
	{                                                                      \
		.follow_redirects = true, .enable_http2 = true                 \
	}

#endif
