/* SPDX-License-Identifier: Apache-2.0 */
/* One phlare.write component: what is forwarded to it goes to each endpoint. */
#ifndef SHIPPER_RECEIVER_H
#define SHIPPER_RECEIVER_H

#include <stddef.h>

struct config_component;
struct endpoint_env;
struct parcel;
struct receiver;

/*
 * component must outlive it. NULL and a text in *why (to be freed) when an
 * endpoint cannot be set up.
 */
struct receiver *receiver_new(struct endpoint_env *env,
    const struct config_component *component, char **why);
/* Forgets what is still queued. NULL is fine. */
void receiver_free(struct receiver *r);

const char *receiver_id(const struct receiver *r);
size_t receiver_endpoints(const struct receiver *r);

/* Each endpoint holds parcel and settles it later. */
void receiver_push(struct receiver *r, struct parcel *parcel);

/* Its configuration is gone; to be freed when nothing is queued any more. */
void receiver_retire(struct receiver *r);
/* Profiles in the queues of its endpoints. */
size_t receiver_queued(const struct receiver *r);

#endif
