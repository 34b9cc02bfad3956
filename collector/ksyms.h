/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's functions with their addresses, as text in the form of
 * /proc/kallsyms: by a BPF iterator, before Linux 6.0 from that file. Who may
 * see addresses in it is decided when it is opened: it takes CAP_SYSLOG, which
 * no process of ours keeps.
 */
#ifndef COLLECTOR_KSYMS_H
#define COLLECTOR_KSYMS_H

#include <stdbool.h>
#include <stddef.h>

struct ksyms;
struct sampler_bpf;

/*
 * Opens /proc/kallsyms with whatever privilege there is, for ksyms_open() in
 * processes that have less: the descriptor or -errno.
 */
int ksyms_open_file(void);

/*
 * Opens what needs privilege. file, used where there is no iterator, is from
 * ksyms_open_file(); it stays the caller's and may be shared. Never NULL;
 * ksyms_read tells what failed.
 */
struct ksyms *ksyms_open(struct sampler_bpf *bpf, int file);
void ksyms_free(struct ksyms *k);

/* False where every line of kallsyms has address 0, as for the unprivileged. */
bool ksyms_text_has_addresses(const char *text, size_t size);

/* The symbols in a new sealed memfd (caller's), or -errno. */
int ksyms_read(struct ksyms *k);

#endif
