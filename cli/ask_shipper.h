/* SPDX-License-Identifier: Apache-2.0 */
/*
 * phlare-shipper asked about configurations: it alone reads them. Of root it
 * becomes whom `phlare-ebpf run` would make it, else it stays who we are.
 */
#ifndef CLI_ASK_SHIPPER_H
#define CLI_ASK_SHIPPER_H

#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

struct ask_shipper {
	const char *command;  /* ours, for messages */
	const char *question; /* "--check" */
	char *const *files;
	size_t count;
};

/*
 * Becomes phlare-shipper, whose exit status is that of the command. Returns
 * EXIT_FAILED if it cannot, after saying why.
 */
int ask_shipper_exec(const struct ask_shipper *ask);

struct shipper_answer {
	FILE *text; /* its standard output */
	pid_t pid;
};

/* 0, or EXIT_FAILED after saying why it could not be asked. */
int ask_shipper_start(
    const struct ask_shipper *ask, struct shipper_answer *answer);
/* Its exit status, EXIT_FAILED if it did not end by itself. */
int ask_shipper_end(
    const struct ask_shipper *ask, struct shipper_answer *answer);

#endif
