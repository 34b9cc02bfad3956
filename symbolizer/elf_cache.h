/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files and their symbol tables. A file is known by what fstat says of it
 * (device, inode, ctime, size): its contents are read once, by whatever name
 * it comes. The tuple of the kernel's records is a shortcut to that; because
 * a file may be written in place, the shortcut is checked when a program that
 * is new maps the file, but not more than once in a while. Tables are an LRU
 * of elf_cache_size; what the running interval needs stays until it is done.
 */
#ifndef SYMBOLIZER_ELF_CACHE_H
#define SYMBOLIZER_ELF_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/batch.h"

/* What all tables together should take. */
#define ELF_CACHE_MAX_BYTES (128u * 1024 * 1024)
/* Files remembered that no known process maps. */
#define ELF_CACHE_IDLE_FILES 4096
/* A shortcut is trusted that long. */
#define ELF_CACHE_TRUST_SEC 10
/* Files whose separate debug file is being looked for. */
#define ELF_CACHE_SEARCHES 32

struct elf_cache;
struct elf_file;
struct fetch;
struct symbol_table;

struct elf_cache_counts {
	uint64_t parsed, refused, evicted; /* since the cache was made */
	uint64_t cached, bytes, files;     /* now */
};

/* Through whom a file can be had. */
struct elf_holder {
	uint64_t serial, start_time; /* of the process */
	uint64_t now;                /* any clock that goes forward, ns */
	uint32_t pid;
	bool fresh;  /* this program has not mapped the file before */
	bool urgent; /* samples wait for the table */
};

/*
 * fetch is borrowed and must outlive the cache. Tables are at most capacity,
 * after a sweep, and max_bytes long together.
 */
struct elf_cache *elf_cache_new(
    struct fetch *fetch, size_t capacity, size_t max_bytes);
/* All files must have been put back. NULL is fine. */
void elf_cache_free(struct elf_cache *cache);
void elf_cache_resize(struct elf_cache *cache, size_t capacity);

/*
 * The file of a mapping; NULL for a mapping without one. path: the kernel's
 * name of it. To be put back.
 */
struct elf_file *elf_cache_file(struct elf_cache *cache,
    const struct batch_mapping *mapping, const char *path, size_t size);
void elf_file_put(struct elf_file *file);

/*
 * The table of *file is wanted, which holder has mapped there; it is fetched
 * unless it is there, on its way, or refused for good. *file may become
 * another one, where the shortcut does not tell files apart.
 */
void elf_cache_want(struct elf_cache *cache, struct elf_file **file,
    const struct elf_holder *holder, const struct batch_mapping *mapping);

/* False if the file has never been had, nor refused. */
bool elf_file_known(const struct elf_file *file);

/* True if it is not a file that could have symbols. */
bool elf_file_refused(const struct elf_file *file);

/* Borrowed until the next sweep; NULL: not there. Marks it as used. */
const struct symbol_table *elf_file_table(struct elf_file *file);
const char *elf_file_path(const struct elf_file *file, size_t *size);

/*
 * The interval is done: evicts tables down to the capacity, those that no
 * sample ever needed first, then least recently used ones; and forgets files
 * that nobody maps.
 */
void elf_cache_sweep(struct elf_cache *cache);

struct elf_cache_counts elf_cache_counts(const struct elf_cache *cache);

#endif
