/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The child that the listener forks for one client of opener.sock: opens what
 * open_files.h allows, hands over the descriptor, keeps nothing.
 */
#ifndef COLLECTOR_OPENER_H
#define COLLECTOR_OPENER_H

#include <sys/types.h>

#include "common/privilege.h"

/* Answers that the client has not read yet; then the opener waits for it. */
#define OPENER_IN_FLIGHT 16
/* How often it opens: at once, and a second for good. Over it: EAGAIN. */
#define OPENER_BURST 1000
#define OPENER_PER_SECOND 500

struct opener_context {
	int client;               /* connected SOCK_SEQPACKET socket; taken */
	pid_t listener;           /* the parent: we die with it */
	struct privilege_ids ids; /* whom to become */
	const char *debug_dir;    /* where the host's debug files lie */
};

/*
 * Drops privilege, enters the sandbox, then serves the client. Exits 0 when
 * it has hung up or broke the protocol, 1 when it cannot start.
 */
void opener_run(const struct opener_context *ctx) __attribute__((noreturn));

#endif
