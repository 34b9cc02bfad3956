/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolizer/elf_debug.h"

#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "symbolizer/elf_symbols.h"
#include "symbolizer/symbol_format.h"

#define NOTES_MAX_BYTES (1024 * 1024)
#define LINK_MAX_BYTES 4096
#define CRC_BYTES (1024 * 1024)

/* The name, terminated and padded to 4 bytes, and the CRC of the file. */
enum elf_refusal
elf_debug_link(struct elf_file *f, struct symbol_builder *builder)
{
	Elf_Scn *section;
	GElf_Shdr header;
	Elf_Data *data;
	enum elf_refusal r;
	uint32_t crc;
	size_t size;

	elf_file_find_section(
	    f, ".gnu_debuglink", SHT_PROGBITS, &section, &header);
	if (section == NULL || header.sh_size > LINK_MAX_BYTES)
		return ELF_ACCEPTED;
	r = elf_file_section(f, section, &header, &data);
	if (r != ELF_ACCEPTED || data == NULL)
		return r;
	size = strnlen(data->d_buf, data->d_size);
	if (data->d_size < size / 4 * 4 + 4 + sizeof(crc))
		return ELF_ACCEPTED;
	memcpy(&crc, (char *)data->d_buf + size / 4 * 4 + 4, sizeof(crc));
	symbol_builder_link(builder, data->d_buf, size, crc);
	return ELF_ACCEPTED;
}

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

static Elf_Type
note_type(uint64_t align)
{
	return align == 8 ? ELF_T_NHDR8 : ELF_T_NHDR;
}

/* By sections: the segments of a debug file are those of the stripped one. */
static enum elf_refusal
build_id_of_sections(
    struct elf_file *f, struct symbol_builder *builder, bool *found)
{
	enum elf_refusal r = ELF_ACCEPTED;
	Elf_Scn *section = NULL;
	Elf_Data *data;

	while (r == ELF_ACCEPTED && !*found && f->sections > 0 &&
	       (section = elf_nextscn(f->elf, section)) != NULL) {
		GElf_Shdr h;

		if (gelf_getshdr(section, &h) == NULL ||
		    h.sh_type != SHT_NOTE || h.sh_size > NOTES_MAX_BYTES ||
		    (h.sh_flags & SHF_COMPRESSED))
			continue;
		r = elf_file_part(f, h.sh_offset, h.sh_size,
		    note_type(h.sh_addralign), &data);
		if (r == ELF_ACCEPTED)
			*found = take_build_id(builder, data);
	}
	return r;
}

static enum elf_refusal
build_id_of_segments(
    struct elf_file *f, struct symbol_builder *builder, bool *found)
{
	enum elf_refusal r = ELF_ACCEPTED;
	Elf_Data *data;

	for (size_t i = 0; i < f->segments && r == ELF_ACCEPTED && !*found;
	     i++) {
		GElf_Phdr p;

		if (gelf_getphdr(f->elf, i, &p) == NULL ||
		    p.p_type != PT_NOTE || p.p_filesz > NOTES_MAX_BYTES)
			continue;
		r = elf_file_part(
		    f, p.p_offset, p.p_filesz, note_type(p.p_align), &data);
		if (r == ELF_ACCEPTED)
			*found = take_build_id(builder, data);
	}
	return r;
}

enum elf_refusal
elf_debug_build_id(struct elf_file *f, struct symbol_builder *builder)
{
	bool found = false;
	enum elf_refusal r = build_id_of_segments(f, builder, &found);

	if (r == ELF_ACCEPTED && !found)
		r = build_id_of_sections(f, builder, &found);
	return r;
}

/* Of the whole file, as objcopy --add-gnu-debuglink made it. */
static enum elf_refusal
check_crc(const struct elf_file *f, uint32_t want)
{
	char *buffer = malloc(CRC_BYTES);
	uint64_t at = 0;
	uint32_t crc = 0;

	if (buffer == NULL)
		return ELF_NO_MEMORY;
	while (at < f->size) {
		ssize_t n = pread(f->fd, buffer, CRC_BYTES, at);

		if (n <= 0)
			break;
		crc = libdeflate_crc32(crc, buffer, n);
		at += n;
	}
	free(buffer);
	if (at != f->size)
		return ELF_TRUNCATED;
	return crc == want ? ELF_ACCEPTED : ELF_MISMATCH;
}

/* Both have the same build id. */
static enum elf_refusal
check_build_id(struct elf_file *f, const struct symbol_builder *builder)
{
	struct symbol_builder *other = symbol_builder_new();
	bool found = false;
	enum elf_refusal r;

	if (other == NULL)
		return ELF_NO_MEMORY;
	r = build_id_of_sections(f, other, &found);
	if (r == ELF_ACCEPTED &&
	    (!found || !symbol_builder_same_build_id(builder, other)))
		r = ELF_MISMATCH;
	symbol_builder_free(other);
	return r;
}

enum elf_refusal
elf_debug_add(struct elf_file *debug, int fd, uint64_t argument,
    struct symbol_builder *builder)
{
	struct elf_tables tables;
	enum elf_refusal r = elf_file_open(debug, fd);

	if (r == ELF_ACCEPTED)
		r = argument & ELF_DEBUG_BY_LINK
			? check_crc(debug, (uint32_t)argument)
			: check_build_id(debug, builder);
	if (r == ELF_ACCEPTED)
		r = elf_symbols_add(debug, builder, &tables);
	if (r == ELF_ACCEPTED)
		r = elf_file_check_unchanged(debug);
	return r;
}
