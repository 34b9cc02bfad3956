/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolizer/perf_map.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "symbolizer/symbol_builder.h"
#include "symbolizer/symbol_format.h"
#include "symbolizer/throwaway.h"

#define MEMORY_BYTES (512ULL * 1024 * 1024)
#define CPU_SEC 3
#define WALL_SEC 10
#define FIRST_BYTES (256u * 1024)

/* A line; later ones lie behind earlier ones in the list. */
struct code {
	uint64_t start, end;
	const char *name;
	uint32_t name_size;
	uint32_t line;
};

struct codes {
	struct code *list;
	size_t count, room;
};

/* ---- lines */

/* A number in hex with or without 0x; false if there is none. */
static bool
take_number(const char **at, const char *end, uint64_t *value)
{
	const char *p = *at;
	int digits = 0;

	*value = 0;
	if (end - p > 2 && p[0] == '0' && (p[1] | 0x20) == 'x')
		p += 2;
	for (; p < end && digits <= 16; p++, digits++) {
		int c = *p | 0x20;
		int digit = *p >= '0' && *p <= '9' ? *p - '0'
			    : c >= 'a' && c <= 'f' ? c - 'a' + 10
						   : -1;

		if (digit < 0)
			break;
		*value = *value << 4 | (unsigned)digit;
	}
	*at = p;
	return digits > 0 && digits <= 16;
}

static bool
take_space(const char **at, const char *end)
{
	const char *p = *at;

	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	if (p == *at)
		return false;
	*at = p;
	return true;
}

static bool
parse_line(const char *at, const char *end, struct code *code)
{
	uint64_t size;

	if (!take_number(&at, end, &code->start) || !take_space(&at, end) ||
	    !take_number(&at, end, &size) || !take_space(&at, end) || size == 0)
		return false;
	while (end > at && (end[-1] == '\r' || end[-1] == ' '))
		end--;
	code->end =
	    size > UINT64_MAX - code->start ? UINT64_MAX : code->start + size;
	code->name = at;
	code->name_size = strnlen(
	    at, end - at < SYMBOL_FORMAT_NAME ? end - at : SYMBOL_FORMAT_NAME);
	return code->name_size > 0;
}

static enum perf_map_refusal
add_code(struct codes *c, const struct code *code)
{
	if (c->count == SYMBOL_FORMAT_SYMBOLS)
		return PERF_MAP_TOO_LARGE;
	if (c->count == c->room) {
		size_t room = c->room ? 2 * c->room : 1024;
		void *list = reallocarray(c->list, room, sizeof(*c->list));

		if (list == NULL)
			return PERF_MAP_NO_MEMORY;
		c->list = list;
		c->room = room;
	}
	c->list[c->count] = *code;
	c->list[c->count].line = c->count;
	c->count++;
	return PERF_MAP_ACCEPTED;
}

static enum perf_map_refusal
read_lines(struct codes *c, const char *text, size_t size)
{
	const char *end = text + size;
	enum perf_map_refusal r = PERF_MAP_ACCEPTED;

	while (text < end && r == PERF_MAP_ACCEPTED) {
		const char *newline = memchr(text, '\n', end - text);
		const char *stop = newline != NULL ? newline : end;
		struct code code;

		if (parse_line(text, stop, &code))
			r = add_code(c, &code);
		text = stop + 1;
	}
	return r;
}

/* ---- which line owns which addresses */

/* Those that reach to where we are, the latest line first. */
struct heap {
	const struct code **items;
	size_t count;
};

static void
heap_push(struct heap *h, const struct code *code)
{
	size_t at = h->count++;

	while (at > 0 && h->items[(at - 1) / 2]->line < code->line) {
		h->items[at] = h->items[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	h->items[at] = code;
}

static void
heap_pop(struct heap *h)
{
	const struct code *last = h->items[--h->count];
	size_t at = 0, child;

	while ((child = 2 * at + 1) < h->count) {
		if (child + 1 < h->count &&
		    h->items[child + 1]->line > h->items[child]->line)
			child++;
		if (h->items[child]->line < last->line)
			break;
		h->items[at] = h->items[child];
		at = child;
	}
	h->items[at] = last;
}

/* What goes into the table: disjoint, in order. */
struct sweep {
	struct symbol_builder *builder;
	struct heap heap;
	uint64_t at;
	struct code piece; /* not added yet; empty: none */
	uint64_t segment;  /* where the last one starts, and its end */
	uint64_t segment_end;
};

static int
end_segment(struct sweep *s)
{
	if (s->segment_end == 0)
		return 0;
	return symbol_builder_segment(
	    s->builder, 0, s->segment, 0, s->segment_end - s->segment);
}

/* An entry of the table has 32 bits within its segment. */
static int
add_piece(struct sweep *s)
{
	struct code *p = &s->piece;
	int r = 0;

	if (p->start == p->end)
		return 0;
	if (p->end - p->start > UINT32_MAX)
		p->end = p->start + UINT32_MAX;
	if (s->segment_end == 0 || p->end - s->segment > UINT32_MAX) {
		r = end_segment(s);
		s->segment = p->start;
	}
	s->segment_end = p->end;
	if (r == 0)
		r = symbol_builder_symbol(s->builder, p->name, p->name_size,
		    p->start, p->end - p->start, SYMBOL_GLOBAL);
	p->start = p->end;
	return r;
}

/* The next addresses belong to code. */
static int
give(struct sweep *s, const struct code *code, uint64_t end)
{
	int r = 0;

	if (s->piece.line != code->line || s->piece.end != s->at ||
	    s->piece.start == s->piece.end) {
		r = add_piece(s);
		s->piece = *code;
		s->piece.start = s->at;
	}
	s->piece.end = end;
	s->at = end;
	return r;
}

static int
sweep_to(struct sweep *s, uint64_t to)
{
	int r = 0;

	while (r == 0 && s->heap.count > 0) {
		const struct code *top = s->heap.items[0];
		uint64_t end = top->end < to ? top->end : to;

		if (end > s->at)
			r = give(s, top, end);
		if (top->end > to)
			break;
		heap_pop(&s->heap);
	}
	return r;
}

static int
by_start(const void *a, const void *b)
{
	const struct code *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->line < y->line ? -1 : x->line > y->line;
}

static int
settle(struct symbol_builder *builder, struct codes *c)
{
	struct sweep s = { .builder = builder };
	int r = 0;

	if (c->count == 0)
		return 0;
	s.heap.items = calloc(c->count, sizeof(*s.heap.items));
	if (s.heap.items == NULL)
		return -ENOMEM;
	qsort(c->list, c->count, sizeof(*c->list), by_start);
	for (size_t i = 0; i < c->count && r == 0; i++) {
		r = sweep_to(&s, c->list[i].start);
		s.at = c->list[i].start;
		heap_push(&s.heap, &c->list[i]);
	}
	if (r == 0)
		r = sweep_to(&s, UINT64_MAX);
	if (r == 0)
		r = add_piece(&s);
	if (r == 0)
		r = end_segment(&s);
	free(s.heap.items);
	return r;
}

/* ---- the whole */

static enum perf_map_refusal
refusal_of(int error)
{
	return error == 0         ? PERF_MAP_ACCEPTED
	       : error == -ENOMEM ? PERF_MAP_NO_MEMORY
	       : error == -EFBIG  ? PERF_MAP_TOO_LARGE
				  : PERF_MAP_OUTPUT;
}

enum perf_map_refusal
perf_map_parse(const char *text, size_t size, int out)
{
	struct symbol_builder *builder = symbol_builder_new();
	struct codes codes = { 0 };
	enum perf_map_refusal r = PERF_MAP_NO_MEMORY;

	if (builder != NULL)
		r = read_lines(&codes, text, size);
	if (r == PERF_MAP_ACCEPTED)
		r = refusal_of(settle(builder, &codes));
	if (r == PERF_MAP_ACCEPTED)
		r = refusal_of(symbol_builder_write(builder, out));
	symbol_builder_free(builder);
	free(codes.list);
	return r;
}

/* All of fd in *text, which the caller frees. */
static enum perf_map_refusal
read_text(int fd, char **text, size_t *size)
{
	size_t room = 0;

	for (;;) {
		ssize_t n;

		if (*size == room) {
			size_t more = room ? 2 * room : FIRST_BYTES;
			char *p = more > 2 * PERF_MAP_MAX_BYTES
				      ? NULL
				      : realloc(*text, more);

			if (p == NULL)
				return PERF_MAP_NO_MEMORY;
			*text = p;
			room = more;
		}
		n = pread(fd, *text + *size, room - *size, *size);
		if (n < 0)
			return PERF_MAP_UNREADABLE;
		*size += n;
		if (*size > PERF_MAP_MAX_BYTES)
			return PERF_MAP_TOO_LARGE;
		if (n == 0)
			return PERF_MAP_ACCEPTED;
	}
}

static int
run(const struct throwaway_input *in, int out)
{
	char *text = NULL;
	size_t size = 0;
	enum perf_map_refusal r = read_text(in->fd[0], &text, &size);

	if (r == PERF_MAP_ACCEPTED)
		r = perf_map_parse(text, size, out);
	free(text);
	return r;
}

static const char *
refusal_text(int status)
{
	static const char *const texts[] = {
		[PERF_MAP_UNREADABLE - PERF_MAP_UNREADABLE] = "cannot be read",
		[PERF_MAP_TOO_LARGE - PERF_MAP_UNREADABLE] = "too large",
		[PERF_MAP_NO_MEMORY - PERF_MAP_UNREADABLE] =
		    "needs too much memory",
		[PERF_MAP_OUTPUT - PERF_MAP_UNREADABLE] =
		    "no room for its table",
	};

	if (status < PERF_MAP_UNREADABLE || status >= PERF_MAP_REFUSALS_END)
		return "unknown";
	return texts[status - PERF_MAP_UNREADABLE];
}

const struct throwaway_job *
perf_map_job(void)
{
	static const struct throwaway_job job = {
		.name = "perf-map",
		.run = run,
		.refusal = refusal_text,
		.memory_bytes = MEMORY_BYTES,
		.output_bytes = SYMBOL_FORMAT_BYTES,
		.cpu_sec = CPU_SEC,
		.wall_sec = WALL_SEC,
	};

	return &job;
}
