/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/progress.h"

#include <string.h>

#include "cli/duration.h"

#define BAR 30 /* columns */
#define SECOND 1000000000LL

void
progress_init(struct progress *p, FILE *out, bool terminal)
{
	memset(p, 0, sizeof(*p));
	p->out = out;
	p->terminal = terminal;
}

/* "[=======>      ]  4.2 s of 10s", or a block that wanders. */
static void
draw(struct progress *p)
{
	char bar[BAR + 1], total[32] = "";
	int at;

	memset(bar, ' ', BAR);
	bar[BAR] = '\0';
	if (p->total > 0) {
		at = p->done >= p->total
			 ? BAR
			 : (int)((double)p->done / p->total * BAR);
		memset(bar, '=', at);
		if (at < BAR)
			bar[at] = '>';
		duration_format(p->total, total, sizeof(total));
	} else {
		at = p->done / (SECOND / 10) % (BAR - 2);
		memset(bar + at, '=', 3);
	}
	/* erase to the end of the line: the last one may have been longer */
	fprintf(p->out, "\r%-10s [%s] %5.1f s%s%s\033[K", p->phase, bar,
	    (double)p->done / SECOND, total[0] != '\0' ? " of " : "", total);
	fflush(p->out);
	p->drawn = true;
}

void
progress_phase(struct progress *p, const char *name, int64_t total)
{
	char text[32];

	p->phase = name;
	p->total = total;
	p->done = 0;
	if (p->terminal) {
		draw(p);
		return;
	}
	duration_format(total, text, sizeof(text));
	if (total > 0)
		fprintf(p->out, "%s for %s\n", name, text);
	else
		fprintf(p->out, "%s\n", name);
	fflush(p->out);
}

void
progress_update(struct progress *p, int64_t done)
{
	p->done = p->total > 0 && done > p->total ? p->total : done;
	if (p->terminal && p->phase != NULL)
		draw(p);
}

void
progress_clear(struct progress *p)
{
	if (!p->drawn)
		return;
	fputs("\r\033[K", p->out);
	fflush(p->out);
	p->drawn = false;
}
