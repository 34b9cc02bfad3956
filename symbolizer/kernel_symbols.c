/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolizer/kernel_symbols.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"

/* kallsyms has no sizes: no function of the kernel is longer. */
#define FUNCTION_MAX_BYTES (1024 * 1024)
#define SYMBOLS_MAX (2u * 1024 * 1024)
#define NAME_MAX_BYTES 512

struct kernel_symbol {
	uint64_t address;
	uint32_t name;
};

struct kernel_symbols {
	struct kernel_symbol *list;
	size_t count, room;
	char *names;
	size_t names_size, names_room;
};

struct line {
	uint64_t address;
	char type;
	const char *name;
	size_t name_size;
};

static bool
parse_line(const char *at, const char *end, struct line *line)
{
	const char *start = at;

	line->address = 0;
	for (; at < end && at - start < 16; at++) {
		int digit = *at >= '0' && *at <= '9'   ? *at - '0'
			    : *at >= 'a' && *at <= 'f' ? *at - 'a' + 10
						       : -1;

		if (digit < 0)
			break;
		line->address = line->address << 4 | (unsigned)digit;
	}
	if (at == start || end - at < 4 || at[0] != ' ' || at[2] != ' ')
		return false;
	line->type = at[1];
	line->name = at + 3;
	for (at = line->name; at < end && *at != '\t' && *at != ' ';)
		at++;
	line->name_size = at - line->name;
	return line->name_size > 0 && line->name_size <= NAME_MAX_BYTES;
}

static void
add(struct kernel_symbols *s, const struct line *line)
{
	if (s->count == s->room) {
		s->room = s->room ? 2 * s->room : 65536;
		s->list = erealloc(s->list, s->room, sizeof(*s->list));
	}
	if (s->names_size + line->name_size + 1 > s->names_room) {
		s->names_room = s->names_room ? 2 * s->names_room : 1 << 20;
		s->names = erealloc(s->names, s->names_room, 1);
	}
	s->list[s->count].address = line->address;
	s->list[s->count++].name = s->names_size;
	memcpy(s->names + s->names_size, line->name, line->name_size);
	s->names_size += line->name_size;
	s->names[s->names_size++] = '\0';
}

static int
compare(const void *a, const void *b)
{
	const struct kernel_symbol *x = a, *y = b;

	if (x->address != y->address)
		return x->address < y->address ? -1 : 1;
	return x->name < y->name ? -1 : x->name > y->name;
}

/* Gives back what growing by doubling has left over. */
static void
shrink(struct kernel_symbols *s)
{
	s->list = erealloc(s->list, s->count, sizeof(*s->list));
	s->names = erealloc(s->names, s->names_size, 1);
	s->room = s->count;
	s->names_room = s->names_size;
}

struct kernel_symbols *
kernel_symbols_parse(const char *text, size_t size, const char **why)
{
	struct kernel_symbols *s = ecalloc(1, sizeof(*s));
	const char *end = text + size;
	bool zeros = false;

	while (text < end && s->count < SYMBOLS_MAX) {
		const char *newline = memchr(text, '\n', end - text);
		const char *stop = newline ? newline : end;
		struct line line;

		if (parse_line(text, stop, &line)) {
			if (line.address == 0)
				zeros = true;
			else if (strchr("bBdDrR", line.type) == NULL)
				add(s, &line);
		}
		text = stop + 1;
	}
	if (s->count == 0) {
		*why = zeros ? "the kernel hides its addresses "
			       "(kernel.kptr_restrict)"
			     : "no symbols in it";
		kernel_symbols_free(s);
		return NULL;
	}
	qsort(s->list, s->count, sizeof(*s->list), compare);
	shrink(s);
	return s;
}

void
kernel_symbols_free(struct kernel_symbols *symbols)
{
	if (symbols == NULL)
		return;
	free(symbols->list);
	free(symbols->names);
	free(symbols);
}

const char *
kernel_symbols_find(const struct kernel_symbols *symbols, uint64_t address)
{
	size_t low = 0, high = symbols->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (symbols->list[middle].address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0 ||
	    address - symbols->list[low - 1].address >= FUNCTION_MAX_BYTES)
		return NULL;
	/* of several names for one address the first in the text */
	while (low > 1 &&
	       symbols->list[low - 2].address == symbols->list[low - 1].address)
		low--;
	return symbols->names + symbols->list[low - 1].name;
}

size_t
kernel_symbols_count(const struct kernel_symbols *symbols)
{
	return symbols->count;
}

size_t
kernel_symbols_bytes(const struct kernel_symbols *symbols)
{
	return symbols->room * sizeof(*symbols->list) + symbols->names_room;
}
