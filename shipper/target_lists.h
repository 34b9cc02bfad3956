/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lists of targets that discovery components export, for who reads log,
 * metrics and health. What is counted here outlives a configuration.
 */
#ifndef SHIPPER_TARGET_LISTS_H
#define SHIPPER_TARGET_LISTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config;
struct target_lists;

struct target_list {
	char *id;           /* of the component */
	bool present;       /* in the configuration in force */
	bool relabels;      /* it is a discovery.relabel */
	const char *notice; /* why the list is empty, or NULL; static */
	uint64_t targets;   /* in the list now */
	uint64_t given_up;  /* dropped since the start, as relabel.h says */
};

struct target_lists *target_lists_new(void);
/* NULL is fine. */
void target_lists_free(struct target_lists *lists);

/* Takes in a configuration that comes into force; logs what is new in it. */
void target_lists_apply(
    struct target_lists *lists, const struct config *config);

/* All of them, in the order in which they appeared; lent. */
const struct target_list *target_lists_all(
    const struct target_lists *lists, size_t *count);

#endif
