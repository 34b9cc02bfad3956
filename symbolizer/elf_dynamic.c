/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolizer/elf_dynamic.h"

#include <string.h>

#include "symbolizer/elf_symbols.h"

#define DYNAMIC_MAX_BYTES (64 * 1024)
#define HASH_MAX_WORDS (16u * 1024 * 1024)

/* What is needed of the dynamic entries; addresses. */
struct dynamic {
	uint64_t symbols, names, names_size, hash, gnu_hash;
};

/* The bytes of the file that are loaded at address; how many follow. */
static bool
find_address(const struct elf_file *f, uint64_t address, uint64_t *offset,
    uint64_t *left)
{
	for (size_t i = 0; i < f->segments; i++) {
		GElf_Phdr p;

		if (gelf_getphdr(f->elf, i, &p) == NULL || p.p_type != PT_LOAD)
			continue;
		if (address >= p.p_vaddr && address - p.p_vaddr < p.p_filesz) {
			*offset = p.p_offset + (address - p.p_vaddr);
			*left = p.p_filesz - (address - p.p_vaddr);
			return true;
		}
	}
	return false;
}

/* size bytes at address; *data is NULL if they are not in the file. */
static enum elf_refusal
part_at(struct elf_file *f, uint64_t address, uint64_t size, Elf_Type type,
    Elf_Data **data)
{
	uint64_t offset, left;

	*data = NULL;
	if (!find_address(f, address, &offset, &left) || size > left)
		return ELF_ACCEPTED;
	return elf_file_part(f, offset, size, type, data);
}

static enum elf_refusal
read_words(struct elf_file *f, uint64_t address, uint64_t count,
    uint32_t *words, size_t room)
{
	Elf_Data *data;
	enum elf_refusal r;

	memset(words, 0, room * sizeof(*words));
	r = part_at(f, address, count * sizeof(*words), ELF_T_WORD, &data);
	if (data != NULL && count <= room)
		memcpy(words, data->d_buf, count * sizeof(*words));
	return r;
}

static enum elf_refusal
read_dynamic(struct elf_file *f, struct dynamic *d)
{
	Elf_Data *data = NULL;
	GElf_Phdr p;
	GElf_Dyn dyn;
	enum elf_refusal r = ELF_ACCEPTED;

	memset(d, 0, sizeof(*d));
	for (size_t i = 0; i < f->segments && data == NULL; i++)
		if (gelf_getphdr(f->elf, i, &p) != NULL &&
		    p.p_type == PT_DYNAMIC && p.p_filesz <= DYNAMIC_MAX_BYTES)
			r = elf_file_part(
			    f, p.p_offset, p.p_filesz, ELF_T_DYN, &data);
	for (int i = 0; data != NULL && gelf_getdyn(data, i, &dyn) != NULL &&
			dyn.d_tag != DT_NULL;
	     i++) {
		switch (dyn.d_tag) {
		case DT_SYMTAB:
			d->symbols = dyn.d_un.d_ptr;
			break;
		case DT_STRTAB:
			d->names = dyn.d_un.d_ptr;
			break;
		case DT_STRSZ:
			d->names_size = dyn.d_un.d_val;
			break;
		case DT_HASH:
			d->hash = dyn.d_un.d_ptr;
			break;
		case DT_GNU_HASH:
			d->gnu_hash = dyn.d_un.d_ptr;
			break;
		}
	}
	return r;
}

/*
 * The GNU hash table does not say how many symbols there are: the highest
 * chain's end does.
 */
static enum elf_refusal
count_by_gnu_hash(struct elf_file *f, uint64_t at, uint64_t *count)
{
	uint64_t word = gelf_getclass(f->elf) == ELFCLASS64 ? 8 : 4;
	uint32_t head[4]; /* buckets, first symbol, words of filter, shift */
	uint64_t buckets, offset, left, last = 0;
	Elf_Data *data;
	enum elf_refusal r = read_words(f, at, 4, head, 4);

	*count = 0;
	buckets = at + sizeof(head) + head[2] * word;
	if (r != ELF_ACCEPTED || head[0] == 0 || head[0] > HASH_MAX_WORDS ||
	    (r = part_at(f, buckets, head[0] * 4ULL, ELF_T_WORD, &data)) !=
		ELF_ACCEPTED ||
	    data == NULL)
		return r;
	for (uint32_t i = 0; i < head[0]; i++) {
		uint32_t bucket;

		memcpy(&bucket, (char *)data->d_buf + 4ULL * i, 4);
		if (bucket > last)
			last = bucket;
	}
	/* the chains are one word per symbol from the first hashed one on */
	if (last < head[1] ||
	    !find_address(
		f, buckets + (head[0] + last - head[1]) * 4ULL, &offset, &left))
		return r;
	if (left > HASH_MAX_WORDS * 4ULL)
		left = HASH_MAX_WORDS * 4ULL;
	r = elf_file_part(f, offset, left / 4 * 4, ELF_T_WORD, &data);
	for (uint64_t i = 0; data != NULL && i < data->d_size / 4; i++) {
		uint32_t chain;

		memcpy(&chain, (char *)data->d_buf + 4 * i, 4);
		if (chain & 1) {
			*count = last + i + 1;
			break;
		}
	}
	return r;
}

static enum elf_refusal
count_symbols(struct elf_file *f, const struct dynamic *d, uint64_t *count)
{
	uint32_t head[2]; /* buckets, chains: one for each symbol */
	enum elf_refusal r;

	if (d->hash == 0)
		return count_by_gnu_hash(f, d->gnu_hash, count);
	r = read_words(f, d->hash, 2, head, 2);
	*count = head[1];
	return r;
}

enum elf_refusal
elf_dynamic_add(struct elf_file *f, struct symbol_builder *builder)
{
	uint64_t each = gelf_fsize(f->elf, ELF_T_SYM, 1, EV_CURRENT);
	Elf_Data *symbols, *names;
	struct dynamic d;
	uint64_t count;
	enum elf_refusal r;

	if ((r = read_dynamic(f, &d)) != ELF_ACCEPTED)
		return r;
	if (d.symbols == 0 || d.names == 0 || (d.hash == 0 && d.gnu_hash == 0))
		return ELF_ACCEPTED;
	if ((r = count_symbols(f, &d, &count)) != ELF_ACCEPTED)
		return r;
	if ((r = part_at(f, d.symbols, count * each, ELF_T_SYM, &symbols)) !=
		ELF_ACCEPTED ||
	    (r = part_at(f, d.names, d.names_size, ELF_T_BYTE, &names)) !=
		ELF_ACCEPTED)
		return r;
	if (symbols == NULL || names == NULL)
		return ELF_ACCEPTED;
	return elf_symbols_add_table(f, builder, symbols, names);
}
