/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stacks of a profile as one tree, and what each function adds up to.
 * Samples whose value is not positive are left out.
 */
#ifndef CLI_CALL_TREE_H
#define CLI_CALL_TREE_H

#include <stdint.h>

#include "cli/frames.h"

struct tree_node {
	uint32_t frame;  /* PROFILE_NONE: the root, all of it */
	uint32_t parent; /* index, always less than this node's own */
	int64_t self, total;
};

struct function_sum {
	uint32_t frame; /* the first seen with this name */
	bool several;   /* in other files as well */
	int64_t self;
	int64_t total; /* of samples with it, however often it is in one */
};

struct call_tree {
	PROFILE_ARRAY(struct tree_node, node); /* node 0 is the root */
	struct function_sum *function;         /* by frame.function */
	uint32_t functions;
	int64_t total;
	uint32_t negative; /* samples left out for a value below 0 */
};

struct call_tree *call_tree_new(struct frames *frames);
void call_tree_free(struct call_tree *tree);

enum call_tree_order { CALL_TREE_BY_SELF, CALL_TREE_BY_TOTAL };

/*
 * Functions with a share in the profile, in that order; the caller frees the
 * array of *n pointers into the tree.
 */
const struct function_sum **call_tree_functions(const struct call_tree *tree,
    const struct frames *frames, enum call_tree_order order, uint32_t *n);

#endif
