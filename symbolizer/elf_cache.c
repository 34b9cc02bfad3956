/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolizer/elf_cache.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <uthash.h>

#include "common/collector.pb.h"
#include "common/log.h"
#include "symbolizer/file_reader.h"
#include "symbolizer/opener.h"
#include "symbolizer/symbol_table.h"

#define BTRFS_MAGIC 0x9123683e
#define PATH_MAX_BYTES 1024

/* As the kernel's records name a file. */
struct tuple {
	uint32_t major, minor;
	uint64_t inode, generation;
};

struct identity {
	uint64_t device, inode, ctime_ns, size;
};

enum file_state {
	FILE_NEW,     /* no table, never asked or asked in vain */
	FILE_ASKED,   /* the opener has our question */
	FILE_QUEUED,  /* its descriptor waits for a reader */
	FILE_READING, /* a reader is at it */
	FILE_READY,
	FILE_REFUSED, /* its bytes are no good: never again */
};

struct elf_file {
	UT_hash_handle by_tuple, by_identity;
	TAILQ_ENTRY(elf_file) queue;
	struct elf_cache *cache;
	struct tuple tuple;
	struct identity identity;
	struct elf_file *same; /* the one of that identity, if not this */
	enum file_state state;
	int fd;
	struct file_reader *reader;
	struct symbol_table *table;
	uint64_t used;
	bool identified;
	size_t path_size;
	char path[];
};

struct elf_cache {
	struct event_base *base;
	struct opener *opener;
	size_t capacity;
	void (*on_settled)(void *arg);
	void *arg;
	struct elf_file *by_tuple, *by_identity;
	TAILQ_HEAD(, elf_file) queued;
	int busy, reading;
	uint64_t clock;
	struct elf_cache_counts counts;
};

struct elf_cache *
elf_cache_new(struct event_base *base, struct opener *opener, size_t capacity,
    void (*on_settled)(void *arg), void *arg)
{
	struct elf_cache *c = ecalloc(1, sizeof(*c));

	c->base = base;
	c->opener = opener;
	c->capacity = capacity;
	c->on_settled = on_settled;
	c->arg = arg;
	TAILQ_INIT(&c->queued);
	return c;
}

static void
drop_table(struct elf_cache *c, struct elf_file *f)
{
	if (f->table == NULL)
		return;
	c->counts.cached--;
	c->counts.bytes -= symbol_table_bytes(f->table);
	symbol_table_free(f->table);
	f->table = NULL;
	f->state = FILE_NEW;
}

static void
forget_all(struct elf_cache *c)
{
	struct elf_file *f, *next;

	HASH_CLEAR(by_identity, c->by_identity);
	HASH_ITER(by_tuple, c->by_tuple, f, next) {
		HASH_DELETE(by_tuple, c->by_tuple, f);
		drop_table(c, f);
		file_reader_cancel(f->reader);
		if (f->fd >= 0)
			close(f->fd);
		free(f);
	}
}

void
elf_cache_free(struct elf_cache *cache)
{
	if (cache == NULL)
		return;
	forget_all(cache);
	free(cache);
}

void
elf_cache_resize(struct elf_cache *cache, size_t capacity)
{
	cache->capacity = capacity;
}

struct elf_file *
elf_cache_file(struct elf_cache *cache, const struct batch_mapping *mapping,
    const char *path, size_t size)
{
	struct tuple tuple = { mapping->major, mapping->minor, mapping->inode,
		mapping->inode_generation };
	struct elf_file *f;

	if (mapping->inode == 0)
		return NULL;
	HASH_FIND(by_tuple, cache->by_tuple, &tuple, sizeof(tuple), f);
	if (f != NULL)
		return f;
	if (size > PATH_MAX_BYTES)
		size = PATH_MAX_BYTES;
	f = ecalloc(1, sizeof(*f) + size);
	f->cache = cache;
	f->tuple = tuple;
	f->fd = -1;
	f->path_size = size;
	memcpy(f->path, path, size);
	HASH_ADD(by_tuple, cache->by_tuple, tuple, sizeof(tuple), f);
	return f;
}

static struct elf_file *
real(struct elf_file *f)
{
	return f->same ? f->same : f;
}

/* One question less under way. */
static void
settle(struct elf_cache *c)
{
	if (--c->busy == 0)
		c->on_settled(c->arg);
}

static void read_next(struct elf_cache *c);

static void
keep_table(struct elf_cache *c, struct elf_file *f, int memfd)
{
	int r = symbol_table_open(memfd, &f->table);

	if (r < 0) {
		f->state = FILE_REFUSED;
		c->counts.refused++;
		log_warnx("elf", "%.*s: its table does not hold together",
		    (int)f->path_size, f->path);
		return;
	}
	f->state = FILE_READY;
	f->used = ++c->clock;
	c->counts.parsed++;
	c->counts.cached++;
	c->counts.bytes += symbol_table_bytes(f->table);
	if (c->counts.bytes > ELF_CACHE_MAX_BYTES) {
		drop_table(c, f);
		c->counts.evicted++;
	}
}

static void
on_read(void *arg, enum file_reader_result result, int memfd, const char *why)
{
	static struct log_limit limit;
	struct elf_file *f = arg;
	struct elf_cache *c = f->cache;

	f->reader = NULL;
	c->reading--;
	if (result == FILE_READER_OK) {
		keep_table(c, f, memfd);
	} else if (result == FILE_READER_FAILED) {
		f->state = FILE_NEW;
	} else {
		f->state = FILE_REFUSED;
		c->counts.refused++;
		if (log_limit_ok(&limit))
			log_warnx("elf", "%.*s: %s: %s%s", (int)f->path_size,
			    f->path, file_reader_result_name(result), why,
			    log_limit_tail(&limit));
	}
	read_next(c);
	settle(c);
}

static void
read_next(struct elf_cache *c)
{
	struct elf_file *f;

	while (c->reading < ELF_CACHE_READERS &&
	       (f = TAILQ_FIRST(&c->queued)) != NULL) {
		int fd = f->fd;

		TAILQ_REMOVE(&c->queued, f, queue);
		f->fd = -1;
		f->state = FILE_READING;
		c->reading++;
		f->reader = file_reader_start(c->base, fd, on_read, f);
	}
}

static bool
identify(int fd, struct identity *id, bool *unique)
{
	struct statfs fs;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return false;
	*id = (struct identity){ st.st_dev, st.st_ino,
		st.st_ctim.tv_sec * 1000000000ULL + st.st_ctim.tv_nsec,
		st.st_size };
	/* the records of btrfs name files of its subvolumes alike */
	*unique = fstatfs(fd, &fs) < 0 || fs.f_type != BTRFS_MAGIC;
	return true;
}

/*
 * The descriptor has come: under this identity the file may be known by
 * another tuple, or be another file than the tuple named before.
 */
static void
on_opened(void *arg, int fd, int error)
{
	struct elf_file *f = arg, *known;
	struct elf_cache *c = f->cache;
	struct identity id;
	bool unique;

	f->state = error == ETIMEDOUT ? FILE_REFUSED : FILE_NEW;
	if (error == ETIMEDOUT)
		c->counts.refused++;
	if (error != 0 || !identify(fd, &id, &unique)) {
		if (fd >= 0)
			close(fd);
		settle(c);
		return;
	}
	if (f->identified) {
		HASH_DELETE(by_identity, c->by_identity, f);
		f->identified = false;
	}
	f->same = NULL;
	HASH_FIND(by_identity, c->by_identity, &id, sizeof(id), known);
	if (known != NULL && known->state != FILE_NEW) {
		f->same = known;
		close(fd);
		settle(c);
		return;
	}
	if (known == NULL && unique) {
		f->identity = id;
		f->identified = true;
		HASH_ADD(by_identity, c->by_identity, identity, sizeof(id), f);
	}
	f->fd = fd;
	f->state = FILE_QUEUED;
	TAILQ_INSERT_TAIL(&c->queued, f, queue);
	read_next(c);
}

void
elf_cache_want(struct elf_cache *cache, struct elf_file *file, uint32_t pid,
    uint64_t start_time, const struct batch_mapping *mapping)
{
	struct open_question q = {
		.kind = phlare_OpenKind_OPEN_MAPPED_FILE,
		.pid = pid,
		.start_time = start_time,
		.vma_start = mapping->start,
		.vma_end = mapping->end,
	};
	struct elf_file *r = real(file);

	if (r->state == FILE_READY)
		r->used = ++cache->clock;
	if (r->state != FILE_NEW)
		return;
	/* ask by the file at hand: the other's process may be gone */
	if (file->state != FILE_NEW ||
	    !opener_ask(cache->opener, &q, on_opened, file))
		return;
	file->same = NULL;
	file->state = FILE_ASKED;
	cache->busy++;
}

bool
elf_cache_busy(const struct elf_cache *cache)
{
	return cache->busy > 0;
}

const struct symbol_table *
elf_file_table(struct elf_cache *cache, struct elf_file *file)
{
	struct elf_file *f = real(file);

	f->used = ++cache->clock;
	return f->table;
}

const char *
elf_file_path(const struct elf_file *file, size_t *size)
{
	*size = file->path_size;
	return file->path;
}

static int
by_use(const void *a, const void *b)
{
	const struct elf_file *x = *(struct elf_file *const *)a;
	const struct elf_file *y = *(struct elf_file *const *)b;

	return x->used < y->used ? -1 : x->used > y->used;
}

static void
evict(struct elf_cache *c, size_t excess)
{
	struct elf_file **list = ecalloc(c->counts.cached, sizeof(*list));
	struct elf_file *f, *next;
	size_t n = 0;

	HASH_ITER(by_tuple, c->by_tuple, f, next)
		if (f->table != NULL)
			list[n++] = f;
	qsort(list, n, sizeof(*list), by_use);
	for (size_t i = 0; i < excess && i < n; i++) {
		drop_table(c, list[i]);
		c->counts.evicted++;
	}
	free(list);
}

bool
elf_cache_sweep(struct elf_cache *cache)
{
	if (cache->counts.cached > cache->capacity)
		evict(cache, cache->counts.cached - cache->capacity);
	if (HASH_CNT(by_tuple, cache->by_tuple) <= ELF_CACHE_MAX_FILES ||
	    cache->busy > 0)
		return false;
	cache->counts.evicted += cache->counts.cached;
	forget_all(cache);
	return true;
}

struct elf_cache_counts
elf_cache_counts(const struct elf_cache *cache)
{
	return cache->counts;
}
