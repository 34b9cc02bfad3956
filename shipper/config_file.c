/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "shipper/config_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/river/arena.h"
#include "common/river/diagnostics.h"
#include "common/river/eval.h"
#include "common/river/parser.h"
#include "common/settings.h"
#include "shipper/relabel_args.h"

/* What the arguments live in. */
struct config_memory {
	struct river_arena *arena;
};

struct evaluator {
	struct config *config;
	struct river_program *program;
	struct river_eval eval;
};

/* A component being evaluated. */
struct step {
	struct evaluator *e;
	struct river_component *component;
	struct config_component *item;
};

/* ---- exports */

static const struct river_value no_targets = { .type = RIVER_ARRAY };

static void export(
    struct step *s, const struct river_member *members, size_t count)
{
	s->component->exports =
	    river_value_object(s->e->eval.arena, members, count);
}

static void
export_receiver(struct step *s)
{
	struct river_member receiver = { { "receiver", 8 },
		river_value_capsule(&component_receiver_type, s->item) };

	export(s, &receiver, 1);
}

static void
export_targets(struct step *s)
{
	struct river_member targets = { { "targets", 7 }, no_targets };

	export(s, &targets, 1);
}

static void
export_output(struct step *s, struct river_value output)
{
	struct river_member members[] = {
		{ { "output", 6 }, output },
		{ { "rules", 5 },
		    river_value_capsule(&component_rules_type, s->item) },
	};

	export(s, members, 2);
}

/* What it exports until it has targets. */
static void
export_no_output(struct step *s)
{
	export_output(s, no_targets);
}

static void
export_nothing(struct step *s)
{
	export(s, NULL, 0);
}

/* ---- discovery.relabel */

static struct river_bytes
bytes_of(const char *text)
{
	return (struct river_bytes){ text, strlen(text) };
}

static struct river_value
labels_value(struct river_arena *arena, const struct river_pairs *labels)
{
	struct river_member *members =
	    river_arena_alloc(arena, labels->count, sizeof(*members));

	for (size_t i = 0; i < labels->count; i++)
		members[i] =
		    (struct river_member){ bytes_of(labels->item[i].name),
			    { .type = RIVER_STRING,
				.string = bytes_of(labels->item[i].value) } };
	return (struct river_value){ .type = RIVER_OBJECT,
		.object = { members, labels->count } };
}

static struct river_value
targets_value(struct river_arena *arena, const struct river_targets *targets)
{
	struct river_value *items =
	    river_arena_alloc(arena, targets->count, sizeof(*items));

	for (size_t i = 0; i < targets->count; i++)
		items[i] = labels_value(arena, &targets->item[i]);
	return (struct river_value){ .type = RIVER_ARRAY,
		.array = { items, targets->count } };
}

static void
relabel(struct step *s)
{
	const struct relabel_args *args = s->item->args;
	struct river_eval *eval = &s->e->eval;
	struct relabel_rules *rules =
	    relabel_rules_new(args->rules.item, args->rules.count);
	struct river_targets out;

	if (relabel_apply(
		rules, &args->targets, eval, &out, &s->item->relabelled) < 0)
		river_error(eval->diagnostics, eval->source,
		    s->component->block->range, RIVER_TOO_LARGE);
	else
		export_output(s, targets_value(eval->arena, &out));
	relabel_rules_free(rules);
}

/* ---- components in order */

static const struct {
	void (*before)(struct step *s); /* its arguments are decoded */
	void (*after)(struct step *s);  /* if they are good; may be NULL */
} steps[] = {
	[COMPONENT_WRITE] = { export_receiver },
	[COMPONENT_EBPF] = { export_nothing },
	[COMPONENT_RELABEL] = { export_no_output, relabel },
	[COMPONENT_DISCOVERY] = { export_targets },
	[COMPONENT_LOGGING] = { export_nothing },
	[COMPONENT_IGNORED] = { export_nothing },
	[COMPONENT_UNSUPPORTED] = { export_nothing },
};

/* What is not decoded is not looked into either. */
static void
pass_over(const struct step *s)
{
	const struct river_block *block = s->component->block;
	const struct river_eval *eval = &s->e->eval;

	if (s->item->role == COMPONENT_IGNORED)
		river_warning(eval->diagnostics, eval->source,
		    block->name.range, "%s has no effect", block->name.text);
	else
		river_error(eval->diagnostics, eval->source, block->name.range,
		    "%s is not supported yet", block->name.text);
}

static void
evaluate(struct evaluator *e, struct river_component *c)
{
	const struct component_kind *kind = c->rule->what;
	struct config_component *item = &e->config->item[c - e->program->item];
	struct step step = { e, c, item };

	item->role = kind->role;
	item->schema = kind->schema;
	item->notice = kind->notice;
	item->id = river_arena_copy(e->eval.arena, c->id, strlen(c->id));
	steps[kind->role].before(&step);
	if (kind->schema == NULL) {
		pass_over(&step);
		return;
	}
	item->args = river_arena_alloc(e->eval.arena, 1, kind->schema->size);
	if (river_decode(kind->schema, c->block, &e->eval, item->args) == 0 &&
	    steps[kind->role].after != NULL)
		steps[kind->role].after(&step);
}

/* More samplers than the collector runs at a time make no sense. */
static void
check_count(struct evaluator *e)
{
	size_t count = 0;

	for (size_t i = 0; i < e->program->count; i++) {
		const struct river_component *c = &e->program->item[i];

		if (e->config->item[i].role == COMPONENT_EBPF &&
		    ++count == SETTINGS_COMPONENTS_MAX + 1)
			river_error(e->eval.diagnostics, e->eval.source,
			    c->block->name.range,
			    "more than %d components that profile",
			    SETTINGS_COMPONENTS_MAX);
	}
}

static void
evaluate_all(struct config *config, struct river_program *program,
    struct river_diagnostics *diagnostics)
{
	struct evaluator e = { .config = config, .program = program };
	struct river_scope scope = { river_program_lookup, program };

	e.eval = (struct river_eval){ program->file->source, &scope,
		config->memory->arena, diagnostics };
	config->count = program->count;
	config->item = river_arena_alloc(
	    e.eval.arena, program->count, sizeof(*config->item));
	for (size_t i = 0; i < program->count; i++)
		evaluate(&e, program->order[i]);
	check_count(&e);
}

static struct config *
config_new(void)
{
	struct config *config = ecalloc(1, sizeof(*config));

	config->memory = ecalloc(1, sizeof(*config->memory));
	config->memory->arena = river_arena_new();
	return config;
}

void
config_free(struct config *config)
{
	if (config == NULL)
		return;
	river_arena_free(config->memory->arena);
	free(config->memory);
	free(config);
}

struct config *
config_read(const char *name, int fd, struct river_source **source,
    struct river_diagnostics *diagnostics)
{
	return config_read_with(name, fd, source, diagnostics, NULL);
}

struct config *
config_read_with(const char *name, int fd, struct river_source **source,
    struct river_diagnostics *diagnostics, config_look *look)
{
	struct river_program *program = NULL;
	struct config *config = NULL;
	struct river_file *file;

	*source = river_source_read(name, fd);
	if (*source == NULL)
		return NULL;
	file = river_parse(*source, diagnostics);
	if (file != NULL)
		program = river_load(file, component_rules, diagnostics);
	if (program != NULL) {
		config = config_new();
		evaluate_all(config, program, diagnostics);
		river_diagnostics_sort(diagnostics);
	}
	if (config != NULL && diagnostics->errors == 0 && look != NULL)
		look(config, *source, diagnostics);
	if (diagnostics->errors > 0) {
		config_free(config);
		config = NULL;
	}
	river_program_free(program);
	river_file_free(file);
	return config;
}

const struct config_component *
config_find(const struct config *config, const char *id)
{
	for (size_t i = 0; i < config->count; i++)
		if (strcmp(config->item[i].id, id) == 0)
			return &config->item[i];
	return NULL;
}

static bool
same_id(const void *a, const void *b)
{
	const struct config_component *x = a, *y = b;

	if (x == NULL || y == NULL)
		return x == y;
	return strcmp(x->id, y->id) == 0;
}

bool
config_component_equal(
    const struct config_component *a, const struct config_component *b)
{
	return same_id(a, b) && a->schema == b->schema &&
	       component_args_equal(a->schema, a->args, b->args, same_id);
}
