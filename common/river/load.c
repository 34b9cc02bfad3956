/* SPDX-License-Identifier: Apache-2.0 */
#include "common/river/load.h"

#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "common/log.h"
#include "common/river/arena.h"
#include "common/river/diagnostics.h"
#include "common/river/eval.h"
#include "common/river/graph.h"
#include "common/river/stdlib.h"

struct entry {
	struct river_component *component;
	/* the component that was last seen to refer to this one */
	const struct river_component *dependant;
	UT_hash_handle hh;
};

struct river_index {
	struct entry *ids;
	size_t longest; /* id, in bytes */
};

struct loader {
	struct river_program *program;
	const struct river_rule *rules;
	struct river_diagnostics *d;
};

static const struct river_rule *
find_rule(const struct river_rule *rules, const char *name)
{
	for (; rules->name != NULL; rules++)
		if (strcmp(rules->name, name) == 0)
			return rules;
	return NULL;
}

static struct entry *
find_entry(const struct river_program *program, const char *id, size_t size)
{
	struct entry *entry;

	HASH_FIND(hh, program->index->ids, id, size, entry);
	return entry;
}

static void __attribute__((format(printf, 3, 4)))
complain(struct loader *l, struct river_range range, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	river_diagnostics_add(
	    l->d, RIVER_ERROR, l->program->file->source, range, fmt, ap);
	va_end(ap);
}

static void
complain_duplicate(struct loader *l, const struct river_block *block,
    const char *id, const struct river_component *first)
{
	const struct river_source *source = l->program->file->source;
	uint32_t start = block->range.start;
	struct river_range range = { start, start + strlen(id) - 1 };
	struct river_position at =
	    river_source_position(source, first->block->range.start);

	if (first->rule->kind == RIVER_RULE_CONFIG)
		complain(l, block->range, "\"%s\" block already declared", id);
	else
		complain(l, range, "Component %s already declared at %s%s%u:%u",
		    id, source->name, source->name[0] != '\0' ? ":" : "",
		    at.line, at.column);
}

static void
add_component(struct loader *l, const struct river_rule *rule,
    const struct river_block *block)
{
	struct river_program *program = l->program;
	struct river_component *c = &program->item[program->count];
	const struct river_value nothing = { .type = RIVER_OBJECT };
	const char *id = block->name.text;
	size_t size = strlen(id);
	struct entry *entry;

	if (rule->kind == RIVER_RULE_COMPONENT) {
		size += 1 + strlen(block->label.text);
		id = river_arena_printf(program->file->arena, "%s.%s",
		    block->name.text, block->label.text);
	}
	entry = find_entry(program, id, size);
	if (entry != NULL) {
		complain_duplicate(l, block, id, entry->component);
		return;
	}
	*c = (struct river_component){
		.id = id, .rule = rule, .block = block, .exports = nothing
	};
	program->count++;
	if (size > program->index->longest)
		program->index->longest = size;
	entry = ecalloc(1, sizeof(*entry));
	entry->component = c;
	HASH_ADD_KEYPTR(hh, program->index->ids, id, size, entry);
}

static void
load_block(struct loader *l, const struct river_block *block)
{
	const char *name = block->name.text;
	const struct river_rule *rule = find_rule(l->rules, name);
	bool labelled = block->label.text[0] != '\0';

	if (strcmp(name, "argument") == 0 || strcmp(name, "export") == 0)
		complain(l, block->range,
		    "%s blocks only allowed inside a module", name);
	else if (rule == NULL)
		complain(l, block->name.range,
		    "Unrecognized component name \"%s\"", name);
	else if (rule->kind == RIVER_RULE_COMPONENT && !labelled)
		complain(l, block->name.range,
		    "Component \"%s\" must have a label", name);
	else if (rule->kind == RIVER_RULE_CONFIG && labelled)
		complain(l, block->label.range,
		    "Component \"%s\" does not support labels", name);
	else
		add_component(l, rule, block);
}

/* The references of one component being resolved. */
struct resolver {
	struct loader *l;
	struct river_component *component;
	const struct river_component **depends;
	size_t count, room;
};

static void
add_dependency(struct resolver *r, struct entry *entry)
{
	if (entry->dependant == r->component)
		return;
	entry->dependant = r->component;
	if (r->count == r->room) {
		r->room = r->room > 0 ? 2 * r->room : 8;
		r->depends = erealloc(r->depends, r->room, sizeof(*r->depends));
	}
	r->depends[r->count++] = entry->component;
	if (entry->component == r->component)
		complain(r->l, RIVER_NO_RANGE, "self reference: %s",
		    r->component->id);
}

/* Appends name to the chain in text, if it can still be an id. */
static bool
extend_chain(const struct river_program *program, char *text, size_t *size,
    const char *name)
{
	size_t more = strlen(name), dot = *size > 0;

	if (more + dot > program->index->longest - *size)
		return false;
	if (dot)
		text[(*size)++] = '.';
	memcpy(text + *size, name, more);
	*size += more;
	return true;
}

/* The entry of the shortest prefix that is an id. */
static struct entry *
resolve(const struct river_program *program, const struct river_ident *names,
    size_t count, size_t *used)
{
	char *text = ecalloc(program->index->longest + 1, 1);
	struct entry *entry = NULL;
	size_t size = 0;

	for (*used = 0; *used < count && entry == NULL; (*used)++) {
		if (!extend_chain(program, text, &size, names[*used].text))
			break;
		entry = find_entry(program, text, size);
	}
	free(text);
	return entry;
}

static void
complain_unknown(
    struct loader *l, const struct river_ident *names, size_t count)
{
	/* up to the first character of the last name, as upstream has it */
	struct river_range range = { names[0].range.start,
		names[count - 1].range.start };
	struct river_arena *arena = river_arena_new();
	size_t size = count;
	char *text, *out;

	for (size_t i = 0; i < count; i++)
		size += strlen(names[i].text);
	out = text = river_arena_alloc(arena, size, 1);
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			*out++ = '.';
		out = stpcpy(out, names[i].text);
	}
	complain(l, range, "component \"%s\" does not exist", text);
	river_arena_free(arena);
}

static void
on_reference(void *arg, const struct river_ident *names, size_t count)
{
	struct resolver *r = arg;
	struct entry *entry;
	size_t used;

	if (river_stdlib_has(names[0].text))
		return;
	entry = resolve(r->l->program, names, count, &used);
	if (entry != NULL)
		add_dependency(r, entry);
	else
		complain_unknown(r->l, names, count);
}

static void
resolve_body(struct resolver *r, const struct river_body *body)
{
	for (const struct river_statement *s = body->first; s != NULL;
	     s = s->next) {
		if (s->is_block)
			resolve_body(r, &s->block.body);
		else
			river_expr_references(
			    s->attribute.value, on_reference, r);
	}
}

static void
resolve_component(struct loader *l, struct river_component *c)
{
	struct resolver r = { .l = l, .component = c };

	resolve_body(&r, &c->block->body);
	c->depend_count = r.count;
	c->depends = river_arena_alloc(
	    l->program->file->arena, r.count, sizeof(*c->depends));
	if (r.count > 0)
		memcpy(c->depends, r.depends, r.count * sizeof(*c->depends));
	free(r.depends);
}

struct river_program *
river_load(struct river_file *file, const struct river_rule *rules,
    struct river_diagnostics *d)
{
	struct river_program *program = ecalloc(1, sizeof(*program));
	struct loader l = { program, rules, d };
	size_t errors = d->errors;

	program->file = file;
	program->index = ecalloc(1, sizeof(*program->index));
	program->item = river_arena_alloc(
	    file->arena, file->body.count, sizeof(*program->item));
	program->order = river_arena_alloc(
	    file->arena, file->body.count, sizeof(*program->order));
	for (const struct river_statement *s = file->body.first; s != NULL;
	     s = s->next) {
		if (s->is_block)
			load_block(&l, &s->block);
		else
			complain(&l, s->attribute.name.range,
			    "unrecognized attribute %s",
			    s->attribute.name.text);
	}
	for (size_t i = 0; i < program->count; i++)
		resolve_component(&l, &program->item[i]);
	river_graph_sort(program, d);
	if (d->errors == errors)
		return program;
	river_program_free(program);
	return NULL;
}

void
river_program_free(struct river_program *program)
{
	struct entry *entry, *next;

	if (program == NULL)
		return;
	HASH_ITER(hh, program->index->ids, entry, next) {
		HASH_DEL(program->index->ids, entry);
		free(entry);
	}
	free(program->index);
	free(program);
}

const struct river_component *
river_program_find(const struct river_program *program, const char *id)
{
	struct entry *entry = find_entry(program, id, strlen(id));

	return entry != NULL ? entry->component : NULL;
}

const struct river_component *
river_program_resolve(const struct river_program *program,
    const struct river_ident *names, size_t count, size_t *used)
{
	struct entry *entry = resolve(program, names, count, used);

	return entry != NULL ? entry->component : NULL;
}

size_t
river_program_lookup(void *program, const struct river_ident *names,
    size_t count, struct river_value *value)
{
	const struct river_component *c;
	size_t used;

	c = river_program_resolve(program, names, count, &used);
	if (c == NULL)
		return 0;
	*value = c->exports;
	return used;
}
