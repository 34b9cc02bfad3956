/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "shipper/relabel_plain.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"

struct reader {
	struct plain *plain;
	const char *at;
	char *out; /* where the next character goes */
};

/* Takes characters that mean themselves, as a text. */
static void
take_text(struct reader *r)
{
	struct plain_text *text = &r->plain->text[r->plain->texts++];
	const char *s = r->at;

	text->data = r->out;
	for (; *s != '\0' && strchr(".+*?()|[]{}^$", *s) == NULL; s++) {
		if (*s == '\\') {
			if (!ispunct((unsigned char)s[1]))
				break;
			s++;
		}
		*r->out++ = *s;
	}
	text->size = r->out - text->data;
	r->at = s;
}

/* Takes .* or .+; they are greedy or not, as the rest leaves no choice. */
static bool
take_gap(struct reader *r)
{
	struct plain *p = r->plain;
	const char *s = r->at;

	p->group = *s == '(';
	s += p->group;
	if (s[0] != '.' || (s[1] != '*' && s[1] != '+'))
		return false;
	p->gap = true;
	p->least = s[1] == '+';
	s += 2;
	if (*s == '?')
		s++;
	if (p->group && *s++ != ')')
		return false;
	r->at = s;
	return true;
}

static bool
read_all(struct reader *r)
{
	take_text(r);
	while (*r->at == '|') {
		r->at++;
		take_text(r);
	}
	if (r->plain->texts == 1 && *r->at != '\0' && take_gap(r))
		take_text(r);
	return *r->at == '\0';
}

static int
compare(const void *a, const void *b)
{
	const struct plain_text *x = a, *y = b;

	if (x->size != y->size)
		return x->size < y->size ? -1 : 1;
	return memcmp(x->data, y->data, x->size);
}

bool
plain_init(struct plain *p, const char *regex)
{
	size_t texts = 2;
	struct reader r = { p, regex, NULL };

	for (const char *s = regex; (s = strchr(s, '|')) != NULL; s++)
		texts++;
	*p = (struct plain){ .memory = ecalloc(strlen(regex) + 1, 1),
		.text = ecalloc(texts, sizeof(*p->text)) };
	r.out = p->memory;
	if (!read_all(&r)) {
		plain_fini(p);
		return false;
	}
	if (!p->gap)
		qsort(p->text, p->texts, sizeof(*p->text), compare);
	return true;
}

void
plain_fini(struct plain *p)
{
	free(p->memory);
	free(p->text);
	p->memory = NULL;
	p->text = NULL;
}

static bool
match_around_gap(const struct plain *p, const char *data, size_t size,
    size_t *gap_start, size_t *gap_end)
{
	const struct plain_text *before = &p->text[0], *after = &p->text[1];
	size_t fixed = before->size + after->size;

	if (size < fixed + p->least ||
	    memcmp(data, before->data, before->size) != 0 ||
	    memcmp(data + size - after->size, after->data, after->size) != 0)
		return false;
	*gap_start = before->size;
	*gap_end = size - after->size;
	return memchr(data + *gap_start, '\n', size - fixed) == NULL;
}

bool
plain_match(const struct plain *p, const char *data, size_t size,
    size_t *gap_start, size_t *gap_end)
{
	const struct plain_text wanted = { data, size };

	if (p->gap)
		return match_around_gap(p, data, size, gap_start, gap_end);
	return bsearch(&wanted, p->text, p->texts, sizeof(*p->text), compare) !=
	       NULL;
}
