/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables and rules of a client's arguments. Texts of the mistakes are
 * those that users of the format know.
 */
#include "config.h"

#include "shipper/http_args.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "shipper/http_client.h"
#include "shipper/http_url.h"
#include "shipper/text.h"

/* Any size_t offset of a member. */
#define AT(type, member) offsetof(struct type, member)
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* The first rule that is broken counts. */
struct rule {
	bool broken;
	const char *text;
};

static const char *
first_broken(const struct rule *rules, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (rules[i].broken)
			return rules[i].text;
	return NULL;
}

/* ---- checks of one value */

int
http_args_tls_version(const char *text)
{
	static const struct {
		const char *text;
		enum http_tls_version version;
	} rows[] = {
		{ "", HTTP_TLS12 },
		{ "TLS10", HTTP_TLS10 },
		{ "TLS11", HTTP_TLS11 },
		{ "TLS12", HTTP_TLS12 },
		{ "TLS13", HTTP_TLS13 },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		if (strcmp(rows[i].text, text != NULL ? text : "") == 0)
			return rows[i].version;
	return -1;
}

static const char *
check_tls_version(struct river_decoder *d, const void *member)
{
	const char *text = *(const char *const *)member;

	if (http_args_tls_version(text) >= 0)
		return NULL;
	return river_decoder_printf(d, "unknown TLS version: %s", text);
}

const char *
http_args_check_proxy_url(struct river_decoder *d, const void *member)
{
	const char *url = *(const char *const *)member, *wrong;

	if (url[0] == '\0')
		return NULL;
	wrong = http_url_check_proxy(url);
	return wrong == NULL
		   ? NULL
		   : river_decoder_printf(d, "\"%s\": %s", url, wrong);
}

static const char *
check_token_url(struct river_decoder *d, const void *member)
{
	const char *url = *(const char *const *)member, *wrong;

	if (url[0] == '\0')
		return NULL;
	wrong = http_url_check_token(url);
	return wrong == NULL
		   ? NULL
		   : river_decoder_printf(d, "\"%s\": %s", url, wrong);
}

const char *
http_args_check_header_text(struct river_decoder *d, const void *member)
{
	(void)d;
	return text_is_header_value(*(const char *const *)member)
		   ? NULL
		   : "must not contain control characters";
}

/* The mistake in one header, or NULL. */
static const char *
wrong_header(struct river_decoder *d, const char *name, const char *value)
{
	if (!text_is_header_name(name))
		return river_decoder_printf(
		    d, "\"%s\" is no name of a header", name);
	if (!text_is_header_value(value))
		return river_decoder_printf(d,
		    "the value of header \"%s\" has control characters", name);
	return NULL;
}

const char *
http_args_check_headers(struct river_decoder *d, const void *member)
{
	const struct river_pairs *headers = member;
	const char *wrong = NULL;

	for (size_t i = 0; i < headers->count && wrong == NULL; i++)
		wrong = wrong_header(
		    d, headers->item[i].name, headers->item[i].value);
	return wrong;
}

const char *
http_args_check_connect_header(struct river_decoder *d, const void *member)
{
	const struct river_multimap *headers = member;
	const char *wrong = NULL;

	for (size_t i = 0; i < headers->count; i++) {
		const struct river_strings *values = &headers->item[i].values;

		for (size_t k = 0; k < values->count && wrong == NULL; k++)
			wrong = wrong_header(
			    d, headers->item[i].name, values->item[k]);
	}
	return wrong;
}

/* Headers that have an argument of their own, or that are ours to set. */
static bool
is_reserved(const char *name)
{
	static const char *const names[] = { "Authorization", "Host",
		"Content-Encoding", "Content-Length", "Content-Type",
		"User-Agent", "Connection", "Keep-Alive", "Proxy-Authenticate",
		"Proxy-Authorization", "Www-Authenticate", "Accept-Encoding" };
	static const char *const prefixes[] = { "X-Prometheus-", "X-Amz-" };

	for (size_t i = 0; i < COUNT(names); i++)
		if (strcasecmp(names[i], name) == 0)
			return true;
	for (size_t i = 0; i < COUNT(prefixes); i++)
		if (strncasecmp(prefixes[i], name, strlen(prefixes[i])) == 0)
			return true;
	return false;
}

/* "x-foo" is "X-Foo" in messages. */
static const char *
canonical(struct river_decoder *d, const char *name)
{
	const char *copy = river_decoder_printf(d, "%s", name);
	bool start = true;

	for (char *c = (char *)copy; *c != '\0'; c++) {
		*c = start ? toupper((unsigned char)*c)
			   : tolower((unsigned char)*c);
		start = *c == '-';
	}
	return copy;
}

const char *
http_args_check_http_headers(struct river_decoder *d, const void *member)
{
	const struct river_multimap *headers = member;

	for (size_t i = 0; i < headers->count; i++)
		if (is_reserved(headers->item[i].name))
			return river_decoder_printf(d,
			    "setting header \"%s\" is not allowed",
			    canonical(d, headers->item[i].name));
	return http_args_check_connect_header(d, member);
}

/* ---- blocks */

static const struct river_field basic_auth_fields[] = {
	{ "username", RIVER_FIELD_STRING, AT(basic_auth_args, username) },
	{ "password", RIVER_FIELD_SECRET, AT(basic_auth_args, password) },
	{ "password_file", RIVER_FIELD_STRING,
	    AT(basic_auth_args, password_file) },
	{ 0 },
};
const struct river_schema http_args_basic_auth = {
	sizeof(struct basic_auth_args), basic_auth_fields, NULL, NULL
};

static const struct river_field authorization_fields[] = {
	{ "type", RIVER_FIELD_STRING, AT(authorization_args, type),
	    .check = http_args_check_header_text },
	{ "credentials", RIVER_FIELD_SECRET,
	    AT(authorization_args, credentials),
	    .check = http_args_check_header_text },
	{ "credentials_file", RIVER_FIELD_STRING,
	    AT(authorization_args, credentials_file) },
	{ 0 },
};
static const struct authorization_args authorization_defaults = {
	.type = "Bearer",
};
const struct river_schema http_args_authorization = {
	sizeof(struct authorization_args), authorization_fields,
	&authorization_defaults, NULL
};

static void
check_tls(struct river_decoder *d, void *args)
{
	const struct tls_args *a = args;
	bool cert = text_given(a->cert_pem) || text_given(a->cert_file);
	bool key = text_given(a->key_pem) || text_given(a->key_file);
	const struct rule rules[] = {
		{ text_given(a->ca_pem) && text_given(a->ca_file),
		    "at most one of ca_pem and ca_file must be configured" },
		{ text_given(a->cert_pem) && text_given(a->cert_file),
		    "at most one of cert_pem and cert_file must be "
		    "configured" },
		{ text_given(a->key_pem) && text_given(a->key_file),
		    "at most one of key_pem and key_file must be configured" },
		{ cert && !key,
		    "exactly one of key_pem or key_file must be configured "
		    "when a client certificate is configured" },
		{ key && !cert,
		    "exactly one of cert_pem or cert_file must be configured "
		    "when a client key is configured" },
	};
	const char *wrong = first_broken(rules, COUNT(rules));

	if (wrong != NULL)
		river_decoder_refuse(d, "%s", wrong);
}

static const struct river_field tls_fields[] = {
	{ "ca_pem", RIVER_FIELD_STRING, AT(tls_args, ca_pem) },
	{ "ca_file", RIVER_FIELD_STRING, AT(tls_args, ca_file) },
	{ "cert_pem", RIVER_FIELD_STRING, AT(tls_args, cert_pem) },
	{ "cert_file", RIVER_FIELD_STRING, AT(tls_args, cert_file) },
	{ "key_pem", RIVER_FIELD_SECRET, AT(tls_args, key_pem) },
	{ "key_file", RIVER_FIELD_STRING, AT(tls_args, key_file) },
	{ "server_name", RIVER_FIELD_STRING, AT(tls_args, server_name),
	    .check = http_args_check_header_text },
	{ "insecure_skip_verify", RIVER_FIELD_BOOL,
	    AT(tls_args, insecure_skip_verify) },
	{ "min_version", RIVER_FIELD_STRING, AT(tls_args, min_version),
	    .check = check_tls_version },
	{ 0 },
};
const struct river_schema http_args_tls_config = { sizeof(struct tls_args),
	tls_fields, NULL, check_tls };

static const struct river_field oauth2_fields[] = {
	{ "client_id", RIVER_FIELD_STRING, AT(oauth2_args, client_id) },
	{ "client_secret", RIVER_FIELD_SECRET, AT(oauth2_args, client_secret) },
	{ "client_secret_file", RIVER_FIELD_STRING,
	    AT(oauth2_args, client_secret_file) },
	{ "scopes", RIVER_FIELD_STRINGS, AT(oauth2_args, scopes) },
	{ "token_url", RIVER_FIELD_STRING, AT(oauth2_args, token_url),
	    .check = check_token_url },
	{ "endpoint_params", RIVER_FIELD_MAP,
	    AT(oauth2_args, endpoint_params) },
	PROXY_ARGS_FIELDS(oauth2_args, proxy),
	{ "tls_config", RIVER_FIELD_BLOCK, AT(oauth2_args, tls_config),
	    .block = &http_args_tls_config },
	{ 0 },
};
const struct river_schema http_args_oauth2 = { sizeof(struct oauth2_args),
	oauth2_fields, NULL, NULL };

/* ---- all of them together */

static const char *
wrong_oauth2(const struct oauth2_args *a)
{
	bool secret = text_given(a->client_secret);
	bool secret_file = text_given(a->client_secret_file);
	const struct rule rules[] = {
		{ !text_given(a->client_id),
		    "oauth2 client_id must be configured" },
		{ !secret && !secret_file,
		    "either oauth2 client_secret or client_secret_file must "
		    "be configured" },
		{ !text_given(a->token_url),
		    "oauth2 token_url must be configured" },
		{ secret && secret_file,
		    "at most one of oauth2 client_secret & client_secret_file "
		    "must be configured" },
	};

	return first_broken(rules, COUNT(rules));
}

static const char *
wrong_authorization(const struct http_args *a, bool bearer)
{
	const struct authorization_args *auth = a->authorization;
	const struct rule rules[] = {
		{ bearer, "authorization is not compatible with bearer_token & "
			  "bearer_token_file" },
		{ text_given(auth->credentials) &&
			text_given(auth->credentials_file),
		    "at most one of authorization credentials & "
		    "credentials_file must be configured" },
		{ strcasecmp(auth->type, "basic") == 0,
		    "authorization type cannot be set to \"basic\", use "
		    "\"basic_auth\" instead" },
		{ a->basic_auth != NULL || a->oauth2 != NULL,
		    "at most one of basic_auth, oauth2 & authorization must "
		    "be configured" },
	};

	return first_broken(rules, COUNT(rules));
}

static const char *
wrong_auth(const struct http_args *a)
{
	const struct basic_auth_args *basic = a->basic_auth;
	bool token = text_given(a->bearer_token);
	bool token_file = text_given(a->bearer_token_file);
	bool bearer = token || token_file;
	const struct rule rules[] = {
		{ token && token_file,
		    "at most one of bearer_token & bearer_token_file must be "
		    "configured" },
		{ (basic != NULL || a->oauth2 != NULL) && bearer,
		    "at most one of basic_auth, oauth2, bearer_token & "
		    "bearer_token_file must be configured" },
		{ basic != NULL && text_given(basic->password) &&
			text_given(basic->password_file),
		    "at most one of basic_auth password & password_file must "
		    "be configured" },
	};
	const char *wrong = first_broken(rules, COUNT(rules));

	if (wrong == NULL && a->authorization != NULL)
		wrong = wrong_authorization(a, bearer);
	if (wrong == NULL && a->oauth2 != NULL && basic != NULL)
		wrong = "at most one of basic_auth, oauth2 & authorization "
			"must be configured";
	if (wrong == NULL && a->oauth2 != NULL)
		wrong = wrong_oauth2(a->oauth2);
	return wrong;
}

static const char *
wrong_proxy(const struct proxy_args *a)
{
	bool url = text_given(a->url), no_proxy = text_given(a->no_proxy);
	const struct rule rules[] = {
		{ a->connect_header.count > 0 && !url && !a->from_environment,
		    "if proxy_connect_header is configured, proxy_url or "
		    "proxy_from_environment must also be configured" },
		{ a->from_environment && url,
		    "if proxy_from_environment is configured, proxy_url must "
		    "not be configured" },
		{ a->from_environment && no_proxy,
		    "if proxy_from_environment is configured, no_proxy must "
		    "not be configured" },
		{ !url && no_proxy,
		    "if no_proxy is configured, proxy_url must also be "
		    "configured" },
	};

	return first_broken(rules, COUNT(rules));
}

/* A parameter of the token request that the other arguments set already. */
static const char *
wrong_endpoint_params(struct river_decoder *d, const struct oauth2_args *a)
{
	for (size_t i = 0; i < a->endpoint_params.count; i++)
		if (a->scopes.count > 0 &&
		    strcmp(a->endpoint_params.item[i].name, "scope") == 0)
			return river_decoder_printf(
			    d, "oauth2: cannot overwrite parameter \"scope\"");
	return NULL;
}

const char *
http_args_wrong(struct river_decoder *d, const struct http_args *a)
{
	const char *wrong = wrong_auth(a);

	if (wrong == NULL && a->oauth2 != NULL)
		wrong = wrong_proxy(&a->oauth2->proxy);
	if (wrong == NULL && a->oauth2 != NULL)
		wrong = wrong_endpoint_params(d, a->oauth2);
	return wrong != NULL ? wrong : wrong_proxy(&a->proxy);
}

/* ---- files */

struct file_visit {
	void (*fn)(void *arg, const struct http_file *file);
	void *arg;
};

static void
visit(const struct file_visit *v, const struct river_block *block,
    const char *attribute, const char *what, const char *path)
{
	if (text_given(path))
		v->fn(v->arg,
		    &(struct http_file){ block, attribute, what, path });
}

static void
visit_tls(const struct file_visit *v, const struct tls_args *a)
{
	if (a == NULL)
		return;
	visit(v, a->block, "ca_file", HTTP_FILE_CA, a->ca_file);
	visit(v, a->block, "cert_file", HTTP_FILE_CERT, a->cert_file);
	visit(v, a->block, "key_file", HTTP_FILE_KEY, a->key_file);
}

static void
visit_oauth2(const struct file_visit *v, const struct oauth2_args *a)
{
	if (a == NULL)
		return;
	visit(v, a->block, "client_secret_file", HTTP_FILE_SECRET,
	    a->client_secret_file);
	visit_tls(v, a->tls_config);
}

void
http_args_each_file(const struct http_args *a, const struct river_block *block,
    void (*fn)(void *arg, const struct http_file *file), void *arg)
{
	const struct file_visit v = { fn, arg };

	visit(&v, block, "bearer_token_file", HTTP_FILE_BEARER,
	    a->bearer_token_file);
	if (a->basic_auth != NULL)
		visit(&v, a->basic_auth->block, "password_file",
		    HTTP_FILE_PASSWORD, a->basic_auth->password_file);
	if (a->authorization != NULL)
		visit(&v, a->authorization->block, "credentials_file",
		    HTTP_FILE_CREDENTIALS, a->authorization->credentials_file);
	visit_oauth2(&v, a->oauth2);
	visit_tls(&v, a->tls_config);
}
