/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Accepts connections, forks a child for each, watches children and clients.
 * Reads no byte that anyone sent.
 */
#ifndef COLLECTOR_LISTENER_H
#define COLLECTOR_LISTENER_H

#include <stdint.h>
#include <sys/types.h>

struct opener_context;
struct sampler_context;

/* Children of each kind. */
#define LISTENER_MAX_CHILDREN 8
/* A child whose client has hung up may take so long to end. */
#define LISTENER_GRACE_MS 500

enum child_kind { CHILD_SAMPLER, CHILD_OPENER, CHILD_KINDS };

struct listener_options {
	int sockets[CHILD_KINDS]; /* listening, non-blocking; -1: none */
	uid_t client;             /* who may connect, besides root */
	int kallsyms;             /* for samplers, from ksyms_open_file() */
	/* for sampler_context; 0: by the number of CPUs */
	uint32_t stack_parts, counts;
	/* what the children do; they never return */
	void (*sampler)(const struct sampler_context *ctx);
	void (*opener)(const struct opener_context *ctx);
};

/* Until SIGTERM or SIGINT; then ends the children. 0 or -errno. */
int listener_run(const struct listener_options *options);

#endif
