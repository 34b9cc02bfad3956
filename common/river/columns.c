/* SPDX-License-Identifier: Apache-2.0 */
#include "common/river/columns.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"

#define NO_CUT SIZE_MAX

struct row {
	size_t start, end; /* in the text */
	size_t group;
	size_t cut[RIVER_CUTS];
	uint32_t indent;
	uint16_t pad[RIVER_CUTS]; /* spaces to go in there */
	bool blank;               /* before it */
	bool broken;              /* holds newlines */
};

struct river_columns {
	char *text;
	size_t used, room;
	struct row *row;
	size_t rows, rows_room;
};

struct river_columns *
river_columns_new(void)
{
	return ecalloc(1, sizeof(struct river_columns));
}

void
river_columns_free(struct river_columns *c)
{
	if (c == NULL)
		return;
	free(c->text);
	free(c->row);
	free(c);
}

void
river_columns_line(
    struct river_columns *c, unsigned indent, size_t group, bool blank)
{
	if (c->rows == c->rows_room) {
		c->rows_room = c->rows_room > 0 ? 2 * c->rows_room : 256;
		c->row = erealloc(c->row, c->rows_room, sizeof(*c->row));
	}
	c->row[c->rows++] = (struct row){
		.start = c->used,
		.end = c->used,
		.group = group,
		.cut = { NO_CUT, NO_CUT },
		.indent = indent,
		.blank = blank,
	};
}

void
river_columns_put(struct river_columns *c, const char *bytes, size_t size)
{
	struct row *row = &c->row[c->rows - 1];

	if (size == 0)
		return;
	if (size > c->room - c->used) {
		c->room = 2 * (c->used + size) + 4096;
		c->text = erealloc(c->text, c->room, 1);
	}
	memcpy(c->text + c->used, bytes, size);
	c->used += size;
	row->end = c->used;
	if (memchr(bytes, '\n', size) != NULL)
		row->broken = true;
}

void
river_columns_cut(struct river_columns *c, enum river_cut cut)
{
	c->row[c->rows - 1].cut[cut] = c->used;
}

/* Characters of the row before the cut, 0 if it is not to be aligned. */
static size_t
width_before(
    const struct river_columns *c, const struct row *row, enum river_cut cut)
{
	size_t width = 0;

	if (row->cut[cut] == NO_CUT)
		return 0;
	for (size_t at = row->start; at < row->cut[cut]; at++) {
		if (c->text[at] == '\n' || width > RIVER_ALIGN_MAX)
			return 0;
		width += ((unsigned char)c->text[at] & 0xc0) != 0x80;
	}
	if (cut == RIVER_CUT_COMMENT)
		width += row->pad[RIVER_CUT_EQUAL];
	return width > RIVER_ALIGN_MAX ? 0 : width;
}

/* Aligns the rows from first on that belong together; returns their end. */
static size_t
align_run(struct river_columns *c, size_t first, enum river_cut cut)
{
	size_t widest = 0, end = first, width;

	for (; end < c->rows; end++) {
		const struct row *row = &c->row[end];

		if (end > first && (row->blank || row[-1].broken ||
				       row->group != row[-1].group))
			break;
		width = width_before(c, row, cut);
		if (width == 0)
			break;
		widest = width > widest ? width : widest;
	}
	for (size_t i = first; i < end; i++)
		c->row[i].pad[cut] = widest - width_before(c, &c->row[i], cut);
	return end > first ? end : first + 1;
}

static void
align(struct river_columns *c, enum river_cut cut)
{
	for (size_t i = 0; i < c->rows;)
		i = align_run(c, i, cut);
}

static size_t
row_size(const struct row *row)
{
	return row->blank + row->indent + (row->end - row->start) +
	       row->pad[RIVER_CUT_EQUAL] + row->pad[RIVER_CUT_COMMENT] + 1;
}

static char *
fill(char *out, char byte, size_t count)
{
	memset(out, byte, count);
	return out + count;
}

static char *
write_row(const struct river_columns *c, const struct row *row, char *out)
{
	size_t at = row->start;

	out = fill(out, '\n', row->blank);
	out = fill(out, '\t', row->indent);
	for (int cut = 0; cut < RIVER_CUTS; cut++) {
		if (row->cut[cut] == NO_CUT)
			continue;
		out = mempcpy(out, c->text + at, row->cut[cut] - at);
		out = fill(out, ' ', row->pad[cut]);
		at = row->cut[cut];
	}
	out = mempcpy(out, c->text + at, row->end - at);
	return fill(out, '\n', 1);
}

char *
river_columns_text(struct river_columns *c, size_t max, size_t *size)
{
	char *text, *out;

	for (int cut = 0; cut < RIVER_CUTS; cut++)
		align(c, cut);
	*size = 0;
	for (size_t i = 0; i < c->rows && *size <= max; i++)
		*size += row_size(&c->row[i]);
	if (*size > max) {
		errno = EFBIG;
		return NULL;
	}
	out = text = ecalloc(*size + 1, 1);
	for (size_t i = 0; i < c->rows; i++)
		out = write_row(c, &c->row[i], out);
	return text;
}
