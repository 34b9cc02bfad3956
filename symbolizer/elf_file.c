/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolizer/elf_file.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MIB (1024ULL * 1024)
/* Larger files exist; what is larger is not a program. */
#define FILE_MAX_BYTES (8192 * MIB)
/* All that is read of one file, headers aside. */
#define READ_MAX_BYTES (320 * MIB)
#define PART_MAX_BYTES (256 * MIB)
#define SECTIONS_MAX 65536
#define SECTION_NAMES_MAX_BYTES (16 * MIB)
#define SEGMENTS_MAX 4096

#if defined(__x86_64__)
static const uint16_t machines[] = { EM_X86_64, EM_386 };
#elif defined(__aarch64__)
static const uint16_t machines[] = { EM_AARCH64, EM_ARM };
#else
#error "no list of the ELF machines that run here"
#endif

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define NATIVE_ORDER ELFDATA2LSB
#else
#define NATIVE_ORDER ELFDATA2MSB
#endif

/* The start of the file: as much as both classes of header need. */
union head {
	unsigned char ident[EI_NIDENT];
	Elf32_Ehdr small;
	Elf64_Ehdr large;
};

static bool
is_native(uint16_t machine)
{
	for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++)
		if (machines[i] == machine)
			return true;
	return false;
}

static enum elf_refusal
check_head(const union head *head)
{
	const unsigned char *id = head->ident;
	bool large = id[EI_CLASS] == ELFCLASS64;
	uint16_t machine, type;

	if (memcmp(id, ELFMAG, SELFMAG) != 0)
		return ELF_NOT_ELF;
	if ((!large && id[EI_CLASS] != ELFCLASS32) ||
	    id[EI_DATA] != NATIVE_ORDER)
		return ELF_FOREIGN;
	machine = large ? head->large.e_machine : head->small.e_machine;
	type = large ? head->large.e_type : head->small.e_type;
	if (!is_native(machine) || (type != ET_EXEC && type != ET_DYN))
		return ELF_FOREIGN;
	return ELF_ACCEPTED;
}

/*
 * libelf allocates by the number of sections. Beyond 16 bits it stands in the
 * first section's header; a program has no use for that.
 */
static enum elf_refusal
check_counts(const union head *head)
{
	bool large = head->ident[EI_CLASS] == ELFCLASS64;
	uint64_t table = large ? head->large.e_shoff : head->small.e_shoff;
	uint16_t sections = large ? head->large.e_shnum : head->small.e_shnum;
	uint16_t segments = large ? head->large.e_phnum : head->small.e_phnum;

	if (table != 0 && sections == 0)
		return ELF_TOO_LARGE;
	return segments > SEGMENTS_MAX ? ELF_TOO_LARGE : ELF_ACCEPTED;
}

/* The names of sections; without them the sections still have types. */
static enum elf_refusal
read_names(struct elf_file *f)
{
	Elf_Scn *section;
	GElf_Shdr header;
	size_t index;

	if (f->sections == 0 || elf_getshdrstrndx(f->elf, &index) < 0 ||
	    (section = elf_getscn(f->elf, index)) == NULL ||
	    gelf_getshdr(section, &header) == NULL ||
	    header.sh_type != SHT_STRTAB ||
	    header.sh_size > SECTION_NAMES_MAX_BYTES)
		return ELF_ACCEPTED;
	return elf_file_section(f, section, &header, &f->names);
}

/* What both ways of opening do once libelf has the file. */
static enum elf_refusal
learn(struct elf_file *f)
{
	f->budget = READ_MAX_BYTES;
	if (f->elf == NULL || elf_kind(f->elf) != ELF_K_ELF ||
	    gelf_getehdr(f->elf, &f->header) == NULL ||
	    elf_getphdrnum(f->elf, &f->segments) < 0)
		return ELF_DAMAGED;
	/* damaged section headers only cost what is in sections */
	if (elf_getshdrnum(f->elf, &f->sections) < 0 ||
	    f->sections > SECTIONS_MAX)
		f->sections = 0;
	return read_names(f);
}

static uint64_t
write_time(const struct stat *st)
{
	return st->st_mtim.tv_sec * 1000000000ULL + st->st_mtim.tv_nsec;
}

enum elf_refusal
elf_file_open(struct elf_file *f, int fd)
{
	union head head;
	struct stat st;
	enum elf_refusal r;

	memset(f, 0, sizeof(*f));
	memset(&head, 0, sizeof(head));
	f->fd = fd;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return ELF_NOT_ELF;
	if ((uint64_t)st.st_size > FILE_MAX_BYTES)
		return ELF_TOO_LARGE;
	if (pread(fd, &head, sizeof(head), 0) < (ssize_t)sizeof(head.small))
		return ELF_NOT_ELF;
	if ((r = check_head(&head)) != ELF_ACCEPTED ||
	    (r = check_counts(&head)) != ELF_ACCEPTED)
		return r;
	f->size = st.st_size;
	f->written_ns = write_time(&st);
	elf_version(EV_CURRENT);
	f->elf = elf_begin(fd, ELF_C_READ, NULL);
	return learn(f);
}

enum elf_refusal
elf_file_open_memory(struct elf_file *f, void *image, size_t size)
{
	union head head;
	enum elf_refusal r;

	memset(f, 0, sizeof(*f));
	memset(&head, 0, sizeof(head));
	f->fd = -1;
	f->memory = image;
	if (size < sizeof(head.small))
		return ELF_NOT_ELF;
	memcpy(&head, image, size < sizeof(head) ? size : sizeof(head));
	if ((r = check_head(&head)) != ELF_ACCEPTED ||
	    (r = check_counts(&head)) != ELF_ACCEPTED)
		return r;
	f->size = size;
	elf_version(EV_CURRENT);
	f->elf = elf_memory(image, size);
	return learn(f);
}

void
elf_file_close(struct elf_file *f)
{
	if (f->elf != NULL)
		elf_end(f->elf);
	free(f->memory);
	f->elf = NULL;
	f->memory = NULL;
}

static enum elf_refusal
spend(struct elf_file *f, uint64_t size)
{
	if (size > PART_MAX_BYTES || size > f->budget)
		return ELF_TOO_LARGE;
	f->budget -= size;
	return ELF_ACCEPTED;
}

static bool
is_inside(const struct elf_file *f, uint64_t offset, uint64_t size)
{
	return size > 0 && offset <= f->size && size <= f->size - offset;
}

/* What libelf could not take: the file's fault, or was it not readable? */
static enum elf_refusal
blame(const struct elf_file *f, uint64_t offset, uint64_t size)
{
	char last;

	if (f->fd < 0 || pread(f->fd, &last, 1, offset + size - 1) == 1)
		return ELF_ACCEPTED;
	return ELF_TRUNCATED;
}

/* True if there are contents to be had; pays for their real size. */
static bool
decompress(struct elf_file *f, Elf_Scn *section, enum elf_refusal *r)
{
	GElf_Chdr compressed;

	if (gelf_getchdr(section, &compressed) == NULL)
		return false;
	*r = spend(f, compressed.ch_size);
	return *r == ELF_ACCEPTED && elf_compress(section, 0, 0) >= 0;
}

enum elf_refusal
elf_file_section(struct elf_file *f, Elf_Scn *section, const GElf_Shdr *header,
    Elf_Data **data)
{
	enum elf_refusal r;

	*data = NULL;
	if (header->sh_type == SHT_NOBITS ||
	    !is_inside(f, header->sh_offset, header->sh_size))
		return ELF_ACCEPTED;
	if ((r = spend(f, header->sh_size)) != ELF_ACCEPTED)
		return r;
	if ((header->sh_flags & SHF_COMPRESSED) && !decompress(f, section, &r))
		return r;
	*data = elf_getdata(section, NULL);
	if (*data == NULL)
		return blame(f, header->sh_offset, header->sh_size);
	if ((*data)->d_buf == NULL || (*data)->d_size == 0)
		*data = NULL;
	return ELF_ACCEPTED;
}

enum elf_refusal
elf_file_part(struct elf_file *f, uint64_t offset, uint64_t size, Elf_Type type,
    Elf_Data **data)
{
	enum elf_refusal r;

	*data = NULL;
	if (!is_inside(f, offset, size))
		return ELF_ACCEPTED;
	if ((r = spend(f, size)) != ELF_ACCEPTED)
		return r;
	*data = elf_getdata_rawchunk(f->elf, offset, size, type);
	return *data == NULL ? blame(f, offset, size) : ELF_ACCEPTED;
}

enum elf_refusal
elf_file_check_unchanged(const struct elf_file *f)
{
	struct stat st;

	if (f->fd < 0)
		return ELF_ACCEPTED;
	if (fstat(f->fd, &st) < 0 || (uint64_t)st.st_size < f->size)
		return ELF_TRUNCATED;
	return (uint64_t)st.st_size == f->size &&
		       write_time(&st) == f->written_ns
		   ? ELF_ACCEPTED
		   : ELF_CHANGED;
}

static bool
is_named(const struct elf_file *f, const GElf_Shdr *header, const char *name)
{
	size_t size = strlen(name) + 1;

	return header->sh_name < f->names->d_size &&
	       size <= f->names->d_size - header->sh_name &&
	       memcmp((char *)f->names->d_buf + header->sh_name, name, size) ==
		   0;
}

void
elf_file_find_section(const struct elf_file *f, const char *name, uint32_t type,
    Elf_Scn **section, GElf_Shdr *header)
{
	*section = NULL;
	while (f->names != NULL &&
	       (*section = elf_nextscn(f->elf, *section)) != NULL)
		if (gelf_getshdr(*section, header) != NULL &&
		    header->sh_type == type && is_named(f, header, name))
			return;
}
