/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A profile as one HTML file that works offline: an icicle or flame graph
 * that can be searched and zoomed, and a table of the hottest functions.
 */
#ifndef CLI_FLAMEGRAPH_H
#define CLI_FLAMEGRAPH_H

#include <stdio.h>

#include "cli/profile.h"

/* More nodes than this: the thinnest are left out and shown as such. */
#define FLAMEGRAPH_MAX_NODES 50000

/*
 * Writes the page to out. title is what was profiled (a host or a file name),
 * hostile bytes are fine. 0 or -errno when out cannot be written.
 */
int flamegraph_write(
    FILE *out, const struct profile *profile, const char *title);

#endif
