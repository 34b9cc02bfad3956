/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tarjan's strongly connected components, with a stack of its own: a file may
 * have a chain of a hundred thousand. They come out dependencies first, which
 * is the order of evaluation.
 */
#include "common/river/graph.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/river/diagnostics.h"
#include "common/river/load.h"

/* A longer cycle is not spelled out. */
#define MAX_NAMES 20

struct node {
	uint32_t number; /* in the order of the visits, from 1; 0: not yet */
	uint32_t lowest; /* number that can be reached from here */
	uint32_t next;   /* dependency to look at */
	bool open;       /* its circle is not complete yet */
};

/* Indexes into program->item. */
struct stack {
	uint32_t *item;
	uint32_t count;
};

struct sorter {
	struct river_program *program;
	struct river_diagnostics *d;
	struct node *nodes;
	struct stack path; /* from where the visit began */
	struct stack open; /* in the order of their numbers */
	uint32_t visited;
	size_t ordered;
};

static void
push(struct stack *stack, uint32_t i)
{
	stack->item[stack->count++] = i;
}

static void
begin_visit(struct sorter *s, uint32_t i)
{
	s->nodes[i].number = s->nodes[i].lowest = ++s->visited;
	s->nodes[i].open = true;
	push(&s->path, i);
	push(&s->open, i);
}

static void
lower(struct node *node, uint32_t number)
{
	if (number < node->lowest)
		node->lowest = number;
}

static void
complain_cycle(struct sorter *s, const uint32_t *members, uint32_t count)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (out == NULL)
		fatal("out of memory");
	for (uint32_t i = 0; i < count && i < MAX_NAMES; i++)
		fprintf(out, "%s%s", i > 0 ? ", " : "",
		    s->program->item[members[i]].id);
	if (count > MAX_NAMES)
		fprintf(out, " and %u more", count - MAX_NAMES);
	if (fclose(out) != 0)
		fatal("out of memory");
	river_error(
	    s->d, s->program->file->source, RIVER_NO_RANGE, "cycle: %s", text);
	free(text);
}

/* i, the first of its circle, and all that were opened after it. */
static void
close_circle(struct sorter *s, uint32_t i)
{
	uint32_t first = s->open.count;

	do {
		uint32_t member = s->open.item[--first];

		s->nodes[member].open = false;
		s->program->order[s->ordered++] = &s->program->item[member];
	} while (s->open.item[first] != i);
	if (s->open.count - first > 1)
		complain_cycle(s, s->open.item + first, s->open.count - first);
	s->open.count = first;
}

static void
end_visit(struct sorter *s, uint32_t i)
{
	const struct node *node = &s->nodes[i];

	s->path.count--;
	if (s->path.count > 0)
		lower(&s->nodes[s->path.item[s->path.count - 1]], node->lowest);
	if (node->lowest == node->number)
		close_circle(s, i);
}

static void
visit(struct sorter *s, uint32_t start)
{
	begin_visit(s, start);
	while (s->path.count > 0) {
		uint32_t i = s->path.item[s->path.count - 1], to;
		const struct river_component *c = &s->program->item[i];
		struct node *node = &s->nodes[i];

		if (node->next == c->depend_count) {
			end_visit(s, i);
			continue;
		}
		to = c->depends[node->next++] - s->program->item;
		if (s->nodes[to].number == 0)
			begin_visit(s, to);
		else if (s->nodes[to].open)
			lower(node, s->nodes[to].number);
	}
}

void
river_graph_sort(struct river_program *program, struct river_diagnostics *d)
{
	size_t count = program->count + 1;
	struct sorter s = { .program = program, .d = d };

	s.nodes = ecalloc(count, sizeof(*s.nodes));
	s.path.item = ecalloc(count, sizeof(*s.path.item));
	s.open.item = ecalloc(count, sizeof(*s.open.item));
	for (uint32_t i = 0; i < program->count; i++)
		if (s.nodes[i].number == 0)
			visit(&s, i);
	free(s.nodes);
	free(s.path.item);
	free(s.open.item);
}
