/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/proc_dir.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NSEC_PER_SEC 1000000000ULL
/* Fields of stat after the name: state is the first, start time the 20th. */
#define STAT_START_FIELD 20
#define PID_LIMIT (4u * 1024 * 1024)
/* Before the lines we want comes the list of up to 65536 groups. */
#define STATUS_MAX (1024 * 1024)

int
proc_dir_parse_stat(const char *text, uint64_t *ticks)
{
	/* the name before it may hold anything, parentheses too */
	const char *p = strrchr(text, ')');
	char *end;

	if (p == NULL)
		return -EINVAL;
	p++;
	for (int field = 1; field < STAT_START_FIELD; field++) {
		while (*p == ' ')
			p++;
		while (*p != '\0' && *p != ' ')
			p++;
	}
	while (*p == ' ')
		p++;
	if (!isdigit((unsigned char)*p))
		return -EINVAL;
	*ticks = strtoull(p, &end, 10);
	return *end == ' ' || *end == '\n' || *end == '\0' ? 0 : -EINVAL;
}

/* Reads what fits. The number of bytes, text is terminated; or -errno. */
static ssize_t
read_text(int dir, const char *name, char *text, size_t size)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	size_t used = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	while (used + 1 < size &&
	       (n = read(fd, text + used, size - 1 - used)) != 0) {
		if (n < 0) {
			n = -errno;
			close(fd);
			return n;
		}
		used += n;
	}
	close(fd);
	text[used] = '\0';
	return used;
}

static int
check_start(int dir, uint64_t start_time)
{
	uint64_t hz = sysconf(_SC_CLK_TCK);
	uint64_t want = start_time / (NSEC_PER_SEC / hz), ticks;
	char text[2048];
	ssize_t n = read_text(dir, "stat", text, sizeof(text));

	if (n < 0)
		return n == -ENOENT ? -ESRCH : (int)n;
	if (proc_dir_parse_stat(text, &ticks) < 0)
		return -ESRCH;
	return ticks == want || ticks + 1 == want ? 0 : -ESRCH;
}

int
proc_dir_open(uint32_t pid, uint64_t start_time)
{
	char path[32];
	int dir, r;

	if (pid == 0 || pid > PID_LIMIT)
		return -ESRCH;
	snprintf(path, sizeof(path), "/proc/%u", pid);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	if ((r = check_start(dir, start_time)) < 0) {
		close(dir);
		return r;
	}
	return dir;
}

/* The n-th number (from 0) of the line that starts with name. 0, -EINVAL. */
static int
number_of(const char *text, const char *name, int n, uint32_t *number)
{
	const char *p = strstr(text, name);
	char *end;

	if (p == NULL)
		return -EINVAL;
	p += strlen(name);
	for (;; n--) {
		while (*p == '\t' || *p == ' ')
			p++;
		if (!isdigit((unsigned char)*p))
			return -EINVAL;
		*number = strtoul(p, &end, 10);
		p = end;
		if (n == 0)
			return 0;
	}
}

/* The last number of the line. */
static int
last_number_of(const char *text, const char *name, uint32_t *number)
{
	int r = number_of(text, name, 0, number);

	for (int n = 1; r == 0 && number_of(text, name, n, number) == 0;)
		n++;
	return r;
}

int
proc_dir_status(int dir, struct proc_status *status)
{
	char *text = malloc(STATUS_MAX);
	uint32_t uid;
	ssize_t n;
	int r;

	if (text == NULL)
		return -ENOMEM;
	n = read_text(dir, "status", text, STATUS_MAX);
	r = n < 0 ? (int)n : number_of(text, "\nUid:", 1, &uid);
	if (r == 0)
		r = last_number_of(text, "\nNStgid:", &status->ns_pid);
	if (r == 0)
		status->uid = uid;
	free(text);
	return r;
}
