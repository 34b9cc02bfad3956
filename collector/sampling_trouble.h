/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why sampling cannot start, in one line that names the missing capability,
 * sysctl, limit or kernel feature and how to give it.
 */
#ifndef COLLECTOR_SAMPLING_TROUBLE_H
#define COLLECTOR_SAMPLING_TROUBLE_H

#include <stdbool.h>
#include <stddef.h>

/* What is known of this machine and of us. */
struct sampling_facts {
	unsigned long long missing; /* capabilities of the sampler we lack */
	bool admin;                 /* we have CAP_SYS_ADMIN */
	int paranoid;               /* kernel.perf_event_paranoid, or -2 */
	unsigned long memlock;      /* RLIMIT_MEMLOCK, bytes */
	bool memlock_counts;        /* before 5.11 it bounds BPF maps */
	bool btf;                   /* there is /sys/kernel/btf/vmlinux */
	bool locked;                /* lockdown=confidentiality */
};

/* Sends what libbpf says to the debug log. */
void sampling_trouble_listen(void);

/* Logs why loading BPF, or opening an event, failed with r (-errno). */
void sampling_trouble_load(int r);
void sampling_trouble_event(int r);
/* Logs why the rings of process events could not be had. */
void sampling_trouble_rings(int r);

/* The same as text: for tests. */
void sampling_trouble_load_text(
    int r, const struct sampling_facts *facts, char *text, size_t size);
void sampling_trouble_event_text(
    int r, const struct sampling_facts *facts, char *text, size_t size);

#endif
