/* SPDX-License-Identifier: Apache-2.0 */
/* What the shipper tells the symbolizer about a component, as messages. */
#ifndef SHIPPER_COMMAND_H
#define SHIPPER_COMMAND_H

#include <stdint.h>

struct profiler;
struct symbolizer_server;

/*
 * Settings, then targets, of a profiler that is configured. 0 or -errno:
 * -ENOTCONN, as ipc_send(), or as target_set_new().
 */
int command_run(struct symbolizer_server *server, uint32_t number,
    const struct profiler *profiler);

/* There is no such component. */
int command_remove(struct symbolizer_server *server, uint32_t number);

/* That profile is settled. */
int command_taken(struct symbolizer_server *server, uint64_t profile);

/* Collect once more, now. */
int command_finish(struct symbolizer_server *server);

#endif
