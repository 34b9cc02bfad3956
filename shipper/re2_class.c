/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "shipper/re2_class.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shipper/re2_text.h"

#define SURROGATE_FIRST 0xd800u
#define SURROGATE_LAST 0xdfffu
#define BAD_RANGE "invalid character class range"
#define MISSING_BRACKET "missing closing ]"
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct range {
	uint32_t first, last;
};

/* An ASCII set under its name. */
struct set {
	const char *name;
	struct range ranges[5]; /* ascending; ends with last 0 */
	const char *folded;     /* the set that it is under (?i), if another */
	bool has_letters;       /* k and s: under (?i) two more characters */
};

static const struct set sets[] = {
	{ "d", { { '0', '9' } } },
	{ "s", { { '\t', '\n' }, { '\f', '\r' }, { ' ', ' ' } } },
	{ "w", { { '0', '9' }, { 'A', 'Z' }, { '_', '_' }, { 'a', 'z' } }, NULL,
	    true },
	{ "alnum", { { '0', '9' }, { 'A', 'Z' }, { 'a', 'z' } }, NULL, true },
	{ "alpha", { { 'A', 'Z' }, { 'a', 'z' } }, NULL, true },
	{ "ascii", { { 0, 0x7f } }, NULL, true },
	{ "blank", { { '\t', '\t' }, { ' ', ' ' } } },
	{ "cntrl", { { 0, 0x1f }, { 0x7f, 0x7f } } },
	{ "digit", { { '0', '9' } } },
	{ "graph", { { '!', '~' } }, NULL, true },
	{ "lower", { { 'a', 'z' } }, "alpha", true },
	{ "print", { { ' ', '~' } }, NULL, true },
	{ "punct", { { '!', '/' }, { ':', '@' }, { '[', '`' }, { '{', '~' } } },
	{ "space", { { '\t', '\r' }, { ' ', ' ' } } },
	{ "upper", { { 'A', 'Z' } }, "alpha", true },
	{ "word", { { '0', '9' }, { 'A', 'Z' }, { '_', '_' }, { 'a', 'z' } },
	    NULL, true },
	{ "xdigit", { { '0', '9' }, { 'A', 'F' }, { 'a', 'f' } } },
};

/* Long s and the Kelvin sign: what k and s are without regard to case. */
static const uint32_t folded_to_ascii[] = { 0x17f, 0x212a };

/*
 * A class while it is read: what may stand in brackets. Under (?i) pcre2 looks
 * at every character of a range by itself, a million of them in a complement;
 * so those, which have no other case outside of them, go without it.
 */
struct class
{
	bool fold;
	struct re2_out items;  /* under (?i) if fold is set */
	struct re2_out closed; /* never */
};

static const struct set *
find_set(const char *name, size_t size)
{
	for (size_t i = 0; i < COUNT(sets); i++)
		if (strlen(sets[i].name) == size &&
		    memcmp(sets[i].name, name, size) == 0)
			return &sets[i];
	return NULL;
}

/* pcre2 knows no surrogate and no text has one. */
static void
put_range(struct re2_out *out, uint32_t first, uint32_t last)
{
	if (first >= SURROGATE_FIRST && first <= SURROGATE_LAST)
		first = SURROGATE_LAST + 1;
	if (last >= SURROGATE_FIRST && last <= SURROGATE_LAST)
		last = SURROGATE_FIRST - 1;
	if (first > last)
		return;
	re2_put_rune(out, first);
	if (first == last)
		return;
	re2_put(out, "-");
	re2_put_rune(out, last);
}

/* All but what is in the set, ranges of it and those two characters. */
static void
put_complement(struct re2_out *out, const struct set *set, bool fold)
{
	uint32_t next = 0;

	for (size_t i = 0; i < COUNT(set->ranges); i++) {
		const struct range *r = &set->ranges[i];

		if (r->last == 0)
			break;
		if (r->first > next)
			put_range(out, next, r->first - 1);
		next = r->last + 1;
	}
	for (size_t i = 0; fold && set->has_letters && i < 2; i++) {
		put_range(out, next, folded_to_ascii[i] - 1);
		next = folded_to_ascii[i] + 1;
	}
	put_range(out, next, RUNE_MAX);
}

static void
add_set(struct class *c, const struct set *set, bool negated)
{
	if (c->fold && set->folded != NULL)
		set = find_set(set->folded, strlen(set->folded));
	if (negated) {
		put_complement(c->fold ? &c->closed : &c->items, set, c->fold);
		return;
	}
	for (size_t i = 0; i < COUNT(set->ranges); i++)
		if (set->ranges[i].last != 0)
			put_range(&c->items, set->ranges[i].first,
			    set->ranges[i].last);
}

/* ---- Unicode */

/* General categories. folds: (?i) would add characters of others. */
static const struct category {
	const char *name;
	bool folds;
	const char *inside, *outside; /* NULL: as pcre2 has it */
} categories[] = {
	{ "Any" },
	/* with Cn to pcre2 */
	{ "C", false, "\\p{Cc}\\p{Cf}\\p{Co}",
	    "\\p{L}\\p{M}\\p{N}\\p{P}\\p{S}\\p{Z}\\p{Cn}" },
	{ "Cc" },
	{ "Cf" },
	{ "Co" },
	{ "Cs" },
	{ "L", true },
	{ "Ll", true },
	{ "Lm" },
	{ "Lo" },
	{ "Lt", true },
	{ "Lu", true },
	{ "M", true },
	{ "Mc" },
	{ "Me" },
	{ "Mn", true },
	{ "N" },
	{ "Nd" },
	{ "Nl" },
	{ "No" },
	{ "P" },
	{ "Pc" },
	{ "Pd" },
	{ "Pe" },
	{ "Pf" },
	{ "Pi" },
	{ "Po" },
	{ "Ps" },
	{ "S" },
	{ "Sc" },
	{ "Sk" },
	{ "Sm" },
	{ "So" },
	{ "Z" },
	{ "Zl" },
	{ "Zp" },
	{ "Zs" },
};

/* Of Unicode 14. */
static const char scripts[] =
    " Adlam Ahom Anatolian_Hieroglyphs Arabic Armenian Avestan Balinese Bamum "
    "Bassa_Vah Batak Bengali Bhaiksuki Bopomofo Brahmi Braille Buginese Buhid "
    "Canadian_Aboriginal Carian Caucasian_Albanian Chakma Cham Cherokee "
    "Chorasmian Common Coptic Cuneiform Cypriot Cypro_Minoan Cyrillic Deseret "
    "Devanagari Dives_Akuru Dogra Duployan Egyptian_Hieroglyphs Elbasan "
    "Elymaic Ethiopic Georgian Glagolitic Gothic Grantha Greek Gujarati "
    "Gunjala_Gondi Gurmukhi Han Hangul Hanifi_Rohingya Hanunoo Hatran Hebrew "
    "Hiragana Imperial_Aramaic Inherited Inscriptional_Pahlavi "
    "Inscriptional_Parthian Javanese Kaithi Kannada Katakana Kayah_Li "
    "Kharoshthi Khitan_Small_Script Khmer Khojki Khudawadi Lao Latin Lepcha "
    "Limbu Linear_A Linear_B Lisu Lycian Lydian Mahajani Makasar Malayalam "
    "Mandaic Manichaean Marchen Masaram_Gondi Medefaidrin Meetei_Mayek "
    "Mende_Kikakui Meroitic_Cursive Meroitic_Hieroglyphs Miao Modi Mongolian "
    "Mro Multani Myanmar Nabataean Nandinagari New_Tai_Lue Newa Nko Nushu "
    "Nyiakeng_Puachue_Hmong Ogham Ol_Chiki Old_Hungarian Old_Italic "
    "Old_North_Arabian Old_Permic Old_Persian Old_Sogdian Old_South_Arabian "
    "Old_Turkic Old_Uyghur Oriya Osage Osmanya Pahawh_Hmong Palmyrene "
    "Pau_Cin_Hau Phags_Pa Phoenician Psalter_Pahlavi Rejang Runic Samaritan "
    "Saurashtra Sharada Shavian Siddham SignWriting Sinhala Sogdian "
    "Sora_Sompeng Soyombo Sundanese Syloti_Nagri Syriac Tagalog Tagbanwa "
    "Tai_Le Tai_Tham Tai_Viet Takri Tamil Tangsa Tangut Telugu Thaana Thai "
    "Tibetan Tifinagh Tirhuta Toto Ugaritic Vai Vithkuqi Wancho Warang_Citi "
    "Yezidi Yi Zanabazar_Square ";

/* Scripts with characters whose other case is in another script. */
static const char folding_scripts[] = " Common Greek Inherited ";

struct property {
	const char *name;
	size_t size;
	bool negated;
};

static bool
is_listed(const char *list, const struct property *p)
{
	char word[64];

	if (p->size == 0 || p->size > sizeof(word) - 3 ||
	    memchr(p->name, ' ', p->size) != NULL)
		return false;
	snprintf(word, sizeof(word), " %.*s ", (int)p->size, p->name);
	return strstr(list, word) != NULL;
}

static const struct category *
find_category(const struct property *p)
{
	for (size_t i = 0; i < COUNT(categories); i++)
		if (strlen(categories[i].name) == p->size &&
		    memcmp(categories[i].name, p->name, p->size) == 0)
			return &categories[i];
	return NULL;
}

static void
put_category(struct re2_out *out, const struct category *c, bool negated)
{
	if (c->inside != NULL)
		re2_put(out, negated ? c->outside : c->inside);
	else
		re2_putf(out, "\\%c{%s}", negated ? 'P' : 'p', c->name);
}

/* The name in \p{^Name} or \pN, whose p has been taken. */
static int
take_property(struct re2_scan *scan, struct property *p)
{
	const char *name = scan->at, *end;
	uint32_t c = 0;
	int r = re2_take_rune(scan, &c);

	if (r < 0)
		return r;
	if (c == '{') {
		name++;
		end = memchr(name, '}', scan->end - name);
		if ((r = re2_check_utf8(
			 scan, name, end != NULL ? end : scan->end)) < 0)
			return r;
		scan->at = end != NULL ? end + 1 : scan->end;
		if (end == NULL)
			return -EDOM;
	} else {
		end = scan->at;
	}
	if (name < end && *name == '^') {
		p->negated = !p->negated;
		name++;
	}
	p->name = name;
	p->size = end - name;
	return 0;
}

/* \p or \P is next. */
static int
take_unicode(struct re2_scan *scan, struct class *class)
{
	const char *start = scan->at;
	struct property p = { .negated = start[1] == 'P' };
	const struct category *c;
	bool folds;
	int r;

	scan->at += 2;
	r = take_property(scan, &p);
	if (r < 0)
		return r == -EDOM ? re2_fail(scan, BAD_RANGE, start) : r;
	c = find_category(&p);
	if (c == NULL && !is_listed(scripts, &p))
		return re2_fail(scan, BAD_RANGE, start);
	folds = c != NULL ? c->folds : is_listed(folding_scripts, &p);
	if (class->fold && folds)
		return re2_fail(
		    scan, "this class is not supported under (?i)", start);
	if (c != NULL)
		put_category(&class->items, c, p.negated);
	else /* "sc:", as a bare name means the extensions of a script too */
		re2_putf(&class->items, "\\%c{sc:%.*s}", p.negated ? 'P' : 'p',
		    (int)p.size, p.name);
	return 1;
}

/* \d, \pN and the like; as re2_take_set(). */
static int
take_set(struct re2_scan *scan, struct class *class)
{
	char letter, lower;

	if (scan->end - scan->at < 2 || scan->at[0] != '\\')
		return 0;
	letter = scan->at[1];
	if (letter == 'p' || letter == 'P')
		return take_unicode(scan, class);
	if (letter == '\0' || strchr("dswDSW", letter) == NULL)
		return 0;
	lower = letter | 0x20;
	add_set(class, find_set(&lower, 1), letter != lower);
	scan->at += 2;
	return 1;
}

/* [:alpha:] or [:^alpha:]; as re2_take_set(). */
static int
take_named(struct re2_scan *scan, struct class *class)
{
	const char *start = scan->at, *name = start + 2, *end;
	const struct set *set;
	bool negated;

	if (!re2_next_is(scan, "[:") || (end = strstr(name, ":]")) == NULL)
		return 0;
	scan->at = end + 2;
	negated = *name == '^';
	name += negated;
	set = end - name > 1 ? find_set(name, end - name) : NULL;
	if (set == NULL)
		return re2_fail(scan, BAD_RANGE, start);
	add_set(class, set, negated);
	return 1;
}

/* One character of the class that starts there. */
static int
take_member(struct re2_scan *scan, const char *class, uint32_t *rune)
{
	if (scan->at == scan->end)
		return re2_fail(scan, MISSING_BRACKET, class);
	return *scan->at == '\\' ? re2_take_escape(scan, rune)
				 : re2_take_rune(scan, rune);
}

/* a or a-z. */
static int
take_range(struct re2_scan *scan, struct class *class, const char *whole)
{
	const char *start = scan->at;
	uint32_t first = 0, last;
	int r = take_member(scan, whole, &first);

	if (r < 0)
		return r;
	last = first;
	if (scan->at[0] == '-' && scan->end - scan->at >= 2 &&
	    scan->at[1] != ']') {
		scan->at++;
		if ((r = take_member(scan, whole, &last)) < 0)
			return r;
		if (last < first)
			return re2_fail(scan, BAD_RANGE, start);
	}
	if (class->fold)
		scan->folded += last - first + 1;
	if (scan->folded > RE2_FOLDED_MAX)
		return re2_fail_at(
		    scan, "expression too large", scan->whole, scan->end);
	put_range(&class->items, first, last);
	return 1;
}

/* ---- writing what was read */

static bool
is_empty(const struct re2_out *out)
{
	return out->size == 0;
}

static void
put_brackets(struct re2_out *out, const struct re2_out *items, bool negated)
{
	re2_put(out, negated ? "[^" : "[");
	re2_put(out, items->text);
	re2_put(out, "]");
}

/* Items under (?i) and items that are not. */
static void
put_both(struct re2_out *out, const struct class *c, bool negated)
{
	re2_put(out, negated ? "(?:(?!(?-i:" : "(?:(?-i:");
	put_brackets(out, &c->closed, false);
	re2_put(out, negated ? "))" : ")|");
	put_brackets(out, &c->items, negated);
	re2_put(out, ")");
}

static void
put_class(struct re2_out *out, struct class *c, bool negated)
{
	if (is_empty(&c->items) && is_empty(&c->closed)) {
		re2_put(out, negated ? RE2_ANY : RE2_NEVER);
	} else if (is_empty(&c->closed)) {
		put_brackets(out, &c->items, negated);
	} else if (is_empty(&c->items)) {
		re2_put(out, "(?-i:");
		put_brackets(out, &c->closed, negated);
		re2_put(out, ")");
	} else {
		put_both(out, c, negated);
	}
}

static void
forget_class(struct class *c)
{
	free(c->items.text);
	free(c->closed.text);
}

int
re2_take_set(struct re2_scan *scan, struct re2_out *out, bool fold)
{
	struct class class = { .fold = fold };
	int r = take_set(scan, &class);

	if (r > 0)
		put_class(out, &class, false);
	forget_class(&class);
	return r;
}

int
re2_take_class(struct re2_scan *scan, struct re2_out *out, bool fold)
{
	struct class class = { .fold = fold };
	const char *start = scan->at++;
	bool negated = *scan->at == '^';
	int r;

	scan->at += negated;
	do {
		r = take_named(scan, &class);
		if (r == 0)
			r = take_set(scan, &class);
		if (r == 0)
			r = take_range(scan, &class, start);
	} while (r > 0 && *scan->at != ']');
	if (r > 0) {
		scan->at++;
		put_class(out, &class, negated);
	}
	forget_class(&class);
	return r < 0 ? r : 0;
}
