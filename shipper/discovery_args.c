/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "shipper/discovery_args.h"

#include <stdlib.h>
#include <string.h>

#include "shipper/text.h"
#include "shipper/url_syntax.h"

#define SEC 1000000000LL
/* Any offset of a member. */
#define AT(type, member) offsetof(struct type, member)

/* What is wrong with a URL, "parse "URL": REASON", or NULL. */
static const char *
wrong_url(struct river_decoder *d, const char *url)
{
	char *reason = url_syntax_wrong(url);
	const char *wrong = NULL;

	if (reason != NULL)
		wrong = river_decoder_printf(
		    d, "parse %s: %s", river_decoder_quote(d, url), reason);
	free(reason);
	return wrong;
}

/* ---- discovery.docker */

static const char *const docker_schemes[] = { "unix://", "tcp://", "http://",
	"https://" };

static const char *
wrong_host(struct river_decoder *d, const char *host)
{
	const char *wrong = wrong_url(d, host);

	if (wrong != NULL)
		return wrong;
	for (size_t i = 0;
	     i < sizeof(docker_schemes) / sizeof(docker_schemes[0]); i++) {
		size_t size = strlen(docker_schemes[i]);

		if (strncmp(host, docker_schemes[i], size) != 0)
			continue;
		if (host[size] != '\0')
			return NULL;
	}
	if (strstr(host, "://") == NULL)
		return river_decoder_printf(
		    d, "unable to parse docker host `%s`", host);
	return river_decoder_printf(d,
	    "%s does not begin with unix://, tcp://, http:// or https:// and "
	    "name a host after it",
	    river_decoder_quote(d, host));
}

static void
check_docker(struct river_decoder *d, void *args)
{
	const struct docker_args *a = args;
	const char *wrong;

	if (!text_given(a->host))
		river_decoder_refuse(d, "host attribute must not be empty");
	else if ((wrong = wrong_host(d, a->host)) != NULL)
		river_decoder_refuse(d, "parsing host attribute: %s", wrong);
	else if (a->refresh_interval <= 0)
		river_decoder_refuse(
		    d, "refresh_interval must be greater than 0");
	else if ((wrong = http_args_wrong(d, &a->http)) != NULL)
		river_decoder_refuse(d, "%s", wrong);
}

static const struct river_field filter_fields[] = {
	{ "name", RIVER_FIELD_STRING, AT(docker_filter_args, name),
	    RIVER_REQUIRED },
	{ "values", RIVER_FIELD_STRINGS, AT(docker_filter_args, values),
	    RIVER_REQUIRED },
	{ 0 },
};
static const struct river_schema filter_schema = {
	sizeof(struct docker_filter_args), filter_fields, NULL, NULL
};

static const struct river_field docker_fields[] = {
	{ "host", RIVER_FIELD_STRING, AT(docker_args, host), RIVER_REQUIRED },
	{ "port", RIVER_FIELD_INT, AT(docker_args, port) },
	{ "host_networking_host", RIVER_FIELD_STRING,
	    AT(docker_args, host_networking_host) },
	{ "refresh_interval", RIVER_FIELD_DURATION,
	    AT(docker_args, refresh_interval) },
	{ "match_first_network", RIVER_FIELD_BOOL,
	    AT(docker_args, match_first_network) },
	{ "filter", RIVER_FIELD_BLOCKS, AT(docker_args, filters),
	    .block = &filter_schema },
	HTTP_ARGS_FIELDS(docker_args, http),
	{ 0 },
};
static const struct docker_args docker_defaults = {
	.port = 80,
	.host_networking_host = "localhost",
	.refresh_interval = 60 * SEC,
	.match_first_network = true,
	.http = HTTP_ARGS_DEFAULTS,
};
const struct river_schema discovery_args_docker = { sizeof(struct docker_args),
	docker_fields, &docker_defaults, check_docker };

/* ---- discovery.kubernetes */

static const char *const kubernetes_roles[] = { "pod", "node", "service",
	"endpoints", "endpointslice", "ingress" };

static const char *
check_role(struct river_decoder *d, const void *member)
{
	const char *role = *(const char *const *)member;

	for (size_t i = 0;
	     i < sizeof(kubernetes_roles) / sizeof(kubernetes_roles[0]); i++)
		if (strcmp(role, kubernetes_roles[i]) == 0)
			return NULL;
	return river_decoder_printf(d,
	    "unknown Kubernetes discovery kind %s: pod, node, service, "
	    "endpoints, "
	    "endpointslice or ingress",
	    river_decoder_quote(d, role));
}

static const char *
check_api_server(struct river_decoder *d, const void *member)
{
	return wrong_url(d, *(const char *const *)member);
}

static void
check_kubernetes(struct river_decoder *d, void *args)
{
	const struct kubernetes_args *a = args;
	const char *wrong = http_args_wrong(d, &a->http);

	if (!text_given(a->role))
		river_decoder_refuse(d, "role attribute must not be empty");
	else if (wrong != NULL)
		river_decoder_refuse(d, "%s", wrong);
}

static const struct river_field namespaces_fields[] = {
	{ "own_namespace", RIVER_FIELD_BOOL,
	    AT(kubernetes_namespaces_args, own_namespace) },
	{ "names", RIVER_FIELD_STRINGS, AT(kubernetes_namespaces_args, names) },
	{ 0 },
};
static const struct river_schema namespaces_schema = {
	sizeof(struct kubernetes_namespaces_args), namespaces_fields, NULL, NULL
};

static const struct river_field selector_fields[] = {
	{ "role", RIVER_FIELD_STRING, AT(kubernetes_selector_args, role),
	    RIVER_REQUIRED | RIVER_TEXT, .check = check_role },
	{ "label", RIVER_FIELD_STRING, AT(kubernetes_selector_args, label) },
	{ "field", RIVER_FIELD_STRING, AT(kubernetes_selector_args, field) },
	{ 0 },
};
static const struct river_schema selector_schema = {
	sizeof(struct kubernetes_selector_args), selector_fields, NULL, NULL
};

static const struct river_field metadata_fields[] = {
	{ "node", RIVER_FIELD_BOOL, AT(kubernetes_metadata_args, node) },
	{ 0 },
};
static const struct river_schema metadata_schema = {
	sizeof(struct kubernetes_metadata_args), metadata_fields, NULL, NULL
};

static const struct river_field kubernetes_fields[] = {
	{ "role", RIVER_FIELD_STRING, AT(kubernetes_args, role),
	    RIVER_REQUIRED | RIVER_TEXT, .check = check_role },
	{ "api_server", RIVER_FIELD_STRING, AT(kubernetes_args, api_server),
	    RIVER_TEXT, .check = check_api_server },
	{ "kubeconfig_file", RIVER_FIELD_STRING,
	    AT(kubernetes_args, kubeconfig_file) },
	{ "namespaces", RIVER_FIELD_BLOCK, AT(kubernetes_args, namespaces),
	    .block = &namespaces_schema },
	{ "selectors", RIVER_FIELD_BLOCKS, AT(kubernetes_args, selectors),
	    .block = &selector_schema },
	{ "attach_metadata", RIVER_FIELD_BLOCK,
	    AT(kubernetes_args, attach_metadata), .block = &metadata_schema },
	HTTP_ARGS_FIELDS(kubernetes_args, http),
	{ 0 },
};
static const struct kubernetes_args kubernetes_defaults = {
	.http = HTTP_ARGS_DEFAULTS,
};
const struct river_schema discovery_args_kubernetes = {
	sizeof(struct kubernetes_args), kubernetes_fields, &kubernetes_defaults,
	check_kubernetes
};
