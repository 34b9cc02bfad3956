/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a process maps a file as code: asked of its open maps file. */
#ifndef COLLECTOR_VMA_CHECK_H
#define COLLECTOR_VMA_CHECK_H

#include <stdint.h>

/*
 * 0 if the process of this open /proc/PID/maps has an executable mapping of a
 * file from start to end exactly, -ENOENT if it has not, or another -errno.
 */
int vma_check(int maps, uint64_t start, uint64_t end);

/* The same by reading the text, as before Linux 6.11. Moves the offset. */
int vma_check_text(int maps, uint64_t start, uint64_t end);

#endif
