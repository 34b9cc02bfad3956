/* SPDX-License-Identifier: Apache-2.0 */
#include "common/river/source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"

static void
find_lines(struct river_source *source)
{
	const char *end = source->text + source->size, *p = source->text;
	uint32_t lines = 1;

	for (; (p = memchr(p, '\n', end - p)) != NULL; p++)
		lines++;
	source->line = ecalloc(lines, sizeof(*source->line));
	source->lines = lines;
	lines = 1;
	for (p = source->text; (p = memchr(p, '\n', end - p)) != NULL; p++)
		source->line[lines++] = p + 1 - source->text;
}

/* Takes text, which has a NUL byte behind its size bytes. */
static struct river_source *
source_of(const char *name, char *text, size_t size)
{
	struct river_source *source = ecalloc(1, sizeof(*source));

	source->name = estrdup(name);
	source->text = text;
	source->size = size;
	find_lines(source);
	return source;
}

struct river_source *
river_source_new(const char *name, const char *text, size_t size)
{
	char *copy;

	if (size > RIVER_MAX_FILE_BYTES) {
		errno = EFBIG;
		return NULL;
	}
	copy = ecalloc(size + 1, 1);
	if (size > 0)
		memcpy(copy, text, size);
	return source_of(name, copy, size);
}

struct river_source *
river_source_read(const char *name, int fd)
{
	size_t size = 0, room = 0;
	char *text = NULL;
	int error;

	for (;;) {
		ssize_t n;

		if (size == room) {
			room = room > 0 ? room * 2 : 65536;
			text = erealloc(text, room + 1, 1);
		}
		n = read(fd, text + size, room - size);
		if (n < 0 && errno == EINTR)
			continue;
		error = n < 0 ? errno : 0;
		if (n > 0 && (size += n) > RIVER_MAX_FILE_BYTES)
			error = EFBIG;
		if (error != 0) {
			free(text);
			errno = error;
			return NULL;
		}
		if (n == 0)
			break;
	}
	text[size] = '\0';
	return source_of(name, text, size);
}

void
river_source_free(struct river_source *source)
{
	if (source == NULL)
		return;
	free((char *)source->name);
	free((char *)source->text);
	free(source->line);
	free(source);
}

struct river_position
river_source_position(const struct river_source *source, uint32_t offset)
{
	uint32_t low = 0, high = source->lines;

	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;

		if (source->line[middle] <= offset)
			low = middle;
		else
			high = middle;
	}
	return (
	    struct river_position){ low + 1, offset - source->line[low] + 1 };
}
