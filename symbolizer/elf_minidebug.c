/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolizer/elf_minidebug.h"

#include <lzma.h>
#include <stdlib.h>
#include <string.h>

#include "symbolizer/elf_symbols.h"

#define COMPRESSED_MAX_BYTES (32u * 1024 * 1024)
#define IMAGE_MAX_BYTES (96u * 1024 * 1024)
#define IMAGE_FIRST_BYTES (256u * 1024)
#define XZ_MEMORY_BYTES (80u * 1024 * 1024)

static bool
find_section(struct elf_file *f, Elf_Scn **section, GElf_Shdr *header)
{
	*section = NULL;
	while (f->sections > 0 &&
	       (*section = elf_nextscn(f->elf, *section)) != NULL)
		if (gelf_getshdr(*section, header) != NULL &&
		    header->sh_type == SHT_PROGBITS &&
		    strcmp(elf_file_section_name(f, header),
			".gnu_debugdata") == 0)
			return true;
	return false;
}

/* Makes the room for the output larger; false at the bound. */
static bool
grow(lzma_stream *xz, char **image, size_t *room)
{
	size_t more = *room ? 2 * *room : IMAGE_FIRST_BYTES;
	char *p;

	if (*room == IMAGE_MAX_BYTES)
		return false;
	if (more > IMAGE_MAX_BYTES)
		more = IMAGE_MAX_BYTES;
	p = realloc(*image, more);
	if (p == NULL)
		return false;
	*image = p;
	xz->next_out = (uint8_t *)p + *room;
	xz->avail_out = more - *room;
	*room = more;
	return true;
}

/* The image, to be freed, or NULL: damaged or too large. */
static char *
decompress(const Elf_Data *data, size_t *size)
{
	lzma_stream xz = LZMA_STREAM_INIT;
	char *image = NULL;
	size_t room = 0;
	lzma_ret r;

	if (lzma_stream_decoder(&xz, XZ_MEMORY_BYTES, 0) != LZMA_OK)
		return NULL;
	xz.next_in = data->d_buf;
	xz.avail_in = data->d_size;
	do {
		r = LZMA_MEM_ERROR;
		if (xz.avail_out == 0 && !grow(&xz, &image, &room))
			break;
		r = lzma_code(&xz, LZMA_FINISH);
	} while (r == LZMA_OK);
	*size = xz.total_out;
	lzma_end(&xz);
	if (r == LZMA_STREAM_END)
		return image;
	free(image);
	return NULL;
}

enum elf_refusal
elf_minidebug_add(
    struct elf_file *f, struct elf_file *inner, struct symbol_builder *builder)
{
	Elf_Scn *section;
	GElf_Shdr header;
	Elf_Data *data;
	char *image;
	size_t size;
	int tables;
	enum elf_refusal r;

	memset(inner, 0, sizeof(*inner));
	if (!find_section(f, &section, &header) ||
	    header.sh_size > COMPRESSED_MAX_BYTES)
		return ELF_ACCEPTED;
	r = elf_file_section(f, section, &header, &data);
	if (r != ELF_ACCEPTED || data == NULL)
		return r;
	image = decompress(data, &size);
	if (image == NULL ||
	    elf_file_open_memory(inner, image, size) != ELF_ACCEPTED)
		return ELF_ACCEPTED;
	return elf_symbols_add(inner, builder, &tables);
}
