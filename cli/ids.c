/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/ids.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void
ids_note(struct ids_used *used, uint32_t id)
{
	if (id >= IDS_FIRST && id <= IDS_LAST)
		used->id[id - IDS_FIRST] = true;
}

/* The numbers on the line that begins with key. */
static void
note_line(struct ids_used *used, const char *status, const char *key)
{
	const char *s = strstr(status, key);
	char *end;

	if (s == NULL)
		return;
	for (s += strlen(key); *s == '\t' || *s == ' '; s = end) {
		unsigned long id = strtoul(s, &end, 10);

		/* none: strtoul() may have looked past the line's end */
		if (end == s || memchr(s, '\n', end - s) != NULL)
			break;
		ids_note(used, id);
	}
}

void
ids_note_status(struct ids_used *used, const char *status)
{
	/* the name comes first and has its line ends escaped */
	note_line(used, status, "\nUid:");
	note_line(used, status, "\nGid:");
	note_line(used, status, "\nGroups:");
}

static void
note_process(struct ids_used *used, int proc, const char *pid)
{
	char path[300], text[4096];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/status", pid);
	fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return; /* it has ended */
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return;
	text[n] = '\0';
	ids_note_status(used, text);
}

int
ids_note_processes(struct ids_used *used)
{
	DIR *proc = opendir("/proc");
	struct dirent *e;

	if (proc == NULL)
		return -errno;
	while ((e = readdir(proc)) != NULL)
		if (isdigit((unsigned char)e->d_name[0]))
			note_process(used, dirfd(proc), e->d_name);
	closedir(proc);
	return 0;
}

static bool
is_free(const struct ids_used *used, uint32_t id)
{
	return !used->id[id - IDS_FIRST] && getpwuid(id) == NULL &&
	       getgrgid(id) == NULL;
}

static bool
are_free(const struct ids_used *used, uint32_t first)
{
	for (uint32_t i = 0; i < PROGRAMS; i++)
		if (!is_free(used, first + i))
			return false;
	return true;
}

int
ids_pick(const struct ids_used *used, unsigned int seed, uint32_t *first)
{
	unsigned int slots = IDS_COUNT / PROGRAMS;

	for (unsigned int i = 0; i < slots; i++) {
		*first = IDS_FIRST + (seed % slots + i) % slots * PROGRAMS;
		if (are_free(used, *first))
			return 0;
	}
	return -ENOENT;
}

int
ids_choose(const struct ids_used *used, unsigned int seed,
    struct privilege_ids ids[PROGRAMS])
{
	uint32_t first;

	if (ids_pick(used, seed, &first) < 0)
		return -ENOENT;
	for (int i = 0; i < PROGRAMS; i++) {
		const struct passwd *pw = getpwnam(program_name(i));

		ids[i].uid = ids[i].gid = first + i;
		if (pw != NULL && pw->pw_uid != 0) {
			ids[i].uid = pw->pw_uid;
			ids[i].gid = pw->pw_gid;
		}
	}
	return 0;
}
