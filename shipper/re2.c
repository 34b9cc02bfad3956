/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "shipper/re2.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "shipper/re2_class.h"
#include "shipper/re2_text.h"

/* What the text is wrapped in. */
#define OPENING "^(?:"
#define CLOSING ")$"

#define FOLD 1u        /* i */
#define MULTI_LINE 2u  /* m */
#define DOT_NEWLINE 4u /* s */
#define UNGREEDY 8u    /* U */

/* What a repetition applies to. */
struct item {
	size_t start;  /* in what is written */
	size_t groups; /* how many there were before it */
	bool repeated; /* it is a repetition */
	bool nullable; /* it can match nothing */
	unsigned depth;
	unsigned copies; /* of its innermost, by repetitions with numbers */
};

/* An open group; what has been read of it. */
struct level {
	unsigned flags; /* before it */
	bool folding;   /* what is written is under (?i), before it */
	struct item self;
	struct item last; /* start SIZE_MAX: none */
	/* of this alternative, without last */
	bool nullable;
	unsigned depth;
	size_t items;
	size_t alternatives; /* that are complete */
};

struct parser {
	struct re2_scan scan;
	struct re2_out out;
	unsigned flags;
	bool folding; /* what is written now is under (?i) */
	struct level *level;
	size_t levels, room;
	struct re2_group *group;
	size_t groups;
	const char *repetition; /* the one that was just read, or NULL */
	bool closed;            /* the wrapping is */
};

#define NO_ITEM SIZE_MAX

static struct level *
top(struct parser *p)
{
	return &p->level[p->levels - 1];
}

static unsigned
max(unsigned a, unsigned b)
{
	return a > b ? a : b;
}

/* ---- items and groups */

/* Accounts the last item, which is final now. */
static void
settle(struct level *l)
{
	if (l->last.start == NO_ITEM)
		return;
	l->items++;
	l->nullable &= l->last.nullable;
	l->depth = max(l->depth, l->last.depth);
	l->self.copies = max(l->self.copies, l->last.copies);
	l->last.start = NO_ITEM;
}

static int
check_depth(struct parser *p, unsigned depth)
{
	if (depth <= RE2_DEPTH_MAX)
		return 0;
	return re2_fail_at(&p->scan, "expression nests too deeply",
	    p->scan.whole, p->scan.end);
}

static int
add_item(struct parser *p, const struct item *item)
{
	settle(top(p));
	top(p)->last = *item;
	return check_depth(p, item->depth);
}

/* What is written from start on, as an item that consists of nothing else. */
static int
add_simple(struct parser *p, size_t start, bool nullable)
{
	return add_item(p, &(struct item){ .start = start,
			       .groups = p->groups,
			       .nullable = nullable,
			       .depth = 1,
			       .copies = 1 });
}

static void
open_group(struct parser *p, const char *text)
{
	struct level *l;

	if (p->levels == p->room) {
		p->room = p->room > 0 ? 2 * p->room : 16;
		p->level = erealloc(p->level, p->room, sizeof(*p->level));
	}
	l = &p->level[p->levels++];
	*l = (struct level){
		.flags = p->flags,
		.folding = p->folding,
		.self = { .start = p->out.size,
		    .groups = p->groups,
		    .copies = 1 },
		.last = { .start = NO_ITEM },
		.nullable = true,
	};
	re2_put(&p->out, text);
}

static void
open_capture(struct parser *p, const char *name, size_t size)
{
	open_group(p, "(");
	p->group = erealloc(p->group, p->groups + 1, sizeof(*p->group));
	p->group[p->groups] = (struct re2_group){ NULL, false };
	if (size > 0) {
		p->group[p->groups].name = ecalloc(size + 1, 1);
		memcpy(p->group[p->groups].name, name, size);
	}
	p->groups++;
}

static void
next_alternative(struct parser *p)
{
	struct level *l = top(p);

	settle(l);
	/* a list is a node of the tree */
	l->self.depth = max(l->self.depth, max(l->depth, 1) + (l->items > 1));
	l->self.nullable |= l->nullable;
	l->alternatives++;
	l->nullable = true;
	l->depth = 0;
	l->items = 0;
}

static int
close_group(struct parser *p)
{
	struct level l;

	next_alternative(p);
	l = *top(p);
	p->levels--;
	p->flags = l.flags;
	p->folding = l.folding;
	re2_put(&p->out, ")");
	l.self.depth += 1 + (l.alternatives > 1);
	return add_item(p, &l.self);
}

/* The parenthesis of the wrapping closes at its end, and there alone. */
static int
take_closing(struct parser *p)
{
	p->scan.at++;
	if (p->levels > 1)
		return close_group(p);
	p->closed = p->scan.end - p->scan.at == 1;
	if (p->closed)
		return 0;
	return re2_fail_at(
	    &p->scan, "unexpected )", p->scan.whole, p->scan.end);
}

/* ---- repetitions */

static bool
is_letter(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* A number without leading zeros; -1: none, INT_MAX: too large. */
static int
take_number(const char **at)
{
	const char *s = *at;
	long n = 0;

	if (!isdigit((unsigned char)*s) ||
	    (*s == '0' && isdigit((unsigned char)s[1])))
		return -1;
	for (; isdigit((unsigned char)*s); s++)
		if (n <= RE2_REPEAT_MAX)
			n = n * 10 + (*s - '0');
	*at = s;
	return (int)n;
}

struct repetition {
	int min, max; /* max -1: without end */
	bool counted; /* {2,3} */
};

/* *, +, ?, {2}, {2,} or {2,3}; false if it is none. */
static bool
take_repetition(struct parser *p, struct repetition *r)
{
	const char *s = p->scan.at + 1;

	*r = (struct repetition){ *p->scan.at == '+',
		*p->scan.at == '?' ? 1 : -1, *p->scan.at == '{' };
	if (r->counted) {
		r->min = r->max = take_number(&s);
		if (r->min >= 0 && *s == ',') {
			r->max = *++s == '}' ? -1 : take_number(&s);
			if (r->max < 0 && *s != '}')
				return false;
		}
		if (r->min < 0 || *s++ != '}')
			return false;
	}
	p->scan.at = s;
	return true;
}

static void
mark_unsteady(struct parser *p, const struct item *item)
{
	for (size_t i = item->groups; i < p->groups; i++)
		p->group[i].unsteady = true;
}

static void
write_repetition(struct parser *p, const struct repetition *r, bool lazy)
{
	struct item *item = &top(p)->last;

	if (item->repeated) { /* a**, by way of a*(?i)* */
		re2_insert(&p->out, item->start, "(?:");
		re2_put(&p->out, ")");
		item->depth++;
	}
	if (!r->counted)
		re2_put(&p->out, r->min == 1 ? "+" : r->max == 1 ? "?" : "*");
	else if (r->min == r->max)
		re2_putf(&p->out, "{%d}", r->min);
	else if (r->max < 0)
		re2_putf(&p->out, "{%d,}", r->min);
	else
		re2_putf(&p->out, "{%d,%d}", r->min, r->max);
	if (lazy)
		re2_put(&p->out, "?");
}

/* The last item, repeated. start: where the text of the repetition is. */
static int
repeat(
    struct parser *p, const struct repetition *r, const char *start, bool lazy)
{
	struct item *item = &top(p)->last;
	unsigned copies = r->max < 0 ? r->min : r->max;

	write_repetition(p, r, lazy);
	if (item->nullable && r->max != 0 && r->max != 1)
		mark_unsteady(p, item);
	item->repeated = true;
	item->nullable |= r->min == 0;
	item->depth++;
	if (r->counted && r->max == 0)
		item->copies = 1;
	else if (r->counted)
		item->copies *= max(copies, 1);
	if (r->counted && (r->min >= 2 || r->max >= 2) &&
	    item->copies > RE2_REPEAT_MAX)
		return re2_fail(&p->scan, "invalid repeat count", start);
	return check_depth(p, item->depth);
}

static int
read_repetition(struct parser *p, const char *before)
{
	const char *start = p->scan.at;
	struct repetition r;
	bool lazy = p->flags & UNGREEDY;

	if (!take_repetition(p, &r)) {
		re2_put(&p->out, "\\{");
		p->scan.at++;
		return add_simple(p, p->out.size - 2, false);
	}
	if (r.min > RE2_REPEAT_MAX || r.max > RE2_REPEAT_MAX ||
	    (r.max >= 0 && r.min > r.max))
		return re2_fail(&p->scan, "invalid repeat count", start);
	if (*p->scan.at == '?') {
		p->scan.at++;
		lazy = !lazy;
	}
	if (before != NULL)
		return re2_fail(
		    &p->scan, "invalid nested repetition operator", before);
	if (top(p)->last.start == NO_ITEM)
		return re2_fail(
		    &p->scan, "missing argument to repetition operator", start);
	p->repetition = start;
	return repeat(p, &r, start, lazy);
}

/* ---- (?...) */

static int
bad_perl(struct parser *p, const char *start)
{
	return re2_fail(&p->scan, "invalid or unsupported Perl syntax", start);
}

/* (?P<name>, whose "<" is at that offset. */
static int
open_named(struct parser *p, size_t offset)
{
	const char *start = p->scan.at, *name = start + offset + 1;
	const char *end = memchr(name, '>', p->scan.end - name), *s = name;
	const char *last = end != NULL ? end : p->scan.end;
	int r;

	if ((r = re2_check_utf8(&p->scan, name, last)) < 0)
		return r;
	while (s < last && is_letter(*s))
		s++;
	if (end == NULL || s != end || s == name)
		return re2_fail_at(&p->scan, "invalid named capture", start,
		    end != NULL ? end + 1 : last);
	p->scan.at = end + 1;
	open_capture(p, name, end - name);
	return 0;
}

/* (?<name>, which came later than (?P<name>; lookbehind begins alike. */
static bool
next_is_short_name(const struct re2_scan *scan)
{
	const char *s = scan->at + 3;

	if (!re2_next_is(scan, "(?<") || !is_letter(*s))
		return false;
	while (is_letter(*s))
		s++;
	return *s == '>';
}

static const struct {
	char letter;
	unsigned flag;
} flag_letters[] = {
	{ 'i', FOLD },
	{ 'm', MULTI_LINE },
	{ 's', DOT_NEWLINE },
	{ 'U', UNGREEDY },
};

static unsigned
flag_of(uint32_t c)
{
	for (size_t i = 0; i < sizeof(flag_letters) / sizeof(flag_letters[0]);
	     i++)
		if (c == (unsigned char)flag_letters[i].letter)
			return flag_letters[i].flag;
	return 0;
}

/* (?i) or (?i-s: and the like. */
static int
take_flags(struct parser *p)
{
	const char *start = p->scan.at;
	unsigned flags = p->flags, flag;
	bool off = false, any = false;
	uint32_t c = 0;
	int r;

	for (p->scan.at += 2; p->scan.at < p->scan.end;) {
		if ((r = re2_take_rune(&p->scan, &c)) < 0)
			return r;
		flag = flag_of(c);
		if (flag != 0) {
			flags = off ? flags & ~flag : flags | flag;
			any = true;
		} else if (c == '-' && !off) {
			off = true;
			any = false;
		} else {
			break;
		}
	}
	if ((c != ':' && c != ')') || (off && !any))
		return bad_perl(p, start);
	if (c == ':')
		open_group(p, "(?:");
	p->flags = flags;
	return 0;
}

static int
take_opening(struct parser *p)
{
	if (re2_next_is(&p->scan, "(?P<"))
		return open_named(p, 3);
	if (next_is_short_name(&p->scan))
		return open_named(p, 2);
	if (re2_next_is(&p->scan, "(?"))
		return take_flags(p);
	p->scan.at++;
	open_capture(p, NULL, 0);
	return 0;
}

/* ---- characters and places */

/* Lets what is written next be under (?i) or not, as the flags say. */
static void
write_fold(struct parser *p)
{
	bool fold = p->flags & FOLD;

	if (fold == p->folding)
		return;
	re2_put(&p->out, fold ? "(?i)" : "(?-i)");
	p->folding = fold;
}

static int
add_rune(struct parser *p, uint32_t rune)
{
	size_t start;

	write_fold(p);
	start = p->out.size;
	if (rune >= 0xd800 && rune <= 0xdfff)
		re2_put(&p->out, RE2_NEVER);
	else
		re2_put_rune(&p->out, rune);
	return add_simple(p, start, false);
}

/* A place, in brackets that a repetition may follow. */
static int
add_place(struct parser *p, const char *text)
{
	size_t start = p->out.size;

	re2_putf(&p->out, "(?:%s)", text);
	return add_simple(p, start, true);
}

static int
add_dot(struct parser *p)
{
	size_t start = p->out.size;

	re2_put(&p->out, p->flags & DOT_NEWLINE ? RE2_ANY : "[^\\n]");
	return add_simple(p, start, false);
}

static int
add_class(struct parser *p)
{
	size_t start;
	int r;

	write_fold(p);
	start = p->out.size;
	r = re2_take_class(&p->scan, &p->out, p->flags & FOLD);
	return r < 0 ? r : add_simple(p, start, false);
}

/* \Q...\E */
static int
add_quoted(struct parser *p)
{
	const char *end;
	uint32_t rune = 0;
	int r = 0;

	p->scan.at += 2;
	end = strstr(p->scan.at, "\\E");
	if (end == NULL)
		end = p->scan.end;
	while (p->scan.at < end && r == 0)
		if ((r = re2_take_rune(&p->scan, &rune)) == 0)
			r = add_rune(p, rune);
	if (p->scan.at < p->scan.end && r == 0)
		p->scan.at += 2;
	return r;
}

/* What is after a backslash and no character. */
static const struct {
	char letter;
	const char *text;
} places[] = {
	{ 'A', "\\A" },
	{ 'b', "\\b" },
	{ 'B', "\\B" },
	{ 'z', "\\z" },
};

static int
add_escape(struct parser *p)
{
	const char *start = p->scan.at;
	char letter = start[1];
	uint32_t rune = 0;
	size_t at;
	int r;

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (letter != places[i].letter)
			continue;
		p->scan.at += 2;
		return add_place(p, places[i].text);
	}
	if (letter == 'Q')
		return add_quoted(p);
	write_fold(p);
	at = p->out.size;
	r = re2_take_set(&p->scan, &p->out, p->flags & FOLD);
	if (r != 0)
		return r < 0 ? r : add_simple(p, at, false);
	r = re2_take_escape(&p->scan, &rune);
	return r < 0 ? r : add_rune(p, rune);
}

static int
add_literal(struct parser *p)
{
	uint32_t rune = 0;
	int r = re2_take_rune(&p->scan, &rune);

	return r < 0 ? r : add_rune(p, rune);
}

/* ---- all of it */

static int
step(struct parser *p)
{
	const char *before = p->repetition;

	p->repetition = NULL;
	switch (*p->scan.at) {
	case '(':
		return take_opening(p);
	case ')':
		return take_closing(p);
	case '|':
		p->scan.at++;
		next_alternative(p);
		re2_put(&p->out, "|");
		return 0;
	case '^':
		p->scan.at++;
		return add_place(
		    p, p->flags & MULTI_LINE ? "(?<![^\\n])" : "\\A");
	case '$':
		p->scan.at++;
		return add_place(
		    p, p->flags & MULTI_LINE ? "(?![^\\n])" : "\\z");
	case '.':
		p->scan.at++;
		return add_dot(p);
	case '[':
		return add_class(p);
	case '\\':
		return add_escape(p);
	case '*':
	case '+':
	case '?':
	case '{':
		return read_repetition(p, before);
	default:
		return add_literal(p);
	}
}

/* Up to the "$" of the wrapping. */
static int
parse(struct parser *p)
{
	const char *last = p->scan.end - 1;
	int r = 0;

	while (p->scan.at < last && r == 0)
		r = step(p);
	if (r < 0)
		return r;
	if (!p->closed)
		return re2_fail_at(
		    &p->scan, "missing closing )", p->scan.whole, p->scan.end);
	return 0;
}

static void
free_groups(struct re2_group *group, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(group[i].name);
	free(group);
}

static struct re2 *
finish(struct parser *p)
{
	struct re2 *re2 = ecalloc(1, sizeof(*re2));

	*re2 = (struct re2){ p->out.text, p->out.size, p->group, p->groups };
	free(p->level);
	return re2;
}

struct re2 *
re2_translate(const char *regex, char **why)
{
	struct parser p = { .group = ecalloc(1, sizeof(*p.group)),
		.groups = 1 };
	struct re2 *re2 = NULL;
	char *whole;
	int n = asprintf(&whole, OPENING "%s" CLOSING, regex);

	if (n < 0)
		fatalx("out of memory");
	p.scan = (struct re2_scan){
		.whole = whole, .at = whole + strlen(OPENING), .end = whole + n
	};
	open_group(&p, "");
	if (strlen(regex) > RE2_TEXT_MAX)
		re2_fail_at(&p.scan, "expression too large", whole, whole + 64);
	else if (parse(&p) == 0)
		re2 = finish(&p);
	if (re2 == NULL) {
		*why = p.scan.why;
		free(p.out.text);
		free(p.level);
		free_groups(p.group, p.groups);
	}
	free(whole);
	return re2;
}

void
re2_free(struct re2 *re2)
{
	if (re2 == NULL)
		return;
	free_groups(re2->group, re2->groups);
	free(re2->pattern);
	free(re2);
}
