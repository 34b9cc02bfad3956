/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolizer/elf_reader.h"

#include <errno.h>
#include <string.h>

#include "symbolizer/elf_debug.h"
#include "symbolizer/elf_dynamic.h"
#include "symbolizer/elf_file.h"
#include "symbolizer/elf_minidebug.h"
#include "symbolizer/elf_symbols.h"
#include "symbolizer/symbol_builder.h"

/* The file and those whose symbols it takes; names point into all of them. */
struct reading {
	struct elf_file file, inner, debug;
	int debug_fd;
	uint64_t argument;
	struct symbol_builder *builder;
};

static enum elf_refusal
read_segments(struct reading *r)
{
	struct elf_file *f = &r->file;
	int error = 0;

	for (size_t i = 0; i < f->segments && error == 0; i++) {
		GElf_Phdr p;

		if (gelf_getphdr(f->elf, i, &p) == NULL)
			return ELF_DAMAGED;
		if (p.p_type == PT_LOAD && (p.p_flags & PF_X))
			error = symbol_builder_segment(r->builder, p.p_offset,
			    p.p_vaddr, p.p_filesz, p.p_memsz);
	}
	return elf_symbols_refusal(error);
}

static enum elf_refusal
read_sections(struct reading *r)
{
	struct elf_file *f = &r->file;
	Elf_Scn *section = NULL;
	GElf_Shdr header;
	int error = 0;

	while (error == 0 && f->sections > 0 &&
	       (section = elf_nextscn(f->elf, section)) != NULL)
		if (gelf_getshdr(section, &header) != NULL &&
		    (header.sh_flags & SHF_EXECINSTR) &&
		    (header.sh_flags & SHF_ALLOC))
			error = symbol_builder_section(
			    r->builder, header.sh_addr, header.sh_size);
	return elf_symbols_refusal(error);
}

/* Its own, else those that the dynamic linker uses; and MiniDebugInfo. */
static enum elf_refusal
read_symbols(struct reading *r)
{
	struct elf_tables own, inside = { 0 };
	enum elf_refusal refusal = elf_symbols_add(&r->file, r->builder, &own);

	if (refusal == ELF_ACCEPTED && own.full + own.dynamic == 0)
		refusal = elf_dynamic_add(&r->file, r->builder);
	if (refusal == ELF_ACCEPTED)
		refusal =
		    elf_minidebug_add(&r->file, &r->inner, r->builder, &inside);
	if (own.full + inside.full > 0 || r->debug_fd >= 0)
		symbol_builder_is_full(r->builder);
	return refusal;
}

static enum elf_refusal
read_debug_file(struct reading *r)
{
	if (r->debug_fd < 0)
		return elf_debug_link(&r->file, r->builder);
	return elf_debug_add(&r->debug, r->debug_fd, r->argument, r->builder);
}

static enum elf_refusal
read_all(struct reading *r)
{
	enum elf_refusal refusal;

	if ((refusal = elf_debug_build_id(&r->file, r->builder)) ==
		ELF_ACCEPTED &&
	    (refusal = read_segments(r)) == ELF_ACCEPTED &&
	    (refusal = read_sections(r)) == ELF_ACCEPTED &&
	    (refusal = read_symbols(r)) == ELF_ACCEPTED &&
	    (refusal = read_debug_file(r)) == ELF_ACCEPTED)
		refusal = elf_file_check_unchanged(&r->file);
	return refusal;
}

enum elf_refusal
elf_reader_run(int fd, int debug_fd, uint64_t argument, int out)
{
	struct reading r = { .builder = symbol_builder_new(),
		.debug_fd = debug_fd,
		.argument = argument };
	enum elf_refusal refusal = elf_file_open(&r.file, fd);

	if (refusal == ELF_ACCEPTED && r.builder == NULL)
		refusal = ELF_NO_MEMORY;
	if (refusal == ELF_ACCEPTED)
		refusal = read_all(&r);
	if (refusal == ELF_ACCEPTED)
		refusal =
		    elf_symbols_refusal(symbol_builder_write(r.builder, out));
	elf_file_close(&r.debug);
	elf_file_close(&r.inner);
	elf_file_close(&r.file);
	symbol_builder_free(r.builder);
	return refusal;
}

const char *
elf_refusal_text(int refusal)
{
	static const char *const texts[ELF_REFUSALS_END - ELF_NOT_ELF] = {
		[ELF_NOT_ELF - ELF_NOT_ELF] = "not an ELF file",
		[ELF_FOREIGN - ELF_NOT_ELF] = "not for this machine",
		[ELF_DAMAGED - ELF_NOT_ELF] = "damaged",
		[ELF_TRUNCATED - ELF_NOT_ELF] = "cut short while it was read",
		[ELF_CHANGED - ELF_NOT_ELF] = "changed while it was read",
		[ELF_TOO_LARGE - ELF_NOT_ELF] = "too large",
		[ELF_NO_MEMORY - ELF_NOT_ELF] = "needs too much memory",
		[ELF_MISMATCH - ELF_NOT_ELF] = "its debug file is another's",
		[ELF_OUTPUT - ELF_NOT_ELF] = "no room for its table",
	};

	if (refusal < ELF_NOT_ELF || refusal >= ELF_REFUSALS_END)
		return "unknown";
	return texts[refusal - ELF_NOT_ELF];
}
