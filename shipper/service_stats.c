/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "shipper/service_stats.h"

#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "common/log.h"

/* The key: component and service, each with its NUL. */
struct service {
	UT_hash_handle hh;
	struct service_numbers numbers;
	size_t service_at;
	char key[];
};

struct service_stats {
	struct service *by_key;
};

struct service_stats *
service_stats_new(void)
{
	return ecalloc(1, sizeof(struct service_stats));
}

void
service_stats_free(struct service_stats *stats)
{
	struct service *s, *next;

	if (stats == NULL)
		return;
	HASH_ITER(hh, stats->by_key, s, next) {
		HASH_DEL(stats->by_key, s);
		free(s);
	}
	free(stats);
}

static struct service *
service_new(const char *component, const char *service)
{
	size_t at = strlen(component) + 1;
	struct service *s = ecalloc(1, sizeof(*s) + at + strlen(service) + 1);

	s->service_at = at;
	strcpy(s->key, component);
	strcpy(s->key + at, service);
	return s;
}

/* The row of that service; NULL if it is new and there are too many. */
static struct service *
find_or_add(
    struct service_stats *stats, const char *component, const char *service)
{
	struct service *s = service_new(component, service), *known;
	size_t size = s->service_at + strlen(service) + 1;

	HASH_FIND(hh, stats->by_key, s->key, size, known);
	if (known != NULL || (HASH_COUNT(stats->by_key) >= SERVICE_STATS_MAX &&
				 strcmp(service, SERVICE_STATS_OTHERS) != 0)) {
		free(s);
		return known;
	}
	HASH_ADD_KEYPTR(hh, stats->by_key, s->key, size, s);
	return s;
}

void
service_stats_add(struct service_stats *stats, const char *component,
    const char *service, const struct service_numbers *numbers)
{
	struct service *s = find_or_add(stats, component, service);

	if (s == NULL)
		s = find_or_add(stats, component, SERVICE_STATS_OTHERS);
#define ADD(member, metric, what) s->numbers.member += numbers->member;
	SERVICE_NUMBERS(ADD)
#undef ADD
}

void
service_stats_each(const struct service_stats *stats,
    void (*fn)(void *arg, const char *component, const char *service,
	const struct service_numbers *numbers),
    void *arg)
{
	struct service *s, *next;

	HASH_ITER(hh, stats->by_key, s, next)
		fn(arg, s->key, s->key + s->service_at, &s->numbers);
}
