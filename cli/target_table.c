/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/target_table.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/profile.h"
#include "cli/text.h"
#include "common/container_id.h"
#include "common/log.h"

#define SERVICE_MAX_COLUMNS 40
#define SHORT_ID 12 /* digits, as Docker shows them */
#define GAP 2
#define NUMBER_COLUMNS 7 /* "default", and 65536 */
#define MIN_LABELS_COLUMNS 16

enum column { NUMBER, SERVICE, PROCESSES, LABELS, COLUMNS };

struct row {
	char *text[COLUMNS];
};

struct target_table {
	FILE *out;
	unsigned width;
	size_t tables; /* printed so far */
	char *id;
	bool targets_only;
	struct row *row;
	size_t count, room, targets;
};

struct target_table *
target_table_new(FILE *out, unsigned width)
{
	struct target_table *t = ecalloc(1, sizeof(*t));

	t->out = out;
	t->width = width;
	return t;
}

static void
clear(struct target_table *t)
{
	for (size_t i = 0; i < t->count; i++)
		for (int c = 0; c < COLUMNS; c++)
			free(t->row[i].text[c]);
	free(t->id);
	t->id = NULL;
	t->count = t->targets = 0;
}

void
target_table_free(struct target_table *t)
{
	clear(t);
	free(t->row);
	free(t);
}

static char *
printable(const char *text)
{
	return text_printable(
	    (struct profile_string){ text, (uint32_t)strlen(text) });
}

static char *
fitting(const char *text, unsigned columns)
{
	char *all = printable(text), *fit = text_fit(all, columns);

	free(all);
	return fit;
}

static bool
is_long_id(const char *id)
{
	return strlen(id) == CONTAINER_ID_SIZE - 1 &&
	       strspn(id, "0123456789abcdef") == CONTAINER_ID_SIZE - 1;
}

/* Which processes it is: a container, a pid, or none that could be. */
static char *
processes(const struct shown_target *t)
{
	uint32_t pid = target_pid(&t->target);
	char *text;

	if (pid == 0 && !is_long_id(t->container_id))
		return printable(
		    t->container_id[0] != '\0' ? t->container_id : "none");
	if (pid != 0 ? asprintf(&text, "pid %" PRIu32, pid) < 0
		     : asprintf(&text, "%.*s", SHORT_ID, t->container_id) < 0)
		fatalx("out of memory");
	return text;
}

/* name="value" of those that are sent on, without the service's name. */
static void
put_label(FILE *out, const char *name, const char *value)
{
	char *n, *v;

	if (!target_label_visible(name) ||
	    strcmp(name, TARGET_SERVICE_LABEL) == 0)
		return;
	n = printable(name);
	v = printable(value);
	fprintf(out, "%s%s=\"%s\"", ftell(out) > 0 ? " " : "", n, v);
	free(n);
	free(v);
}

static char *
labels_text(const json_t *labels)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	const char *name;
	json_t *value;

	if (out == NULL)
		fatalx("out of memory");
	json_object_foreach((json_t *)labels, name, value)
	    put_label(out, name, json_string_value(value));
	if (fclose(out) != 0)
		fatalx("out of memory");
	return text;
}

static struct row *
new_row(struct target_table *t)
{
	if (t->count == t->room) {
		t->room = t->room > 0 ? 2 * t->room : 64;
		t->row = erealloc(t->row, t->room, sizeof(*t->row));
	}
	return &t->row[t->count++];
}

static void
on_component(void *arg, const struct shown_component *c)
{
	struct target_table *t = arg;
	struct row *row;

	clear(t);
	t->id = printable(c->id);
	t->targets_only = c->targets_only;
	if (c->default_labels == NULL)
		return;
	/* printed last */
	row = new_row(t);
	row->text[NUMBER] = estrdup("default");
	row->text[SERVICE] = fitting(c->default_service, SERVICE_MAX_COLUMNS);
	row->text[PROCESSES] = estrdup("all others");
	row->text[LABELS] = labels_text(c->default_labels);
}

static void
on_target(void *arg, const struct shown_target *shown)
{
	struct target_table *t = arg;
	struct row *row = new_row(t);

	t->targets++;
	if (asprintf(&row->text[NUMBER], "%zu", shown->number) < 0)
		fatalx("out of memory");
	row->text[SERVICE] = fitting(shown->service_name, SERVICE_MAX_COLUMNS);
	row->text[PROCESSES] = processes(shown);
	row->text[LABELS] = labels_text(json_object_get(shown->line, "labels"));
}

static unsigned
column_width(const struct target_table *t, enum column column, unsigned width)
{
	for (size_t i = 0; i < t->count; i++) {
		unsigned w = text_columns(t->row[i].text[column]);

		width = w > width ? w : width;
	}
	return width;
}

static void
put_cell(FILE *out, const char *text, unsigned width)
{
	unsigned columns = text_columns(text);

	fprintf(out, "%s%*s", text,
	    (int)(columns < width ? width - columns : 0) + GAP, "");
}

struct widths {
	unsigned service, processes, labels; /* 0: any */
};

static void
put_row(
    const struct target_table *t, const struct row *row, const struct widths *w)
{
	char *labels = w->labels > 0 ? text_fit(row->text[LABELS], w->labels)
				     : estrdup(row->text[LABELS]);

	fprintf(t->out, "%*s%*s", NUMBER_COLUMNS, row->text[NUMBER], GAP, "");
	put_cell(t->out, row->text[SERVICE], w->service);
	if (labels[0] != '\0')
		put_cell(t->out, row->text[PROCESSES], w->processes);
	else
		fputs(row->text[PROCESSES], t->out);
	fprintf(t->out, "%s\n", labels);
	free(labels);
}

static void
put_table(const struct target_table *t)
{
	static const struct row head = { { "TARGET", "SERVICE_NAME",
	    "PROCESSES", "LABELS" } };
	struct widths w = {
		.service = column_width(t, SERVICE, strlen("SERVICE_NAME")),
		.processes = column_width(t, PROCESSES, strlen("PROCESSES")),
	};
	unsigned used = NUMBER_COLUMNS + w.service + w.processes + 3 * GAP;
	size_t first = t->targets_only ? 0 : 1;

	if (t->width > 0)
		w.labels = t->width > used + MIN_LABELS_COLUMNS
			       ? t->width - used
			       : MIN_LABELS_COLUMNS;
	put_row(t, &head, &w);
	for (size_t i = first; i < t->count; i++)
		put_row(t, &t->row[i], &w);
	for (size_t i = 0; i < first; i++)
		put_row(t, &t->row[i], &w);
}

static void
on_end(void *arg)
{
	struct target_table *t = arg;

	fprintf(t->out, "%s%s: %zu target%s%s\n", t->tables++ > 0 ? "\n" : "",
	    t->id, t->targets, t->targets == 1 ? "" : "s",
	    t->targets_only ? ", no default target" : "");
	if (t->count > 0)
		put_table(t);
}

const struct target_sink target_table_sink = { on_component, on_target,
	on_end };
