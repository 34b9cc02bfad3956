/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process by its /proc/PID directory. A descriptor of it names one process
 * for good: when that is gone, all opens below it fail with ESRCH, even if its
 * pid has been used again.
 */
#ifndef COLLECTOR_PROC_DIR_H
#define COLLECTOR_PROC_DIR_H

#include <stdint.h>
#include <sys/types.h>

/*
 * Opens /proc/pid of the process that started at start_time (CLOCK_BOOTTIME
 * ns, at most 10 ms too late). The descriptor, or -errno: -ESRCH when it is
 * gone or another process has its pid.
 */
int proc_dir_open(uint32_t pid, uint64_t start_time);

struct proc_status {
	uid_t uid;       /* effective */
	uint32_t ns_pid; /* its pid in its innermost pid namespace */
};

/* 0 or -errno. */
int proc_dir_status(int dir, struct proc_status *status);

/* Start time in clock ticks out of the text of /proc/PID/stat. 0, -EINVAL. */
int proc_dir_parse_stat(const char *text, uint64_t *ticks);

#endif
