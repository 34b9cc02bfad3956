/* SPDX-License-Identifier: Apache-2.0 */
/* What the River tests share: a text, and everything that is wrong with it. */
#ifndef TESTS_RIVER_TEXT_H
#define TESTS_RIVER_TEXT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "common/river/arena.h"
#include "common/river/ast.h"
#include "common/river/diagnostics.h"
#include "common/river/parser.h"
#include "common/river/source.h"

struct text {
	struct river_source *source;
	struct river_diagnostics *d;
	struct river_arena *arena;
};

static inline struct text
text_new(const char *name, const char *bytes, size_t size)
{
	struct text t = {
		.source = river_source_new(name, bytes, size),
		.d = river_diagnostics_new(),
		.arena = river_arena_new(),
	};

	assert_non_null(t.source);
	return t;
}

static inline void
text_free(struct text *t)
{
	river_arena_free(t->arena);
	river_diagnostics_free(t->d);
	river_source_free(t->source);
}

/* All messages, one a line: "LINE:COL: MESSAGE\n"; to be freed. */
static inline char *
text_messages(const struct text *t)
{
	char *all = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&all, &size);

	for (struct river_diagnostic *x = t->d->first; x != NULL; x = x->next) {
		river_diagnostic_print_line(x, out);
		fputc('\n', out);
	}
	fclose(out);
	return all;
}

/* Line and column of the first message's range, "2:3-2:9", "1:1-" or "-". */
static inline const char *
text_range(const struct text *t, char *out, size_t size)
{
	struct river_range range = t->d->first->range;
	struct river_position a, b;

	if (range.start == RIVER_NOWHERE)
		return "-";
	a = river_source_position(t->source, range.start);
	if (range.end == RIVER_NOWHERE) {
		snprintf(out, size, "%u:%u-", a.line, a.column);
		return out;
	}
	b = river_source_position(t->source, range.end);
	snprintf(out, size, "%u:%u-%u:%u", a.line, a.column, b.line, b.column);
	return out;
}

/* The whole of a file below the tests' data; to be freed. */
static inline char *
read_data(const char *name, size_t *size)
{
	const char *top = getenv("top_srcdir");
	char path[512], *bytes = NULL;
	FILE *in, *out;
	int c;

	snprintf(path, sizeof(path), "%s/tests/data/%s", top ? top : ".", name);
	in = fopen(path, "r");
	if (in == NULL)
		fail_msg("cannot open %s", path);
	out = open_memstream(&bytes, size);
	while ((c = getc(in)) != EOF)
		putc(c, out);
	fclose(in);
	fclose(out);
	return bytes;
}

static inline double
seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

#endif
