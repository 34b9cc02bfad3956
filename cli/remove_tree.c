/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/remove_tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int remove_at(int dir, const char *name, int depth);

static int
empty(int fd, int depth)
{
	DIR *d = fdopendir(fd);
	struct dirent *e;
	int r = 0, failed;

	if (d == NULL) {
		failed = -errno;
		close(fd);
		return failed;
	}
	while ((e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		failed = remove_at(dirfd(d), e->d_name, depth);
		if (r == 0)
			r = failed;
	}
	closedir(d);
	return r;
}

static int
remove_at(int dir, const char *name, int depth)
{
	int fd, r;

	if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR)
		return -errno;
	if (depth == 0)
		return -ELOOP;
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if ((r = empty(fd, depth - 1)) < 0)
		return r;
	return unlinkat(dir, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

int
remove_tree(int dir, const char *name)
{
	return remove_at(dir, name, REMOVE_TREE_DEPTH);
}
