/* SPDX-License-Identifier: Apache-2.0 */
/* The order in which components can be evaluated. */
#ifndef COMMON_RIVER_GRAPH_H
#define COMMON_RIVER_GRAPH_H

struct river_diagnostics;
struct river_program;

/*
 * Sets program->order. Components that depend on each other in a circle are
 * reported, as "cycle: A, B" without a place.
 */
void river_graph_sort(
    struct river_program *program, struct river_diagnostics *d);

#endif
