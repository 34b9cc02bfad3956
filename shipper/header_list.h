/* SPDX-License-Identifier: Apache-2.0 */
/* The headers of a request as they grow. Names and values are lent. */
#ifndef SHIPPER_HEADER_LIST_H
#define SHIPPER_HEADER_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "shipper/http_transport.h"

struct river_multimap;

struct header_list {
	struct http_header *item;
	size_t count, room;
};

void header_list_clear(struct header_list *list);

void header_list_add(struct header_list *list, const char *name,
    const char *value, bool private);
/* Each value of each name, private. */
void header_list_add_all(
    struct header_list *list, const struct river_multimap *map);

bool header_list_has(const struct header_list *list, const char *name);

#endif
