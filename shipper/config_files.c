/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "shipper/config_files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/river/diagnostics.h"
#include "shipper/config_file.h"
#include "shipper/discovery_args.h"
#include "shipper/file_endpoint.h"
#include "shipper/secret_file.h"
#include "shipper/text.h"
#include "shipper/tls_files.h"

struct look {
	const struct river_source *source;
	struct river_diagnostics *diagnostics;
	bool again;
	bool unread; /* a file of the client that is being looked at */
};

static void
look_at_file(void *arg, const struct http_file *file)
{
	struct look *l = arg;
	struct secret_file f;
	char *why = NULL;
	int r = secret_file_init(&f, file->what, file->path, &why);

	secret_file_fini(&f);
	if (r == 0)
		return;
	l->unread = true;
	if (!l->again || (r != -EACCES && r != -EPERM))
		river_error(l->diagnostics, l->source,
		    river_value_range(file->block, file->attribute), "%s", why);
	free(why);
}

static void
look_at_tls(struct look *l, const struct tls_args *args)
{
	struct tls_files *files;
	char *why = NULL;

	if (args == NULL || l->unread)
		return;
	files = tls_files_new(args, &why);
	if (files == NULL)
		river_error(
		    l->diagnostics, l->source, args->block->range, "%s", why);
	tls_files_free(files);
	free(why);
}

/* The arguments of a client of HTTP, in block. */
static void
look_at_http(struct look *l, const struct http_args *args,
    const struct river_block *block)
{
	l->unread = false;
	http_args_each_file(args, block, look_at_file, l);
	look_at_tls(l, args->tls_config);
	if (args->oauth2 != NULL)
		look_at_tls(l, args->oauth2->tls_config);
}

static void
look_at_write(struct look *l, const struct write_args *args)
{
	const struct endpoint_args *e = args->endpoints.item;

	for (size_t i = 0; i < args->endpoints.count; i++)
		if (!file_endpoint_is_url(e[i].url))
			look_at_http(l, &e[i].http, e[i].block);
}

/* A local daemon is not asked by HTTP over TLS: the arguments mean nothing. */
static void
look_at_docker(struct look *l, const struct docker_args *args)
{
	if (strncmp(args->host, "http", 4) == 0)
		look_at_http(l, &args->http, args->block);
}

/* With a kubeconfig_file, that has them. */
static void
look_at_kubernetes(struct look *l, const struct kubernetes_args *args)
{
	if (text_given(args->kubeconfig_file))
		look_at_file(
		    l, &(struct http_file){ args->block, "kubeconfig_file",
			   "read kubeconfig file", args->kubeconfig_file });
	else if (text_given(args->api_server))
		look_at_http(l, &args->http, args->block);
}

static void
look_at_all(struct look *l, const struct config *config)
{
	for (size_t i = 0; i < config->count; i++) {
		const struct config_component *c = &config->item[i];

		if (c->role == COMPONENT_WRITE)
			look_at_write(l, c->args);
		else if (c->schema == &discovery_args_docker)
			look_at_docker(l, c->args);
		else if (c->schema == &discovery_args_kubernetes)
			look_at_kubernetes(l, c->args);
	}
}

void
config_files_check(const struct config *config,
    const struct river_source *source, struct river_diagnostics *diagnostics)
{
	look_at_all(
	    &(struct look){ source, diagnostics, false, false }, config);
}

void
config_files_check_again(const struct config *config,
    const struct river_source *source, struct river_diagnostics *diagnostics)
{
	look_at_all(&(struct look){ source, diagnostics, true, false }, config);
}

/* ---- directories */

static int
probe_endpoint(const char *component, const char *url, bool make)
{
	int r = 0;

	if (file_endpoint_is_url(url))
		r = file_endpoint_probe(url, make);
	if (r == 0)
		return 0;
	errno = -r;
	log_warn("config", "%s: cannot write to %s", component, url);
	return -1;
}

static int
probe_component(const struct config_component *c, bool make)
{
	const struct write_args *args = c->args;
	const struct endpoint_args *endpoints;
	int result = 0;

	if (c->role != COMPONENT_WRITE)
		return 0;
	endpoints = args->endpoints.item;
	for (size_t i = 0; i < args->endpoints.count; i++)
		if (probe_endpoint(c->id, endpoints[i].url, make) < 0)
			result = -1;
	return result;
}

int
config_files_probe(const struct config *config, bool make)
{
	int result = 0;

	for (size_t i = 0; i < config->count; i++)
		if (probe_component(&config->item[i], make) < 0)
			result = -1;
	return result;
}
