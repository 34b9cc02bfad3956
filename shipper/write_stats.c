/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "shipper/write_stats.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"

struct write_stats *
write_stats_get(
    struct write_stats_list *list, const char *component, const char *url)
{
	struct write_stats *s;

	TAILQ_FOREACH(s, list, entry)
		if (strcmp(s->component, component) == 0 &&
		    strcmp(s->url, url) == 0)
			return s;
	s = ecalloc(1, sizeof(*s));
	s->component = estrdup(component);
	s->url = estrdup(url);
	TAILQ_INSERT_TAIL(list, s, entry);
	return s;
}

void
write_stats_free_all(struct write_stats_list *list)
{
	struct write_stats *s;

	while ((s = TAILQ_FIRST(list)) != NULL) {
		TAILQ_REMOVE(list, s, entry);
		free(s->component);
		free(s->url);
		free(s);
	}
}

static void
write_line(
    const struct write_stats *s, const char *name, uint64_t value, FILE *out)
{
	fprintf(out, "write/%s/%s/%s %" PRIu64 "\n", s->component, s->url, name,
	    value);
}

void
write_stats_write(const struct write_stats_list *list, FILE *out)
{
	const struct write_stats *s;

	TAILQ_FOREACH(s, list, entry) {
		write_line(s, "sent_profiles", s->sent_profiles, out);
		write_line(s, "sent_bytes", s->sent_bytes, out);
		write_line(s, "dropped_profiles", s->dropped_profiles, out);
		write_line(s, "dropped_bytes", s->dropped_bytes, out);
		write_line(s, "retries", s->retries, out);
	}
}
