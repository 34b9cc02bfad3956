/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolizer/elf_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/memfd.h"
#include "symbolizer/elf_symbols.h"

/* Larger files exist; what is larger is not a program. */
#define FILE_MAX_BYTES (4ULL * 1024 * 1024 * 1024)
#define NOTES_MAX_BYTES (1024 * 1024)

#if defined(__x86_64__)
#define NATIVE(machine) ((machine) == EM_X86_64 || (machine) == EM_386)
#elif defined(__aarch64__)
#define NATIVE(machine) ((machine) == EM_AARCH64 || (machine) == EM_ARM)
#else
#define NATIVE(machine) true
#endif

struct table {
	struct symbol_header header;
	struct symbol_segment segments[SYMBOL_FORMAT_SEGMENTS];
	struct elf_symbols symbols;
};

static enum elf_refusal
check_header(Elf *elf)
{
	GElf_Ehdr header;

	if (elf_kind(elf) != ELF_K_ELF || gelf_getehdr(elf, &header) == NULL)
		return ELF_NOT_ELF;
	if (header.e_ident[EI_DATA] != ELFDATA2LSB || !NATIVE(header.e_machine))
		return ELF_FOREIGN;
	if (header.e_type != ET_EXEC && header.e_type != ET_DYN)
		return ELF_FOREIGN;
	return ELF_ACCEPTED;
}

/* The GNU build id of a PT_NOTE segment or SHT_NOTE section, if it is there. */
static bool
find_build_id(struct table *t, Elf_Data *data)
{
	GElf_Nhdr note;
	size_t at = 0, next, name, desc;

	while (data != NULL && data->d_size <= NOTES_MAX_BYTES &&
	       (next = gelf_getnote(data, at, &note, &name, &desc)) > 0) {
		const char *bytes = data->d_buf;

		if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
		    memcmp(bytes + name, "GNU", 4) == 0 && note.n_descsz > 0 &&
		    note.n_descsz <= SYMBOL_FORMAT_BUILD_ID) {
			t->header.build_id_size = note.n_descsz;
			memcpy(t->header.build_id, bytes + desc, note.n_descsz);
			return true;
		}
		at = next;
	}
	return false;
}

static enum elf_refusal
read_segments(struct table *t, Elf *elf)
{
	size_t count;
	bool found = false;

	if (elf_getphdrnum(elf, &count) < 0)
		return ELF_DAMAGED;
	for (size_t i = 0; i < count; i++) {
		GElf_Phdr p;
		uint32_t n = t->header.segments;

		if (gelf_getphdr(elf, i, &p) == NULL)
			return ELF_DAMAGED;
		if (p.p_type == PT_NOTE && !found &&
		    p.p_filesz <= NOTES_MAX_BYTES)
			found = find_build_id(
			    t, elf_getdata_rawchunk(elf, p.p_offset, p.p_filesz,
				   p.p_align == 8 ? ELF_T_NHDR8 : ELF_T_NHDR));
		if (p.p_type != PT_LOAD || !(p.p_flags & PF_X) ||
		    n == SYMBOL_FORMAT_SEGMENTS)
			continue;
		t->segments[n] = (struct symbol_segment){ p.p_offset, p.p_vaddr,
			p.p_filesz };
		t->header.segments++;
	}
	return t->header.segments > 0 ? ELF_ACCEPTED : ELF_DAMAGED;
}

/* Writes the table through a buffer of its own size: one write call. */
static enum elf_refusal
write_table(struct table *t, int out)
{
	const struct elf_symbols *s = &t->symbols;
	size_t names = 0, size, at = 0;
	struct symbol_entry *entries;
	char *buffer;
	enum elf_refusal r = ELF_ACCEPTED;

	for (size_t i = 0; i < s->count; i++)
		names += strlen(s->list[i].name) + 1;
	size = sizeof(t->header) + t->header.segments * sizeof(t->segments[0]) +
	       s->count * sizeof(*entries) + names;
	if (size > SYMBOL_FORMAT_BYTES)
		return ELF_TOO_LARGE;
	buffer = malloc(size);
	if (buffer == NULL)
		return ELF_NO_MEMORY;
	t->header.magic = SYMBOL_FORMAT_MAGIC;
	t->header.symbols = s->count;
	t->header.names = names;
	memcpy(buffer, &t->header, sizeof(t->header));
	memcpy(buffer + sizeof(t->header), t->segments,
	    t->header.segments * sizeof(t->segments[0]));
	entries = (void *)(buffer + sizeof(t->header) +
			   t->header.segments * sizeof(t->segments[0]));
	for (size_t i = 0; i < s->count; i++) {
		size_t length = strlen(s->list[i].name) + 1;

		entries[i].start = s->list[i].start;
		entries[i].size =
		    s->list[i].size < UINT32_MAX ? s->list[i].size : UINT32_MAX;
		entries[i].name = at;
		memcpy(
		    (char *)(entries + s->count) + at, s->list[i].name, length);
		at += length;
	}
	if (memfd_append(out, buffer, size) < 0)
		r = ELF_OUTPUT;
	free(buffer);
	return r;
}

enum elf_refusal
elf_reader_run(int fd, int out)
{
	struct table table = { 0 };
	enum elf_refusal r;
	struct stat st;
	Elf *elf;
	int added;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return ELF_NOT_ELF;
	if ((uint64_t)st.st_size > FILE_MAX_BYTES)
		return ELF_TOO_LARGE;
	if (elf_version(EV_CURRENT) == EV_NONE ||
	    (elf = elf_begin(fd, ELF_C_READ, NULL)) == NULL)
		return ELF_NOT_ELF;
	if ((r = check_header(elf)) == ELF_ACCEPTED &&
	    (r = read_segments(&table, elf)) == ELF_ACCEPTED) {
		added = elf_symbols_add(&table.symbols, elf);
		if (added == -ENOMEM) {
			r = ELF_NO_MEMORY;
		} else if (added < 0 && table.symbols.count == 0) {
			r = ELF_DAMAGED;
		} else {
			elf_symbols_settle(&table.symbols);
			r = write_table(&table, out);
		}
	}
	elf_symbols_free(&table.symbols);
	elf_end(elf);
	return r;
}

const char *
elf_refusal_text(int refusal)
{
	static const char *const texts[] = {
		[ELF_NOT_ELF - ELF_NOT_ELF] = "not an ELF file",
		[ELF_FOREIGN - ELF_NOT_ELF] = "not for this machine",
		[ELF_DAMAGED - ELF_NOT_ELF] = "damaged",
		[ELF_TOO_LARGE - ELF_NOT_ELF] = "too large",
		[ELF_NO_MEMORY - ELF_NOT_ELF] = "needs too much memory",
		[ELF_OUTPUT - ELF_NOT_ELF] = "no room for its table",
	};

	if (refusal < ELF_NOT_ELF || refusal >= ELF_REFUSALS_END)
		return "unknown";
	return texts[refusal - ELF_NOT_ELF];
}
