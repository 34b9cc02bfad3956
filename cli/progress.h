/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How far a longer piece of work is: a bar that moves on a terminal, a line
 * per phase elsewhere.
 */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct progress {
	FILE *out;
	bool terminal;
	const char *phase; /* NULL: none yet */
	int64_t done, total;
	bool drawn;
};

void progress_init(struct progress *p, FILE *out, bool terminal);

/*
 * A new phase of total ns (0: nobody knows), "sampling". name must stay
 * valid.
 */
void progress_phase(struct progress *p, const char *name, int64_t total);
/* done ns of it have passed. */
void progress_update(struct progress *p, int64_t done);
/* Before something else is written to the terminal: makes room. */
void progress_clear(struct progress *p);

#endif
