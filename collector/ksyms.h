/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's functions with their addresses, as text in the form of
 * /proc/kallsyms: by a BPF iterator, before Linux 6.0 from that file.
 */
#ifndef COLLECTOR_KSYMS_H
#define COLLECTOR_KSYMS_H

struct ksyms;
struct sampler_bpf;

/* Opens what needs privilege. Never NULL; ksyms_read tells what failed. */
struct ksyms *ksyms_open(struct sampler_bpf *bpf);
void ksyms_free(struct ksyms *k);

/* The symbols in a new sealed memfd (caller's), or -errno. */
int ksyms_read(struct ksyms *k);

#endif
