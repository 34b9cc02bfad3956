/* SPDX-License-Identifier: Apache-2.0 */
/* The arguments of discovery.docker and discovery.kubernetes. */
#ifndef SHIPPER_DISCOVERY_ARGS_H
#define SHIPPER_DISCOVERY_ARGS_H

#include "common/river/schema.h"
#include "shipper/http_args.h"

struct docker_filter_args {
	const struct river_block *block;
	const char *name;
	struct river_strings values;
};

struct docker_args {
	const struct river_block *block;
	const char *host;
	int64_t port;
	const char *host_networking_host;
	int64_t refresh_interval; /* ns */
	bool match_first_network;
	struct river_blocks filters; /* of struct docker_filter_args */
	struct http_args http;       /* for http and https hosts */
};

struct kubernetes_namespaces_args {
	const struct river_block *block;
	bool own_namespace;
	struct river_strings names;
};

struct kubernetes_selector_args {
	const struct river_block *block;
	const char *role, *label, *field;
};

struct kubernetes_metadata_args {
	const struct river_block *block;
	bool node;
};

struct kubernetes_args {
	const struct river_block *block;
	const char *role, *api_server, *kubeconfig_file;
	struct kubernetes_namespaces_args *namespaces; /* NULL: not given */
	struct river_blocks selectors; /* of struct kubernetes_selector_args */
	struct kubernetes_metadata_args *attach_metadata;
	struct http_args http; /* of api_server */
};

extern const struct river_schema discovery_args_docker;
extern const struct river_schema discovery_args_kubernetes;

#endif
