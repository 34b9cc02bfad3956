/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Command lines by table: a command gives one row per option; parsing, --help
 * and what is said about a wrong one come from the rows.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdint.h>

struct option_row {
	const char *name;  /* without the dashes; NULL ends the table */
	const char *value; /* "DIR", or NULL when it takes none */
	const char *help;
	/*
	 * Puts the value (NULL if it takes none) into the command's struct.
	 * 0, or -errno with the cause in *why ("must be 1 to 10000").
	 */
	int (*set)(void *into, const char *value, const char **why);
	char letter; /* "-o" as another name, or 0 */
};

struct option_table {
	const char *command;  /* "record" */
	const char *operands; /* "FILE", or "" */
	const char *summary;  /* what the command does, whole lines */
	const struct option_row *rows;
};

/*
 * Parses argv. Returns the index of the first operand; or -1 when the
 * command is over, with *code the exit code: 0 after --help, EXIT_USAGE after
 * an error, which has been printed.
 */
int options_parse(const struct option_table *table, int argc, char **argv,
    void *into, int *code);

/* A decimal number within bounds, nothing around it. 0 or -EINVAL. */
int options_number(const char *text, uint64_t min, uint64_t max, uint64_t *n);

#endif
