/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "shipper/relabel.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <nettle/md5.h>

#include "common/log.h"
#include "common/river/arena.h"
#include "common/river/eval.h"
#include "common/river/schema.h"
#include "common/river/utf8.h"
#include "shipper/relabel_args.h"
#include "shipper/relabel_regex.h"
#include "shipper/relabel_template.h"

typedef struct regex_span span;

struct label {
	span name, value; /* NUL-terminated */
};

struct rule {
	enum relabel_action action;
	span *source;
	size_t sources;
	span separator;
	struct regex *regex;
	uint64_t modulus;
	span target; /* name of a label */
	struct template *target_template, *replacement;
};

struct relabel_rules {
	struct rule *rule;
	size_t count;
	struct regex_matcher *matcher;
};

/* A target on its way through the rules; used for one after the other. */
struct run {
	struct regex_matcher *matcher;
	uint64_t budget;
	const struct river_eval *eval;
	struct label *label; /* sorted by name, no value is empty */
	size_t count, room;
	struct label *moved; /* as much room, for labelmap */
	struct buffer joined, name, value;
};

enum verdict { KEEP, DROP, GIVE_UP };

static span
span_of(const char *text)
{
	return (span){ text, strlen(text) };
}

static int
compare(span a, span b)
{
	size_t size = a.size < b.size ? a.size : b.size;
	int order = size > 0 ? memcmp(a.data, b.data, size) : 0;

	if (order != 0)
		return order;
	return a.size < b.size ? -1 : a.size > b.size;
}

static bool
equal(span a, span b)
{
	return a.size == b.size &&
	       (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* ---- the labels of a target */

/* Where the label of that name is, or would be. */
static size_t
place_of(const struct run *run, span name)
{
	size_t low = 0, high = run->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare(run->label[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool
is_at(const struct run *run, size_t i, span name)
{
	return i < run->count && equal(run->label[i].name, name);
}

/* The value, empty if there is none. */
static span
get(const struct run *run, span name)
{
	size_t i = place_of(run, name);

	return is_at(run, i, name) ? run->label[i].value : (span){ "", 0 };
}

static void
make_room(struct run *run, size_t count)
{
	if (count <= run->room)
		return;
	run->room = 2 * count;
	run->label = erealloc(run->label, run->room, sizeof(*run->label));
	run->moved = erealloc(run->moved, run->room, sizeof(*run->moved));
}

static bool
is_within(const struct buffer *b, span text)
{
	return b->data != NULL && text.data >= b->data &&
	       text.data < b->data + b->room;
}

/* Text that stays: the same if it is no scratch and ends where it ends. */
static span
lasting(const struct run *run, span text)
{
	if (!is_within(&run->joined, text) && !is_within(&run->name, text) &&
	    !is_within(&run->value, text) && text.data[text.size] == '\0')
		return text;
	text.data = river_arena_copy(run->eval->arena, text.data, text.size);
	return text;
}

static void delete (struct run *run, span name)
{
	size_t i = place_of(run, name);

	if (!is_at(run, i, name))
		return;
	run->count--;
	memmove(&run->label[i], &run->label[i + 1],
	    (run->count - i) * sizeof(*run->label));
}

/* An empty value deletes. Copies what does not stay. */
static void
set(struct run *run, span name, span value)
{
	size_t i;

	if (value.size == 0) {
		delete (run, name);
		return;
	}
	i = place_of(run, name);
	if (!is_at(run, i, name)) {
		make_room(run, run->count + 1);
		memmove(&run->label[i + 1], &run->label[i],
		    (run->count - i) * sizeof(*run->label));
		run->label[i].name = lasting(run, name);
		run->count++;
	}
	run->label[i].value = lasting(run, value);
}

static int
by_name(const void *a, const void *b)
{
	const struct label *x = a, *y = b;

	return compare(x->name, y->name);
}

static void
load(struct run *run, const struct river_pairs *in)
{
	bool sorted = true;

	make_room(run, in->count);
	run->count = 0;
	for (size_t i = 0; i < in->count; i++) {
		struct label label = { span_of(in->item[i].name),
			span_of(in->item[i].value) };

		if (label.value.size == 0)
			continue;
		if (run->count > 0 &&
		    by_name(&run->label[run->count - 1], &label) > 0)
			sorted = false;
		run->label[run->count++] = label;
	}
	if (!sorted)
		qsort(run->label, run->count, sizeof(*run->label), by_name);
}

static void
store(const struct run *run, struct river_pairs *out)
{
	out->count = run->count;
	out->item =
	    river_arena_alloc(run->eval->arena, run->count, sizeof(*out->item));
	for (size_t i = 0; i < run->count; i++)
		out->item[i] = (struct river_pair){ run->label[i].name.data,
			run->label[i].value.data };
}

/* ---- the actions */

/* The values of the source labels. */
static span
subject_of(struct run *run, const struct rule *rule)
{
	if (rule->sources == 1)
		return get(run, rule->source[0]);
	run->joined.size = 0;
	for (size_t i = 0; i < rule->sources; i++) {
		span value = get(run, rule->source[i]);

		if (i > 0)
			buffer_put(&run->joined, rule->separator.data,
			    rule->separator.size);
		buffer_put(&run->joined, value.data, value.size);
	}
	buffer_put(&run->joined, "", 1);
	return (span){ run->joined.data, run->joined.size - 1 };
}

/* 1, 0 or negative; the text must not move until its groups are used. */
static int
match(struct run *run, const struct rule *rule, span text)
{
	return regex_match(
	    rule->regex, run->matcher, text.data, text.size, &run->budget);
}

static bool
is_label_name(span name)
{
	if (name.size == 0 || (name.data[0] >= '0' && name.data[0] <= '9'))
		return false;
	for (size_t i = 0; i < name.size; i++) {
		char c = name.data[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
		    !(c >= '0' && c <= '9') && c != '_')
			return false;
	}
	return true;
}

static enum verdict
replace(struct run *run, const struct rule *rule)
{
	span subject = subject_of(run, rule), name = rule->target, value;
	int r = match(run, rule, subject);

	if (r <= 0)
		return r < 0 ? GIVE_UP : KEEP;
	if (rule->target_template != NULL)
		name = template_expand(rule->target_template, run->matcher,
		    subject.data, &run->name);
	value = template_expand(
	    rule->replacement, run->matcher, subject.data, &run->value);
	if (name.size > TEMPLATE_RESULT_MAX || value.size > TEMPLATE_RESULT_MAX)
		return GIVE_UP;
	if (is_label_name(name))
		set(run, name, value);
	return KEEP;
}

static enum verdict
keep(struct run *run, const struct rule *rule)
{
	int r = match(run, rule, subject_of(run, rule));

	return r < 0 ? GIVE_UP : r > 0 ? KEEP : DROP;
}

static enum verdict
drop(struct run *run, const struct rule *rule)
{
	int r = match(run, rule, subject_of(run, rule));

	return r < 0 ? GIVE_UP : r > 0 ? DROP : KEEP;
}

static enum verdict
keep_equal(struct run *run, const struct rule *rule)
{
	return equal(get(run, rule->target), subject_of(run, rule)) ? KEEP
								    : DROP;
}

static enum verdict
drop_equal(struct run *run, const struct rule *rule)
{
	return keep_equal(run, rule) == KEEP ? DROP : KEEP;
}

/* The last half of MD5, big endian. */
static enum verdict
hash(struct run *run, const struct rule *rule)
{
	span subject = subject_of(run, rule);
	uint8_t digest[MD5_DIGEST_SIZE];
	struct md5_ctx md5;
	uint64_t n = 0;
	char text[24];
	int size;

	md5_init(&md5);
	md5_update(&md5, subject.size, (const uint8_t *)subject.data);
	md5_digest(&md5, sizeof(digest), digest);
	for (int i = 8; i < MD5_DIGEST_SIZE; i++)
		n = n << 8 | digest[i];
	size = snprintf(text, sizeof(text), "%" PRIu64, n % rule->modulus);
	run->value.size = 0;
	buffer_put(&run->value, text, size);
	set(run, rule->target, (span){ run->value.data, run->value.size });
	return KEEP;
}

/*
 * Every label that there was before, in the order of names: results do not
 * cascade, and of two with one name the later stays.
 */
static enum verdict
map_labels(struct run *run, const struct rule *rule)
{
	size_t count = 0;

	for (size_t i = 0; i < run->count; i++) {
		const struct label *l = &run->label[i];
		int r = match(run, rule, l->name);
		span name;

		if (r < 0)
			return GIVE_UP;
		if (r == 0)
			continue;
		name = template_expand(
		    rule->replacement, run->matcher, l->name.data, &run->name);
		if (name.size > TEMPLATE_RESULT_MAX)
			return GIVE_UP;
		if (name.size > 0)
			run->moved[count++] =
			    (struct label){ lasting(run, name), l->value };
	}
	for (size_t i = 0; i < count; i++)
		set(run, run->moved[i].name, run->moved[i].value);
	return KEEP;
}

/* Keeps the labels whose name does, or does not, match. */
static enum verdict
filter_labels(struct run *run, const struct rule *rule, int wanted)
{
	size_t kept = 0;

	for (size_t i = 0; i < run->count; i++) {
		int r = match(run, rule, run->label[i].name);

		if (r < 0)
			return GIVE_UP;
		if (r == wanted)
			run->label[kept++] = run->label[i];
	}
	run->count = kept;
	return KEEP;
}

static enum verdict
drop_labels(struct run *run, const struct rule *rule)
{
	return filter_labels(run, rule, 0);
}

static enum verdict
keep_labels(struct run *run, const struct rule *rule)
{
	return filter_labels(run, rule, 1);
}

static enum verdict
change_case(
    struct run *run, const struct rule *rule, uint32_t (*mapped)(uint32_t))
{
	span subject = subject_of(run, rule);
	uint32_t rune;
	char text[4];

	run->value.size = 0;
	for (size_t i = 0, n; i < subject.size; i += n) {
		n = utf8_decode(subject.data + i, subject.size - i, &rune);
		if (n == 0)
			return GIVE_UP;
		buffer_put(&run->value, text, utf8_encode(mapped(rune), text));
	}
	if (run->value.size > TEMPLATE_RESULT_MAX)
		return GIVE_UP;
	set(run, rule->target, (span){ run->value.data, run->value.size });
	return KEEP;
}

static enum verdict
to_lower(struct run *run, const struct rule *rule)
{
	return change_case(run, rule, rune_lower);
}

static enum verdict
to_upper(struct run *run, const struct rule *rule)
{
	return change_case(run, rule, rune_upper);
}

static const struct {
	const char *name;
	enum verdict (*apply)(struct run *run, const struct rule *rule);
} actions[RELABEL_ACTIONS] = {
	[RELABEL_REPLACE] = { "replace", replace },
	[RELABEL_KEEP] = { "keep", keep },
	[RELABEL_DROP] = { "drop", drop },
	[RELABEL_KEEPEQUAL] = { "keepequal", keep_equal },
	[RELABEL_DROPEQUAL] = { "dropequal", drop_equal },
	[RELABEL_HASHMOD] = { "hashmod", hash },
	[RELABEL_LABELMAP] = { "labelmap", map_labels },
	[RELABEL_LABELDROP] = { "labeldrop", drop_labels },
	[RELABEL_LABELKEEP] = { "labelkeep", keep_labels },
	[RELABEL_LOWERCASE] = { "lowercase", to_lower },
	[RELABEL_UPPERCASE] = { "uppercase", to_upper },
};

const char *
relabel_action_name(enum relabel_action action)
{
	return action < RELABEL_ACTIONS ? actions[action].name : NULL;
}

int
relabel_action_find(const char *name)
{
	for (int i = 0; i < RELABEL_ACTIONS; i++)
		if (strcmp(actions[i].name, name) == 0)
			return i;
	return -1;
}

/* ---- rules */

static void
compile(struct rule *rule, const struct relabel_rule_args *args)
{
	char *why = NULL;

	rule->action = relabel_action_find(args->action);
	rule->separator = span_of(args->separator);
	rule->modulus = args->modulus;
	rule->target = span_of(args->target_label);
	rule->sources = args->source_labels.count;
	rule->source = ecalloc(rule->sources + 1, sizeof(*rule->source));
	for (size_t i = 0; i < rule->sources; i++)
		rule->source[i] = span_of(args->source_labels.item[i]);
	rule->regex = regex_new(args->regex, &why);
	if (rule->regex == NULL)
		fatalx("relabel: %s", why);
	rule->replacement = template_new(args->replacement, rule->regex);
	if (strchr(args->target_label, '$') != NULL)
		rule->target_template =
		    template_new(args->target_label, rule->regex);
}

struct relabel_rules *
relabel_rules_new(const struct relabel_rule_args *args, size_t count)
{
	struct relabel_rules *rules = ecalloc(1, sizeof(*rules));

	rules->count = count;
	rules->rule = ecalloc(count + 1, sizeof(*rules->rule));
	rules->matcher = regex_matcher_new();
	for (size_t i = 0; i < count; i++)
		compile(&rules->rule[i], &args[i]);
	return rules;
}

void
relabel_rules_free(struct relabel_rules *rules)
{
	if (rules == NULL)
		return;
	for (size_t i = 0; i < rules->count; i++) {
		struct rule *rule = &rules->rule[i];

		free(rule->source);
		template_free(rule->target_template);
		template_free(rule->replacement);
		regex_free(rule->regex);
	}
	regex_matcher_free(rules->matcher);
	free(rules->rule);
	free(rules);
}

/* ---- targets */

static enum verdict
apply_all(struct run *run, const struct relabel_rules *rules)
{
	enum verdict verdict = KEEP;

	for (size_t i = 0; i < rules->count && verdict == KEEP; i++) {
		const struct rule *rule = &rules->rule[i];

		verdict = actions[rule->action].apply(run, rule);
	}
	return verdict;
}

/* Whether what was made of the targets so far is not too much. */
static bool
has_room(const struct run *run)
{
	return river_eval_alloc(run->eval, 0, 1) != NULL;
}

static int
apply_to_each(struct run *run, const struct relabel_rules *rules,
    const struct river_targets *in, struct river_targets *out,
    struct relabel_counts *counts)
{
	for (size_t i = 0; i < in->count; i++) {
		enum verdict verdict;

		load(run, &in->item[i]);
		verdict = apply_all(run, rules);
		counts->given_up += verdict == GIVE_UP;
		if (verdict == KEEP)
			store(run, &out->item[out->count++]);
		if (!has_room(run))
			return -E2BIG;
	}
	return 0;
}

int
relabel_apply(struct relabel_rules *rules, const struct river_targets *in,
    const struct river_eval *eval, struct river_targets *out,
    struct relabel_counts *counts)
{
	struct run run = { .matcher = rules->matcher,
		.budget = REGEX_STEPS_BUDGET,
		.eval = eval };
	int r;

	*counts = (struct relabel_counts){ in->count, in->count, 0 };
	*out = *in;
	if (rules->count == 0)
		return 0;
	*out = (struct river_targets){
		river_arena_alloc(eval->arena, in->count, sizeof(*out->item)), 0
	};
	r = apply_to_each(&run, rules, in, out, counts);
	counts->out = out->count;
	free(run.label);
	free(run.moved);
	free(run.joined.data);
	free(run.name.data);
	free(run.value.data);
	return r;
}
