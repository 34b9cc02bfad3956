/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Command lines by table: a program or command gives one row per option;
 * parsing, --help and what is said about a wrong one come from the rows.
 */
#ifndef COMMON_OPTIONS_H
#define COMMON_OPTIONS_H

#include <stdint.h>

/* The exit code of who was asked wrongly. */
#define EXIT_USAGE 2

struct option_row {
	const char *name;  /* without the dashes; NULL ends the table */
	const char *value; /* "DIR", or NULL when it takes none */
	const char *help;  /* may be several lines */
	/*
	 * Puts the value (NULL if it takes none) into the caller's struct.
	 * 0, or -errno with the cause in *why ("must be 1 to 10000").
	 */
	int (*set)(void *into, const char *value, const char **why);
	char letter; /* "-o" as another name, or 0 */
};

struct option_table {
	const char *name; /* "phlare-ebpf record", "phlare-shipper" */
	/* "": none; "FILE": one; "FILE...": one or more; "[FILE]...": any */
	const char *operands;
	const char *summary; /* what it does, whole lines */
	const struct option_row *rows;
};

/*
 * Parses argv. Returns the index of the first operand, when there are as many
 * as the table says; or -1 when there is
 * nothing more to do, with *code the exit code: 0 after --help and, of a
 * program, --version; EXIT_USAGE after an error, which has been printed.
 */
int options_parse(const struct option_table *table, int argc, char **argv,
    void *into, int *code);

/* Says what is wrong, on one line. EXIT_USAGE. */
int options_refuse(const struct option_table *table, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* A decimal number within bounds, nothing around it. 0 or -EINVAL. */
int options_number(const char *text, uint64_t min, uint64_t max, uint64_t *n);

#endif
