/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client of collector.sock for tests: blocking, one message at a time. Reads
 * batches with checks of its own, independent of the symbolizer's.
 */
#ifndef TESTS_SAMPLER_CLIENT_H
#define TESTS_SAMPLER_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include "common/batch.h"
#include "common/collector.pb.h"

/* Requests. 0 or -errno. */
int client_send(int sock, const phlare_SamplerRequest *request);
int client_hello(int sock);
int client_settings(int sock, uint32_t rate, uint32_t user, uint32_t kernel);
int client_collect(int sock, uint64_t interval);
int client_collect_last(int sock, uint64_t interval, uint32_t last);
int client_ack(int sock, uint64_t sequence);
int client_ask_kernel_symbols(int sock);

/*
 * The next event; *fd is its descriptor (caller's) or -1. 1, or 0 after
 * timeout_ms without any or when the peer hung up (-EPIPE), or -errno.
 */
int client_receive(
    int sock, phlare_SamplerEvent *event, int *fd, int timeout_ms);

/* A received batch or news, mapped and checked. */
struct batch_view {
	const void *data;
	size_t size;
	const struct batch_header *header;
	const struct batch_cpu *cpus;
	const struct batch_process *processes;
	const struct batch_mapping *mappings;
	const struct batch_count *counts;
	const struct batch_stack_part *parts;
	const char *strings;
};

/* Maps fd (and closes it). 0, or -errno when it does not hold together. */
int batch_view_open(struct batch_view *view, int fd);
void batch_view_close(struct batch_view *view);
/* Sum of the counts. */
uint64_t batch_view_samples(const struct batch_view *view);
/* NULL: not in it. */
const struct batch_process *batch_view_process(
    const struct batch_view *view, uint64_t generation);
/* Copies a stack, leaf first. Number of frames, 0: absent. */
unsigned batch_view_stack(const struct batch_view *view, uint64_t stack,
    uint64_t address[BATCH_MAX_FRAMES]);

#endif
