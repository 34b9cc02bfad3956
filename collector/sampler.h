/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The child that the listener forks for one client of collector.sock: it
 * samples, follows processes and hands over batches until the client hangs
 * up. It alone loads BPF.
 */
#ifndef COLLECTOR_SAMPLER_H
#define COLLECTOR_SAMPLER_H

#include <stdint.h>
#include <sys/types.h>

#include "common/batch.h"
#include "common/privilege.h"

struct orphans;

struct sampler_context {
	int client;               /* connected SOCK_SEQPACKET socket; taken */
	pid_t listener;           /* the parent: we die with it */
	struct privilege_ids ids; /* whom to become */
	uint64_t listener_session;
	const struct orphans *handed; /* what the client gets in its hello */
	/*
	 * The live ledger: mapped shared with the listener and writable, and
	 * its memfd (taken), which goes to the client.
	 */
	struct ledger_page *page;
	int page_fd;
	int kallsyms; /* from ksyms_open_file(); stays the caller's */
	/* Entries of each map of a pair; 0: by the number of CPUs. */
	uint32_t stack_parts, counts;
};

/*
 * Loads BPF and opens what needs privilege, drops it, enters the sandbox,
 * then serves the client. Exits 0 when the client has hung up or broke the
 * protocol, 1 with one line on stderr when it cannot start.
 */
void sampler_run(const struct sampler_context *ctx) __attribute__((noreturn));

#endif
