/* SPDX-License-Identifier: Apache-2.0 */
/*
 * phlare-ebpf.river(5) against the tables of the code: each argument with its
 * type and default, none that does not exist, all functions.
 *
 *   .Ss phlare.ebpf
 *   .It Cm sample_rate Pq Vt int , Li 100
 *   .It Cm forward_to Pq Vt list(receiver) , required
 *   .It Fn env name
 */
#include "tests/river_text.h"

#include <inttypes.h>
#include <stdbool.h>

#include "common/river/stdlib.h"
#include "shipper/components.h"

#define PAGE "../../shipper/phlare-ebpf.river.5" /* from the tests' data */
#define SHARED "HTTP clients"
#define MAX 400

struct entry {
	char section[64], name[64], type[64], value[64];
	bool required, used;
};

struct section {
	char title[64];
	bool shared; /* it points to SHARED */
};

struct page {
	struct entry entry[MAX];
	size_t entries;
	struct section section[MAX];
	size_t sections;
	char function[MAX][64];
	size_t functions;
};

/* ---- reading the page */

static void
take_argument(struct page *p, const char *line)
{
	struct entry *e = &p->entry[p->entries++];
	char type[64], comma[8], kind[16], value[64];
	int n;

	assert_true(p->entries < MAX && p->sections > 0);
	*e = (struct entry){ 0 };
	strcpy(e->section, p->section[p->sections - 1].title);
	n = sscanf(line, ".It Cm %63s Pq Vt %63s %7s %15s %63s", e->name, type,
	    comma, kind, value);
	if (n < 2 || (n > 2 && strcmp(comma, ",") != 0))
		fail_msg("%s", line);
	strcpy(e->type, type);
	if (n == 4 && strcmp(kind, "required") == 0)
		e->required = true;
	else if (n == 5 && strcmp(kind, "Li") == 0)
		strcpy(e->value, strncmp(value, "\\&", 2) ? value : value + 2);
	else if (n != 2)
		fail_msg("%s", line);
}

static void
take_line(struct page *p, char *line)
{
	line[strcspn(line, "\n")] = '\0';
	if (strncmp(line, ".Ss ", 4) == 0 || strncmp(line, ".Sh ", 4) == 0) {
		struct section *s = &p->section[p->sections++];

		assert_true(p->sections < MAX);
		snprintf(s->title, sizeof(s->title), "%s", line + 4);
		s->shared = strcmp(s->title, SHARED) == 0;
	} else if (strncmp(line, ".Sx " SHARED, 4 + strlen(SHARED)) == 0) {
		p->section[p->sections - 1].shared = true;
	} else if (strncmp(line, ".It Cm ", 7) == 0 &&
		   strstr(line, " Pq ") != NULL) {
		take_argument(p, line);
	} else if (strncmp(line, ".It Fn ", 7) == 0) {
		assert_int_equal(
		    sscanf(line, ".It Fn %63s", p->function[p->functions++]),
		    1);
	}
}

static void
read_page(struct page *p)
{
	size_t size;
	char *text = read_data(PAGE, &size);
	FILE *in = fmemopen(text, size, "r");
	char *line = NULL;
	size_t room = 0;

	memset(p, 0, sizeof(*p));
	while (getline(&line, &room, in) > 0)
		take_line(p, line);
	fclose(in);
	free(line);
	free(text);
	assert_true(p->entries > 80 && p->functions > 10);
}

static const struct section *
find_section(const struct page *p, const char *title)
{
	for (size_t i = 0; i < p->sections; i++)
		if (strcmp(p->section[i].title, title) == 0)
			return &p->section[i];
	fail_msg("the page has no section \"%s\"", title);
	return NULL;
}

static struct entry *
find_in(struct page *p, const char *section, const char *name)
{
	for (size_t i = 0; i < p->entries; i++)
		if (strcmp(p->entry[i].section, section) == 0 &&
		    strcmp(p->entry[i].name, name) == 0)
			return &p->entry[i];
	return NULL;
}

static struct entry *
find_entry(struct page *p, const struct section *s, const char *name)
{
	struct entry *e = find_in(p, s->title, name);

	return e == NULL && s->shared ? find_in(p, SHARED, name) : e;
}

/* ---- what the code says */

static const char *
type_text(const struct river_field *f, char *out, size_t size)
{
	static const char *const names[RIVER_FIELD_TYPES] = {
		[RIVER_FIELD_STRING] = "string",
		[RIVER_FIELD_INT] = "int",
		[RIVER_FIELD_UINT] = "uint",
		[RIVER_FIELD_FLOAT] = "float",
		[RIVER_FIELD_BOOL] = "bool",
		[RIVER_FIELD_DURATION] = "duration",
		[RIVER_FIELD_SECRET] = "secret",
		[RIVER_FIELD_STRINGS] = "list(string)",
		[RIVER_FIELD_MAP] = "map(string)",
		[RIVER_FIELD_TARGETS] = "list(map(string))",
		[RIVER_FIELD_SECRETS] = "map(list(secret))",
		[RIVER_FIELD_VALUE] = "any",
		[RIVER_FIELD_BLOCK] = "block",
		[RIVER_FIELD_BLOCKS] = "blocks",
	};

	if (f->type == RIVER_FIELD_CAPSULE)
		return f->capsule->name;
	if (f->type != RIVER_FIELD_CAPSULES)
		return names[f->type];
	snprintf(out, size, "list(%s)", f->capsule->name);
	return out;
}

static int64_t
int_default(const struct river_schema *s, const struct river_field *f)
{
	if (s->defaults == NULL)
		return 0;
	return *(const int64_t *)((const char *)s->defaults + f->offset);
}

static const char *
string_default(const struct river_schema *s, const struct river_field *f)
{
	const char *text = NULL;

	if (s->defaults != NULL)
		text = *(
		    const char *const *)((const char *)s->defaults + f->offset);
	return text != NULL ? text : "";
}

static bool
bool_default(const struct river_schema *s, const struct river_field *f)
{
	return s->defaults != NULL &&
	       *(const bool *)((const char *)s->defaults + f->offset);
}

/* Whether the page's text is the default: "" says that there is none. */
static bool
is_default(
    const struct river_schema *s, const struct river_field *f, const char *text)
{
	struct river_arena *arena;
	char number[32];
	int64_t n;
	bool same;

	switch (f->type) {
	case RIVER_FIELD_STRING:
	case RIVER_FIELD_SECRET:
		return strcmp(string_default(s, f), text) == 0;
	case RIVER_FIELD_BOOL:
		return strcmp(bool_default(s, f) ? "true" : "false", text) == 0;
	case RIVER_FIELD_INT:
	case RIVER_FIELD_UINT:
		n = int_default(s, f);
		/* 0 that could not be given means: not given */
		if (n == 0 && f->min > 0)
			return text[0] == '\0';
		snprintf(number, sizeof(number), "%" PRId64, n);
		return strcmp(number, text) == 0;
	case RIVER_FIELD_DURATION:
		arena = river_arena_new();
		same = river_duration_parse(arena, text, strlen(text), &n) ==
			   NULL &&
		       n == int_default(s, f);
		river_arena_free(arena);
		return same;
	default:
		return text[0] == '\0';
	}
}

static void
check_field(struct page *p, const struct section *section,
    const struct river_schema *s, const struct river_field *f)
{
	struct entry *e = find_entry(p, section, f->name);
	bool required = f->flags & RIVER_REQUIRED;
	char room[64];

	if (e == NULL)
		fail_msg("%s: the page lacks %s", section->title, f->name);
	e->used = true;
	if (strcmp(e->type, type_text(f, room, sizeof(room))) != 0)
		fail_msg("%s: %s is %s, not %s", section->title, f->name,
		    type_text(f, room, sizeof(room)), e->type);
	if (e->required != required)
		fail_msg("%s: whether %s is required", section->title, f->name);
	if (required ? e->value[0] != '\0' : !is_default(s, f, e->value))
		fail_msg("%s: %s has not the default \"%s\"", section->title,
		    f->name, e->value);
}

/* ---- walking through the tables */

struct walk {
	struct page page;
	struct {
		const struct river_schema *schema;
		char title[64];
	} seen[MAX];
	size_t count;
};

static bool
is_new(struct walk *w, const struct river_schema *s, const char *title)
{
	for (size_t i = 0; i < w->count; i++) {
		if (w->seen[i].schema == s)
			return false;
		if (strcmp(w->seen[i].title, title) == 0)
			fail_msg("two blocks in \"%s\"", title);
	}
	w->seen[w->count].schema = s;
	snprintf(
	    w->seen[w->count].title, sizeof(w->seen[0].title), "%s", title);
	assert_true(++w->count < MAX);
	return true;
}

static void
check_schema(struct walk *w, const struct river_schema *s, const char *title)
{
	const struct section *section;

	if (!is_new(w, s, title))
		return;
	section = find_section(&w->page, title);
	for (const struct river_field *f = s->fields; f->name != NULL; f++) {
		char inner[64];

		check_field(&w->page, section, s, f);
		snprintf(inner, sizeof(inner), "Block %s", f->name);
		if (f->block != NULL)
			check_schema(w, f->block, inner);
	}
}

/* A later name: its section has what is not as under the first one. */
static void
check_alias(struct walk *w, const struct river_schema *first,
    const struct river_schema *s, const char *title)
{
	find_section(&w->page, title);
	for (const struct river_field *f = s->fields; f->name != NULL; f++) {
		struct entry *e = find_in(&w->page, title, f->name);
		struct entry *other = NULL;

		for (size_t i = 0; i < w->count && other == NULL; i++)
			if (w->seen[i].schema == first)
				other = find_in(
				    &w->page, w->seen[i].title, f->name);
		assert_non_null(other);
		if (is_default(s, f, other->value)) {
			if (e != NULL)
				fail_msg("%s: %s is the same", title, f->name);
			continue;
		}
		if (e == NULL || !is_default(s, f, e->value) ||
		    strcmp(e->type, other->type) != 0)
			fail_msg("%s: %s has another default", title, f->name);
		e->used = true;
	}
}

static const struct river_schema *
schema_of(const struct river_rule *rule)
{
	return ((const struct component_kind *)rule->what)->schema;
}

/* The rule before this one with the same table, or NULL. */
static const struct river_schema *
first_of(const struct river_rule *rule)
{
	for (const struct river_rule *r = component_rules; r < rule; r++)
		if (schema_of(r) != NULL &&
		    schema_of(r)->fields == schema_of(rule)->fields)
			return schema_of(r);
	return NULL;
}

static void
test_arguments(void **state)
{
	static struct walk w;

	(void)state;
	read_page(&w.page);
	for (const struct river_rule *r = component_rules; r->name != NULL;
	     r++) {
		const struct river_schema *s = schema_of(r), *first;

		if (s == NULL)
			continue;
		first = first_of(r);
		if (first != NULL)
			check_alias(&w, first, s, r->name);
		else
			check_schema(&w, s, r->name);
	}
	for (size_t i = 0; i < w.page.entries; i++)
		if (!w.page.entry[i].used)
			fail_msg("%s: there is no %s", w.page.entry[i].section,
			    w.page.entry[i].name);
}

static void
test_functions(void **state)
{
	static struct page p;
	const char *name;

	(void)state;
	read_page(&p);
	for (size_t i = 0; (name = river_stdlib_name(i)) != NULL; i++) {
		bool found = false;

		for (size_t k = 0; k < p.functions; k++)
			found |= strcmp(p.function[k], name) == 0;
		if (!found)
			fail_msg("the page lacks %s()", name);
	}
	for (size_t k = 0; k < p.functions; k++)
		if (!river_stdlib_has(p.function[k]))
			fail_msg("there is no %s()", p.function[k]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arguments),
		cmocka_unit_test(test_functions),
	};

	return cmocka_run_group_tests_name("river_man", tests, NULL, NULL);
}
