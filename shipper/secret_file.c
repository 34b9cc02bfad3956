/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "shipper/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "shipper/text.h"

#define FIRST_ROOM 4096

static int
explain(char **why, int r, const struct secret_file *f)
{
	if (asprintf(
		why, "unable to %s %s: %s", f->what, f->path, strerror(-r)) < 0)
		fatalx("out of memory");
	return r;
}

/* Twice the room; what was in the old one is overwritten. */
static char *
grow(char *data, size_t size)
{
	char *copy = ecalloc(2, size);

	memcpy(copy, data, size);
	explicit_bzero(data, size);
	free(data);
	return copy;
}

/* All of fd from its start, as text. */
static int
read_whole(int fd, char **text)
{
	size_t size = 0, room = FIRST_ROOM;
	char *data = ecalloc(1, room);
	ssize_t n;
	int r = 0;

	while ((n = pread(fd, data + size, room - size - 1, size)) > 0) {
		size += n;
		if (size > SECRET_FILE_MAX_BYTES) {
			r = -EFBIG;
			break;
		}
		if (size + 1 < room)
			continue;
		data = grow(data, room);
		room *= 2;
	}
	if (n < 0)
		r = -errno;
	if (r == 0 && memchr(data, '\0', size) != NULL)
		r = -EILSEQ;
	if (r == 0) {
		*text = data;
		return 0;
	}
	explicit_bzero(data, room);
	free(data);
	return r;
}

static int
open_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	return fd < 0 ? -errno : fd;
}

int
secret_file_init(
    struct secret_file *f, const char *what, const char *path, char **why)
{
	char *text = NULL;
	int r;

	*f = (struct secret_file){ what, NULL, -1 };
	if (!text_given(path))
		return 0;
	f->path = path;
	r = open_file(path);
	if (r < 0)
		return explain(why, r, f);
	f->fd = r;
	r = read_whole(f->fd, &text);
	text_free_secret(text);
	return r < 0 ? explain(why, r, f) : 0;
}

void
secret_file_fini(struct secret_file *f)
{
	if (f->path != NULL && f->fd >= 0)
		close(f->fd);
	f->path = NULL;
}

int
secret_file_read(const struct secret_file *f, char **text, char **why)
{
	int fd, r;

	*text = NULL;
	if (f->path == NULL)
		return 0;
	fd = open_file(f->path);
	if ((fd == -EACCES || fd == -EPERM) && f->fd >= 0) {
		r = read_whole(f->fd, text);
	} else if (fd < 0) {
		r = fd;
	} else {
		r = read_whole(fd, text);
		close(fd);
	}
	return r < 0 ? explain(why, r, f) : 0;
}
