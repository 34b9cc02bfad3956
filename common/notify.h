/* SPDX-License-Identifier: Apache-2.0 */
/* The two ends of systemd that we need, by hand: LISTEN_FDS, NOTIFY_SOCKET. */
#ifndef COMMON_NOTIFY_H
#define COMMON_NOTIFY_H

/*
 * The listening socket that systemd or `phlare-ebpf run` passed under this
 * name (LISTEN_FDNAMES), made close-on-exec and non-blocking; or -ENOENT.
 * LISTEN_PID, if set, must be ours or nothing is found.
 */
int notify_listen_fd(const char *name);

/*
 * Opens NOTIFY_SOCKET if there is one; to be called before the sandbox.
 */
void notify_open(void);
/* The symbolizer: a sampler has its settings. `record` counts from here. */
#define NOTIFY_SAMPLING "STATUS=sampling"
/* The listener: a sampler could not start, and has said why in the log. */
#define NOTIFY_NO_SAMPLER "X_PHLARE_SAMPLER=failed"
/* Sends e.g. "READY=1" or "STATUS=..."; silently nothing without a socket. */
void notify_send(const char *state);

#endif
