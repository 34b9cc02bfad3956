/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolizer/elf_reader.h"

#include <errno.h>
#include <string.h>

#include "symbolizer/elf_dynamic.h"
#include "symbolizer/elf_file.h"
#include "symbolizer/elf_minidebug.h"
#include "symbolizer/elf_symbols.h"
#include "symbolizer/symbol_builder.h"

#define NOTES_MAX_BYTES (1024 * 1024)

/* The GNU build id in the notes of data, if it is there. */
static bool
take_build_id(struct symbol_builder *builder, Elf_Data *data)
{
	GElf_Nhdr note;
	size_t at = 0, next, name, desc;

	while (data != NULL &&
	       (next = gelf_getnote(data, at, &note, &name, &desc)) > 0) {
		const char *bytes = data->d_buf;

		if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
		    memcmp(bytes + name, "GNU", 4) == 0) {
			symbol_builder_build_id(
			    builder, bytes + desc, note.n_descsz);
			return true;
		}
		at = next;
	}
	return false;
}

static enum elf_refusal
read_notes(struct elf_file *f, const GElf_Phdr *p,
    struct symbol_builder *builder, bool *found)
{
	Elf_Type type = p->p_align == 8 ? ELF_T_NHDR8 : ELF_T_NHDR;
	Elf_Data *data;
	enum elf_refusal r;

	if (*found || p->p_filesz > NOTES_MAX_BYTES)
		return ELF_ACCEPTED;
	r = elf_file_part(f, p->p_offset, p->p_filesz, type, &data);
	if (r == ELF_ACCEPTED)
		*found = take_build_id(builder, data);
	return r;
}

static enum elf_refusal
read_segments(struct elf_file *f, struct symbol_builder *builder)
{
	enum elf_refusal r = ELF_ACCEPTED;
	bool found = false;

	for (size_t i = 0; i < f->segments && r == ELF_ACCEPTED; i++) {
		GElf_Phdr p;

		if (gelf_getphdr(f->elf, i, &p) == NULL)
			return ELF_DAMAGED;
		if (p.p_type == PT_NOTE)
			r = read_notes(f, &p, builder, &found);
		else if (p.p_type == PT_LOAD && (p.p_flags & PF_X))
			r = elf_symbols_refusal(symbol_builder_segment(builder,
			    p.p_offset, p.p_vaddr, p.p_filesz, p.p_memsz));
	}
	return r;
}

static enum elf_refusal
read_sections(struct elf_file *f, struct symbol_builder *builder)
{
	Elf_Scn *section = NULL;
	GElf_Shdr header;
	int r = 0;

	while (r == 0 && f->sections > 0 &&
	       (section = elf_nextscn(f->elf, section)) != NULL)
		if (gelf_getshdr(section, &header) != NULL &&
		    (header.sh_flags & SHF_EXECINSTR) &&
		    (header.sh_flags & SHF_ALLOC))
			r = symbol_builder_section(
			    builder, header.sh_addr, header.sh_size);
	return elf_symbols_refusal(r);
}

static enum elf_refusal
read_symbols(
    struct elf_file *f, struct elf_file *inner, struct symbol_builder *builder)
{
	int tables;
	enum elf_refusal r = elf_symbols_add(f, builder, &tables);

	if (r == ELF_ACCEPTED && tables == 0)
		r = elf_dynamic_add(f, builder);
	if (r == ELF_ACCEPTED)
		r = elf_minidebug_add(f, inner, builder);
	return r;
}

enum elf_refusal
elf_reader_run(int fd, int out)
{
	struct symbol_builder *builder = symbol_builder_new();
	struct elf_file file, inner = { 0 };
	enum elf_refusal r = elf_file_open(&file, fd);

	if (r == ELF_ACCEPTED && builder == NULL)
		r = ELF_NO_MEMORY;
	if (r == ELF_ACCEPTED &&
	    (r = read_segments(&file, builder)) == ELF_ACCEPTED &&
	    (r = read_sections(&file, builder)) == ELF_ACCEPTED &&
	    (r = read_symbols(&file, &inner, builder)) == ELF_ACCEPTED)
		r = elf_file_is_whole(&file)
			? elf_symbols_refusal(
			      symbol_builder_write(builder, out))
			: ELF_TRUNCATED;
	elf_file_close(&inner);
	elf_file_close(&file);
	symbol_builder_free(builder);
	return r;
}

const char *
elf_refusal_text(int refusal)
{
	static const char *const texts[] = {
		[ELF_NOT_ELF - ELF_NOT_ELF] = "not an ELF file",
		[ELF_FOREIGN - ELF_NOT_ELF] = "not for this machine",
		[ELF_DAMAGED - ELF_NOT_ELF] = "damaged",
		[ELF_TRUNCATED - ELF_NOT_ELF] = "cut short while it was read",
		[ELF_TOO_LARGE - ELF_NOT_ELF] = "too large",
		[ELF_NO_MEMORY - ELF_NOT_ELF] = "needs too much memory",
		[ELF_OUTPUT - ELF_NOT_ELF] = "no room for its table",
	};

	if (refusal < ELF_NOT_ELF || refusal >= ELF_REFUSALS_END)
		return "unknown";
	return texts[refusal - ELF_NOT_ELF];
}
