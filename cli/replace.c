/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/replace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/output.h"
#include "common/log.h"

/* "DIR/.NAME.XXXXXX" for "DIR/NAME"; to be freed. */
static char *
beside(const char *path)
{
	const char *slash = strrchr(path, '/');
	int directory = slash != NULL ? slash + 1 - path : 0;
	char *name;

	if (asprintf(
		&name, "%.*s.%s.XXXXXX", directory, path, path + directory) < 0)
		fatalx("out of memory");
	return name;
}

/* Content, owner and mode; on disk when it returns 0. */
static int
fill(int fd, int from, const struct stat *st)
{
	int r = output_copy(from, fd);

	if (r < 0)
		return r;
	if ((geteuid() != st->st_uid || getegid() != st->st_gid) &&
	    fchown(fd, st->st_uid, st->st_gid) < 0)
		return -errno;
	if (fchmod(fd, st->st_mode & 07777) < 0 || fsync(fd) < 0)
		return -errno;
	return 0;
}

static int
replace(const char *path, int from)
{
	struct stat st;
	char *temporary;
	int fd, r;

	if (stat(path, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	temporary = beside(path);
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0) {
		r = -errno;
		goto out;
	}
	r = fill(fd, from, &st);
	if (close(fd) < 0 && r == 0)
		r = -errno;
	if (r == 0 && rename(temporary, path) < 0)
		r = -errno;
	if (r < 0)
		unlink(temporary);
out:
	free(temporary);
	return r;
}

int
replace_file(const char *path, int from)
{
	char *real = realpath(path, NULL);
	int r;

	if (real == NULL)
		return -errno;
	r = replace(real, from);
	free(real);
	return r;
}
