/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "shipper/receiver.h"

#include <stdlib.h>

#include "common/log.h"
#include "shipper/config_file.h"
#include "shipper/endpoint.h"
#include "shipper/labels.h"
#include "shipper/parcel.h"

struct receiver {
	const struct config_component *component;
	struct endpoint **endpoint;
	size_t count;
};

struct receiver *
receiver_new(struct endpoint_env *env, const struct config_component *component,
    char **why)
{
	const struct write_args *args = component->args;
	const struct endpoint_args *endpoints = args->endpoints.item;
	struct receiver *r = ecalloc(1, sizeof(*r));

	r->component = component;
	r->endpoint = ecalloc(args->endpoints.count + 1, sizeof(*r->endpoint));
	for (size_t i = 0; i < args->endpoints.count; i++) {
		r->endpoint[i] =
		    endpoint_new(env, component->id, &endpoints[i], why);
		if (r->endpoint[i] == NULL) {
			receiver_free(r);
			return NULL;
		}
		r->count++;
	}
	return r;
}

void
receiver_free(struct receiver *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < r->count; i++)
		endpoint_free(r->endpoint[i]);
	free(r->endpoint);
	free(r);
}

const char *
receiver_id(const struct receiver *r)
{
	return r->component->id;
}

size_t
receiver_endpoints(const struct receiver *r)
{
	return r->count;
}

void
receiver_push(struct receiver *r, struct parcel *parcel)
{
	const struct write_args *args = r->component->args;
	struct labels *labels =
	    labels_forward(parcel->labels, &args->external_labels);

	for (size_t i = 0; i < r->count; i++)
		endpoint_push(r->endpoint[i], labels, parcel);
	free(labels);
}

void
receiver_retire(struct receiver *r)
{
	for (size_t i = 0; i < r->count; i++)
		endpoint_retire(r->endpoint[i]);
}

size_t
receiver_queued(const struct receiver *r)
{
	size_t queued = 0;

	for (size_t i = 0; i < r->count; i++)
		queued += endpoint_queued(r->endpoint[i]);
	return queued;
}
