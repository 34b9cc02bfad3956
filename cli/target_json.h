/* SPDX-License-Identifier: Apache-2.0 */
/* A JSON array that is written element by element, one a line. */
#ifndef CLI_TARGET_JSON_H
#define CLI_TARGET_JSON_H

#include <stdbool.h>
#include <stdio.h>

#include <jansson.h>

#include "cli/target_reader.h"

struct json_list {
	FILE *out;
	bool started;
	char *component; /* of the targets that come */
};

void json_list_start(struct json_list *list, FILE *out);
/* Takes element. */
void json_list_add(struct json_list *list, json_t *element);
void json_list_end(struct json_list *list);

/* Sets a member; takes value, which must not be NULL. */
void json_list_set(json_t *object, const char *name, json_t *value);

/* All targets as its elements; arg is the list. */
extern const struct target_sink target_json_sink;

#endif
