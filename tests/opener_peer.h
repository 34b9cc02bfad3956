/* SPDX-License-Identifier: Apache-2.0 */
/* The client's side of opener.sock, one blocking call at a time: for tests. */
#ifndef TESTS_OPENER_PEER_H
#define TESTS_OPENER_PEER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "collector.pb.h"

/* CLOCK_BOOTTIME ns at which pid started, as far as /proc tells; 0: gone. */
uint64_t opener_peer_start_time(pid_t pid);

/* Reads the opener's hello and says ours. 0 or -errno. */
int opener_peer_hello(int sock);

int opener_peer_send(int sock, const phlare_OpenRequest *request);
/*
 * Reads one reply. *fd is the caller's, or -1. 0, -ECONNRESET at the end of
 * the connection, -ETIMEDOUT, -EPROTO.
 */
int opener_peer_reply(int sock, phlare_OpenReply *reply, int *fd);

/*
 * Asks and waits: the descriptor, minus the error the opener answered, or
 * -ECONNRESET when it hung up.
 */
int opener_peer_open(int sock, const phlare_OpenRequest *request);

#endif
