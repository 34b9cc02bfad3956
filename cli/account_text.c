/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/account_text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct tick_row {
	const char *name;
	size_t offset;
} tick_rows[] = {
	{ "ticks_expected", offsetof(struct account_text, expected) },
	{ "ticks_idle", offsetof(struct account_text, idle) },
	{ "ticks_steal", offsetof(struct account_text, steal) },
	{ "ticks_unexplained", offsetof(struct account_text, unexplained) },
	{ "ticks_down", offsetof(struct account_text, down) },
	{ "profiles_queued", offsetof(struct account_text, queued) },
};

static bool
has_prefix(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* "samples_runs", "profiles_sent", "records_ring_lost". */
static uint64_t *
counter_named(struct account_text *a, const char *name)
{
	const char *bare = has_prefix(name, "samples_")   ? name + 8
			   : has_prefix(name, "records_") ? name + 8
							  : name;

	for (int i = 0; i < LEDGER_COUNTERS; i++)
		if (strcmp(bare, ledger_name(i)) == 0)
			return &a->ledger.n[i];
	for (size_t i = 0; i < sizeof(tick_rows) / sizeof(tick_rows[0]); i++)
		if (strcmp(name, tick_rows[i].name) == 0)
			return (uint64_t *)((char *)a + tick_rows[i].offset);
	return NULL;
}

void
account_text_parse(struct account_text *a, const char *text)
{
	char name[64];
	const char *end;
	uint64_t value, *counter;

	memset(a, 0, sizeof(*a));
	for (; *text != '\0'; text = *end != '\0' ? end + 1 : end) {
		end = strchrnul(text, '\n');
		if (sscanf(text, "%63[a-z_] %" SCNu64, name, &value) == 2 &&
		    (counter = counter_named(a, name)) != NULL)
			*counter = value;
	}
}

struct lines {
	account_line_fn *fn;
	void *arg;
};

static void __attribute__((format(printf, 2, 3)))
put(const struct lines *l, const char *fmt, ...)
{
	char line[160];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	l->fn(l->arg, line);
}

/* All counters that are samples lost on the way, or profiles. */
static bool
is_loss(int counter)
{
	const char *name = ledger_name(counter);

	return has_prefix(name, "lost_") || has_prefix(name, "died_") ||
	       has_prefix(name, "dropped_") || has_prefix(name, "ring_") ||
	       has_prefix(name, "profiles_dropped_");
}

static uint64_t
lost_after_capture(const struct ledger *l)
{
	return l->n[LEDGER_DIED_SAMPLER] + l->n[LEDGER_DIED_CLIENT] +
	       l->n[LEDGER_LOST_DRAIN] + ledger_dropped(l);
}

static void
show_clock(const struct account_text *a, const struct lines *l)
{
	put(l,
	    "clock: %" PRIu64 " ticks = %" PRIu64 " seen + %" PRIu64
	    " idle + %" PRIu64 " steal + %" PRIu64 " unexplained (%.2f %%)",
	    a->expected, a->ledger.n[LEDGER_RUNS], a->idle, a->steal,
	    a->unexplained,
	    a->expected > 0 ? 100.0 * a->unexplained / a->expected : 0.0);
	if (a->down > 0)
		put(l, "       %" PRIu64 " ticks while nothing sampled",
		    a->down);
}

static void
show_samples(const struct account_text *a, const struct lines *l)
{
	const uint64_t *n = a->ledger.n;
	uint64_t lost =
	    ledger_lost(&a->ledger) + lost_after_capture(&a->ledger);
	uint64_t ended = n[LEDGER_DELIVERED] + n[LEDGER_FILTERED] +
			 lost_after_capture(&a->ledger);

	put(l,
	    "samples: %" PRIu64 " seen = %" PRIu64 " delivered + %" PRIu64
	    " filtered + %" PRIu64 " idle + %" PRIu64 " lost",
	    n[LEDGER_RUNS], n[LEDGER_DELIVERED], n[LEDGER_FILTERED],
	    n[LEDGER_IDLE], lost);
	if (ended != n[LEDGER_CAPTURED])
		put(l,
		    "the account does not close: %" PRIu64 " captured, %" PRIu64
		    " accounted for",
		    n[LEDGER_CAPTURED], ended);
}

static void
show_losses(const struct account_text *a, const struct lines *l)
{
	for (int i = 0; i < LEDGER_COUNTERS; i++)
		if (is_loss(i) && a->ledger.n[i] > 0)
			put(l, "  %s %" PRIu64 ": %s", ledger_name(i),
			    a->ledger.n[i], ledger_help(i));
	if (a->queued > 0)
		put(l,
		    "  profiles_queued %" PRIu64
		    ": not written when time was up",
		    a->queued);
}

void
account_text_show(const struct account_text *a, account_line_fn *fn, void *arg)
{
	struct lines l = { fn, arg };

	show_clock(a, &l);
	show_samples(a, &l);
	show_losses(a, &l);
}
