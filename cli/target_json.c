/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/target_json.h"

#include <stdlib.h>

#include "common/log.h"

void
json_list_start(struct json_list *l, FILE *out)
{
	*l = (struct json_list){ .out = out };
	fputc('[', out);
}

void
json_list_add(struct json_list *l, json_t *element)
{
	fputs(l->started ? ",\n" : "\n", l->out);
	l->started = true;
	json_dumpf(element, l->out, JSON_COMPACT);
	json_decref(element);
}

void
json_list_end(struct json_list *l)
{
	fputs(l->started ? "\n]\n" : "]\n", l->out);
	free(l->component);
}

void
json_list_set(json_t *object, const char *name, json_t *value)
{
	if (value == NULL || json_object_set_new(object, name, value) < 0)
		fatalx("out of memory");
}

static void
on_component(void *arg, const struct shown_component *c)
{
	struct json_list *l = arg;

	free(l->component);
	l->component = estrdup(c->id);
}

static void
on_target(void *arg, const struct shown_target *t)
{
	struct json_list *l = arg;
	json_t *element = json_object();

	json_list_set(element, "component", json_string(l->component));
	if (json_object_update(element, t->line) < 0)
		fatalx("out of memory");
	json_list_add(l, element);
}

static void
on_end(void *arg)
{
	(void)arg;
}

const struct target_sink target_json_sink = { on_component, on_target, on_end };
