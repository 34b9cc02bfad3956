/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolizer/vdso.h"

#include <elf.h>
#include <link.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "common/log.h"
#include "common/memfd.h"
#include "symbolizer/fetch.h"
#include "symbolizer/file_reader.h"
#include "symbolizer/symbol_table.h"

/* Below that, nothing of a 64-bit process is mapped. */
#define LOW_ADDRESSES (1ULL << 32)

struct vdso {
	struct fetch_reading reading;
	struct symbol_table *table;
	size_t size; /* of the image */
};

/* The kernel maps the whole file; its section headers come last. */
static size_t
image_size(const ElfW(Ehdr) * header)
{
	const ElfW(Phdr) *segments =
	    (const void *)((const char *)header + header->e_phoff);
	size_t size =
	    header->e_shoff + (size_t)header->e_shnum * header->e_shentsize;

	for (int i = 0; i < header->e_phnum; i++)
		if (segments[i].p_type == PT_LOAD &&
		    segments[i].p_offset + segments[i].p_filesz > size)
			size = segments[i].p_offset + segments[i].p_filesz;
	return size;
}

static void
on_read(void *arg, const struct throwaway_outcome *o)
{
	struct vdso *v = arg;

	if (o->result != THROWAWAY_OK ||
	    symbol_table_open(o->memfd, &v->table) < 0)
		log_warnx("vdso", "no symbols: %s", o->why);
}

struct vdso *
vdso_new(struct fetch *fetch)
{
	struct vdso *v = ecalloc(1, sizeof(*v));
	const void *image = (const void *)getauxval(AT_SYSINFO_EHDR);
	struct throwaway_input input = { .fd = { -1, -1 } };

	if (image == NULL)
		return v; /* vdso=0 on the kernel's command line */
	v->size = image_size(image);
	input.fd[0] = memfd_new("vdso");
	if (input.fd[0] < 0 || memfd_append(input.fd[0], image, v->size) < 0) {
		throwaway_input_close(&input);
		return v;
	}
	v->reading.job = file_reader_elf();
	v->reading.done = on_read;
	v->reading.arg = v;
	fetch_read(fetch, &v->reading, &input);
	return v;
}

void
vdso_free(struct vdso *vdso)
{
	if (vdso == NULL)
		return;
	fetch_cancel(&vdso->reading);
	symbol_table_free(vdso->table);
	free(vdso);
}

const struct symbol_table *
vdso_table(const struct vdso *vdso, const struct batch_mapping *mapping)
{
	size_t page = getpagesize();
	size_t pages = (vdso->size + page - 1) / page;

	if (sizeof(void *) == 8 && mapping->start < LOW_ADDRESSES)
		return NULL;
	return mapping->end - mapping->start == pages * page ? vdso->table
							     : NULL;
}
