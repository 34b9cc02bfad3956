/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frames of one interval, each once: a name, the mapping it lies in and
 * its ELF address. Profiles of all targets share them and refer to them by
 * number. Numbers start at 1; 0 means "none" or, from the functions here,
 * that the table is full.
 */
#ifndef SYMBOLIZER_FRAMES_H
#define SYMBOLIZER_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAMES_MAX (1024u * 1024)
#define FRAMES_MAX_BYTES (64u * 1024 * 1024)

struct frames;

struct frame {
	uint32_t name;
	uint32_t mapping;
	uint64_t address;
};

struct frames *frames_new(void);
void frames_free(struct frames *frames);

/* The bytes are made valid UTF-8 and kept. */
uint32_t frames_name(struct frames *frames, const char *name, size_t size);
uint32_t frames_mapping(
    struct frames *frames, const char *path, size_t size, const char *build_id);
uint32_t frames_frame(
    struct frames *frames, uint32_t name, uint32_t mapping, uint64_t address);

size_t frames_count(const struct frames *frames);
size_t frames_names(const struct frames *frames);
size_t frames_mappings(const struct frames *frames);
const struct frame *frames_get(const struct frames *frames, uint32_t frame);
const char *frames_name_text(const struct frames *frames, uint32_t name);
void frames_mapping_text(const struct frames *frames, uint32_t mapping,
    const char **path, const char **build_id);

/*
 * What readers see instead of the raw name, e.g. demangled; copied. Nothing
 * happens when the table is full.
 */
void frames_set_shown(struct frames *frames, uint32_t name, const char *shown);
/* That, or the raw name. */
const char *frames_shown(const struct frames *frames, uint32_t name);

#endif
