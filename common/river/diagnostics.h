/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is wrong with a configuration, and where. Collected in order, shown as
 * one line each or with a code frame.
 */
#ifndef COMMON_RIVER_DIAGNOSTICS_H
#define COMMON_RIVER_DIAGNOSTICS_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "common/river/source.h"

/* More are counted but not kept. */
#define RIVER_MAX_DIAGNOSTICS 1000
/* Bytes; what is longer ends in "...". */
#define RIVER_MAX_MESSAGE 4096

enum river_severity { RIVER_ERROR, RIVER_WARNING };

struct river_diagnostic {
	struct river_diagnostic *next;
	enum river_severity severity;
	const struct river_source *source; /* NULL: none */
	struct river_range range;
	const char *message; /* as it is: not escaped */
};

struct river_diagnostics {
	struct river_arena *arena;
	struct river_diagnostic *first, *last;
	size_t count;   /* all, kept or not */
	size_t errors;  /* of these */
	size_t dropped; /* over RIVER_MAX_DIAGNOSTICS */
};

struct river_diagnostics *river_diagnostics_new(void);
void river_diagnostics_free(struct river_diagnostics *d);

/* source must live as long as d is printed. */
void river_error(struct river_diagnostics *d, const struct river_source *source,
    struct river_range range, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void river_warning(struct river_diagnostics *d,
    const struct river_source *source, struct river_range range,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void river_diagnostics_add(struct river_diagnostics *d,
    enum river_severity severity, const struct river_source *source,
    struct river_range range, const char *fmt, va_list ap);

/*
 * By their place in the file, those without one last: they come in the order
 * in which they were found, which is not one that a reader knows.
 */
void river_diagnostics_sort(struct river_diagnostics *d);

/*
 * "FILE:LINE:COL: MESSAGE" without a newline; control characters and bytes
 * that are no UTF-8 are escaped.
 */
void river_diagnostic_print_line(
    const struct river_diagnostic *diagnostic, FILE *out);

/* With "Error: " in front and the marked lines of the source below. */
void river_diagnostic_print_pretty(
    const struct river_diagnostic *diagnostic, bool colour, FILE *out);

/* All of them, pretty, one blank line between two. */
void river_diagnostics_print(
    const struct river_diagnostics *d, bool colour, FILE *out);

/*
 * The first as one line and " (and N more diagnostics)"; to be freed by the
 * caller. "" when there is none.
 */
char *river_diagnostics_summary(const struct river_diagnostics *d);

#endif
