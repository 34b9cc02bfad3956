/* SPDX-License-Identifier: Apache-2.0 */
/* Makes small ELF files, good ones and then whatever a test makes of them. */
#ifndef TESTS_ELF_IMAGE_H
#define TESTS_ELF_IMAGE_H

#include <elf.h>
#include <stddef.h>
#include <stdint.h>

/* Of one function; all are in the section .text. */
struct elf_image_symbol {
	const char *name;
	uint64_t value, size;
	unsigned char type, binding; /* STT_, STB_ */
};

struct elf_image_section {
	const char *name;
	uint32_t type;
	uint64_t flags;
	const void *data;
	size_t size;
};

struct elf_image_spec {
	uint16_t machine; /* 0: this one */
	uint64_t text, text_size, text_offset;
	const struct elf_image_symbol *symbols; /* .symtab; ends with no name */
	const struct elf_image_section *sections; /* more; ends with no name */
};

/* Section numbers of what every image has; others follow. */
enum { ELF_IMAGE_TEXT = 1, ELF_IMAGE_SYMTAB, ELF_IMAGE_STRTAB, ELF_IMAGE_MORE };

struct elf_image {
	uint8_t *bytes;
	size_t size;
	Elf64_Ehdr *header;
	Elf64_Phdr *segments; /* one */
	Elf64_Shdr *sections; /* the last one has their names */
};

/* To be freed by elf_image_free(). */
struct elf_image elf_image_new(const struct elf_image_spec *spec);
void elf_image_free(struct elf_image *image);

/* A new memfd with size bytes of data. */
int elf_image_fd(const void *data, size_t size);

#endif
