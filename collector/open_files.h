/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The only files that the collector ever hands out (DESIGN.md 2): text of
 * /proc about a process, its perf map, ELF files that a process maps as code,
 * and debug files of the host. No path comes from the client, no directory
 * and nothing but regular files goes to it.
 */
#ifndef COLLECTOR_OPEN_FILES_H
#define COLLECTOR_OPEN_FILES_H

#include "collector.pb.h"

#define OPEN_FILES_ELF_MAX (2ULL * 1024 * 1024 * 1024) /* bytes */
#define OPEN_FILES_PERF_MAP_MAX (64ULL * 1024 * 1024)
#define OPEN_FILES_DEBUG_DIR "/usr/lib/debug"

/*
 * Opens what the request asks for, read only; debug_dir is where debug files
 * lie. The descriptor, which is the caller's, or -errno: -EINVAL for a request
 * that makes no sense, -ESRCH for a process that is gone or another one,
 * -ENOENT where there is no such file or mapping, -EACCES for a file that is
 * not to be handed out, -ENOEXEC for one that is not ELF, -EFBIG. Never
 * -EAGAIN.
 */
int open_files_open(const phlare_OpenRequest *request, const char *debug_dir);

#endif
