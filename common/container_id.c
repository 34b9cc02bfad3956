/* SPDX-License-Identifier: Apache-2.0 */
#include "common/container_id.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#define HASH_DIGITS 64
#define TASK_DIGITS 32
#define TASK_NUMBER_MAX 20
/* What the kernel puts behind the path of a cgroup that was removed. */
#define DELETED " (deleted)"

struct slice {
	const char *data;
	size_t size;
};

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f');
}

static bool
is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static size_t
hex_digits(struct slice s, size_t from)
{
	size_t n = 0;

	while (from + n < s.size && is_hex(s.data[from + n]))
		n++;
	return n;
}

/*
 * 64 digits, no more, that begin the name or follow a "-" or ":", and that
 * end it or are followed by a ".": H, docker-H.scope, cri-containerd:H.
 */
static bool
find_hash(struct slice name, struct slice *id)
{
	bool found = false;
	size_t n;

	for (size_t at = 0; at < name.size; at += n + 1) {
		n = hex_digits(name, at);
		if (n != HASH_DIGITS ||
		    (at > 0 && name.data[at - 1] != '-' &&
			name.data[at - 1] != ':') ||
		    (at + n < name.size && name.data[at + n] != '.'))
			continue;
		*id = (struct slice){ name.data + at, n };
		found = true;
	}
	return found;
}

/* A whole name of 32 digits, "-" and a number. */
static bool
find_task(struct slice name, struct slice *id)
{
	size_t at = TASK_DIGITS + 1;

	if (name.size <= at || name.size > at + TASK_NUMBER_MAX ||
	    hex_digits(name, 0) != TASK_DIGITS || name.data[TASK_DIGITS] != '-')
		return false;
	while (at < name.size && is_digit(name.data[at]))
		at++;
	if (at < name.size)
		return false;
	*id = name;
	return true;
}

/* The id of the innermost directory of the path that has one. */
static bool
find_in_path(struct slice path, struct slice *id)
{
	bool found = false;

	while (path.size > 0) {
		const char *slash = memchr(path.data, '/', path.size);
		struct slice name = { path.data,
			slash ? (size_t)(slash - path.data) : path.size };

		if (find_hash(name, id) || find_task(name, id))
			found = true;
		if (slash == NULL)
			break;
		path.data += name.size + 1;
		path.size -= name.size + 1;
	}
	return found;
}

static void
trim(struct slice *s)
{
	size_t deleted = strlen(DELETED);

	while (s->size > 0 && is_blank(s->data[s->size - 1]))
		s->size--;
	if (s->size > deleted &&
	    memcmp(s->data + s->size - deleted, DELETED, deleted) == 0)
		s->size -= deleted;
}

/* What follows the hierarchy's number and its controllers. */
static bool
path_of(struct slice line, struct slice *path)
{
	const char *p = line.data, *end = line.data + line.size;

	for (int colons = 0; colons < 2; colons++) {
		p = memchr(p, ':', end - p);
		if (p == NULL)
			return false;
		p++;
	}
	*path = (struct slice){ p, end - p };
	return path->size > 0 && *p == '/';
}

void
container_id_find(const char *text, size_t size, char id[CONTAINER_ID_SIZE])
{
	const char *end = text + size;
	struct slice path, found;

	id[0] = '\0';
	while (text < end) {
		const char *newline = memchr(text, '\n', end - text);
		struct slice line = { text,
			(size_t)((newline ? newline : end) - text) };

		trim(&line);
		if (path_of(line, &path) && find_in_path(path, &found)) {
			memcpy(id, found.data, found.size);
			id[found.size] = '\0';
			return;
		}
		if (newline == NULL)
			return;
		text = newline + 1;
	}
}

/* Bytes of the file, at most size; or -errno. */
static ssize_t
read_text(int fd, char *text, size_t size)
{
	size_t used = 0;
	ssize_t n;

	while (used < size) {
		n = pread(fd, text + used, size - used, used);
		if (n == 0)
			break;
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			used += n;
	}
	return used;
}

int
container_id_read(int fd, char id[CONTAINER_ID_SIZE])
{
	char text[CONTAINER_ID_TEXT_MAX];
	ssize_t size = read_text(fd, text, sizeof(text));

	id[0] = '\0';
	if (size < 0)
		return size;
	if (size == sizeof(text)) /* the last line may be cut */
		while (size > 0 && text[size - 1] != '\n')
			size--;
	container_id_find(text, size, id);
	return 0;
}
