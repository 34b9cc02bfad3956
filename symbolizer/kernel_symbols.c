/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolizer/kernel_symbols.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "symbolizer/symbol_name.h"

/* kallsyms has no sizes: no function of the kernel is longer. */
#define FUNCTION_MAX_BYTES (1024 * 1024)
#define SYMBOLS_MAX (2u * 1024 * 1024)
#define NAME_MAX_BYTES 512

struct kernel_symbol {
	uint64_t address;
	uint32_t name;
	bool local;
};

/* While they are read: in the order of the text. */
struct draft {
	struct kernel_symbol *list;
	size_t count, room;
	char *names;
	size_t names_size, names_room;
};

/* Sorted, one for each address. */
struct kernel_symbols {
	uint64_t *addresses;
	uint32_t *offsets; /* of names */
	char *names;
	size_t count, names_size;
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

/*
 * Neither data nor the padding before a function, which has a symbol of its
 * own for each of them and is never run.
 */
static bool
is_wanted(const struct line *line)
{
	static const char *const padding[] = { "__pfx_", "__cfi_" };

	if (strchr("bBdDrR", line->type) != NULL)
		return false;
	for (size_t i = 0; i < sizeof(padding) / sizeof(padding[0]); i++)
		if (line->name_size > strlen(padding[i]) &&
		    memcmp(line->name, padding[i], strlen(padding[i])) == 0)
			return false;
	return true;
}

static void
add(struct draft *d, const struct line *line)
{
	if (d->count == d->room) {
		d->room = d->room ? 2 * d->room : 65536;
		d->list = erealloc(d->list, d->room, sizeof(*d->list));
	}
	if (d->names_size + line->name_size + 1 > d->names_room) {
		d->names_room = d->names_room ? 2 * d->names_room : 1 << 20;
		d->names = erealloc(d->names, d->names_room, 1);
	}
	d->list[d->count].address = line->address;
	d->list[d->count].local = line->type >= 'a' && line->type <= 'z';
	d->list[d->count++].name = d->names_size;
	memcpy(d->names + d->names_size, line->name, line->name_size);
	d->names_size += line->name_size;
	d->names[d->names_size++] = '\0';
}

/* False: there are only zeros, or nothing at all. */
static bool
read_text(struct draft *d, const char *text, size_t size, const char **why)
{
	const char *end = text + size;
	bool zeros = false;

	while (text < end && d->count < SYMBOLS_MAX) {
		const char *newline = memchr(text, '\n', end - text);
		const char *stop = newline ? newline : end;
		struct line line;

		if (parse_line(text, stop, &line)) {
			if (line.address == 0)
				zeros = true;
			else if (is_wanted(&line))
				add(d, &line);
		}
		text = stop + 1;
	}
	*why = zeros ? "the kernel hides its addresses (kernel.kptr_restrict)"
		     : "no symbols in it";
	return d->count > 0;
}

static int
compare(const void *a, const void *b)
{
	const struct kernel_symbol *x = a, *y = b;

	if (x->address != y->address)
		return x->address < y->address ? -1 : 1;
	return x->name < y->name ? -1 : x->name > y->name;
}

static bool
is_better(const struct draft *d, const struct kernel_symbol *a,
    const struct kernel_symbol *b)
{
	const char *x = d->names + a->name, *y = d->names + b->name;

	return symbol_name_compare(
		   x, strlen(x), a->local, y, strlen(y), b->local) < 0;
}

/* Of several names for one address the best stays. */
static void
drop_aliases(struct draft *d)
{
	size_t kept = 0;

	for (size_t i = 0; i < d->count; i++) {
		const struct kernel_symbol *next = &d->list[i];

		if (kept == 0 || d->list[kept - 1].address != next->address)
			d->list[kept++] = *next;
		else if (is_better(d, next, &d->list[kept - 1]))
			d->list[kept - 1] = *next;
	}
	d->count = kept;
}

/* Exactly as large as need be: it stays for as long as we run. */
static struct kernel_symbols *
settle(const struct draft *d)
{
	struct kernel_symbols *s = ecalloc(1, sizeof(*s));

	s->addresses = ecalloc(d->count, sizeof(*s->addresses));
	s->offsets = ecalloc(d->count, sizeof(*s->offsets));
	s->names = ecalloc(d->names_size, 1);
	for (size_t i = 0; i < d->count; i++) {
		const char *name = d->names + d->list[i].name;
		size_t size = strlen(name) + 1;

		s->addresses[i] = d->list[i].address;
		s->offsets[i] = s->names_size;
		memcpy(s->names + s->names_size, name, size);
		s->names_size += size;
	}
	s->count = d->count;
	s->names = erealloc(s->names, s->names_size, 1);
	return s;
}

struct kernel_symbols *
kernel_symbols_parse(const char *text, size_t size, const char **why)
{
	struct draft d = { 0 };
	struct kernel_symbols *s = NULL;

	if (read_text(&d, text, size, why)) {
		qsort(d.list, d.count, sizeof(*d.list), compare);
		drop_aliases(&d);
		s = settle(&d);
	}
	free(d.list);
	free(d.names);
	return s;
}

void
kernel_symbols_free(struct kernel_symbols *symbols)
{
	if (symbols == NULL)
		return;
	free(symbols->addresses);
	free(symbols->offsets);
	free(symbols->names);
	free(symbols);
}

const char *
kernel_symbols_find(const struct kernel_symbols *symbols, uint64_t address)
{
	size_t low = 0, high = symbols->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (symbols->addresses[middle] <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0 ||
	    address - symbols->addresses[low - 1] >= FUNCTION_MAX_BYTES)
		return NULL;
	return symbols->names + symbols->offsets[low - 1];
}

size_t
kernel_symbols_count(const struct kernel_symbols *symbols)
{
	return symbols->count;
}

size_t
kernel_symbols_bytes(const struct kernel_symbols *symbols)
{
	return sizeof(*symbols) + symbols->names_size +
	       symbols->count *
		   (sizeof(*symbols->addresses) + sizeof(*symbols->offsets));
}
