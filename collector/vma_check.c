/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PROCMAP_QUERY costs a microsecond whatever the number of mappings; kernels
 * before 6.11 have only the text, which the kernel writes and which lists
 * mappings by rising address.
 */
#include "collector/vma_check.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* linux/fs.h since 6.11 */
struct procmap_query_arg {
	uint64_t size;
	uint64_t flags;
	uint64_t address;
	uint64_t vma_start, vma_end, vma_flags, vma_page_size, vma_offset;
	uint64_t inode;
	uint32_t major, minor;
	uint32_t name_size, build_id_size;
	uint64_t name, build_id;
};
#define PROCMAP_QUERY_IOCTL _IOWR('f', 17, struct procmap_query_arg)
#define QUERY_EXECUTABLE 0x04
#define QUERY_FILE_BACKED 0x20

/* A line is two addresses, a few fields and a path of at most 4 KiB. */
#define LINE_MAX_BYTES 8192
/* 65530 mappings with paths of 1 KiB: more is nobody's program. */
#define TEXT_MAX_BYTES (64 * 1024 * 1024)

enum line_match { LINE_BEFORE, LINE_MATCHES, LINE_REFUSED };

/* "7f12-7f34 r-xp 00001000 fe:00 1234   /path" */
static enum line_match
match_line(const char *line, uint64_t start, uint64_t end)
{
	unsigned long long from, to, offset, inode;
	unsigned major, minor;
	char perms[5];

	if (sscanf(line, "%llx-%llx %4s %llx %x:%x %llu", &from, &to, perms,
		&offset, &major, &minor, &inode) != 7)
		return LINE_REFUSED;
	if (from < start)
		return LINE_BEFORE;
	return from == start && to == end && perms[2] == 'x' && inode != 0
		   ? LINE_MATCHES
		   : LINE_REFUSED;
}

int
vma_check_text(int maps, uint64_t start, uint64_t end)
{
	char buffer[LINE_MAX_BYTES + 1];
	size_t used = 0, total = 0;
	ssize_t n;

	if (lseek(maps, 0, SEEK_SET) < 0)
		return -errno;
	while (used < LINE_MAX_BYTES && total < TEXT_MAX_BYTES &&
	       (n = read(maps, buffer + used, LINE_MAX_BYTES - used)) != 0) {
		char *line = buffer, *newline;

		if (n < 0)
			return -errno;
		used += n;
		total += n;
		buffer[used] = '\0';
		while ((newline = strchr(line, '\n')) != NULL) {
			enum line_match match = match_line(line, start, end);

			if (match != LINE_BEFORE)
				return match == LINE_MATCHES ? 0 : -ENOENT;
			line = newline + 1;
		}
		used -= line - buffer;
		memmove(buffer, line, used);
	}
	return -ENOENT;
}

int
vma_check(int maps, uint64_t start, uint64_t end)
{
	struct procmap_query_arg query = {
		.size = sizeof(query),
		.flags = QUERY_EXECUTABLE | QUERY_FILE_BACKED,
		.address = start,
	};

	if (ioctl(maps, PROCMAP_QUERY_IOCTL, &query) == 0)
		return query.vma_start == start && query.vma_end == end
			   ? 0
			   : -ENOENT;
	if (errno == ENOTTY || errno == ENOSYS)
		return vma_check_text(maps, start, end);
	return -errno;
}
