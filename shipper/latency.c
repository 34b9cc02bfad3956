/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "shipper/latency.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"

const double latency_bounds[LATENCY_BUCKETS] = LATENCY_BOUNDS;

struct latency *
latency_get(struct latency_list *list, const char *component)
{
	struct latency *l;

	TAILQ_FOREACH(l, list, entry)
		if (strcmp(l->component, component) == 0)
			return l;
	l = ecalloc(1, sizeof(*l));
	l->component = estrdup(component);
	TAILQ_INSERT_TAIL(list, l, entry);
	return l;
}

void
latency_free_all(struct latency_list *list)
{
	struct latency *l;

	while ((l = TAILQ_FIRST(list)) != NULL) {
		TAILQ_REMOVE(list, l, entry);
		free(l->component);
		free(l);
	}
}

void
latency_observe(struct latency *l, double seconds)
{
	int i = 0;

	while (i < LATENCY_BUCKETS && seconds > latency_bounds[i])
		i++;
	l->bucket[i]++;
	l->sum += seconds;
}
