/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "shipper/target_lists.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "shipper/config_file.h"

struct target_lists {
	struct target_list *item;
	size_t count;
};

struct target_lists *
target_lists_new(void)
{
	return ecalloc(1, sizeof(struct target_lists));
}

void
target_lists_free(struct target_lists *lists)
{
	if (lists == NULL)
		return;
	for (size_t i = 0; i < lists->count; i++)
		free(lists->item[i].id);
	free(lists->item);
	free(lists);
}

static struct target_list *
find_or_add(struct target_lists *lists, const char *id)
{
	struct target_list *item;

	for (size_t i = 0; i < lists->count; i++)
		if (strcmp(lists->item[i].id, id) == 0)
			return &lists->item[i];
	lists->item =
	    erealloc(lists->item, lists->count + 1, sizeof(*lists->item));
	item = &lists->item[lists->count++];
	*item = (struct target_list){ .id = estrdup(id) };
	return item;
}

static void
apply(struct target_list *list, const struct config_component *c)
{
	list->present = true;
	list->relabels = c->role == COMPONENT_RELABEL;
	list->targets = c->relabelled.out;
	list->given_up += c->relabelled.given_up;
	if (c->notice != NULL && list->notice == NULL)
		log_warnx("discovery", "%s: %s", c->id, c->notice);
	list->notice = c->notice;
	if (c->relabelled.given_up > 0)
		log_warnx("relabel",
		    "%s: dropped %" PRIu64 " of %" PRIu64
		    " targets: a rule takes too long on their labels, or "
		    "makes them too long",
		    c->id, c->relabelled.given_up, c->relabelled.in);
}

void
target_lists_apply(struct target_lists *lists, const struct config *config)
{
	for (size_t i = 0; i < lists->count; i++)
		lists->item[i].present = false;
	for (size_t i = 0; i < config->count; i++) {
		const struct config_component *c = &config->item[i];

		if (c->role == COMPONENT_RELABEL ||
		    c->role == COMPONENT_DISCOVERY)
			apply(find_or_add(lists, c->id), c);
	}
}

const struct target_list *
target_lists_all(const struct target_lists *lists, size_t *count)
{
	*count = lists->count;
	return lists->item;
}
