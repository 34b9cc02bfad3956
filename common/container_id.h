/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In which container a process is, as its /proc/PID/cgroup says
 * (spec/phlare-ebpf.md 2.2, DESIGN.md 4). An id is 64 lower-case hex digits,
 * or 32 of them, "-" and a number (ECS tasks).
 */
#ifndef COMMON_CONTAINER_ID_H
#define COMMON_CONTAINER_ID_H

#include <stddef.h>

/* The longest id with its NUL. */
#define CONTAINER_ID_SIZE 65
/* What is looked at of a cgroup file: any that the kernel writes. */
#define CONTAINER_ID_TEXT_MAX 65536

/*
 * The id in the text of a cgroup file: that of the first line that has one;
 * of a line, that of the innermost directory that has one. "" if there is
 * none. Whole lines only: what follows the last newline counts if it is the
 * end of the file.
 */
void container_id_find(
    const char *text, size_t size, char id[CONTAINER_ID_SIZE]);

/* The same for an open cgroup file, read from its start. 0 or -errno. */
int container_id_read(int fd, char id[CONTAINER_ID_SIZE]);

#endif
