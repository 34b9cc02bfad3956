/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/elf_image.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/memfd.h"

#ifdef __x86_64__
#define MACHINE EM_X86_64
#else
#define MACHINE EM_AARCH64
#endif
#define SECTIONS_MAX 64

/* Bytes that grow, and are found again by their offset. */
struct blob {
	uint8_t *bytes;
	size_t size, room;
};

/* Doubles: a sanitizer copies at each call. */
static void
make_room(struct blob *b, size_t size)
{
	if (size <= b->room)
		return;
	b->room = 2 * size + 4096;
	b->bytes = realloc(b->bytes, b->room);
}

static size_t
append(struct blob *b, const void *data, size_t size)
{
	size_t at = (b->size + 7) / 8 * 8;

	make_room(b, at + size + 8);
	memset(b->bytes + b->size, 0, at + size + 8 - b->size);
	if (size > 0)
		memcpy(b->bytes + at, data, size);
	b->size = at + size;
	return at;
}

/* Appends a string; strings lie close together. */
static size_t
intern(struct blob *b, const char *text)
{
	size_t at = b->size, size = strlen(text) + 1;

	make_room(b, at + size);
	memcpy(b->bytes + at, text, size);
	b->size = at + size;
	return at;
}

struct making {
	struct blob file, names;
	Elf64_Shdr sections[SECTIONS_MAX];
	size_t count;
};

static Elf64_Shdr *
add_section(struct making *m, const char *name, uint32_t type, uint64_t flags,
    const void *data, size_t size)
{
	Elf64_Shdr *s = &m->sections[m->count++];

	*s = (Elf64_Shdr){ .sh_name = intern(&m->names, name),
		.sh_type = type,
		.sh_flags = flags,
		.sh_offset = append(&m->file, data, size),
		.sh_size = size,
		.sh_addralign = 1 };
	return s;
}

static void
add_symbols(struct making *m, const struct elf_image_symbol *symbols)
{
	struct blob table = { 0 }, strings = { 0 };
	Elf64_Sym sym = { 0 };
	Elf64_Shdr *s;

	intern(&strings, "");
	append(&table, &sym, sizeof(sym));
	for (; symbols != NULL && symbols->name != NULL; symbols++) {
		sym.st_name = intern(&strings, symbols->name);
		sym.st_value = symbols->value;
		sym.st_size = symbols->size;
		sym.st_info = ELF64_ST_INFO(symbols->binding, symbols->type);
		sym.st_shndx = ELF_IMAGE_TEXT;
		append(&table, &sym, sizeof(sym));
	}
	s = add_section(m, ".symtab", SHT_SYMTAB, 0, table.bytes, table.size);
	s->sh_entsize = sizeof(sym);
	s->sh_link = ELF_IMAGE_STRTAB;
	add_section(m, ".strtab", SHT_STRTAB, 0, strings.bytes, strings.size);
	free(table.bytes);
	free(strings.bytes);
}

struct elf_image
elf_image_new(const struct elf_image_spec *spec)
{
	struct making m = { 0 };
	struct elf_image image = { 0 };
	Elf64_Ehdr header = { .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3,
				  ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
		.e_type = ET_DYN,
		.e_machine = spec->machine ? spec->machine : MACHINE,
		.e_version = EV_CURRENT,
		.e_phoff = sizeof(header),
		.e_ehsize = sizeof(header),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = 1,
		.e_shentsize = sizeof(Elf64_Shdr) };
	Elf64_Phdr segment = { .p_type = PT_LOAD,
		.p_flags = PF_R | PF_X,
		.p_offset = spec->text_offset,
		.p_vaddr = spec->text,
		.p_filesz = spec->text_size,
		.p_memsz = spec->text_size,
		.p_align = 4096 };
	Elf64_Shdr *text;

	append(&m.file, &header, sizeof(header));
	append(&m.file, &segment, sizeof(segment));
	intern(&m.names, "");
	m.count = 1;
	text = add_section(
	    &m, ".text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, NULL, 0);
	text->sh_addr = spec->text;
	text->sh_size = spec->text_size;
	text->sh_offset = spec->text_offset;
	add_symbols(&m, spec->symbols);
	for (const struct elf_image_section *s = spec->sections;
	     s != NULL && s->name != NULL; s++)
		add_section(&m, s->name, s->type, s->flags, s->data, s->size);
	/* its own name is in it */
	header.e_shstrndx = m.count;
	add_section(&m, ".shstrtab", SHT_STRTAB, 0, NULL, 0);
	m.sections[m.count - 1].sh_offset =
	    append(&m.file, m.names.bytes, m.names.size);
	m.sections[m.count - 1].sh_size = m.names.size;
	header.e_shnum = m.count;
	header.e_shoff =
	    append(&m.file, m.sections, m.count * sizeof(m.sections[0]));
	memcpy(m.file.bytes, &header, sizeof(header));
	image.bytes = m.file.bytes;
	image.size = m.file.size;
	image.header = (Elf64_Ehdr *)image.bytes;
	image.segments = (Elf64_Phdr *)(image.bytes + header.e_phoff);
	image.sections = (Elf64_Shdr *)(image.bytes + header.e_shoff);
	free(m.names.bytes);
	return image;
}

void
elf_image_free(struct elf_image *image)
{
	free(image->bytes);
	image->bytes = NULL;
}

int
elf_image_fd(const void *data, size_t size)
{
	int fd = memfd_new("image");

	if (fd < 0 || memfd_append(fd, data, size) < 0)
		abort();
	return fd;
}
