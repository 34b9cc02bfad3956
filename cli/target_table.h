/* SPDX-License-Identifier: Apache-2.0 */
/* Targets as a table for people, one for each component. */
#ifndef CLI_TARGET_TABLE_H
#define CLI_TARGET_TABLE_H

#include <stdio.h>

#include "cli/target_reader.h"

struct target_table;

/* width: columns of the terminal, 0: any number. */
struct target_table *target_table_new(FILE *out, unsigned width);
void target_table_free(struct target_table *table);

/* Its sink; arg is the table. */
extern const struct target_sink target_table_sink;

#endif
