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

/* What the arguments live in. */
struct config_memory {
	struct river_arena *arena;
};

struct evaluator {
	struct config *config;
	struct river_program *program;
	struct river_eval eval;
};

static struct river_value
exports_of(struct evaluator *e, struct config_component *item)
{
	struct river_member receiver = { { "receiver", 8 },
		river_value_capsule(&component_receiver_type, item) };
	size_t count = item->role == COMPONENT_WRITE ? 1 : 0;

	return river_value_object(e->eval.arena, &receiver, count);
}

static void
evaluate(struct evaluator *e, struct river_component *c)
{
	const struct component_kind *kind = c->rule->what;
	struct config_component *item = &e->config->item[c - e->program->item];

	item->role = kind->role;
	item->schema = kind->schema;
	item->id = river_arena_copy(e->eval.arena, c->id, strlen(c->id));
	c->exports = exports_of(e, item);
	if (kind->role == COMPONENT_UNSUPPORTED) {
		river_error(e->eval.diagnostics, e->eval.source,
		    c->block->name.range, "%s is not supported yet",
		    c->block->name.text);
		return;
	}
	item->args = river_arena_alloc(e->eval.arena, 1, kind->schema->size);
	river_decode(kind->schema, c->block, &e->eval, item->args);
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
	}
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
