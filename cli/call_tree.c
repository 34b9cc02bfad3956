/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "cli/call_tree.h"
#include "cli/intern.h"
#include "common/log.h"

struct builder {
	struct call_tree *tree;
	struct frames *frames;
	struct intern edges; /* {parent, frame} to node - 1 */
	uint32_t *seen;      /* by function: the last sample with it, + 1 */
	uint32_t seen_room, functions_room;
};

static uint32_t
child_of(struct builder *b, uint32_t parent, uint32_t frame)
{
	uint32_t key[] = { parent, frame };
	bool added;
	uint32_t node = intern(&b->edges, key, sizeof(key), &added) + 1;

	if (added)
		*PROFILE_ADD(b->tree, node) =
		    (struct tree_node){ .frame = frame, .parent = parent };
	return node;
}

/* Makes room for the functions that the last stack brought. */
static void
grow_functions(struct builder *b)
{
	struct call_tree *t = b->tree;

	for (; t->functions < b->frames->functions; t->functions++) {
		t->function = profile_room(t->function, t->functions,
		    &b->functions_room, sizeof(*t->function));
		t->function[t->functions] =
		    (struct function_sum){ .frame = PROFILE_NONE };
		b->seen = profile_room(
		    b->seen, t->functions, &b->seen_room, sizeof(*b->seen));
		b->seen[t->functions] = 0;
	}
}

static void
add_to_function(
    struct builder *b, uint32_t frame, uint32_t sample, int64_t value)
{
	const struct frame *f = &b->frames->frame[frame];
	struct function_sum *sum = &b->tree->function[f->function];

	if (sum->frame == PROFILE_NONE)
		sum->frame = frame;
	if (frame != sum->frame &&
	    strcmp(b->frames->frame[sum->frame].file, f->file) != 0)
		sum->several = true;
	if (b->seen[f->function] == sample + 1)
		return;
	b->seen[f->function] = sample + 1;
	sum->total += value;
}

static void
add_sample(struct builder *b, uint32_t sample, int64_t value)
{
	struct call_tree *t = b->tree;
	struct frames *f = b->frames;
	uint32_t node = 0;

	frames_of_sample(f, sample);
	grow_functions(b);
	t->total += value;
	for (uint32_t i = 0; i < f->stack_count; i++) {
		node = child_of(b, node, f->stack[i]);
		add_to_function(b, f->stack[i], sample, value);
	}
	t->node[node].self += value;
	if (f->stack_count > 0) {
		uint32_t leaf = f->stack[f->stack_count - 1];

		t->function[f->frame[leaf].function].self += value;
	}
}

struct call_tree *
call_tree_new(struct frames *frames)
{
	struct call_tree *t = ecalloc(1, sizeof(*t));
	struct builder b = { .tree = t, .frames = frames };

	*PROFILE_ADD(t, node) = (struct tree_node){ .frame = PROFILE_NONE };
	for (uint32_t i = 0; i < frames->profile->samples_count; i++) {
		int64_t value = profile_value(frames->profile, i);

		if (value > 0)
			add_sample(&b, i, value);
		t->negative += value < 0;
	}
	for (uint32_t i = t->node_count; i-- > 0;) {
		t->node[i].total += t->node[i].self;
		if (i > 0)
			t->node[t->node[i].parent].total += t->node[i].total;
	}
	intern_fini(&b.edges);
	free(b.seen);
	return t;
}

void
call_tree_free(struct call_tree *t)
{
	if (t == NULL)
		return;
	free(t->node);
	free(t->function);
	free(t);
}

struct sort_context {
	const struct frames *frames;
	enum call_tree_order order;
};

static int
compare(int64_t a, int64_t b)
{
	return a < b ? 1 : a > b ? -1 : 0;
}

static int
by_order(const void *a, const void *b, void *arg)
{
	const struct function_sum *x = *(const struct function_sum *const *)a;
	const struct function_sum *y = *(const struct function_sum *const *)b;
	const struct sort_context *c = arg;
	int self = compare(x->self, y->self);
	int total = compare(x->total, y->total);
	int first = c->order == CALL_TREE_BY_SELF ? self : total;
	int then = c->order == CALL_TREE_BY_SELF ? total : self;

	if (first != 0 || then != 0)
		return first != 0 ? first : then;
	return strcmp(
	    c->frames->frame[x->frame].name, c->frames->frame[y->frame].name);
}

const struct function_sum **
call_tree_functions(const struct call_tree *t, const struct frames *frames,
    enum call_tree_order order, uint32_t *n)
{
	const struct function_sum **list =
	    ecalloc(t->functions + 1, sizeof(*list));
	struct sort_context context = { frames, order };

	*n = 0;
	for (uint32_t i = 0; i < t->functions; i++) {
		if (t->function[i].frame != PROFILE_NONE)
			list[(*n)++] = &t->function[i];
	}
	qsort_r(list, *n, sizeof(*list), by_order, &context);
	return list;
}
