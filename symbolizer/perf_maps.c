/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolizer/perf_maps.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "common/collector.pb.h"
#include "common/log.h"
#include "symbolizer/elf_cache.h"
#include "symbolizer/fetch.h"
#include "symbolizer/perf_map.h"
#include "symbolizer/symbol_table.h"

/* Asked for in vain, it is asked for again after 1, 2, 4, ... of these. */
#define AGAIN_NS 5000000000ULL
#define AGAIN_MAX_DOUBLINGS 4

/* Which state of which file. */
struct version {
	uint64_t device, inode, changed_ns, size;
};

struct perf_map {
	struct perf_maps *maps;
	TAILQ_ENTRY(perf_map) all;
	TAILQ_ENTRY(perf_map) lru; /* while there is a table */
	struct version version;    /* of the table, or of what was refused */
	struct symbol_table *table;
	struct fetch_reading reading;
	uint64_t again; /* not before, ns */
	unsigned failures;
	uint32_t pid;
	bool under_way, forgotten;
};

struct perf_maps {
	struct fetch *fetch;
	size_t max_bytes;
	uint64_t now; /* as we were told last, ns */
	TAILQ_HEAD(, perf_map) all;
	TAILQ_HEAD(, perf_map) tables; /* least recently used first */
	struct perf_maps_counts counts;
};

static void
drop_table(struct perf_map *m)
{
	struct perf_maps *p = m->maps;

	if (m->table == NULL)
		return;
	TAILQ_REMOVE(&p->tables, m, lru);
	p->counts.cached--;
	p->counts.bytes -= symbol_table_bytes(m->table);
	symbol_table_free(m->table);
	m->table = NULL;
}

static void
map_free(struct perf_map *m)
{
	TAILQ_REMOVE(&m->maps->all, m, all);
	drop_table(m);
	free(m);
}

/* Takes table. The oldest go if it is too much, but it stays. */
static void
keep_table(struct perf_map *m, struct symbol_table *table)
{
	struct perf_maps *p = m->maps;
	struct perf_map *oldest;

	drop_table(m);
	m->table = table;
	TAILQ_INSERT_TAIL(&p->tables, m, lru);
	p->counts.parsed++;
	p->counts.cached++;
	p->counts.bytes += symbol_table_bytes(table);
	while (p->counts.bytes > p->max_bytes &&
	       (oldest = TAILQ_FIRST(&p->tables)) != m) {
		memset(&oldest->version, 0, sizeof(oldest->version));
		drop_table(oldest);
		p->counts.evicted++;
	}
}

static void
come_again(struct perf_map *m)
{
	unsigned doublings = m->failures < AGAIN_MAX_DOUBLINGS
				 ? m->failures
				 : AGAIN_MAX_DOUBLINGS;

	m->failures++;
	m->again = m->maps->now + (AGAIN_NS << doublings);
}

static void
refuse(struct perf_map *m, const char *what, const char *why)
{
	static struct log_limit limit;

	m->maps->counts.refused++;
	come_again(m);
	if (log_limit_ok(&limit))
		log_warnx("perf-map", "of process %u: %s: %s%s", m->pid, what,
		    why, log_limit_tail(&limit));
}

static void
on_read(void *arg, const struct throwaway_outcome *o)
{
	struct perf_map *m = arg;
	struct symbol_table *table;

	m->under_way = false;
	if (o->result == THROWAWAY_OK &&
	    symbol_table_open(o->memfd, &table) == 0) {
		m->failures = 0;
		keep_table(m, table);
	} else if (o->result == THROWAWAY_FAILED) {
		memset(&m->version, 0, sizeof(m->version));
		come_again(m);
	} else {
		refuse(m, throwaway_result_name(o->result),
		    o->result == THROWAWAY_OK
			? "its table does not hold together"
			: o->why);
	}
	if (m->forgotten)
		map_free(m);
}

static void
on_opened(void *arg, const struct open_answer *answer)
{
	struct perf_map *m = arg;
	struct throwaway_input input = { .fd = { answer->fd, -1 } };
	struct version version = { answer->device, answer->inode,
		answer->changed_ns, answer->size };

	if (answer->error == 0 && !m->forgotten &&
	    memcmp(&version, &m->version, sizeof(version)) != 0) {
		m->version = version;
		m->reading.job = perf_map_job();
		m->reading.owner = answer->owner;
		m->reading.done = on_read;
		m->reading.arg = m;
		if (fetch_read(m->maps->fetch, &m->reading, &input))
			return;
		memset(&m->version, 0, sizeof(m->version));
	} else {
		throwaway_input_close(&input);
	}
	m->under_way = false;
	if (answer->error == EFBIG || answer->error == EACCES ||
	    answer->error == ETIMEDOUT)
		refuse(m, "refused", strerror(answer->error));
	else
		come_again(m);
	if (m->forgotten)
		map_free(m);
}

void
perf_maps_want(struct perf_maps *maps, struct perf_map **map,
    const struct elf_holder *process)
{
	struct open_question q = {
		.kind = phlare_OpenKind_OPEN_PERF_MAP,
		.pid = process->pid,
		.start_time = process->start_time,
		.urgent = process->urgent,
	};
	struct perf_map *m = *map;

	maps->now = process->now;
	if (m == NULL) {
		m = *map = ecalloc(1, sizeof(*m));
		m->maps = maps;
		m->pid = process->pid;
		TAILQ_INSERT_TAIL(&maps->all, m, all);
	}
	if (!m->under_way && maps->now >= m->again)
		m->under_way = fetch_ask(maps->fetch, &q, on_opened, m);
}

void
perf_map_put(struct perf_map *map)
{
	if (map == NULL)
		return;
	map->forgotten = true;
	if (!map->under_way)
		map_free(map);
}

const struct symbol_table *
perf_map_table(struct perf_map *map)
{
	if (map->table == NULL)
		return NULL;
	TAILQ_REMOVE(&map->maps->tables, map, lru);
	TAILQ_INSERT_TAIL(&map->maps->tables, map, lru);
	return map->table;
}

struct perf_maps *
perf_maps_new(struct fetch *fetch, size_t max_bytes)
{
	struct perf_maps *p = ecalloc(1, sizeof(*p));

	p->fetch = fetch;
	p->max_bytes = max_bytes;
	TAILQ_INIT(&p->all);
	TAILQ_INIT(&p->tables);
	return p;
}

void
perf_maps_free(struct perf_maps *maps)
{
	struct perf_map *m;

	if (maps == NULL)
		return;
	while ((m = TAILQ_FIRST(&maps->all)) != NULL) {
		fetch_cancel(&m->reading);
		map_free(m);
	}
	free(maps);
}

struct perf_maps_counts
perf_maps_counts(const struct perf_maps *maps)
{
	return maps->counts;
}
