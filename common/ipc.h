/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection between two of our processes: SOCK_SEQPACKET, one nanopb
 * message per packet, at most one descriptor attached. Checks length, tag,
 * descriptor and decoding before a handler sees anything; a peer that breaks
 * the protocol is disconnected and the fact is logged. The only file besides
 * the main loops that knows libevent.
 */
#ifndef COMMON_IPC_H
#define COMMON_IPC_H

#include <stddef.h>
#include <stdint.h>

#include <pb.h>

#define IPC_PROTOCOL_VERSION 1
#define IPC_MAX_BYTES 65536
/* What may wait for a slow peer. */
#define IPC_QUEUE_MESSAGES 1024
#define IPC_QUEUE_BYTES (1024 * 1024)

struct event_base;
struct ipc;

/* The message must carry a descriptor; without this flag it must not. */
#define IPC_FD 1u
/* The message may carry a descriptor. */
#define IPC_FD_OPTIONAL 2u

struct ipc_handler {
	uint32_t tag;
	unsigned flags;
	/*
	 * body is valid until the handler returns. The handler takes fd (-1
	 * if there is none). It may call ipc_free() on its own connection.
	 */
	void (*fn)(void *arg, const void *body, int fd);
};

/*
 * Who speaks here and what it may say. Every message type is a struct whose
 * only member is "oneof body": which_body first, then the union.
 */
struct ipc_role {
	const char *peer; /* for logs: "sampler", "symbolizer", ... */
	const pb_msgdesc_t *recv;
	size_t recv_size; /* sizeof the message struct */
	size_t recv_body; /* offsetof(message struct, body) */
	const pb_msgdesc_t *send;
	const struct ipc_handler *handlers; /* ends with tag 0 */
	/*
	 * The connection is over: why is a short text ("closed by peer",
	 * "protocol error: ..."). No handler is called after it. The owner
	 * calls ipc_free() in it or later.
	 */
	void (*on_close)(void *arg, const char *why);
};

/*
 * Takes fd, a connected SOCK_SEQPACKET socket, and makes it non-blocking.
 * role and arg must outlive the connection. Never NULL.
 */
struct ipc *ipc_new(
    struct event_base *base, int fd, const struct ipc_role *role, void *arg);
/* Closes the connection and drops what is queued. NULL is fine. */
void ipc_free(struct ipc *ipc);

/*
 * Sends msg (of the role's send type); fd, unless -1, goes with it and stays
 * the caller's. Queues when the peer is slow. 0, or -errno: -ENOBUFS when the
 * queue is full (nothing is sent; the caller counts it), -EPIPE when the
 * connection is over (on_close follows from the loop), -EMSGSIZE.
 */
int ipc_send(struct ipc *ipc, const void *msg, int fd);

/* Messages waiting for the peer. */
size_t ipc_queued(const struct ipc *ipc);

/*
 * Sends what is queued, waiting up to timeout_ms for the peer to read it: for
 * the last message before an exit. 0 or -errno.
 */
int ipc_flush(struct ipc *ipc, int timeout_ms);

/* uid of the process that connected, or (uid_t)-1. */
unsigned ipc_peer_uid(const struct ipc *ipc);

/*
 * Connects to the SOCK_SEQPACKET socket at path. The descriptor
 * (close-on-exec, non-blocking) or -errno.
 */
int ipc_connect(const char *path);

#endif
