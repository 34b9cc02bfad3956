/* SPDX-License-Identifier: Apache-2.0 */
/* The two halves of demangle.c, for a child with another demangler in it. */
#ifndef SYMBOLIZER_DEMANGLE_CHILD_H
#define SYMBOLIZER_DEMANGLE_CHILD_H

#include "symbolizer/demangle.h"

struct throwaway_job;

typedef bool (*demangler)(
    const char *raw, enum demangle_mode mode, char *out, size_t size);

/* In the child: answers each name in the memfd in. An exit status. */
int demangle_answer(demangler demangle, int in, int out);

/* As demangle_start(), in children that do job. */
struct demangle *demangle_start_with(const struct throwaway_job *job,
    struct event_base *base, const char *const *names, size_t count,
    enum demangle_mode mode, demangle_done done, void *arg);

#endif
