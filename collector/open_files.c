/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/open_files.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/proc_dir.h"
#include "collector/vma_check.h"

/* No waiting for a lease, no terminal of ours; device files are not opened. */
#define OPEN_FLAGS (O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
/* A look at a file without opening it: no driver, no lease is touched. */
#define LOOK_FLAGS (O_PATH | O_CLOEXEC)
#define BUILD_ID_MIN 2
#define BUILD_ID_MAX 64

/* Where distributions put debug files that a debuglink names. */
static const char *const debug_link_dirs[] = {
	"",
	"/usr/bin",
	"/usr/sbin",
	"/usr/lib",
	"/usr/lib64",
	"/usr/libexec",
#ifdef __x86_64__
	"/usr/lib/x86_64-linux-gnu",
	"/lib/x86_64-linux-gnu",
#else
	"/usr/lib/aarch64-linux-gnu",
	"/lib/aarch64-linux-gnu",
#endif
	"/bin",
	"/sbin",
	"/lib",
	"/lib64",
};

/* Opens what was looked at: that inode and no other. */
static int
open_looked_at(int look)
{
	char path[40];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", look);
	fd = open(path, OPEN_FLAGS);
	return fd < 0 ? -errno : fd;
}

/* A program or library of this machine's byte order. */
static int
check_elf(int fd)
{
	Elf64_Ehdr header; /* the fields used lie where Elf32_Ehdr has them */
	ssize_t n = pread(fd, &header, sizeof(Elf32_Ehdr), 0);

	if (n < 0)
		return -errno;
	if (n < (ssize_t)sizeof(Elf32_Ehdr) ||
	    memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
	    (header.e_ident[EI_CLASS] != ELFCLASS32 &&
		header.e_ident[EI_CLASS] != ELFCLASS64) ||
	    header.e_ident[EI_DATA] != ELFDATA2LSB ||
	    (header.e_type != ET_EXEC && header.e_type != ET_DYN))
		return -ENOEXEC;
	return 0;
}

/* Opens the regular file of at most max bytes that was looked at. */
static int
open_regular(int look, const struct stat *st, uint64_t max)
{
	if (!S_ISREG(st->st_mode))
		return -EACCES;
	if ((uint64_t)st->st_size > max)
		return -EFBIG;
	return open_looked_at(look);
}

static int
open_elf(int look, const struct stat *st)
{
	int fd = open_regular(look, st, OPEN_FILES_ELF_MAX), r;

	if (fd >= 0 && (r = check_elf(fd)) < 0) {
		close(fd);
		return r;
	}
	return fd;
}

/* ---- of a process, by its directory */

static int
open_text(int dir, const char *name)
{
	int fd = openat(dir, name, OPEN_FLAGS);

	return fd < 0 ? -errno : fd;
}

static int
open_maps(int dir, const phlare_OpenRequest *request)
{
	(void)request;
	return open_text(dir, "maps");
}

static int
open_cgroup(int dir, const phlare_OpenRequest *request)
{
	(void)request;
	return open_text(dir, "cgroup");
}

/* Asks the process as it is now: an exec gives it other maps. */
static int
check_mapping(int dir, const phlare_OpenRequest *request)
{
	int maps = open_text(dir, "maps"), r;

	if (maps < 0)
		return maps;
	r = vma_check(maps, request->vma_start, request->vma_end);
	close(maps);
	return r;
}

static int
open_mapped_file(int dir, const phlare_OpenRequest *request)
{
	char name[64];
	struct stat st;
	int look, fd = -1, r;

	if ((r = check_mapping(dir, request)) < 0)
		return r;
	snprintf(name, sizeof(name), "map_files/%llx-%llx",
	    (unsigned long long)request->vma_start,
	    (unsigned long long)request->vma_end);
	look = openat(dir, name, LOOK_FLAGS);
	if (look < 0)
		return -errno;
	if (fstat(look, &st) < 0)
		r = -errno;
	else if ((fd = open_elf(look, &st)) < 0)
		r = fd;
	else
		r = check_mapping(dir, request); /* it was that one */
	close(look);
	if (r < 0 && fd >= 0)
		close(fd);
	return r < 0 ? r : fd;
}

/*
 * /tmp/perf-PID.map as the process sees it. It may have put anything there,
 * so no link is followed and the file must be its own, and have no other name:
 * where protected_hardlinks is off, anyone can give it to a file of root's.
 */
static int
look_at_perf_map(int dir, uint32_t ns_pid)
{
	char name[32];
	int root, tmp, look;

	root = openat(dir, "root", LOOK_FLAGS | O_DIRECTORY);
	if (root < 0)
		return -errno;
	tmp = openat(root, "tmp", LOOK_FLAGS | O_DIRECTORY | O_NOFOLLOW);
	close(root);
	if (tmp < 0)
		return -errno;
	snprintf(name, sizeof(name), "perf-%u.map", ns_pid);
	look = openat(tmp, name, LOOK_FLAGS | O_NOFOLLOW);
	if (look < 0)
		look = -errno;
	close(tmp);
	return look;
}

static int
open_perf_map(int dir, const phlare_OpenRequest *request)
{
	struct proc_status status;
	struct stat st;
	int look, r;

	(void)request;
	if ((r = proc_dir_status(dir, &status)) < 0)
		return r;
	look = look_at_perf_map(dir, status.ns_pid);
	if (look < 0)
		return look;
	if (fstat(look, &st) < 0)
		r = -errno;
	else if (st.st_uid != status.uid || st.st_nlink != 1)
		r = -EACCES;
	else
		r = open_regular(look, &st, OPEN_FILES_PERF_MAP_MAX);
	close(look);
	return r;
}

/* ---- debug files of the host */

/* What root made and only root can change. */
static bool
is_roots(const struct stat *st)
{
	return st->st_uid == 0 && (st->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/* Follows links: in a directory of root's they are root's. */
static int
open_debug_file(const char *debug_dir, const char *dir, const char *name)
{
	char path[512];
	struct stat st;
	int parent, look, r;

	snprintf(path, sizeof(path), "%s%s", debug_dir, dir);
	parent = open(path, LOOK_FLAGS | O_DIRECTORY);
	if (parent < 0)
		return -errno;
	if (fstat(parent, &st) < 0 || !is_roots(&st)) {
		close(parent);
		return -EACCES;
	}
	look = openat(parent, name, LOOK_FLAGS);
	r = look < 0 ? -errno : 0;
	close(parent);
	if (look < 0)
		return r;
	if (fstat(look, &st) < 0)
		r = -errno;
	else if (!is_roots(&st))
		r = -EACCES;
	else
		r = open_elf(look, &st);
	close(look);
	return r;
}

static int
open_debug_build_id(const phlare_OpenRequest *request, const char *debug_dir)
{
	const uint8_t *id = request->name.bytes;
	char dir[16], name[2 * BUILD_ID_MAX + sizeof(".debug")];
	size_t used = 0;

	if (request->name.size < BUILD_ID_MIN ||
	    request->name.size > BUILD_ID_MAX)
		return -EINVAL;
	snprintf(dir, sizeof(dir), "/.build-id/%02x", id[0]);
	for (size_t i = 1; i < request->name.size; i++)
		used += snprintf(name + used, 3, "%02x", id[i]);
	snprintf(name + used, sizeof(name) - used, ".debug");
	return open_debug_file(debug_dir, dir, name);
}

static int
open_debug_link(const phlare_OpenRequest *request, const char *debug_dir)
{
	char name[sizeof(request->name.bytes) + 1];
	size_t size = request->name.size;
	int fd = -ENOENT;

	if (size == 0 || size > sizeof(request->name.bytes) ||
	    memchr(request->name.bytes, '/', size) != NULL ||
	    memchr(request->name.bytes, '\0', size) != NULL)
		return -EINVAL;
	memcpy(name, request->name.bytes, size);
	name[size] = '\0';
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return -EINVAL;
	for (size_t i = 0;
	     i < sizeof(debug_link_dirs) / sizeof(debug_link_dirs[0]) && fd < 0;
	     i++)
		fd = open_debug_file(debug_dir, debug_link_dirs[i], name);
	return fd;
}

/* ---- by kind */

static const struct kind {
	int (*of_process)(int dir, const phlare_OpenRequest *request);
	int (*of_host)(
	    const phlare_OpenRequest *request, const char *debug_dir);
} kinds[] = {
	[phlare_OpenKind_OPEN_MAPS] = { open_maps, NULL },
	[phlare_OpenKind_OPEN_CGROUP] = { open_cgroup, NULL },
	[phlare_OpenKind_OPEN_MAPPED_FILE] = { open_mapped_file, NULL },
	[phlare_OpenKind_OPEN_PERF_MAP] = { open_perf_map, NULL },
	[phlare_OpenKind_OPEN_DEBUG_BUILD_ID] = { NULL, open_debug_build_id },
	[phlare_OpenKind_OPEN_DEBUG_LINK] = { NULL, open_debug_link },
};

static int
open_of_process(const struct kind *kind, const phlare_OpenRequest *request)
{
	int dir = proc_dir_open(request->pid, request->start_time), fd;

	if (dir < 0)
		return dir;
	fd = kind->of_process(dir, request);
	close(dir);
	return fd;
}

int
open_files_open(const phlare_OpenRequest *request, const char *debug_dir)
{
	const struct kind *kind;
	int fd;

	if (request->kind >= sizeof(kinds) / sizeof(kinds[0]))
		return -EINVAL;
	kind = &kinds[request->kind];
	if (kind->of_process != NULL)
		fd = open_of_process(kind, request);
	else if (kind->of_host != NULL)
		fd = kind->of_host(request, debug_dir);
	else
		fd = -EINVAL;
	/* somebody holds a lease; EAGAIN would mean "ask again" */
	return fd == -EAGAIN ? -EBUSY : fd;
}
