/* SPDX-License-Identifier: Apache-2.0 */
#include "common/river/diagnostics.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/river/arena.h"
#include "common/river/utf8.h"

#define TAB_COLUMNS 4
#define CONTEXT_LINES 1
/* What a frame shows of a line and of a range. */
#define FRAME_COLUMNS 1000
#define FRAME_LINES 100

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

struct river_diagnostics *
river_diagnostics_new(void)
{
	struct river_diagnostics *d = ecalloc(1, sizeof(*d));

	d->arena = river_arena_new();
	return d;
}

void
river_diagnostics_free(struct river_diagnostics *d)
{
	if (d == NULL)
		return;
	river_arena_free(d->arena);
	free(d);
}

/* Messages show names and texts of the file, which may have any length. */
static const char *
print_message(struct river_arena *arena, const char *fmt, va_list ap)
{
	char text[RIVER_MAX_MESSAGE + 1];
	int n = vsnprintf(text, sizeof(text), fmt, ap);
	size_t size;

	if (n < 0)
		return "";
	if ((size_t)n < sizeof(text))
		return river_arena_copy(arena, text, n);
	size = sizeof(text) - sizeof("...");
	/* not in the middle of a character */
	while (size > 0 && ((unsigned char)text[size] & 0xc0) == 0x80)
		size--;
	return river_arena_printf(arena, "%.*s...", (int)size, text);
}

void
river_diagnostics_add(struct river_diagnostics *d, enum river_severity severity,
    const struct river_source *source, struct river_range range,
    const char *fmt, va_list ap)
{
	struct river_diagnostic *diagnostic;

	d->count++;
	if (severity == RIVER_ERROR)
		d->errors++;
	if (d->count > RIVER_MAX_DIAGNOSTICS) {
		d->dropped++;
		return;
	}
	diagnostic = river_arena_alloc(d->arena, 1, sizeof(*diagnostic));
	diagnostic->severity = severity;
	diagnostic->source = source;
	diagnostic->range = range;
	diagnostic->message = print_message(d->arena, fmt, ap);
	if (d->last == NULL)
		d->first = diagnostic;
	else
		d->last->next = diagnostic;
	d->last = diagnostic;
}

void
river_error(struct river_diagnostics *d, const struct river_source *source,
    struct river_range range, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	river_diagnostics_add(d, RIVER_ERROR, source, range, fmt, ap);
	va_end(ap);
}

void
river_warning(struct river_diagnostics *d, const struct river_source *source,
    struct river_range range, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	river_diagnostics_add(d, RIVER_WARNING, source, range, fmt, ap);
	va_end(ap);
}

void
river_diagnostics_sort(struct river_diagnostics *d)
{
	struct river_diagnostic *rest = d->first, *next;

	d->first = d->last = NULL;
	for (; rest != NULL; rest = next) {
		struct river_diagnostic **at = &d->first;

		next = rest->next;
		while (*at != NULL && (*at)->range.start <= rest->range.start)
			at = &(*at)->next;
		rest->next = *at;
		*at = rest;
		if (rest->next == NULL)
			d->last = rest;
	}
}

static void
print_position(const struct river_diagnostic *diagnostic, FILE *out)
{
	const struct river_source *source = diagnostic->source;
	struct river_position at;

	if (source == NULL || diagnostic->range.start == RIVER_NOWHERE) {
		fputs("-: ", out);
		return;
	}
	at = river_source_position(source, diagnostic->range.start);
	fprintf(out, "%s%s%u:%u: ", source->name,
	    source->name[0] != '\0' ? ":" : "", at.line, at.column);
}

/* text without what a terminal would obey; keep: characters left alone */
static void
print_escaped(const char *text, const char *keep, FILE *out)
{
	size_t size = strlen(text), n;
	uint32_t rune;

	for (; size > 0; text += n, size -= n) {
		n = utf8_decode(text, size, &rune);
		if (n == 0) {
			fprintf(out, "\\x%02x", (unsigned char)*text);
			n = 1;
		} else if (rune_is_printable(rune) ||
			   (rune < 0x80 && strchr(keep, (int)rune) != NULL)) {
			fwrite(text, 1, n, out);
		} else if (rune == '\n' || rune == '\t') {
			fputs(rune == '\n' ? "\\n" : "\\t", out);
		} else {
			fprintf(out, rune < 0x80 ? "\\x%02x" : "\\u%04x", rune);
		}
	}
}

void
river_diagnostic_print_line(
    const struct river_diagnostic *diagnostic, FILE *out)
{
	print_position(diagnostic, out);
	print_escaped(diagnostic->message, "", out);
}

struct line {
	const char *text;
	size_t size;
};

static struct line
source_line(const struct river_source *source, uint32_t number)
{
	uint32_t start = source->line[number - 1], end = source->size;

	if (number < source->lines)
		end = source->line[number] - 1;
	return (struct line){ source->text + start, end - start };
}

/* The next character as it is shown; n: bytes it takes in the line. */
static const char *
shown(const char *s, size_t size, size_t *n)
{
	uint32_t rune;

	*n = utf8_decode(s, size, &rune);
	if (*n == 0) {
		*n = 1;
		return REPLACEMENT;
	}
	if (rune == '\t' || rune == '\v')
		return "\t";
	if (rune == '\r')
		return "";
	return rune_is_printable(rune) ? s : REPLACEMENT;
}

static void
repeat(char c, int times, FILE *out)
{
	while (times-- > 0)
		fputc(c, out);
}

static void
print_text(struct line line, FILE *out)
{
	size_t n;

	for (size_t at = 0, column = 0; at < line.size; at += n, column++) {
		const char *s = shown(line.text + at, line.size - at, &n);

		if (column == FRAME_COLUMNS) {
			fputs("...", out);
			break;
		}
		if (s[0] == '\t')
			repeat(' ', TAB_COLUMNS, out);
		else if (s == line.text + at)
			fwrite(s, 1, n, out);
		else
			fputs(s, out);
	}
	fputc('\n', out);
}

/*
 * Marks the columns first to last (bytes, from 1) of a line, after as much
 * padding as there is text.
 */
static void
print_marks(
    struct line line, uint32_t first, uint32_t last, char pad, FILE *out)
{
	size_t n;

	for (size_t at = 0, column = 0;
	     at < line.size && at < last && column < FRAME_COLUMNS;
	     at += n, column++) {
		const char *s = shown(line.text + at, line.size - at, &n);

		if (s[0] == '\t')
			repeat(pad, TAB_COLUMNS, out);
		else if (s[0] != '\0')
			fputc(at + 1 < first ? pad : '^', out);
	}
	fputc('\n', out);
}

struct frame {
	const struct river_source *source;
	struct river_position start, end;
	uint32_t first, last; /* lines shown */
	int width;            /* of line numbers */
	FILE *out;
};

static void
frame_line(const struct frame *f, uint32_t number)
{
	struct line line = source_line(f->source, number);
	bool multiline = f->end.line > f->start.line;
	bool inside = number > f->start.line && number <= f->end.line;

	fprintf(f->out, "%*u | ", f->width, number);
	if (multiline)
		fputs(inside ? "| " : "  ", f->out);
	print_text(line, f->out);
	if (number != f->start.line && (!multiline || number != f->end.line))
		return;
	fprintf(f->out, "%*s | ", f->width, "");
	if (!multiline) {
		print_marks(line, f->start.column, f->end.column, ' ', f->out);
	} else if (number == f->start.line) {
		fputs(" _", f->out);
		print_marks(line, f->start.column, UINT32_MAX, '_', f->out);
	} else {
		fputs("|_", f->out);
		print_marks(line, 1, f->end.column, '_', f->out);
	}
}

static void
print_frame(const struct river_diagnostic *diagnostic, FILE *out)
{
	struct river_range range = diagnostic->range;
	struct frame f = { .source = diagnostic->source, .out = out };

	if (range.end == RIVER_NOWHERE || range.end < range.start)
		range.end = range.start;
	f.start = river_source_position(f.source, range.start);
	f.end = river_source_position(f.source, range.end);
	f.first =
	    f.start.line > CONTEXT_LINES ? f.start.line - CONTEXT_LINES : 1;
	f.last = f.end.line + CONTEXT_LINES;
	if (f.last > f.source->lines)
		f.last = f.source->lines;
	f.width = snprintf(NULL, 0, "%u", f.last);
	fputc('\n', out);
	for (uint32_t n = f.first; n <= f.last; n++) {
		if (f.last - f.first > FRAME_LINES &&
		    n == f.first + FRAME_LINES / 2) {
			fprintf(out, "%*s ...\n", f.width, "");
			n = f.last - FRAME_LINES / 2;
		}
		frame_line(&f, n);
	}
}

void
river_diagnostic_print_pretty(
    const struct river_diagnostic *diagnostic, bool colour, FILE *out)
{
	bool error = diagnostic->severity == RIVER_ERROR;

	if (colour)
		fputs(error ? "\033[1;31m" : "\033[1;33m", out);
	fputs(error ? "Error: " : "Warning: ", out);
	if (colour)
		fputs("\033[0;1m", out);
	print_position(diagnostic, out);
	print_escaped(diagnostic->message, "\n\t", out);
	fputs(colour ? "\033[0m\n" : "\n", out);
	if (diagnostic->source != NULL &&
	    diagnostic->range.start != RIVER_NOWHERE)
		print_frame(diagnostic, out);
}

void
river_diagnostics_print(
    const struct river_diagnostics *d, bool colour, FILE *out)
{
	const struct river_diagnostic *diagnostic;

	for (diagnostic = d->first; diagnostic != NULL;
	     diagnostic = diagnostic->next) {
		river_diagnostic_print_pretty(diagnostic, colour, out);
		if (diagnostic->next != NULL)
			fputc('\n', out);
	}
	if (d->dropped > 0)
		fprintf(
		    out, "\n%zu more diagnostics are not shown\n", d->dropped);
}

char *
river_diagnostics_summary(const struct river_diagnostics *d)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (out == NULL)
		fatal("out of memory");
	if (d->first != NULL)
		river_diagnostic_print_line(d->first, out);
	if (d->count > 1)
		fprintf(out, " (and %zu more diagnostics)", d->count - 1);
	if (fclose(out) != 0)
		fatal("out of memory");
	return text;
}
