/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The blocks of a file as components: their ids, whether everything they
 * refer to exists, and the order in which to evaluate them. Who evaluates
 * goes through the order and sets the exports of each before the next:
 *
 *   struct river_scope scope = { river_program_lookup, program };
 *
 *   for (size_t i = 0; i < program->count; i++)
 *       program->order[i]->exports = evaluate(program->order[i], &scope);
 */
#ifndef COMMON_RIVER_LOAD_H
#define COMMON_RIVER_LOAD_H

#include <stddef.h>

#include "common/river/ast.h"
#include "common/river/value.h"

struct river_diagnostics;

enum river_rule_kind {
	RIVER_RULE_COMPONENT, /* has a label, any number of them */
	RIVER_RULE_CONFIG,    /* "logging": has none, at most once */
};

/* A block that may stand at the top of a file. */
struct river_rule {
	const char *name; /* "phlare.write" */
	enum river_rule_kind kind;
	const void *what; /* the caller's own */
};

struct river_component {
	const char *id; /* "phlare.write.staging" */
	const struct river_rule *rule;
	const struct river_block *block;
	/* What its arguments refer to, in order, each once. */
	const struct river_component **depends;
	size_t depend_count;
	/* An object, empty until who evaluates the component sets it. */
	struct river_value exports;
};

struct river_program {
	struct river_file *file;
	struct river_component *item; /* in the order of the file */
	/* Each after those it depends on; else as in the file. */
	struct river_component **order;
	size_t count;
	struct river_index *index;
};

/*
 * Sorts the blocks of file, checks them by the rules (ends with name NULL)
 * and resolves references. All mistakes are reported; NULL if there was one.
 * file and rules must outlive the program.
 */
struct river_program *river_load(struct river_file *file,
    const struct river_rule *rules, struct river_diagnostics *d);
/* NULL is fine. */
void river_program_free(struct river_program *program);

/* By id, or NULL. */
const struct river_component *river_program_find(
    const struct river_program *program, const char *id);

/*
 * The component that the shortest prefix of the chain names, and in *used how
 * long it is; or NULL.
 */
const struct river_component *river_program_resolve(
    const struct river_program *program, const struct river_ident *names,
    size_t count, size_t *used);

/* For river_scope, with the program: a component stands for its exports. */
size_t river_program_lookup(void *program, const struct river_ident *names,
    size_t count, struct river_value *value);

#endif
