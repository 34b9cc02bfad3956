/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists the processes that run already: by BPF iterators, which need no
 * privilege once loaded; before Linux 5.12 by one pass over /proc/PID/maps,
 * which does.
 */
#ifndef COLLECTOR_PROCESS_SCAN_H
#define COLLECTOR_PROCESS_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct processes;
struct process_scan;
struct sampler_bpf;
struct mapping_event;

/*
 * proc_maps: use /proc/PID/maps although the kernel can do better. 0 or
 * -errno.
 */
int process_scan_open(
    struct process_scan **out, struct sampler_bpf *bpf, bool proc_maps);
void process_scan_free(struct process_scan *scan);

/* Tells ps who runs. 0, or -errno: then the list is incomplete. */
int process_scan_run(struct process_scan *scan, struct processes *ps);

/* Whether process_scan_run still works without privilege. */
bool process_scan_lasts(const struct process_scan *scan);

/* A line of /proc/PID/maps; false if it is not of executable memory. */
bool process_scan_parse_maps(
    const char *line, size_t size, struct mapping_event *m);

#endif
