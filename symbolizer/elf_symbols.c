/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolizer/elf_symbols.h"

#include <errno.h>
#include <gelf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_BYTES 65535

/* Low bits of a rank; a missing size and .dynsym weigh more. */
#define RANK_SIZELESS 8
#define RANK_DYNAMIC 4

static const uint8_t binding_rank[] = {
	[STB_GLOBAL] = 0,
	[STB_WEAK] = 1,
	[STB_LOCAL] = 2,
};

static int
append(struct elf_symbols *s, const struct elf_symbol *symbol)
{
	if (s->count == s->room) {
		size_t room = s->room ? 2 * s->room : 1024;
		struct elf_symbol *list;

		if (room > SYMBOL_FORMAT_SYMBOLS)
			return -ENOMEM;
		list = reallocarray(s->list, room, sizeof(*list));
		if (list == NULL)
			return -ENOMEM;
		s->list = list;
		s->room = room;
	}
	s->list[s->count++] = *symbol;
	return 0;
}

/* The executable section that holds the symbol, or NULL. */
static Elf_Scn *
home_section(Elf *elf, const GElf_Sym *sym, GElf_Shdr *home)
{
	Elf_Scn *scn;

	if (sym->st_shndx == SHN_UNDEF || sym->st_shndx >= SHN_LORESERVE)
		return NULL;
	scn = elf_getscn(elf, sym->st_shndx);
	if (scn == NULL || gelf_getshdr(scn, home) == NULL ||
	    !(home->sh_flags & SHF_EXECINSTR) ||
	    sym->st_value < home->sh_addr ||
	    sym->st_value - home->sh_addr >= home->sh_size)
		return NULL;
	return scn;
}

/* The name at offset of a string section, if it ends inside of it. */
static const char *
name_at(const Elf_Data *strings, size_t offset)
{
	const char *name;
	size_t left;

	if (offset >= strings->d_size)
		return NULL;
	name = (const char *)strings->d_buf + offset;
	left = strings->d_size - offset;
	if (left > NAME_MAX_BYTES)
		left = NAME_MAX_BYTES;
	if (name[0] == '\0' || memchr(name, '\0', left) == NULL)
		return NULL;
	return name;
}

static int
add_one(struct elf_symbols *s, Elf *elf, const GElf_Sym *sym,
    const Elf_Data *strings, bool dynamic)
{
	int type = GELF_ST_TYPE(sym->st_info);
	int binding = GELF_ST_BIND(sym->st_info);
	struct elf_symbol symbol = { .start = sym->st_value,
		.size = sym->st_size };
	GElf_Shdr home;

	if ((type != STT_FUNC && type != STT_GNU_IFUNC) || sym->st_value == 0 ||
	    home_section(elf, sym, &home) == NULL)
		return 0;
	symbol.name = name_at(strings, sym->st_name);
	if (symbol.name == NULL)
		return 0;
	symbol.section_end = home.sh_addr + home.sh_size;
	if (symbol.size > symbol.section_end - symbol.start)
		symbol.size = symbol.section_end - symbol.start;
	symbol.rank = binding <= STB_WEAK ? binding_rank[binding] : 3;
	if (dynamic)
		symbol.rank += RANK_DYNAMIC;
	if (symbol.size == 0)
		symbol.rank += RANK_SIZELESS;
	return append(s, &symbol);
}

static int
add_section(
    struct elf_symbols *s, Elf *elf, Elf_Scn *scn, const GElf_Shdr *header)
{
	Elf_Scn *strings_scn = elf_getscn(elf, header->sh_link);
	Elf_Data *data = elf_getdata(scn, NULL), *strings;
	GElf_Shdr strings_header;
	size_t count;
	int r = 0;

	if (data == NULL || header->sh_entsize == 0 || strings_scn == NULL ||
	    gelf_getshdr(strings_scn, &strings_header) == NULL ||
	    strings_header.sh_type != SHT_STRTAB ||
	    (strings = elf_getdata(strings_scn, NULL)) == NULL ||
	    strings->d_buf == NULL)
		return -EBADMSG;
	count = data->d_size / gelf_fsize(elf, ELF_T_SYM, 1, EV_CURRENT);
	for (size_t i = 0; i < count && i < SYMBOL_FORMAT_SYMBOLS && r == 0;
	     i++) {
		GElf_Sym sym;

		if (gelf_getsym(data, i, &sym) == NULL)
			return -EBADMSG;
		r = add_one(
		    s, elf, &sym, strings, header->sh_type == SHT_DYNSYM);
	}
	return r;
}

int
elf_symbols_add(struct elf_symbols *symbols, Elf *elf)
{
	Elf_Scn *scn = NULL;
	int r = 0;

	while ((scn = elf_nextscn(elf, scn)) != NULL) {
		GElf_Shdr header;
		int one;

		if (gelf_getshdr(scn, &header) == NULL)
			return -EBADMSG;
		if (header.sh_type != SHT_SYMTAB &&
		    header.sh_type != SHT_DYNSYM)
			continue;
		one = add_section(symbols, elf, scn, &header);
		if (one == -ENOMEM)
			return one;
		if (one < 0)
			r = one;
	}
	return r;
}

static int
underscores(const char *name)
{
	int n = 0;

	while (name[n] == '_')
		n++;
	return n;
}

static int
compare(const void *a, const void *b)
{
	const struct elf_symbol *x = a, *y = b;
	int ux, uy;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	ux = underscores(x->name);
	uy = underscores(y->name);
	return ux != uy ? ux - uy : strcmp(x->name, y->name);
}

void
elf_symbols_settle(struct elf_symbols *symbols)
{
	struct elf_symbol *list = symbols->list;
	size_t kept = 0;

	if (symbols->count == 0)
		return;
	qsort(list, symbols->count, sizeof(*list), compare);
	for (size_t i = 0; i < symbols->count; i++)
		if (kept == 0 || list[kept - 1].start != list[i].start)
			list[kept++] = list[i];
	symbols->count = kept;
	for (size_t i = 0; i < kept; i++) {
		uint64_t end = list[i].section_end;

		if (list[i].size != 0)
			continue;
		if (i + 1 < kept && list[i + 1].start < end)
			end = list[i + 1].start;
		list[i].size = end - list[i].start;
	}
}

void
elf_symbols_free(struct elf_symbols *symbols)
{
	free(symbols->list);
	symbols->list = NULL;
	symbols->count = symbols->room = 0;
}
