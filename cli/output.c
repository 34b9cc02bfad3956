/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/options.h"

/* A file there that nobody sees, or for a moment where there is no such. */
static int
probe(int dir)
{
	char name[32];
	int fd = openat(dir, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);

	if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR)) {
		snprintf(name, sizeof(name), ".probe.%d", (int)getpid());
		fd = openat(dir, name,
		    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd >= 0)
			unlinkat(dir, name, 0);
	}
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

int
output_open(const char *path)
{
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;

	if (dir < 0)
		return -errno;
	if ((r = probe(dir)) < 0) {
		close(dir);
		return r;
	}
	return dir;
}

/* To whom new files go: -1 for nobody else. */
static void
owner(uid_t *uid, gid_t *gid)
{
	const char *u = getenv("SUDO_UID"), *g = getenv("SUDO_GID");
	uint64_t un, gn;

	*uid = *gid = -1;
	if (geteuid() == 0 && u != NULL && g != NULL &&
	    options_number(u, 0, UINT32_MAX - 1, &un) == 0 &&
	    options_number(g, 0, UINT32_MAX - 1, &gn) == 0) {
		*uid = un;
		*gid = gn;
	}
}

int
output_copy(int from, int to)
{
	char data[65536];
	off_t at = 0;
	ssize_t n;

	while ((n = pread(from, data, sizeof(data), at)) > 0) {
		for (ssize_t done = 0; done < n;) {
			ssize_t w = write(to, data + done, n - done);

			if (w < 0)
				return -errno;
			done += w;
		}
		at += n;
	}
	return n < 0 ? -errno : 0;
}

static int
fill(int fd, int from)
{
	uid_t uid;
	gid_t gid;
	int r;

	owner(&uid, &gid);
	if ((r = output_copy(from, fd)) < 0)
		return r;
	if (fchown(fd, uid, gid) < 0 || fchmod(fd, 0644) < 0)
		return -errno;
	return 0;
}

int
output_put(int directory, const char *name, int from)
{
	char temporary[64];
	int fd, r;

	snprintf(temporary, sizeof(temporary), ".%s.%d", name, (int)getpid());
	unlinkat(directory, temporary, 0);
	fd = openat(directory, temporary,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = fill(fd, from);
	/* a full disk may be noticed only here */
	if (close(fd) < 0 && r == 0)
		r = -errno;
	if (r == 0 && renameat(directory, temporary, directory, name) < 0)
		r = -errno;
	if (r < 0)
		unlinkat(directory, temporary, 0);
	return r;
}
