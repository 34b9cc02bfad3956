/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "shipper/header_list.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/log.h"
#include "common/river/schema.h"

void
header_list_clear(struct header_list *list)
{
	free(list->item);
	memset(list, 0, sizeof(*list));
}

void
header_list_add(
    struct header_list *list, const char *name, const char *value, bool private)
{
	if (list->count == list->room) {
		list->room = 2 * list->room + 8;
		list->item =
		    erealloc(list->item, list->room, sizeof(*list->item));
	}
	list->item[list->count++] =
	    (struct http_header){ name, value, private };
}

void
header_list_add_all(struct header_list *list, const struct river_multimap *map)
{
	for (size_t i = 0; i < map->count; i++) {
		const struct river_strings *values = &map->item[i].values;

		for (size_t k = 0; k < values->count; k++)
			header_list_add(
			    list, map->item[i].name, values->item[k], true);
	}
}

bool
header_list_has(const struct header_list *list, const char *name)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcasecmp(list->item[i].name, name) == 0)
			return true;
	return false;
}
