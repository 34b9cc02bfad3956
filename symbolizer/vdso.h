/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The functions that the kernel maps into every process: those of our own
 * process are everybody's.
 */
#ifndef SYMBOLIZER_VDSO_H
#define SYMBOLIZER_VDSO_H

#include "common/batch.h"

struct fetch;
struct symbol_table;
struct vdso;

/* Begins to read it. Never NULL. */
struct vdso *vdso_new(struct fetch *fetch);
void vdso_free(struct vdso *vdso);

/*
 * Its table, if what a process maps there is the same as ours: not in a
 * process of another word size. By offsets into the mapping. Else NULL.
 */
const struct symbol_table *vdso_table(
    const struct vdso *vdso, const struct batch_mapping *mapping);

#endif
