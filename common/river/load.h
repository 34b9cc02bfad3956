/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The blocks of a file as components: their ids, and whether everything they
 * refer to exists.
 */
#ifndef COMMON_RIVER_LOAD_H
#define COMMON_RIVER_LOAD_H

#include <stddef.h>

#include "common/river/ast.h"

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
};

struct river_program {
	struct river_file *file;
	struct river_component *item; /* in the order of the file */
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
 * long it is; or NULL. For river_scope.lookup.
 */
const struct river_component *river_program_resolve(
    const struct river_program *program, const struct river_ident *names,
    size_t count, size_t *used);

#endif
