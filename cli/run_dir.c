/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/remove_tree.h"
#include "common/log.h"

#define IDS_ATTEMPTS 16

/* The pid in the name of a run directory, 0 if it is none. */
static pid_t
owner_of(const char *name)
{
	char *end;
	long pid;

	if (strncmp(name, RUN_DIR_PREFIX, strlen(RUN_DIR_PREFIX)) != 0)
		return 0;
	name += strlen(RUN_DIR_PREFIX);
	pid = strtol(name, &end, 10);
	return *name >= '1' && *name <= '9' && *end == '\0' ? (pid_t)pid : 0;
}

/* Calls fn for every run directory in parent. */
static void
run_dirs_each(
    int parent, void (*fn)(int, const char *, pid_t, void *), void *arg)
{
	int fd = openat(parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (d == NULL) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((e = readdir(d)) != NULL) {
		pid_t owner = owner_of(e->d_name);

		if (owner != 0)
			fn(parent, e->d_name, owner, arg);
	}
	closedir(d);
}

/*
 * The pid may live in another pid namespace that shares /run, and a young
 * directory may not be locked yet: both signs of death are needed.
 */
static void
clean_one(int parent, const char *name, pid_t owner, void *arg)
{
	struct stat st;
	int fd, r;

	(void)arg;
	if (owner != getpid() && (kill(owner, 0) == 0 || errno != ESRCH))
		return;
	fd = openat(
	    parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && st.st_uid == geteuid() &&
	    flock(fd, LOCK_EX | LOCK_NB) == 0 &&
	    (r = remove_tree(parent, name)) < 0)
		log_warnx(NULL, "cannot remove the left-over %s: %s", name,
		    strerror(-r));
	close(fd);
}

void
run_dirs_clean(const char *parent)
{
	int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return;
	run_dirs_each(fd, clean_one, NULL);
	close(fd);
}

int
run_dir_name(struct run_dir *dir, const char *parent)
{
	dir->fd = -1;
	dir->parent = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir->parent < 0)
		return -errno;
	snprintf(
	    dir->name, sizeof(dir->name), RUN_DIR_PREFIX "%d", (int)getpid());
	if ((size_t)snprintf(dir->path, sizeof(dir->path), "%s/%s", parent,
		dir->name) >= sizeof(dir->path))
		return -ENAMETOOLONG;
	return 0;
}

int
run_dir_make(struct run_dir *dir)
{
	if (mkdirat(dir->parent, dir->name, 0700) < 0)
		return -errno;
	dir->fd = openat(dir->parent, dir->name,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	/* the mode by hand: umask may be anything */
	if (dir->fd < 0 || flock(dir->fd, LOCK_EX | LOCK_NB) < 0 ||
	    fchmod(dir->fd, 0711) < 0)
		return -errno;
	return 0;
}

void
run_dir_close(struct run_dir *dir)
{
	if (dir->fd >= 0)
		close(dir->fd);
	if (dir->parent >= 0)
		close(dir->parent);
	dir->fd = dir->parent = -1;
}

/* The ids that another run directory's group stands for. */
static void
note_one(int parent, const char *name, pid_t owner, void *arg)
{
	struct ids_used *used = arg;
	struct stat st;

	if (owner == getpid() ||
	    fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	for (uint32_t i = 0; i < PROGRAMS; i++)
		ids_note(used, st.st_gid + i);
}

int
run_dir_choose_ids(struct run_dir *dir, struct privilege_ids ids[PROGRAMS])
{
	/* on the heap: the table is 4 KiB, twice */
	struct ids_used *used = ecalloc(1, sizeof(*used));
	struct ids_used *claims = ecalloc(1, sizeof(*claims));
	int r = ids_note_processes(used);
	unsigned int seed = getpid();
	uint32_t first;

	run_dirs_each(dir->parent, note_one, used);
	for (int i = 0; r == 0 && i < IDS_ATTEMPTS; i++, seed++) {
		if ((r = ids_pick(used, seed, &first)) < 0 ||
		    (r = ids_choose(used, seed, ids)) < 0)
			break;
		if (fchown(dir->fd, -1, first) < 0) {
			r = -errno;
			break;
		}
		/* who chose the same at the same moment sees it too */
		memset(claims, 0, sizeof(*claims));
		run_dirs_each(dir->parent, note_one, claims);
		if (!claims->id[first - IDS_FIRST])
			break;
		r = i + 1 < IDS_ATTEMPTS ? 0 : -EAGAIN;
	}
	free(used);
	free(claims);
	return r;
}
