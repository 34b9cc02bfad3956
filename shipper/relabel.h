/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules that change, keep and drop targets by their labels, as Prometheus
 * has them (spec/river.md 6).
 *
 * Label values can be hostile. A rule that would take too long on a target
 * (relabel_regex.h), or make too long a label (relabel_template.h), has no
 * result: whether the target was to be kept and under which labels is not
 * known, so it is dropped, and counted. Its processes count as those of no
 * target then. Nothing is ever passed on that a rule should have stopped.
 */
#ifndef SHIPPER_RELABEL_H
#define SHIPPER_RELABEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct relabel_rule_args;
struct relabel_rules;
struct river_eval;
struct river_pairs;
struct river_targets;

enum relabel_action {
	RELABEL_REPLACE,
	RELABEL_KEEP,
	RELABEL_DROP,
	RELABEL_KEEPEQUAL,
	RELABEL_DROPEQUAL,
	RELABEL_HASHMOD,
	RELABEL_LABELMAP,
	RELABEL_LABELDROP,
	RELABEL_LABELKEEP,
	RELABEL_LOWERCASE,
	RELABEL_UPPERCASE,
	RELABEL_ACTIONS
};

/* "replace", or NULL for what is no action. */
const char *relabel_action_name(enum relabel_action action);
/* The action of that name, or -1. */
int relabel_action_find(const char *name);

/*
 * Rules that have been checked (relabel_args.h); what they point to must
 * outlive the result. Never NULL.
 */
struct relabel_rules *relabel_rules_new(
    const struct relabel_rule_args *args, size_t count);
/* NULL is fine. */
void relabel_rules_free(struct relabel_rules *rules);

/* What became of a list of targets. */
struct relabel_counts {
	uint64_t in, out;
	uint64_t given_up; /* dropped as above */
};

/*
 * The targets of in that the rules keep, in order, in the arena of eval or
 * borrowed from in and from the arguments of rules. Labels are sorted by name,
 * those with an empty value are gone. Without a rule, out is in. 0, or -E2BIG
 * when that is more than eval allows.
 */
int relabel_apply(struct relabel_rules *rules, const struct river_targets *in,
    const struct river_eval *eval, struct river_targets *out,
    struct relabel_counts *counts);

#endif
