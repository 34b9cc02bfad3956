/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The River front end on any bytes: parse, load, print what is wrong, decode
 * each component by a table that has every type of field.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/river/arena.h"
#include "common/river/diagnostics.h"
#include "common/river/eval.h"
#include "common/river/format.h"
#include "common/river/load.h"
#include "common/river/parser.h"
#include "common/river/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct args {
	const struct river_block *block;
	const char *s, *secret;
	int64_t i, duration;
	uint64_t u;
	double f;
	bool b;
	struct river_strings list;
	struct river_pairs map;
	struct river_targets targets;
	struct river_multimap headers;
	void *receiver;
	struct river_capsules receivers;
	struct river_value any;
	struct args *one;
	struct river_blocks many;
};

static const struct river_capsule_type receiver_type = { "receiver" };
static const struct river_schema schema;

#define ARG(member) offsetof(struct args, member)
static const struct river_field fields[] = {
	{ "url", RIVER_FIELD_STRING, ARG(s) },
	{ "secret", RIVER_FIELD_SECRET, ARG(secret) },
	{ "sample_rate", RIVER_FIELD_INT, ARG(i), .min = 1, .max = 10000 },
	{ "collect_interval", RIVER_FIELD_DURATION, ARG(duration), .min = 1,
	    .max = INT64_MAX },
	{ "u", RIVER_FIELD_UINT, ARG(u) },
	{ "f", RIVER_FIELD_FLOAT, ARG(f) },
	{ "targets_only", RIVER_FIELD_BOOL, ARG(b) },
	{ "list", RIVER_FIELD_STRINGS, ARG(list) },
	{ "default_target", RIVER_FIELD_MAP, ARG(map) },
	{ "targets", RIVER_FIELD_TARGETS, ARG(targets) },
	{ "headers", RIVER_FIELD_SECRETS, ARG(headers) },
	{ "receiver", RIVER_FIELD_CAPSULE, ARG(receiver),
	    .capsule = &receiver_type },
	{ "forward_to", RIVER_FIELD_CAPSULES, ARG(receivers),
	    .capsule = &receiver_type },
	{ "any", RIVER_FIELD_VALUE, ARG(any) },
	{ "one", RIVER_FIELD_BLOCK, ARG(one), .block = &schema },
	{ "endpoint", RIVER_FIELD_BLOCKS, ARG(many), .block = &schema },
	{ 0 },
};
static const struct river_schema schema = { sizeof(struct args), fields };

static const struct river_rule rules[] = {
	{ "discovery.docker", RIVER_RULE_COMPONENT },
	{ "discovery.kubernetes", RIVER_RULE_COMPONENT },
	{ "discovery.relabel", RIVER_RULE_COMPONENT },
	{ "logging", RIVER_RULE_CONFIG },
	{ "phlare.ebpf", RIVER_RULE_COMPONENT },
	{ "phlare.write", RIVER_RULE_COMPONENT },
	{ 0 },
};

/* Every component exports a receiver and a list. */
static size_t
lookup(void *arg, const struct river_ident *names, size_t count,
    struct river_value *value)
{
	static struct river_member exports[] = {
		{ { "receiver", 8 }, { .type = RIVER_CAPSULE } },
		{ { "targets", 7 }, { .type = RIVER_ARRAY } },
	};
	size_t used;

	if (river_program_resolve(arg, names, count, &used) == NULL)
		return 0;
	exports[0].value = river_value_capsule(&receiver_type, exports);
	*value = (struct river_value){ .type = RIVER_OBJECT,
		.object = { exports, 2 } };
	return used;
}

static void
format_values(const struct river_eval *eval, const struct river_body *body)
{
	for (const struct river_statement *s = body->first; s != NULL;
	     s = s->next) {
		if (s->is_block)
			format_values(eval, &s->block.body);
		else
			river_expr_format(
			    eval->arena, eval->source, s->attribute.value);
	}
}

static void
decode_all(struct river_eval *eval, struct river_file *file)
{
	struct river_program *program =
	    river_load(file, rules, eval->diagnostics);
	struct river_scope scope = { lookup, program };
	struct args args;

	format_values(eval, &file->body);
	for (size_t i = 0; program != NULL && i < program->count; i++) {
		eval->scope = &scope;
		river_decode(&schema, program->item[i].block, eval, &args);
	}
	river_program_free(program);
}

/* Not all: hostile bytes have a thousand, and each takes three lines. */
static void
print_some(const struct river_diagnostics *d, FILE *out)
{
	const struct river_diagnostic *x = d->first;

	for (int i = 0; i < 8 && x != NULL; i++, x = x->next) {
		river_diagnostic_print_line(x, out);
		river_diagnostic_print_pretty(x, i % 2 == 0, out);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct river_source *source =
	    river_source_new("f", (const char *)data, size);
	struct river_diagnostics *d = river_diagnostics_new();
	struct river_eval eval = { source, NULL, river_arena_new(), d };
	struct river_file *file = river_parse(source, d);
	char *text = NULL;
	size_t text_size = 0;
	FILE *out = open_memstream(&text, &text_size);

	if (file == NULL && d->errors == 0)
		abort();
	if (file != NULL)
		decode_all(&eval, file);
	print_some(d, out);
	fclose(out);
	free(text);
	free(river_diagnostics_summary(d));
	river_file_free(file);
	river_arena_free(eval.arena);
	river_diagnostics_free(d);
	river_source_free(source);
	return 0;
}
