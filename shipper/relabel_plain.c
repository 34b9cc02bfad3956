/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "shipper/relabel_plain.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"

/* Takes characters that mean themselves. */
static const char *
take_literal(struct plain *p, const char *s, size_t *size)
{
	for (; *s != '\0' && strchr(".+*?()|[]{}^$", *s) == NULL; s++) {
		if (*s == '\\') {
			if (!ispunct((unsigned char)s[1]))
				break;
			s++;
		}
		p->text[p->before + p->after] = *s;
		(*size)++;
	}
	return s;
}

/* Takes .* or .+; they are greedy or not, as the rest leaves no choice. */
static const char *
take_gap(struct plain *p, const char *s)
{
	p->group = *s == '(';
	s += p->group;
	if (s[0] != '.' || (s[1] != '*' && s[1] != '+'))
		return NULL;
	p->gap = true;
	p->least = s[1] == '+';
	s += 2;
	if (*s == '?')
		s++;
	if (!p->group)
		return s;
	return *s == ')' ? s + 1 : NULL;
}

bool
plain_init(struct plain *p, const char *regex)
{
	const char *s = regex;

	*p = (struct plain){ .text = ecalloc(strlen(regex) + 1, 1) };
	s = take_literal(p, s, &p->before);
	if (*s != '\0' && (s = take_gap(p, s)) != NULL)
		s = take_literal(p, s, &p->after);
	if (s != NULL && *s == '\0')
		return true;
	plain_fini(p);
	return false;
}

void
plain_fini(struct plain *p)
{
	free(p->text);
	p->text = NULL;
}

bool
plain_match(const struct plain *p, const char *text, size_t size,
    size_t *gap_start, size_t *gap_end)
{
	size_t fixed = p->before + p->after;

	if (p->gap ? size < fixed + p->least : size != fixed)
		return false;
	if (memcmp(text, p->text, p->before) != 0 ||
	    memcmp(text + size - p->after, p->text + p->before, p->after) != 0)
		return false;
	*gap_start = p->before;
	*gap_end = size - p->after;
	return !p->gap || memchr(text + *gap_start, '\n', size - fixed) == NULL;
}
