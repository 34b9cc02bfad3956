/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "shipper/reachable.h"

#include <libgen.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/sandbox.h"
#include "shipper/config_file.h"
#include "shipper/file_endpoint.h"

/* The resolver with its plug-ins, and the system's certificates. */
static const char *const system_paths[] = { "/etc", "/run/systemd/resolve",
	"/run/resolvconf", "/run/NetworkManager", "/lib", "/lib64", "/usr/lib",
	"/usr/lib64", "/usr/share/ca-certificates",
	"/usr/local/share/ca-certificates", "/dev/urandom" };
#define SYSTEM_PATHS (sizeof(system_paths) / sizeof(system_paths[0]))

struct reachable {
	struct sandbox_path *path;
	size_t count, room;
};

/* Takes path. */
static void
add(struct reachable *r, char *path, bool write)
{
	if (r->count + 1 >= r->room) {
		r->room = 2 * r->room + 16;
		r->path = erealloc(r->path, r->room, sizeof(*r->path));
	}
	r->path[r->count++] = (struct sandbox_path){ path, write };
	r->path[r->count] = (struct sandbox_path){ NULL, false };
}

static void
add_directory_of(struct reachable *r, const char *path, bool write)
{
	char *copy = estrdup(path);

	add(r, estrdup(dirname(copy)), write);
	free(copy);
}

/* Where the file is named, and where it lies. */
static void
on_file(void *arg, const struct http_file *file)
{
	char *real = realpath(file->path, NULL);

	add_directory_of(arg, file->path, false);
	if (real != NULL)
		add_directory_of(arg, real, false);
	free(real);
}

static void
add_endpoint(struct reachable *r, const struct endpoint_args *args)
{
	if (file_endpoint_is_url(args->url))
		add(r, file_endpoint_directory(args->url), true);
	http_args_each_file(&args->http, args->block, on_file, r);
}

static void
add_component(struct reachable *r, const struct config_component *c)
{
	const struct write_args *args = c->args;
	const struct endpoint_args *endpoints;

	if (c->role != COMPONENT_WRITE)
		return;
	endpoints = args->endpoints.item;
	for (size_t i = 0; i < args->endpoints.count; i++)
		add_endpoint(r, &endpoints[i]);
}

struct reachable *
reachable_new(const struct config *config, const char *path, const char *ledger)
{
	struct reachable *r = ecalloc(1, sizeof(*r));

	for (size_t i = 0; i < SYSTEM_PATHS; i++)
		add(r, estrdup(system_paths[i]), false);
	add_directory_of(r, path, false);
	if (ledger != NULL)
		add_directory_of(r, ledger, true);
	for (size_t i = 0; i < config->count; i++)
		add_component(r, &config->item[i]);
	return r;
}

void
reachable_free(struct reachable *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < r->count; i++)
		free((char *)r->path[i].path);
	free(r->path);
	free(r);
}

const struct sandbox_path *
reachable_paths(const struct reachable *r)
{
	return r->path;
}
