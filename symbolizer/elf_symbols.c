/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolizer/elf_symbols.h"

#include <errno.h>
#include <string.h>

#include "symbolizer/symbol_format.h"

static const enum symbol_binding bindings[16] = {
	[STB_LOCAL] = SYMBOL_LOCAL,
	[STB_GLOBAL] = SYMBOL_GLOBAL,
	[STB_WEAK] = SYMBOL_WEAK,
	[STB_GNU_UNIQUE] = SYMBOL_GLOBAL,
};

enum elf_refusal
elf_symbols_refusal(int error)
{
	switch (error) {
	case 0:
		return ELF_ACCEPTED;
	case -ENOMEM:
		return ELF_NO_MEMORY;
	case -EFBIG:
		return ELF_TOO_LARGE;
	case -EBADMSG:
		return ELF_DAMAGED;
	default:
		return ELF_OUTPUT;
	}
}

static bool
is_function(const GElf_Sym *sym)
{
	int type = GELF_ST_TYPE(sym->st_info);

	/* an absolute one is another file's (ld --just-symbols) */
	return (type == STT_FUNC || type == STT_GNU_IFUNC) &&
	       sym->st_value != 0 && sym->st_shndx != SHN_UNDEF &&
	       sym->st_shndx != SHN_ABS && sym->st_shndx != SHN_COMMON;
}

/* Length of the name at offset; 0: none, or it does not end. */
static size_t
name_size(const Elf_Data *names, uint64_t offset)
{
	const char *name = (const char *)names->d_buf + offset, *end;
	size_t left;

	if (offset >= names->d_size)
		return 0;
	left = names->d_size - offset;
	if (left > SYMBOL_FORMAT_NAME + 1)
		return strnlen(name, SYMBOL_FORMAT_NAME);
	end = memchr(name, '\0', left);
	return end != NULL ? (size_t)(end - name) : 0;
}

enum elf_refusal
elf_symbols_add_table(const struct elf_file *file,
    struct symbol_builder *builder, Elf_Data *symbols, const Elf_Data *names)
{
	size_t each = gelf_fsize(file->elf, ELF_T_SYM, 1, EV_CURRENT);
	/* its lowest bit tells ARM from Thumb */
	uint64_t flag = file->header.e_machine == EM_ARM;
	int r = 0;

	for (size_t i = 0; i < symbols->d_size / each && r == 0; i++) {
		GElf_Sym sym;

		if (gelf_getsym(symbols, i, &sym) == NULL)
			break;
		if (!is_function(&sym))
			continue;
		r = symbol_builder_symbol(builder,
		    (const char *)names->d_buf + sym.st_name,
		    name_size(names, sym.st_name), sym.st_value & ~flag,
		    sym.st_size, bindings[GELF_ST_BIND(sym.st_info)]);
	}
	return elf_symbols_refusal(r);
}

static enum elf_refusal
add_section(struct elf_file *file, struct symbol_builder *builder,
    Elf_Scn *section, const GElf_Shdr *header)
{
	Elf_Scn *names_section = elf_getscn(file->elf, header->sh_link);
	Elf_Data *symbols, *names;
	GElf_Shdr names_header;
	enum elf_refusal r;

	if (header->sh_entsize !=
		gelf_fsize(file->elf, ELF_T_SYM, 1, EV_CURRENT) ||
	    names_section == NULL ||
	    gelf_getshdr(names_section, &names_header) == NULL ||
	    names_header.sh_type != SHT_STRTAB)
		return ELF_ACCEPTED;
	if ((r = elf_file_section(file, section, header, &symbols)) !=
		ELF_ACCEPTED ||
	    (r = elf_file_section(
		 file, names_section, &names_header, &names)) != ELF_ACCEPTED)
		return r;
	if (symbols == NULL || names == NULL)
		return ELF_ACCEPTED;
	return elf_symbols_add_table(file, builder, symbols, names);
}

enum elf_refusal
elf_symbols_add(struct elf_file *file, struct symbol_builder *builder,
    struct elf_tables *tables)
{
	enum elf_refusal r = ELF_ACCEPTED;
	Elf_Scn *section = NULL;

	*tables = (struct elf_tables){ 0 };
	while (r == ELF_ACCEPTED && file->sections > 0 &&
	       (section = elf_nextscn(file->elf, section)) != NULL) {
		GElf_Shdr header;

		if (gelf_getshdr(section, &header) == NULL ||
		    (header.sh_type != SHT_SYMTAB &&
			header.sh_type != SHT_DYNSYM))
			continue;
		if (header.sh_type == SHT_SYMTAB)
			tables->full++;
		else
			tables->dynamic++;
		r = add_section(file, builder, section, &header);
	}
	return r;
}
