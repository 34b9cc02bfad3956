/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Readable names for C++ (Itanium), Rust (v0 and legacy) and D. The names are
 * hostile and the demangler was not written for that, so it runs in a
 * throw-away child. A name that crashes it, or takes it too long, stays as it
 * is; the names after it go to another child.
 */
#ifndef SYMBOLIZER_DEMANGLE_H
#define SYMBOLIZER_DEMANGLE_H

#include <stdbool.h>
#include <stddef.h>

/* A readable name is shorter. */
#define DEMANGLE_MAX_BYTES 4096
/* A raw name as long as that stays as it is. */
#define DEMANGLE_RAW_MAX_BYTES 16384

struct event_base;
struct demangle;

enum demangle_mode {
	DEMANGLE_NONE,       /* raw names */
	DEMANGLE_SIMPLIFIED, /* no parameters, no template arguments */
	DEMANGLE_TEMPLATES,  /* no parameters */
	DEMANGLE_FULL,       /* all but the suffixes of clones (.isra.0) */
};

/* "none", "simplified", "templates", "full". 0 or -EINVAL. */
int demangle_parse_mode(const char *text, enum demangle_mode *mode);

/* True if raw looks mangled: others need no child. */
bool demangle_wanted(const char *raw, enum demangle_mode mode);

/*
 * names[i] is the readable form of the i-th name or NULL: it stays raw. Any
 * bytes but 0 may be in it. Valid during the call. The first settled names
 * have been tried; what comes after them might do better another time. failed
 * names stay raw because the demangler failed on them or was not tried, not
 * because they are not mangled.
 */
typedef void (*demangle_done)(void *arg, const char *const *names,
    size_t settled, size_t count, size_t failed);

/*
 * Demangles count names (copied) in a child, or several if need be. done is
 * called once, from the loop; or, if no child can be made, before this
 * returns NULL.
 */
struct demangle *demangle_start(struct event_base *base,
    const char *const *names, size_t count, enum demangle_mode mode,
    demangle_done done, void *arg);
/* done is not called any more. NULL is fine. */
void demangle_cancel(struct demangle *demangle);

/*
 * What the child does: raw to out, terminated. False: it is not mangled, or
 * its readable form has no end. A form that does not fit in size gives way
 * to a less verbose mode's. May crash or take long: raw is hostile.
 */
bool demangle_name(
    const char *raw, enum demangle_mode mode, char *out, size_t size);

#endif
