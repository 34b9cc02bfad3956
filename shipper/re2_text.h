/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two texts of a translation: an expression of RE2 that is read, and one
 * of pcre2 that is written.
 */
#ifndef SHIPPER_RE2_TEXT_H
#define SHIPPER_RE2_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RUNE_MAX 0x10ffffu

/* For pcre2: any character, and none (as surrogates are in no text). */
#define RE2_ANY "."
#define RE2_NEVER "(?:(?!))"

/* Characters in ranges under (?i): more would take pcre2 too long. */
#define RE2_FOLDED_MAX (4 * (RUNE_MAX + 1))

struct re2_scan {
	const char *whole, *at, *end; /* *end is NUL */
	char *why;                    /* the first mistake; NULL: none */
	size_t folded;                /* towards RE2_FOLDED_MAX */
};

/*
 * "error parsing regexp: WHAT: `EXCERPT`", of the text from there to the
 * current place. Always -EINVAL.
 */
int re2_fail(struct re2_scan *scan, const char *what, const char *from);
/* The same with the text between two places. */
int re2_fail_at(
    struct re2_scan *scan, const char *what, const char *from, const char *to);

/* Whether word is next; it is not taken. */
bool re2_next_is(const struct re2_scan *scan, const char *word);

/* Takes one character. -EINVAL and a mistake if it is no UTF-8. */
int re2_take_rune(struct re2_scan *scan, uint32_t *rune);
/* Takes \n, \x41, \101, \. and the like; a backslash is next. */
int re2_take_escape(struct re2_scan *scan, uint32_t *rune);
/* Whether all up to "to" is UTF-8; else a mistake. */
int re2_check_utf8(struct re2_scan *scan, const char *from, const char *to);

struct re2_out {
	char *text; /* NUL-terminated once something is in it */
	size_t size, room;
};

void re2_put(struct re2_out *out, const char *text);
void re2_putf(struct re2_out *out, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Puts text before what is at that offset. */
void re2_insert(struct re2_out *out, size_t offset, const char *text);
/* The character as itself, inside brackets or not. No surrogate. */
void re2_put_rune(struct re2_out *out, uint32_t rune);

#endif
