/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/log_lines.h"

#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "cli/profile.h"
#include "cli/text.h"

static void
line_done(struct log_lines *l, log_line_fn *fn, void *arg)
{
	struct profile_string s = { l->buffer, l->used };
	int level = LOG_WARNING;
	char *text;

	if (s.size >= 3 && s.data[0] == '<' && s.data[1] >= '0' &&
	    s.data[1] <= '7' && s.data[2] == '>') {
		level = s.data[1] - '0';
		s.data += 3;
		s.size -= 3;
	}
	l->used = 0;
	if (s.size == 0)
		return;
	text = text_printable(s);
	fn(arg, level, text);
	free(text);
}

void
log_lines_feed(struct log_lines *l, const char *data, size_t size,
    log_line_fn *fn, void *arg)
{
	for (size_t i = 0; i < size; i++) {
		if (data[i] == '\n') {
			line_done(l, fn, arg);
			continue;
		}
		l->buffer[l->used++] = data[i];
		if (l->used == sizeof(l->buffer))
			line_done(l, fn, arg);
	}
}

void
log_lines_end(struct log_lines *l, log_line_fn *fn, void *arg)
{
	if (l->used > 0)
		line_done(l, fn, arg);
}
