/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolizer/symbol_builder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/memfd.h"
#include "symbolizer/symbol_format.h"
#include "symbolizer/symbol_name.h"

#define OUTPUT_BYTES 65536
#define SECTIONS_MAX 65536

/* A function as a source has it. */
struct function {
	uint64_t start, end; /* end == start: of unknown size */
	const char *name;
	uint32_t name_size;
	uint8_t binding;
};

/* Addresses that belong to it: it may enclose others. */
struct piece {
	uint64_t start;
	uint32_t size;
	uint32_t function;
};

struct range {
	uint64_t start, end;
};

/* A list that grows; bound is in elements. */
struct list {
	void *items;
	size_t count, room;
};

struct symbol_builder {
	struct symbol_header header;
	struct symbol_segment segments[SYMBOL_FORMAT_SEGMENTS];
	struct list sections;  /* struct range */
	struct list functions; /* struct function, as added */
	struct list pieces;    /* struct piece */
};

static void *
list_add(struct list *list, size_t item, size_t bound, int *r)
{
	if (list->count == list->room) {
		size_t room = list->room ? 2 * list->room : 256;
		void *items;

		if (list->count >= bound) {
			*r = -EFBIG;
			return NULL;
		}
		items = reallocarray(list->items, room, item);
		if (items == NULL) {
			*r = -ENOMEM;
			return NULL;
		}
		list->items = items;
		list->room = room;
	}
	*r = 0;
	return (char *)list->items + item * list->count++;
}

struct symbol_builder *
symbol_builder_new(void)
{
	return calloc(1, sizeof(struct symbol_builder));
}

void
symbol_builder_free(struct symbol_builder *b)
{
	if (b == NULL)
		return;
	free(b->sections.items);
	free(b->functions.items);
	free(b->pieces.items);
	free(b);
}

int
symbol_builder_segment(struct symbol_builder *b, uint64_t offset,
    uint64_t address, uint64_t size, uint64_t memory_size)
{
	uint32_t n = b->header.segments, at;

	if (memory_size < size)
		memory_size = size;
	if (memory_size == 0)
		return 0;
	if (address + memory_size < address || offset + size < offset)
		return -EBADMSG;
	if (n == SYMBOL_FORMAT_SEGMENTS)
		return -EFBIG;
	for (at = n; at > 0 && b->segments[at - 1].address > address; at--)
		;
	if (at > 0 && address - b->segments[at - 1].address <
			  b->segments[at - 1].memory_size)
		return -EBADMSG;
	if (at < n && b->segments[at].address - address < memory_size)
		return -EBADMSG;
	memmove(&b->segments[at + 1], &b->segments[at],
	    (n - at) * sizeof(b->segments[0]));
	b->segments[at] = (struct symbol_segment){ .offset = offset,
		.address = address,
		.size = size,
		.memory_size = memory_size };
	b->header.segments++;
	return 0;
}

int
symbol_builder_section(
    struct symbol_builder *b, uint64_t address, uint64_t size)
{
	struct range *range;
	int r = 0;

	if (size == 0 || address + size < address)
		return 0;
	range = list_add(&b->sections, sizeof(*range), SECTIONS_MAX, &r);
	if (range != NULL)
		*range = (struct range){ address, address + size };
	return r;
}

void
symbol_builder_build_id(
    struct symbol_builder *b, const void *bytes, size_t size)
{
	if (size == 0 || size > SYMBOL_FORMAT_BUILD_ID)
		return;
	memcpy(b->header.build_id, bytes, size);
	b->header.build_id_size = size;
}

bool
symbol_builder_same_build_id(
    const struct symbol_builder *a, const struct symbol_builder *b)
{
	return a->header.build_id_size == b->header.build_id_size &&
	       memcmp(a->header.build_id, b->header.build_id,
		   a->header.build_id_size) == 0;
}

void
symbol_builder_link(
    struct symbol_builder *b, const char *name, size_t size, uint32_t crc)
{
	if (size > SYMBOL_FORMAT_LINK)
		return;
	memset(b->header.link, 0, sizeof(b->header.link));
	memcpy(b->header.link, name, size);
	b->header.link_size = size;
	b->header.link_crc = crc;
}

void
symbol_builder_is_full(struct symbol_builder *b)
{
	b->header.flags |= SYMBOL_TABLE_FULL;
}

int
symbol_builder_symbol(struct symbol_builder *b, const char *name,
    size_t name_size, uint64_t address, uint64_t size,
    enum symbol_binding binding)
{
	struct function *f;
	int r = 0;

	if (name_size == 0)
		return 0;
	f = list_add(&b->functions, sizeof(*f), SYMBOL_FORMAT_SYMBOLS, &r);
	if (f == NULL)
		return r;
	if (name_size > SYMBOL_FORMAT_NAME)
		name_size = SYMBOL_FORMAT_NAME;
	if (size > UINT64_MAX - address)
		size = UINT64_MAX - address;
	*f = (struct function){ address, address + size, name, name_size,
		binding };
	return 0;
}

size_t
symbol_builder_count(const struct symbol_builder *b)
{
	return b->functions.count;
}

/* ---- settling who owns which address */

static int
compare_ranges(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->end < y->end ? -1 : x->end > y->end;
}

static int
compare_functions(const void *a, const void *b)
{
	const struct function *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	if (x->name == y->name && x->binding == y->binding)
		return 0;
	return symbol_name_compare(x->name, x->name_size, x->binding, y->name,
	    y->name_size, y->binding);
}

/* Where a file has no sections its segments stand in for them. */
static int
sections_of_segments(struct symbol_builder *b)
{
	int r = 0;

	for (uint32_t i = 0; i < b->header.segments && r == 0; i++)
		r = symbol_builder_section(
		    b, b->segments[i].address, b->segments[i].memory_size);
	return r;
}

/*
 * Sections in order, each within a segment and behind the one before it. An
 * entry has 32 bits: code further than that into its segment gets no names.
 */
static void
settle_sections(struct symbol_builder *b)
{
	struct range *list = b->sections.items;
	size_t kept = 0;
	uint32_t s = 0;
	uint64_t last = 0;

	if (b->sections.count > 0)
		qsort(list, b->sections.count, sizeof(*list), compare_ranges);
	for (size_t i = 0; i < b->sections.count; i++) {
		struct range range = list[i];
		const struct symbol_segment *segment = b->segments;
		uint64_t end;

		if (range.start < last)
			range.start = last;
		while (
		    s < b->header.segments &&
		    segment[s].address + segment[s].memory_size <= range.start)
			s++;
		if (s == b->header.segments)
			break;
		segment += s;
		end = segment->memory_size < UINT32_MAX ? segment->memory_size
							: UINT32_MAX;
		end += segment->address;
		if (range.start < segment->address)
			range.start = segment->address;
		if (range.end > end)
			range.end = end;
		if (range.start < range.end) {
			list[kept++] = range;
			last = range.end;
		}
	}
	b->sections.count = kept;
}

/* Sorted, one per address, within the sections. */
static void
settle_functions(struct symbol_builder *b)
{
	const struct range *section = b->sections.items, *end;
	struct function *list = b->functions.items;
	size_t kept = 0;

	if (b->sections.count == 0)
		b->functions.count = 0;
	if (b->functions.count == 0)
		return;
	end = section + b->sections.count;
	qsort(list, b->functions.count, sizeof(*list), compare_functions);
	for (size_t i = 0; i < b->functions.count; i++) {
		struct function f = list[i];

		while (section < end && section->end <= f.start)
			section++;
		if (section == end)
			break;
		if (f.start < section->start)
			continue;
		if (f.end > section->end)
			f.end = section->end;
		if (kept == 0 || list[kept - 1].start != f.start)
			list[kept++] = f;
		else if (list[kept - 1].end < f.end)
			list[kept - 1].end = f.end;
	}
	b->functions.count = kept;
}

/* A walk over all addresses: which functions are open, innermost last. */
struct walk {
	struct symbol_builder *b;
	struct function *functions;
	uint32_t *open;
	size_t depth;
	uint64_t at; /* all before it is settled */
};

/* Settles all up to the address to: it belongs to what is open. */
static int
walk_to(struct walk *w, uint64_t to)
{
	while (w->depth > 0) {
		uint32_t inner = w->open[w->depth - 1];
		const struct function *f = &w->functions[inner];
		uint64_t end = f->end < to ? f->end : to;
		struct piece *piece;
		int r = 0;

		if (end > w->at) {
			piece = list_add(&w->b->pieces, sizeof(*piece),
			    SYMBOL_FORMAT_SYMBOLS, &r);
			if (piece == NULL)
				return r;
			*piece = (struct piece){ w->at, end - w->at, inner };
			w->at = end;
		}
		if (f->end > to)
			return 0;
		w->depth--;
	}
	return 0;
}

/* Where the function i without a size ends. */
static uint64_t
guess_end(const struct walk *w, size_t i, uint64_t section_end)
{
	uint64_t end = section_end;

	if (i + 1 < w->b->functions.count && w->functions[i + 1].start < end)
		end = w->functions[i + 1].start;
	if (w->depth > 0 && w->functions[w->open[w->depth - 1]].end < end)
		end = w->functions[w->open[w->depth - 1]].end;
	return end;
}

/* Cuts the functions, which may contain each other, into pieces. */
static int
settle_pieces(struct symbol_builder *b)
{
	const struct range *section = b->sections.items;
	struct walk w = { .b = b, .functions = b->functions.items };
	int r = 0;

	if (b->functions.count == 0)
		return 0;
	w.open = calloc(b->functions.count, sizeof(*w.open));
	if (w.open == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < b->functions.count && r == 0; i++) {
		struct function *f = &w.functions[i];

		r = walk_to(&w, f->start);
		while (section->end <= f->start)
			section++;
		if (f->end == f->start)
			f->end = guess_end(&w, i, section->end);
		w.open[w.depth++] = i;
		w.at = f->start;
	}
	if (r == 0)
		r = walk_to(&w, UINT64_MAX);
	free(w.open);
	return r;
}

/* ---- names: each text once, in the order of the pieces */

struct names {
	size_t longest;    /* where they are cut */
	uint32_t *offsets; /* by function */
	const char **keys; /* hash table: name, and its function */
	uint32_t *owners;
	size_t mask;
	uint64_t size;
};

static void
names_free(struct names *n)
{
	free(n->offsets);
	free(n->keys);
	free(n->owners);
	memset(n, 0, sizeof(*n));
}

static size_t
name_bytes(const struct names *n, const struct function *f)
{
	return f->name_size < n->longest ? f->name_size : n->longest;
}

/* Linkers store equal names once, so that equal means the same place. */
static size_t
names_slot(const struct names *n, const char *name)
{
	size_t slot = ((uintptr_t)name * 0x9e3779b97f4a7c15ULL) >> 32;

	for (slot &= n->mask; n->keys[slot] != NULL && n->keys[slot] != name;)
		slot = (slot + 1) & n->mask;
	return slot;
}

/* Without the names. */
static uint64_t
table_bytes(const struct symbol_builder *b)
{
	return sizeof(b->header) + b->header.segments * sizeof(b->segments[0]) +
	       b->pieces.count * sizeof(struct symbol_entry);
}

static int
names_init(struct names *n, const struct symbol_builder *b, size_t longest)
{
	const struct function *functions = b->functions.items;
	const struct piece *pieces = b->pieces.items;
	size_t slots = 2;

	n->longest = longest;
	while (slots < 2 * b->functions.count)
		slots *= 2;
	n->mask = slots - 1;
	n->offsets = malloc((b->functions.count + 1) * sizeof(*n->offsets));
	n->keys = calloc(slots, sizeof(*n->keys));
	n->owners = calloc(slots, sizeof(*n->owners));
	if (n->offsets == NULL || n->keys == NULL || n->owners == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < b->pieces.count; i++) {
		const struct function *f = &functions[pieces[i].function];
		size_t slot = names_slot(n, f->name);

		if (n->keys[slot] == NULL) {
			n->keys[slot] = f->name;
			n->owners[slot] = pieces[i].function;
			n->offsets[pieces[i].function] = n->size;
			n->size += name_bytes(n, f) + 1;
			if (table_bytes(b) + n->size > SYMBOL_FORMAT_BYTES)
				return -EFBIG;
		} else {
			n->offsets[pieces[i].function] =
			    n->offsets[n->owners[slot]];
		}
	}
	return 0;
}

/*
 * The names of a table that would be too long are cut: the beginning of a name
 * says more than none.
 */
static int
names_fit(struct names *n, const struct symbol_builder *b)
{
	static const size_t lengths[] = { SYMBOL_FORMAT_NAME, 512, 128, 48 };
	int r = -EFBIG;

	for (size_t i = 0;
	     r == -EFBIG && i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		names_free(n);
		r = names_init(n, b, lengths[i]);
	}
	return r;
}

/* ---- writing */

struct output {
	int fd, error;
	size_t used;
	char buffer[OUTPUT_BYTES];
};

static void
flush(struct output *o)
{
	if (o->error == 0)
		o->error = memfd_append(o->fd, o->buffer, o->used);
	o->used = 0;
}

static void
put(struct output *o, const void *data, size_t size)
{
	if (size > sizeof(o->buffer) - o->used)
		flush(o);
	if (size > sizeof(o->buffer)) {
		if (o->error == 0)
			o->error = memfd_append(o->fd, data, size);
		return;
	}
	memcpy(o->buffer + o->used, data, size);
	o->used += size;
}

/* Gives each segment its share of the pieces. */
static void
share_pieces(struct symbol_builder *b)
{
	const struct piece *pieces = b->pieces.items;
	size_t at = 0;

	for (uint32_t i = 0; i < b->header.segments; i++) {
		struct symbol_segment *s = &b->segments[i];

		s->first = at;
		while (at < b->pieces.count &&
		       pieces[at].start - s->address < s->memory_size)
			at++;
		s->count = at - s->first;
	}
}

static void
put_all(struct symbol_builder *b, const struct names *names, struct output *o)
{
	const struct function *functions = b->functions.items;
	const struct piece *pieces = b->pieces.items;
	uint64_t written = 0;

	put(o, &b->header, sizeof(b->header));
	put(o, b->segments, b->header.segments * sizeof(b->segments[0]));
	for (uint32_t s = 0; s < b->header.segments; s++) {
		const struct symbol_segment *segment = &b->segments[s];

		for (uint32_t i = 0; i < segment->count; i++) {
			const struct piece *p = &pieces[segment->first + i];
			struct symbol_entry e = { p->start - segment->address,
				p->size, names->offsets[p->function] };

			put(o, &e, sizeof(e));
		}
	}
	for (size_t i = 0; i < b->pieces.count; i++) {
		const struct function *f = &functions[pieces[i].function];

		if (names->offsets[pieces[i].function] != written)
			continue;
		put(o, f->name, name_bytes(names, f));
		put(o, "", 1);
		written += name_bytes(names, f) + 1;
	}
	flush(o);
}

static int
write_table(struct symbol_builder *b, int out)
{
	struct output *o = NULL;
	struct names names = { 0 };
	int r = names_fit(&names, b);

	if (r < 0)
		goto done;
	r = -ENOMEM;
	o = malloc(sizeof(*o));
	if (o == NULL)
		goto done;
	o->fd = out;
	o->error = 0;
	o->used = 0;
	b->header.magic = SYMBOL_FORMAT_MAGIC;
	b->header.symbols = b->pieces.count;
	b->header.names = names.size;
	share_pieces(b);
	put_all(b, &names, o);
	r = o->error;
done:
	free(o);
	names_free(&names);
	return r;
}

int
symbol_builder_write(struct symbol_builder *b, int out)
{
	int r = 0;

	if (b->sections.count == 0)
		r = sections_of_segments(b);
	if (r < 0)
		return r;
	settle_sections(b);
	settle_functions(b);
	r = settle_pieces(b);
	return r < 0 ? r : write_table(b, out);
}
