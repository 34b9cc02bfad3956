/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether the collector may do its work at all, before it gives up what it
 * does not need: one line that names what is missing and how to give it.
 */
#ifndef COLLECTOR_REQUIREMENTS_H
#define COLLECTOR_REQUIREMENTS_H

#include <stdbool.h>
#include <stddef.h>

struct requirements {
	unsigned long long missing; /* capabilities of the listener we lack */
	bool admin;                 /* we have CAP_SYS_ADMIN */
	bool user_namespace; /* not in the first: it counts for nothing */
	bool bpf, perf, btf; /* the kernel has BPF, perf events, its types */
	bool locked;         /* it is locked down: lockdown=confidentiality */
	int paranoid;        /* kernel.perf_event_paranoid */
	int major, minor;    /* of the kernel */
	unsigned long long memlock; /* RLIMIT_MEMLOCK, bytes */
};

/* Raises RLIMIT_MEMLOCK first, where the kernel counts maps as such memory. */
void requirements_find(struct requirements *r);

/* Writes why it cannot work to text, if so. True: nothing is missing. */
bool requirements_met(const struct requirements *r, char *text, size_t size);

/* Capabilities to keep beside the row's until sampling has started. */
unsigned long long requirements_extra_caps(const struct requirements *r);

#endif
