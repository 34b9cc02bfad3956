/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files and their symbol tables. A file is known by what fstat says of the
 * descriptor we got for it (device, inode, ctime, size); the tuple of the
 * kernel's records is only a shortcut to that. Tables are an LRU of
 * elf_cache_size; what the running interval needs stays until it is done.
 */
#ifndef SYMBOLIZER_ELF_CACHE_H
#define SYMBOLIZER_ELF_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/batch.h"

/* All tables together, whatever the number of files. */
#define ELF_CACHE_MAX_BYTES (96u * 1024 * 1024)
/* Files remembered, with a table or without. */
#define ELF_CACHE_MAX_FILES 16384
/* Throw-away children at once. */
#define ELF_CACHE_READERS 2

struct event_base;
struct elf_cache;
struct elf_file;
struct opener;
struct symbol_table;

struct elf_cache_counts {
	uint64_t parsed, refused, evicted; /* since the cache was made */
	uint64_t cached, bytes;            /* now */
};

/* on_settled is called whenever nothing is being fetched any more. */
struct elf_cache *elf_cache_new(struct event_base *base, struct opener *opener,
    size_t capacity, void (*on_settled)(void *arg), void *arg);
void elf_cache_free(struct elf_cache *cache);
void elf_cache_resize(struct elf_cache *cache, size_t capacity);

/*
 * The file of a mapping; NULL for a mapping without one. path: the kernel's
 * name of it. It stays valid until elf_cache_sweep() says otherwise.
 */
struct elf_file *elf_cache_file(struct elf_cache *cache,
    const struct batch_mapping *mapping, const char *path, size_t size);

/*
 * The file's table is wanted; it is fetched through this process unless it is
 * there, on its way, or refused for good.
 */
void elf_cache_want(struct elf_cache *cache, struct elf_file *file,
    uint32_t pid, uint64_t start_time, const struct batch_mapping *mapping);

/* True while a wanted table is on its way. */
bool elf_cache_busy(const struct elf_cache *cache);

/* Borrowed until the next sweep; NULL: not there. Marks it as used. */
const struct symbol_table *elf_file_table(
    struct elf_cache *cache, struct elf_file *file);
const char *elf_file_path(const struct elf_file *file, size_t *size);

/*
 * The interval is done: evicts tables down to the capacity, least recently
 * used first. True if so many files were known that all of them are
 * forgotten: every struct elf_file is gone then.
 */
bool elf_cache_sweep(struct elf_cache *cache);

struct elf_cache_counts elf_cache_counts(const struct elf_cache *cache);

#endif
