/* SPDX-License-Identifier: Apache-2.0 */
/* The three programs that `phlare-ebpf run` supervises. */
#ifndef CLI_PROGRAMS_H
#define CLI_PROGRAMS_H

#include <stddef.h>

enum program {
	PROGRAM_COLLECTOR,
	PROGRAM_SYMBOLIZER,
	PROGRAM_SHIPPER,
	PROGRAMS
};

/* "phlare-collector", ... */
const char *program_name(enum program program);

/*
 * Where it is: beside this executable, in the ../sbin of a whole installation,
 * wherever that was moved, else in SBINDIR. 0, or -ENOENT.
 */
int program_find(enum program program, char *path, size_t size);

#endif
