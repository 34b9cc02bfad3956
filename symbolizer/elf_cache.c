/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolizer/elf_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include <uthash.h>

#include "common/collector.pb.h"
#include "common/log.h"
#include "symbolizer/elf_reader.h"
#include "symbolizer/fetch.h"
#include "symbolizer/file_reader.h"
#include "symbolizer/symbol_table.h"

#define NS_PER_SEC 1000000000ULL
#define BTRFS_MAGIC 0x9123683e
#define PATH_MAX_BYTES 1024
/* Devices whose tuples do not tell files apart. */
#define VAGUE_DEVICES 16
/* What could not be had is asked for again after 1, 2, 4, ... of these. */
#define AGAIN_NS (5 * NS_PER_SEC)
#define AGAIN_MAX_DOUBLINGS 7

/*
 * As the kernel's records name a file. The records of btrfs name files of its
 * subvolumes alike: there, each process has its own.
 */
struct tuple {
	uint32_t major, minor;
	uint64_t inode, inode_generation;
	uint64_t process; /* 0, or the serial number of the only one */
};

struct identity {
	uint64_t device, inode, changed_ns, size;
};

enum contents_state {
	CONTENTS_ABSENT, /* no table: evicted, or nobody could read it */
	CONTENTS_READING,
	CONTENTS_SEARCHING, /* for a separate debug file; there is a table */
	CONTENTS_READY,
	CONTENTS_REFUSED, /* its bytes are no good: never again */
};

/* How the debug file is looked for, one after the other. */
enum search { SEARCH_BUILD_ID, SEARCH_LINK, SEARCH_OVER };

/* What is in a file, once for all tuples that lead to it. */
struct contents {
	UT_hash_handle hh;
	struct identity identity;
	struct elf_cache *cache;
	enum contents_state state;
	unsigned refs; /* files that have it */
	struct symbol_table *table;
	TAILQ_ENTRY(contents) lru; /* while there is a table */
	uint64_t used;
	bool parsed, sampled; /* ever */
	uint64_t absent_until;
	unsigned failures;
	bool changed; /* refused because it was being written */
	struct fetch_reading reading;
	enum search search;
	int fd; /* while searching: of the file itself */
	size_t name_size;
	char name[]; /* for logs */
};

struct elf_file {
	UT_hash_handle hh;
	struct tuple tuple;
	struct elf_cache *cache;
	struct contents *contents; /* NULL: not known yet */
	unsigned refs;             /* mappings of known processes */
	TAILQ_ENTRY(elf_file) idle;
	uint64_t checked; /* when the tuple led to contents, ns */
	uint64_t again;   /* not to be asked for before, ns */
	unsigned failures;
	bool asked, urgent, doubted, refused;
	size_t path_size;
	char path[];
};

TAILQ_HEAD(tables, contents);

struct elf_cache {
	struct fetch *fetch;
	size_t capacity, max_bytes;
	struct elf_file *files;
	struct contents *contents;
	TAILQ_HEAD(, elf_file) idle;
	struct tables tables[2]; /* by sampled: least recently used first */
	size_t idle_count, searches;
	uint64_t now; /* as we were told last, ns */
	uint64_t clock, interval_began;
	struct {
		uint32_t major, minor;
	} vague[VAGUE_DEVICES];
	size_t vague_count;
	struct elf_cache_counts counts;
};

/* When to try again what has failed so often, counting it as well. */
static uint64_t
again_after(const struct elf_cache *c, unsigned *failures)
{
	unsigned doublings =
	    *failures < AGAIN_MAX_DOUBLINGS ? *failures : AGAIN_MAX_DOUBLINGS;

	++*failures;
	return c->now + (AGAIN_NS << doublings);
}

/* ---- tables */

static void
drop_table(struct contents *k)
{
	struct elf_cache *c = k->cache;

	if (k->table == NULL)
		return;
	TAILQ_REMOVE(&c->tables[k->sampled], k, lru);
	c->counts.cached--;
	c->counts.bytes -= symbol_table_bytes(k->table);
	symbol_table_free(k->table);
	k->table = NULL;
	if (k->state == CONTENTS_READY)
		k->state = CONTENTS_ABSENT;
}

static void
evict(struct contents *k)
{
	k->cache->counts.evicted++;
	drop_table(k);
}

/* A sample needs it. */
static void
touch(struct contents *k)
{
	struct elf_cache *c = k->cache;
	struct tables *from = &c->tables[k->sampled];

	k->used = ++c->clock;
	k->sampled = true;
	if (k->table == NULL)
		return;
	TAILQ_REMOVE(from, k, lru);
	TAILQ_INSERT_TAIL(&c->tables[true], k, lru);
}

/* The oldest of those tables that may go, or NULL. */
static struct contents *
oldest(const struct elf_cache *c, bool sampled)
{
	struct contents *k;

	TAILQ_FOREACH(k, &c->tables[sampled], lru)
		if (k->state == CONTENTS_READY)
			return k;
	return NULL;
}

/*
 * Room for what came last, at the cost of tables that this interval has not
 * used; if that is not enough, it goes again.
 */
static void
make_room(struct contents *k)
{
	struct elf_cache *c = k->cache;

	for (int sampled = false; sampled <= true; sampled++) {
		struct contents *old;

		while (c->counts.bytes > c->max_bytes &&
		       (old = oldest(c, sampled)) != NULL &&
		       old->used <= c->interval_began)
			evict(old);
	}
	if (c->counts.bytes <= c->max_bytes)
		return;
	k->absent_until = again_after(c, &k->failures);
	evict(k);
}

/* Takes table. */
static void
keep_table(struct contents *k, struct symbol_table *table)
{
	struct elf_cache *c = k->cache;

	drop_table(k);
	k->table = table;
	k->used = ++c->clock;
	TAILQ_INSERT_TAIL(&c->tables[k->sampled], k, lru);
	c->counts.cached++;
	c->counts.bytes += symbol_table_bytes(table);
}

/* ---- contents */

static void
contents_free(struct contents *k)
{
	drop_table(k);
	HASH_DEL(k->cache->contents, k);
	free(k);
}

static bool
is_under_way(const struct contents *k)
{
	return k->state == CONTENTS_READING || k->state == CONTENTS_SEARCHING;
}

/* Nobody has it any more, and it is worth nothing to who may come. */
static void
contents_tidy(struct contents *k)
{
	if (k->refs == 0 && !is_under_way(k) && k->table == NULL)
		contents_free(k);
}

static void
contents_put(struct contents *k)
{
	if (k == NULL)
		return;
	k->refs--;
	contents_tidy(k);
}

static struct contents *
contents_get(struct elf_cache *c, const struct identity *id,
    const struct elf_file *f, uint32_t owner)
{
	struct contents *k;

	HASH_FIND(hh, c->contents, id, sizeof(*id), k);
	if (k == NULL) {
		k = ecalloc(1, sizeof(*k) + f->path_size);
		k->identity = *id;
		k->cache = c;
		k->fd = -1;
		k->reading.owner = owner;
		k->name_size = f->path_size;
		memcpy(k->name, f->path, f->path_size);
		HASH_ADD(hh, c->contents, identity, sizeof(*id), k);
	}
	k->refs++;
	return k;
}

static void
refuse(struct contents *k, const char *what, const char *why)
{
	static struct log_limit limit;

	k->cache->counts.refused++;
	if (log_limit_ok(&limit))
		log_warnx("elf", "%.*s: %s: %s%s", (int)k->name_size, k->name,
		    what, why, log_limit_tail(&limit));
}

/* ---- the separate debug file */

static void search_next(struct contents *k);

static void
end_search(struct contents *k)
{
	if (k->fd >= 0)
		close(k->fd);
	k->fd = -1;
	k->cache->searches--;
	k->search = SEARCH_OVER;
	k->state = CONTENTS_READY;
	make_room(k);
	contents_tidy(k);
}

/* The file again, with its debug file: the new table has all of the old one. */
static void
on_read_with_debug(void *arg, const struct throwaway_outcome *o)
{
	struct contents *k = arg;
	struct symbol_table *table;

	if (o->result == THROWAWAY_OK &&
	    symbol_table_open(o->memfd, &table) == 0) {
		keep_table(k, table);
		end_search(k);
		return;
	}
	if (o->result != THROWAWAY_FAILED)
		refuse(k, "its debug file",
		    o->result == THROWAWAY_OK
			? "its table does not hold together"
			: o->why);
	k->search++;
	search_next(k);
}

static void
on_debug_opened(void *arg, const struct open_answer *answer)
{
	struct contents *k = arg;
	struct throwaway_input input = { .fd = { -1, -1 } };
	struct symbol_debug debug;

	if (answer->error != 0) {
		k->search++;
		search_next(k);
		return;
	}
	symbol_table_debug(k->table, &debug);
	if (k->search == SEARCH_LINK)
		input.argument = ELF_DEBUG_BY_LINK | debug.link_crc;
	input.fd[0] = fcntl(k->fd, F_DUPFD_CLOEXEC, 0);
	input.fd[1] = answer->fd;
	k->reading.job = file_reader_elf();
	k->reading.done = on_read_with_debug;
	k->reading.arg = k;
	if (input.fd[0] < 0) {
		throwaway_input_close(&input);
		end_search(k);
	} else if (!fetch_read(k->cache->fetch, &k->reading, &input)) {
		end_search(k);
	}
}

/* Asks for the file by k->search, or by what comes after that, or ends. */
static void
search_next(struct contents *k)
{
	struct open_question q = { .urgent = true };
	struct symbol_debug debug;

	symbol_table_debug(k->table, &debug);
	if (k->search == SEARCH_BUILD_ID && debug.build_id_size == 0)
		k->search++;
	if (k->search == SEARCH_LINK && debug.link_size == 0)
		k->search++;
	if (k->search == SEARCH_BUILD_ID) {
		q.kind = phlare_OpenKind_OPEN_DEBUG_BUILD_ID;
		q.name = debug.build_id;
		q.name_size = debug.build_id_size;
	} else {
		q.kind = phlare_OpenKind_OPEN_DEBUG_LINK;
		q.name = debug.link;
		q.name_size = debug.link_size;
	}
	if (k->search == SEARCH_OVER ||
	    !fetch_ask(k->cache->fetch, &q, on_debug_opened, k))
		end_search(k);
}

/* Takes fd, of the file whose table has come. */
static void
search_debug_file(struct contents *k, int fd)
{
	struct symbol_debug debug;

	k->fd = fd;
	k->cache->searches++;
	k->state = CONTENTS_SEARCHING;
	k->search = SEARCH_OVER;
	if (symbol_table_debug(k->table, &debug) && fd >= 0)
		k->search = SEARCH_BUILD_ID;
	search_next(k);
}

/* ---- reading */

static void
on_read(void *arg, const struct throwaway_outcome *o)
{
	struct contents *k = arg;
	struct elf_cache *c = k->cache;
	struct symbol_table *table = NULL;
	int fd = k->fd;

	k->fd = -1;
	k->state = CONTENTS_REFUSED;
	if (o->result == THROWAWAY_FAILED) {
		k->state = CONTENTS_ABSENT;
		k->absent_until = again_after(k->cache, &k->failures);
	} else if (o->result != THROWAWAY_OK) {
		k->changed =
		    o->status == ELF_TRUNCATED || o->status == ELF_CHANGED;
		refuse(k, throwaway_result_name(o->result), o->why);
	} else if (symbol_table_open(o->memfd, &table) < 0) {
		refuse(k, "refused", "its table does not hold together");
	}
	if (table != NULL) {
		c->counts.parsed++;
		k->parsed = true;
		keep_table(k, table);
		search_debug_file(k, fd);
		return;
	}
	if (fd >= 0)
		close(fd);
	contents_tidy(k);
}

/* Takes fd. */
static void
read_contents(struct contents *k, int fd)
{
	struct throwaway_input input = { .fd = { fd, -1 } };

	/* kept for a second look, with a debug file */
	if (k->cache->searches < ELF_CACHE_SEARCHES)
		k->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	k->state = CONTENTS_READING;
	k->reading.job = file_reader_elf();
	k->reading.done = on_read;
	k->reading.arg = k;
	if (fetch_read(k->cache->fetch, &k->reading, &input))
		return;
	if (k->fd >= 0)
		close(k->fd);
	k->fd = -1;
	k->state = CONTENTS_ABSENT;
	k->absent_until = again_after(k->cache, &k->failures);
}

/* ---- from the tuple to the contents */

static bool
is_vague(const struct elf_cache *c, const struct tuple *t)
{
	for (size_t i = 0; i < c->vague_count; i++)
		if (c->vague[i].major == t->major &&
		    c->vague[i].minor == t->minor)
			return true;
	return false;
}

static void
note_vague(struct elf_cache *c, const struct tuple *t)
{
	if (is_vague(c, t) || c->vague_count == VAGUE_DEVICES)
		return;
	c->vague[c->vague_count].major = t->major;
	c->vague[c->vague_count++].minor = t->minor;
}

static bool
is_files_fault(int error)
{
	return error == ETIMEDOUT || error == ENOEXEC || error == EACCES ||
	       error == EFBIG;
}

static void
on_failed(struct elf_file *f, int error)
{
	static struct log_limit limit;

	if (!is_files_fault(error)) {
		/* through another process perhaps, or later */
		f->again = again_after(f->cache, &f->failures);
		return;
	}
	f->checked = f->cache->now;
	f->doubted = false;
	if (f->refused)
		return;
	contents_put(f->contents);
	f->contents = NULL;
	f->refused = true;
	f->cache->counts.refused++;
	if (log_limit_ok(&limit))
		log_warnx("elf", "%.*s: refused: %s%s", (int)f->path_size,
		    f->path,
		    error == ETIMEDOUT ? "opening it hangs" : strerror(error),
		    log_limit_tail(&limit));
}

static void
free_if_idle(struct elf_file *f)
{
	if (f->refs > 0 || f->asked)
		return;
	TAILQ_INSERT_TAIL(&f->cache->idle, f, idle);
	f->cache->idle_count++;
}

/*
 * Its table has gone; who has never been sampled in it may do without, or
 * every new program would have all its libraries read again.
 */
static bool
is_worth_reading_again(const struct contents *k, bool urgent)
{
	return urgent || !k->parsed || k->sampled;
}

/* It has come: what is it now? */
static void
on_opened(void *arg, const struct open_answer *answer)
{
	struct elf_file *f = arg;
	struct identity id = { answer->device, answer->inode,
		answer->changed_ns, answer->size };
	struct contents *k;

	f->asked = false;
	if (answer->error != 0) {
		on_failed(f, answer->error);
		free_if_idle(f);
		return;
	}
	if (answer->file_system == BTRFS_MAGIC)
		note_vague(f->cache, &f->tuple);
	k = contents_get(f->cache, &id, f, answer->owner);
	contents_put(f->contents);
	f->contents = k;
	f->checked = f->cache->now;
	f->failures = 0;
	f->doubted = f->refused = false;
	if (k->state == CONTENTS_ABSENT && f->cache->now >= k->absent_until &&
	    is_worth_reading_again(k, f->urgent))
		read_contents(k, answer->fd);
	else
		close(answer->fd);
	free_if_idle(f);
}

static struct elf_file *
file_get(
    struct elf_cache *c, const struct tuple *tuple, const char *path, size_t n)
{
	struct elf_file *f;

	HASH_FIND(hh, c->files, tuple, sizeof(*tuple), f);
	if (f == NULL) {
		if (n > PATH_MAX_BYTES)
			n = PATH_MAX_BYTES;
		f = ecalloc(1, sizeof(*f) + n);
		f->tuple = *tuple;
		f->cache = c;
		f->path_size = n;
		memcpy(f->path, path, n);
		HASH_ADD(hh, c->files, tuple, sizeof(f->tuple), f);
	} else if (f->refs == 0 && !f->asked) {
		TAILQ_REMOVE(&c->idle, f, idle);
		c->idle_count--;
	}
	f->refs++;
	return f;
}

struct elf_file *
elf_cache_file(struct elf_cache *cache, const struct batch_mapping *mapping,
    const char *path, size_t size)
{
	struct tuple tuple = { mapping->major, mapping->minor, mapping->inode,
		mapping->inode_generation, 0 };

	if (mapping->inode == 0)
		return NULL;
	return file_get(cache, &tuple, path, size);
}

void
elf_file_put(struct elf_file *file)
{
	if (file == NULL)
		return;
	file->refs--;
	free_if_idle(file);
}

/* Gives the process a file of its own if the tuple alone does not tell. */
static void
tell_apart(struct elf_cache *c, struct elf_file **file, uint64_t process)
{
	struct elf_file *f = *file;
	struct tuple tuple = f->tuple;

	if (tuple.process == process || !is_vague(c, &tuple))
		return;
	tuple.process = process;
	*file = file_get(c, &tuple, f->path, f->path_size);
	elf_file_put(f);
}

static bool
is_wanted(const struct elf_file *f, bool fresh, bool urgent)
{
	const struct contents *k = f->contents;
	uint64_t now = f->cache->now;
	bool stale = f->doubted || (k != NULL && k->changed);

	if (f->asked || (k != NULL && is_under_way(k)))
		return false;
	if (stale && now - f->checked >= ELF_CACHE_TRUST_SEC * NS_PER_SEC)
		return fresh || now >= f->again;
	if (k == NULL)
		return !f->refused && (fresh || now >= f->again);
	return k->state == CONTENTS_ABSENT && now >= k->absent_until &&
	       is_worth_reading_again(k, urgent) && (fresh || now >= f->again);
}

void
elf_cache_want(struct elf_cache *cache, struct elf_file **file,
    const struct elf_holder *holder, const struct batch_mapping *mapping)
{
	struct open_question q = {
		.kind = phlare_OpenKind_OPEN_MAPPED_FILE,
		.pid = holder->pid,
		.start_time = holder->start_time,
		.vma_start = mapping->start,
		.vma_end = mapping->end,
		.urgent = holder->urgent,
	};
	struct elf_file *f;

	cache->now = holder->now;
	if (cache->vague_count > 0)
		tell_apart(cache, file, holder->serial);
	f = *file;
	if (holder->fresh)
		f->doubted = true;
	if (f->contents != NULL && holder->urgent)
		touch(f->contents);
	if (!is_wanted(f, holder->fresh, holder->urgent))
		return;
	f->urgent = holder->urgent;
	f->asked = fetch_ask(cache->fetch, &q, on_opened, f);
}

bool
elf_file_known(const struct elf_file *file)
{
	return file->contents != NULL || file->refused;
}

bool
elf_file_refused(const struct elf_file *file)
{
	return file->refused || (file->contents != NULL &&
				    file->contents->state == CONTENTS_REFUSED);
}

const struct symbol_table *
elf_file_table(struct elf_file *file)
{
	if (file->contents == NULL)
		return NULL;
	touch(file->contents);
	return file->contents->table;
}

const char *
elf_file_path(const struct elf_file *file, size_t *size)
{
	*size = file->path_size;
	return file->path;
}

/* ---- the whole */

static void
forget(struct elf_file *f)
{
	struct elf_cache *c = f->cache;

	TAILQ_REMOVE(&c->idle, f, idle);
	c->idle_count--;
	HASH_DEL(c->files, f);
	contents_put(f->contents);
	free(f);
}

void
elf_cache_sweep(struct elf_cache *cache)
{
	for (int sampled = false; sampled <= true; sampled++) {
		struct contents *k;

		while (cache->counts.cached > cache->capacity &&
		       (k = oldest(cache, sampled)) != NULL) {
			evict(k);
			contents_tidy(k);
		}
	}
	while (cache->idle_count > ELF_CACHE_IDLE_FILES)
		forget(TAILQ_FIRST(&cache->idle));
	cache->interval_began = cache->clock;
}

struct elf_cache *
elf_cache_new(struct fetch *fetch, size_t capacity, size_t max_bytes)
{
	struct elf_cache *c = ecalloc(1, sizeof(*c));

	c->fetch = fetch;
	c->capacity = capacity;
	c->max_bytes = max_bytes;
	TAILQ_INIT(&c->idle);
	TAILQ_INIT(&c->tables[false]);
	TAILQ_INIT(&c->tables[true]);
	return c;
}

void
elf_cache_free(struct elf_cache *cache)
{
	struct contents *k, *next_contents;
	struct elf_file *f, *next_file;

	if (cache == NULL)
		return;
	HASH_ITER(hh, cache->files, f, next_file) {
		HASH_DEL(cache->files, f);
		free(f);
	}
	HASH_ITER(hh, cache->contents, k, next_contents) {
		fetch_cancel(&k->reading);
		if (k->fd >= 0)
			close(k->fd);
		contents_free(k);
	}
	free(cache);
}

void
elf_cache_resize(struct elf_cache *cache, size_t capacity)
{
	cache->capacity = capacity;
}

struct elf_cache_counts
elf_cache_counts(const struct elf_cache *cache)
{
	struct elf_cache_counts counts = cache->counts;

	counts.files = HASH_COUNT(cache->files);
	return counts;
}
