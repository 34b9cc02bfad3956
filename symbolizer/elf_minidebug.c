/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolizer/elf_minidebug.h"

#include <lzma.h>
#include <stdlib.h>
#include <string.h>

#define COMPRESSED_MAX_BYTES (32u * 1024 * 1024)
#define IMAGE_MAX_BYTES (96u * 1024 * 1024)
#define IMAGE_FIRST_BYTES (256u * 1024)
#define XZ_MEMORY_BYTES (80u * 1024 * 1024)

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

/*
 * *image, to be freed, is NULL if the data is damaged. Refused: what comes out
 * of it has no end, which no packager's does.
 */
static enum elf_refusal
decompress(const Elf_Data *data, char **image, size_t *size)
{
	lzma_stream xz = LZMA_STREAM_INIT;
	size_t room = 0;
	lzma_ret r;

	*image = NULL;
	if (lzma_stream_decoder(&xz, XZ_MEMORY_BYTES, 0) != LZMA_OK)
		return ELF_NO_MEMORY;
	xz.next_in = data->d_buf;
	xz.avail_in = data->d_size;
	do {
		r = LZMA_MEM_ERROR;
		if (xz.avail_out == 0 && !grow(&xz, image, &room))
			break;
		r = lzma_code(&xz, LZMA_FINISH);
	} while (r == LZMA_OK);
	*size = xz.total_out;
	lzma_end(&xz);
	if (r == LZMA_STREAM_END)
		return ELF_ACCEPTED;
	free(*image);
	*image = NULL;
	return r == LZMA_MEM_ERROR || r == LZMA_MEMLIMIT_ERROR ? ELF_TOO_LARGE
							       : ELF_ACCEPTED;
}

enum elf_refusal
elf_minidebug_add(struct elf_file *f, struct elf_file *inner,
    struct symbol_builder *builder, struct elf_tables *tables)
{
	Elf_Scn *section;
	GElf_Shdr header;
	Elf_Data *data;
	char *image = NULL;
	size_t size = 0;
	enum elf_refusal r;

	*tables = (struct elf_tables){ 0 };
	memset(inner, 0, sizeof(*inner));
	elf_file_find_section(
	    f, ".gnu_debugdata", SHT_PROGBITS, &section, &header);
	if (section == NULL)
		return ELF_ACCEPTED;
	if (header.sh_size > COMPRESSED_MAX_BYTES)
		return ELF_TOO_LARGE;
	r = elf_file_section(f, section, &header, &data);
	if (r == ELF_ACCEPTED && data != NULL)
		r = decompress(data, &image, &size);
	if (r != ELF_ACCEPTED || data == NULL || image == NULL)
		return r;
	if (elf_file_open_memory(inner, image, size) != ELF_ACCEPTED)
		return ELF_ACCEPTED;
	return elf_symbols_add(inner, builder, tables);
}
