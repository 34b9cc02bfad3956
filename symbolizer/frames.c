/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolizer/frames.h"

#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "common/log.h"
#include "common/utf8.h"

#define NAME_MAX_BYTES 4096
/* "path NUL build id" */
#define KEY_MAX_BYTES (3 * NAME_MAX_BYTES + 256)

struct text {
	UT_hash_handle hh;
	uint32_t number;
	char *shown;
	size_t size; /* of key */
	char key[];
};

struct known_frame {
	UT_hash_handle hh;
	uint32_t number;
	struct frame frame;
};

struct texts {
	struct text *by_key;
	struct text **list; /* by number - 1 */
	size_t count, room;
};

struct frames {
	struct texts names, mappings;
	struct known_frame *by_frame;
	struct known_frame **list;
	size_t count, room, bytes;
};

struct frames *
frames_new(void)
{
	return ecalloc(1, sizeof(struct frames));
}

static void
texts_free(struct texts *t)
{
	struct text *text, *next;

	HASH_ITER(hh, t->by_key, text, next) {
		HASH_DEL(t->by_key, text);
		free(text->shown);
		free(text);
	}
	free(t->list);
}

void
frames_free(struct frames *frames)
{
	struct known_frame *f, *next;

	if (frames == NULL)
		return;
	texts_free(&frames->names);
	texts_free(&frames->mappings);
	HASH_ITER(hh, frames->by_frame, f, next) {
		HASH_DEL(frames->by_frame, f);
		free(f);
	}
	free(frames->list);
	free(frames);
}

/* The number of a key, new or known; 0 when the table is full. */
static uint32_t
intern(struct frames *f, struct texts *t, const char *key, size_t size)
{
	struct text *text;

	HASH_FIND(hh, t->by_key, key, size, text);
	if (text != NULL)
		return text->number;
	if (t->count >= FRAMES_MAX ||
	    f->bytes + sizeof(*text) + size > FRAMES_MAX_BYTES)
		return 0;
	if (t->count == t->room) {
		t->room = t->room ? 2 * t->room : 256;
		t->list = erealloc(t->list, t->room, sizeof(*t->list));
	}
	text = ecalloc(1, sizeof(*text) + size + 1);
	memcpy(text->key, key, size);
	text->size = size;
	text->number = t->count + 1;
	t->list[t->count++] = text;
	f->bytes += sizeof(*text) + size;
	HASH_ADD_KEYPTR(hh, t->by_key, text->key, size, text);
	return text->number;
}

uint32_t
frames_name(struct frames *frames, const char *name, size_t size)
{
	char clean[3 * NAME_MAX_BYTES + 1];

	if (size > NAME_MAX_BYTES)
		size = NAME_MAX_BYTES;
	size = utf8_clean(clean, name, size);
	return intern(frames, &frames->names, clean, size);
}

uint32_t
frames_mapping(
    struct frames *frames, const char *path, size_t size, const char *build_id)
{
	char key[KEY_MAX_BYTES];
	size_t id_size = strlen(build_id);

	if (size > NAME_MAX_BYTES)
		size = NAME_MAX_BYTES;
	size = utf8_clean(key, path, size) + 1;
	if (id_size > 200)
		id_size = 200;
	memcpy(key + size, build_id, id_size);
	return intern(frames, &frames->mappings, key, size + id_size);
}

uint32_t
frames_frame(
    struct frames *frames, uint32_t name, uint32_t mapping, uint64_t address)
{
	struct frame key = { name, mapping, address };
	struct known_frame *f;

	if (name == 0)
		return 0;
	HASH_FIND(hh, frames->by_frame, &key, sizeof(key), f);
	if (f != NULL)
		return f->number;
	if (frames->count >= FRAMES_MAX ||
	    frames->bytes + sizeof(*f) > FRAMES_MAX_BYTES)
		return 0;
	if (frames->count == frames->room) {
		frames->room = frames->room ? 2 * frames->room : 1024;
		frames->list =
		    erealloc(frames->list, frames->room, sizeof(*frames->list));
	}
	f = ecalloc(1, sizeof(*f));
	f->frame = key;
	f->number = frames->count + 1;
	frames->list[frames->count++] = f;
	frames->bytes += sizeof(*f);
	HASH_ADD(hh, frames->by_frame, frame, sizeof(f->frame), f);
	return f->number;
}

size_t
frames_count(const struct frames *frames)
{
	return frames->count;
}

size_t
frames_names(const struct frames *frames)
{
	return frames->names.count;
}

size_t
frames_mappings(const struct frames *frames)
{
	return frames->mappings.count;
}

const struct frame *
frames_get(const struct frames *frames, uint32_t frame)
{
	return &frames->list[frame - 1]->frame;
}

const char *
frames_name_text(const struct frames *frames, uint32_t name)
{
	return frames->names.list[name - 1]->key;
}

void
frames_mapping_text(const struct frames *frames, uint32_t mapping,
    const char **path, const char **build_id)
{
	const char *key = frames->mappings.list[mapping - 1]->key;

	*path = key;
	*build_id = key + strlen(key) + 1;
}

void
frames_set_shown(struct frames *frames, uint32_t name, const char *shown)
{
	struct text *text = frames->names.list[name - 1];
	size_t size = strlen(shown);
	char *clean;

	if (frames->bytes + 3 * size > FRAMES_MAX_BYTES)
		return;
	clean = ecalloc(3 * size + 1, 1);
	size = utf8_clean(clean, shown, size);
	free(text->shown);
	text->shown = erealloc(clean, size + 1, 1);
	frames->bytes += size;
}

const char *
frames_shown(const struct frames *frames, uint32_t name)
{
	const struct text *text = frames->names.list[name - 1];

	return text->shown ? text->shown : text->key;
}
