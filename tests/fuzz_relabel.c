/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Relabelling on any bytes. The first line is a regular expression, the second
 * a replacement; the third begins with a letter for the action and goes on as
 * the target label. The rest are labels, NAME=VALUE, each ended by the byte
 * 0x1e.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/river/arena.h"
#include "common/river/eval.h"
#include "shipper/labels.h"
#include "shipper/relabel.h"
#include "shipper/relabel_args.h"
#include "shipper/relabel_regex.h"
#include "shipper/relabel_template.h"

#define INPUT_MAX 4096
#define LABELS 16
#define END_OF_LABEL '\x1e'
/* Little, or hostile expressions take all the time. */
#define BUDGET 20000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool good)
{
	if (!good)
		abort();
}

struct input {
	char *regex, *replacement, *target;
	enum relabel_action action;
	struct river_pair label[LABELS];
	size_t labels;
};

static char *
take(char **rest, char end)
{
	char *text = *rest, *stop = strchr(text, end);

	*rest = stop != NULL ? stop + 1 : text + strlen(text);
	if (stop != NULL)
		*stop = '\0';
	return text;
}

/* Names differ, or it would be no object of River. */
static bool
is_new(const struct input *in, const char *name)
{
	for (size_t i = 0; i < in->labels; i++)
		if (strcmp(in->label[i].name, name) == 0)
			return false;
	return true;
}

static void
read_input(struct input *in, char *text)
{
	in->regex = take(&text, '\n');
	in->replacement = take(&text, '\n');
	in->target = take(&text, '\n');
	/* no part of a longer character */
	if (in->target[0] != '\0' && !(in->target[0] & 0x80))
		in->action = *in->target++ % RELABEL_ACTIONS;
	while (*text != '\0' && in->labels < LABELS) {
		char *value = take(&text, END_OF_LABEL);
		char *name = take(&value, '=');

		if (name[0] != '\0' && is_new(in, name))
			in->label[in->labels++] =
			    (struct river_pair){ name, value };
	}
}

static void
check_error(char *why)
{
	static const char begin[] = "error parsing regexp: ";

	require(why != NULL && strncmp(why, begin, strlen(begin)) == 0);
	free(why);
}

/* The groups of a match lie in its text, at the bounds of characters. */
static void
check_groups(const struct regex *regex, const struct regex_matcher *m,
    const char *text, size_t size)
{
	for (size_t i = 0; i < regex_groups(regex); i++) {
		struct regex_span s = regex_group(m, text, i);

		if (s.data == NULL)
			continue;
		require(s.data >= text && s.data + s.size <= text + size);
		require(i > 0 || (s.data == text && s.size == size));
		require(labels_text_valid(s.data, s.size));
	}
}

/* What needs no engine is the same with one. */
static void
compare(const struct regex *with, struct regex_matcher *m, const char *text,
    int expected, struct regex_span group)
{
	uint64_t budget = BUDGET;
	size_t size = strlen(text);
	int r = regex_match(with, m, text, size, &budget);
	struct regex_span other;

	if (r < 0 || expected < 0)
		return;
	require(r == expected);
	if (r == 0 || regex_groups(with) < 2 || regex_is_unsteady(with, 1))
		return;
	other = regex_group(m, text, 1);
	require(other.data == group.data && other.size == group.size);
}

static void
expand(const struct template *template, const struct regex_matcher *m,
    const char *text, size_t size)
{
	struct buffer buffer = { 0 };
	struct regex_span s = template_expand(template, m, text, &buffer);

	require(s.size <= TEMPLATE_RESULT_MAX + size + INPUT_MAX);
	require(labels_text_valid(s.data, s.size));
	free(buffer.data);
}

struct pair {
	struct regex *regex, *with_engine;
	struct regex_matcher *matcher;
	struct template *template;
};

/* Whether it had an answer. */
static bool
try_text(struct pair *p, const char *text)
{
	struct regex_span group = { NULL, 0 };
	uint64_t budget = BUDGET;
	size_t size = strlen(text);
	int r = regex_match(p->regex, p->matcher, text, size, &budget);

	require(budget <= BUDGET);
	if (r > 0) {
		check_groups(p->regex, p->matcher, text, size);
		expand(p->template, p->matcher, text, size);
		if (regex_groups(p->regex) > 1)
			group = regex_group(p->matcher, text, 1);
	}
	if (p->with_engine != NULL)
		compare(p->with_engine, p->matcher, text, r, group);
	return r >= 0;
}

static void
check_target(const struct river_pairs *target)
{
	for (size_t i = 0; i < target->count; i++) {
		const struct river_pair *l = &target->item[i];

		require(l->name[0] != '\0' && l->value[0] != '\0');
		require(labels_text_valid(l->name, strlen(l->name)));
		require(labels_text_valid(l->value, strlen(l->value)));
		require(i == 0 || strcmp(l[-1].name, l->name) < 0);
	}
}

/* The labels as two targets, the second without the last of them. */
static void
relabel(const struct input *in)
{
	const char *sources[] = { in->labels > 0 ? in->label[0].name : "a",
		"b" };
	struct relabel_rule_args rule = {
		.source_labels = { sources, 1 + in->labels % 2 },
		.separator = ";",
		.regex = in->regex,
		.modulus = 1 + strlen(in->target),
		.target_label = in->target[0] != '\0' ? in->target : "t",
		.replacement = in->replacement,
		.action = relabel_action_name(in->action),
	};
	struct relabel_rule_args twice[] = { rule, rule };
	struct river_pairs pairs[2] = {
		{ (struct river_pair *)in->label, in->labels },
		{ (struct river_pair *)in->label,
		    in->labels > 0 ? in->labels - 1 : 0 },
	};
	struct river_targets targets = { pairs, 2 }, out;
	struct river_eval eval = { .arena = river_arena_new() };
	struct relabel_rules *rules = relabel_rules_new(twice, 2);
	struct relabel_counts counts;

	require(relabel_apply(rules, &targets, &eval, &out, &counts) == 0);
	require(counts.in == 2 && counts.out == out.count && out.count <= 2);
	for (size_t i = 0; i < out.count; i++)
		check_target(&out.item[i]);
	relabel_rules_free(rules);
	river_arena_free(eval.arena);
}

static void
run(struct input *in)
{
	char grouped[INPUT_MAX + 8], *why = NULL;
	struct pair p = { .regex = regex_new(in->regex, &why) };
	bool answered = true;

	if (p.regex == NULL) {
		check_error(why);
		return;
	}
	snprintf(grouped, sizeof(grouped), "(?:%s)", in->regex);
	p.with_engine = regex_new(grouped, &why);
	if (p.with_engine == NULL)
		check_error(why); /* deeper or larger */
	p.matcher = regex_matcher_new();
	p.template = template_new(in->replacement, p.regex);
	for (size_t i = 0; i < in->labels; i++) {
		answered &= try_text(&p, in->label[i].name);
		answered &= try_text(&p, in->label[i].value);
	}
	if (answered)
		relabel(in);
	template_free(p.template);
	regex_matcher_free(p.matcher);
	regex_free(p.with_engine);
	regex_free(p.regex);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { 0 };
	char *text, *why = NULL;

	if (size > INPUT_MAX)
		return 0;
	text = calloc(size + 1, 1);
	memcpy(text, data, size);
	if (labels_text_valid(text, strlen(text))) {
		read_input(&in, text);
		run(&in);
	} else { /* that is for configurations to refuse */
		struct regex *regex = regex_new(text, &why);

		require(regex == NULL);
		check_error(why);
	}
	free(text);
	return 0;
}
