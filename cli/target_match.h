/* SPDX-License-Identifier: Apache-2.0 */
/*
 * To which target of each component a process belongs, and why: as the
 * symbolizer decides (common/target.h).
 */
#ifndef CLI_TARGET_MATCH_H
#define CLI_TARGET_MATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "cli/target_reader.h"
#include "common/container_id.h"

#define MATCH_NAME_SIZE 16 /* of a comm */

struct match_process {
	uint32_t pid;
	char name[MATCH_NAME_SIZE];
	char container_id[CONTAINER_ID_SIZE]; /* "": in none */
};

/* Reads what is known of it. 0 or -errno: -ESRCH, there is none. */
int match_process_read(uint32_t pid, struct match_process *process);

struct target_answer;

/*
 * json: one array with an object for each component, else sentences. process
 * must outlive it.
 */
struct target_answer *target_answer_new(
    FILE *out, const struct match_process *process, bool json);
/* Ends the output. */
void target_answer_free(struct target_answer *answer);

/* Its sink; arg is the answer. */
extern const struct target_sink target_answer_sink;

#endif
