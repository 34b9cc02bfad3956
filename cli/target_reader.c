/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/target_reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"

struct reader {
	const struct target_sink *sink;
	void *arg;
	bool in_component;
	size_t number; /* of the last target */
	struct target_label *label;
	size_t room;
};

static const char *
text_of(const json_t *line, const char *name)
{
	const char *text = json_string_value(json_object_get(line, name));

	return text != NULL ? text : "";
}

static void
end_component(struct reader *r)
{
	if (r->in_component)
		r->sink->end(r->arg);
}

static void
take_component(struct reader *r, const json_t *line)
{
	const struct shown_component c = {
		.id = text_of(line, "component"),
		.targets_only =
		    json_is_true(json_object_get(line, "targets_only")),
		.default_labels = json_object_get(line, "default_target"),
		.default_service = text_of(line, "service_name"),
	};

	end_component(r);
	r->in_component = true;
	r->number = 0;
	r->sink->component(r->arg, &c);
}

static struct target
target_of(struct reader *r, json_t *labels)
{
	size_t count = 0;
	const char *name;
	json_t *value;

	if (json_object_size(labels) > r->room) {
		r->room = 2 * json_object_size(labels);
		r->label = erealloc(r->label, r->room, sizeof(*r->label));
	}
	json_object_foreach(labels, name, value)
	{
		const char *text = json_string_value(value);

		r->label[count++] =
		    (struct target_label){ name, text != NULL ? text : "" };
	}
	return (struct target){ r->label, count };
}

static int
take_target(struct reader *r, json_t *line)
{
	json_t *labels = json_object_get(line, "labels");
	struct shown_target t = { .line = line };

	if (!r->in_component || !json_is_object(labels))
		return -EBADMSG;
	t.number = ++r->number;
	t.target = target_of(r, labels);
	t.container_id = text_of(line, "container_id");
	t.service_name = text_of(line, "service_name");
	r->sink->target(r->arg, &t);
	return 0;
}

static int
take_line(struct reader *r, const char *text, size_t size)
{
	json_t *line = json_loadb(text, size, 0, NULL);
	int r_line = 0;

	if (!json_is_object(line))
		r_line = -EBADMSG;
	else if (json_object_get(line, "component") != NULL)
		take_component(r, line);
	else
		r_line = take_target(r, line);
	json_decref(line);
	return r_line;
}

int
target_reader_read(FILE *in, const struct target_sink *sink, void *arg)
{
	struct reader reader = { .sink = sink, .arg = arg };
	char *text = NULL;
	size_t room = 0;
	ssize_t n;
	int r = 0;

	while (r == 0 && (n = getline(&text, &room, in)) > 0)
		r = take_line(&reader, text, n);
	if (r == 0)
		end_component(&reader);
	free(reader.label);
	free(text);
	return r;
}
