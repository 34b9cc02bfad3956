/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shipper.sock: one symbolizer at a time. Speaks the protocol; what the
 * messages mean is the callbacks' business. The peer is not trusted: a
 * message that breaks a rule ends the connection.
 */
#ifndef SHIPPER_SYMBOLIZER_SERVER_H
#define SHIPPER_SYMBOLIZER_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/shipper.pb.h"

struct event_base;
struct labels;
struct symbolizer_server;

/* A profile that came in; the callee takes fd and labels. */
struct symbolizer_profile {
	uint64_t session, id;
	uint32_t component;
	uint64_t samples, time_ns, duration_ns;
	uint64_t known_symbols, unknown_symbols, unknown_modules;
	uint64_t unknown_stacks;
	struct labels *labels;
	int fd; /* sealed, with size bytes, 1 to SETTINGS_PROFILE_MAX_BYTES */
	uint64_t size;
};

struct symbolizer_callbacks {
	/* It said hello: now it may be sent its components. */
	void (*on_hello)(void *arg, uint64_t session);
	void (*on_profile)(void *arg, const struct symbolizer_profile *profile);
	/* One that cannot be pushed: its labels are no text, or twice. */
	void (*on_unfit)(void *arg, const struct symbolizer_profile *profile,
	    const char *why);
	void (*on_report)(void *arg, const phlare_LedgerReport *report);
	void (*on_status)(void *arg, const phlare_SymbolizerStatus *status);
	void (*on_finished)(void *arg);
	/* It has handed over all of the component, and knows it no more. */
	void (*on_removed)(void *arg, uint32_t component);
	void (*on_gone)(void *arg);
};

/*
 * Takes fd, a listening SOCK_SEQPACKET socket, from the loop on. session is
 * this shipper's own random number.
 */
struct symbolizer_server *symbolizer_server_new(struct event_base *base, int fd,
    uint64_t session, const struct symbolizer_callbacks *callbacks, void *arg);
/* NULL is fine. */
void symbolizer_server_free(struct symbolizer_server *s);

/* Whether one is connected and has said hello. */
bool symbolizer_server_connected(const struct symbolizer_server *s);
/* Its session; 0 if none is connected. */
uint64_t symbolizer_server_session(const struct symbolizer_server *s);

/* 0 or -errno: -ENOTCONN, or as ipc_send(). fd stays the caller's. */
int symbolizer_server_send(
    struct symbolizer_server *s, const phlare_ShipperCommand *command, int fd);

/* Waits a little for what is queued to be read: before an exit. */
void symbolizer_server_flush(struct symbolizer_server *s);

#endif
