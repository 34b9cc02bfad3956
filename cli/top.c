/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/call_tree.h"
#include "cli/text.h"
#include "cli/top.h"
#include "cli/units.h"
#include "common/log.h"

enum {
	DEFAULT_WIDTH = 80,
	LEAST_WIDTH = 60,
	SHARE_WIDTH = 6,       /* "100.0%" */
	LEAST_VALUE_WIDTH = 5, /* "TOTAL" */
	FILE_WIDTH = 16,       /* of the mapping, at 80 columns */
	MOST_FILE_WIDTH = 32,
};

struct table {
	FILE *out;
	const struct profile *profile;
	const struct frames *frames;
	const struct call_tree *tree;
	struct unit unit;
	unsigned int value_width, name_width, file_width;
};

/* Text padded to width columns; padding after the last column is left out. */
static void
print_cell(FILE *out, const char *text, unsigned int width, bool last)
{
	char *fit = text_fit(text, width);
	unsigned int columns = text_columns(fit);

	fputs(fit, out);
	if (!last && columns < width)
		fprintf(out, "%*s", (int)(width - columns), "");
	free(fit);
}

static void
print_value(const struct table *t, int64_t value)
{
	char text[40];

	fprintf(t->out, "%*.1f%%", SHARE_WIDTH - 1,
	    t->tree->total > 0 ? 100.0 * value / t->tree->total : 0.0);
	unit_format(text, sizeof(text), &t->unit, value);
	fprintf(t->out, " %*s ", (int)t->value_width, text);
}

static void
print_row(const struct table *t, const struct function_sum *sum)
{
	const struct frame *f = &t->frames->frame[sum->frame];
	const char *file = sum->several ? "(several)"
			   : f->kind == FRAME_PROCESS
			       ? "(process)"
			       : frames_base_name(f->file);

	print_value(t, sum->self);
	print_value(t, sum->total);
	fputs(" ", t->out);
	print_cell(t->out, f->name, t->name_width, file[0] == '\0');
	if (file[0] != '\0') {
		fputs("  ", t->out);
		print_cell(t->out, file, t->file_width, true);
	}
	fputc('\n', t->out);
}

static void
print_headings(const struct table *t)
{
	int value = t->value_width;

	fprintf(t->out, "%*s %*s %*s %*s  %-*s  %s\n", SHARE_WIDTH, "SELF%",
	    value, "SELF", SHARE_WIDTH, "TOTAL%", value, "TOTAL",
	    (int)t->name_width, "FUNCTION", "MAPPING");
}

/* "9.87 s cpu in 987 samples, 10.0 s at 100 Hz from 2026-11-24 02:14:04". */
static void
print_summary(const struct table *t)
{
	const struct profile *p = t->profile;
	int64_t weight = profile_weight(p);
	char *type = text_printable(profile_string(p, p->types[p->type].type));
	char text[40], *fit = text_fit(type, 40);
	time_t start = p->time_nanos / 1000000000;
	struct tm tm;

	unit_format(text, sizeof(text), &t->unit, t->tree->total);
	fprintf(t->out, "%s %s", text, fit);
	if (weight > 0)
		fprintf(t->out, " in %lld samples",
		    (long long)(t->tree->total / weight));
	if (p->duration_nanos > 0)
		fprintf(t->out, ", over %.1f s", p->duration_nanos / 1e9);
	if (weight > 1)
		fprintf(t->out, " at %.0f Hz", 1e9 / weight);
	if (p->time_nanos > 0 && gmtime_r(&start, &tm) != NULL &&
	    strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &tm) > 0)
		fprintf(t->out, ", from %s", text);
	fputc('\n', t->out);
	free(type);
	free(fit);
}

static void
print_comments(const struct table *t, unsigned int width)
{
	const struct profile *p = t->profile;

	for (uint32_t i = 0; i < p->comments_count; i++) {
		char *text = text_printable(profile_string(p, p->comments[i]));

		print_cell(t->out, text, width, true);
		fputc('\n', t->out);
		free(text);
	}
	if (t->tree->negative > 0)
		fprintf(t->out,
		    "%u samples with negative values are left out\n",
		    t->tree->negative);
}

/* What the numbers leave is the function's and the mapping's. */
static void
set_widths(struct table *t, unsigned int width)
{
	unsigned int left;
	char text[40];

	unit_format(text, sizeof(text), &t->unit, t->tree->total);
	t->value_width = strlen(text);
	if (t->value_width < LEAST_VALUE_WIDTH)
		t->value_width = LEAST_VALUE_WIDTH;
	left = width - 2 * (SHARE_WIDTH + t->value_width + 2) - 3;
	t->file_width = width > DEFAULT_WIDTH
			    ? FILE_WIDTH + (width - DEFAULT_WIDTH) / 3
			    : FILE_WIDTH;
	if (t->file_width > MOST_FILE_WIDTH)
		t->file_width = MOST_FILE_WIDTH;
	if (t->file_width > left / 2)
		t->file_width = left / 2;
	t->name_width = left - t->file_width;
}

static void
print_table(struct table *t, const struct top_options *o)
{
	unsigned int width = o->width == 0 ? DEFAULT_WIDTH : o->width;
	const struct function_sum **list;
	uint32_t n;

	if (width < LEAST_WIDTH)
		width = LEAST_WIDTH;
	t->unit = unit_for(t->profile, t->tree->total);
	set_widths(t, width);
	print_summary(t);
	print_comments(t, width);
	fputc('\n', t->out);
	print_headings(t);
	list = call_tree_functions(t->tree, t->frames,
	    o->by_total ? CALL_TREE_BY_TOTAL : CALL_TREE_BY_SELF, &n);
	for (uint32_t i = 0; i < n && (o->rows == 0 || i < o->rows); i++)
		print_row(t, list[i]);
	if (o->rows > 0 && n > o->rows)
		fprintf(t->out, "... and %u more functions\n", n - o->rows);
	free(list);
}

int
top_print(FILE *out, const struct profile *profile, const struct top_options *o)
{
	struct frames *frames = frames_new(profile);
	struct call_tree *tree = call_tree_new(frames);
	struct table table = {
		.out = out, .profile = profile, .frames = frames, .tree = tree
	};

	print_table(&table, o);
	call_tree_free(tree);
	frames_free(frames);
	if (fflush(out) != 0 || ferror(out))
		return errno != 0 ? -errno : -EIO;
	return 0;
}
