/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "shipper/account.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/log.h"

/* Names come from the configuration: more than this is a leak somewhere. */
#define COMPONENTS_MAX 256

struct account_component {
	TAILQ_ENTRY(account_component) entry;
	char *name;
	struct account_sum ended;   /* of sessions that are over, and ours */
	struct account_sum current; /* the last report of this session */
	uint64_t credit; /* samples of the session in profiles that are here */
};

struct account {
	TAILQ_HEAD(, account_component) components;
	size_t count;
	uint64_t session;
};

#define TICK_NAME(name) [ACCOUNT_TICK_##name] = #name,
static const char *const tick_names[] = { ACCOUNT_TICKS(TICK_NAME) };

const char *
account_tick_name(enum account_tick tick)
{
	return tick_names[tick];
}

struct account *
account_new(void)
{
	struct account *a = ecalloc(1, sizeof(*a));

	TAILQ_INIT(&a->components);
	return a;
}

void
account_free(struct account *a)
{
	struct account_component *c;

	if (a == NULL)
		return;
	while ((c = TAILQ_FIRST(&a->components)) != NULL) {
		TAILQ_REMOVE(&a->components, c, entry);
		free(c->name);
		free(c);
	}
	free(a);
}

static struct account_component *
find_component(struct account *a, const char *name)
{
	struct account_component *c;

	TAILQ_FOREACH(c, &a->components, entry)
		if (strcmp(c->name, name) == 0)
			return c;
	if (a->count == COMPONENTS_MAX)
		return TAILQ_FIRST(&a->components);
	c = ecalloc(1, sizeof(*c));
	c->name = estrdup(name);
	TAILQ_INSERT_TAIL(&a->components, c, entry);
	a->count++;
	return c;
}

static void
sum_add(struct account_sum *sum, const struct account_sum *add)
{
	ledger_add(&sum->ledger, &add->ledger);
	for (int i = 0; i < ACCOUNT_TICK_KINDS; i++)
		sum->ticks[i] += add->ticks[i];
}

/* What a session that ended had in hand and has no outcome yet. */
static void
settle_in_hand(struct account_component *c)
{
	uint64_t *n = c->current.ledger.n;
	uint64_t gone = n[LEDGER_SHIPPED] + n[LEDGER_DIED_SAMPLER] +
			n[LEDGER_DIED_CLIENT] + n[LEDGER_LOST_DRAIN];
	uint64_t in_hand =
	    n[LEDGER_CAPTURED] > gone ? n[LEDGER_CAPTURED] - gone : 0;
	uint64_t here = c->credit < in_hand ? c->credit : in_hand;

	n[LEDGER_DELIVERED] += here;
	n[LEDGER_SHIPPED] += here;
	n[LEDGER_DIED_CLIENT] += in_hand - here;
}

static void
end_current(struct account_component *c)
{
	settle_in_hand(c);
	sum_add(&c->ended, &c->current);
	memset(&c->current, 0, sizeof(c->current));
	c->credit = 0;
}

void
account_credit(struct account *a, const char *component, uint64_t samples)
{
	find_component(a, component)->credit += samples;
}

void
account_session(struct account *a, uint64_t session)
{
	struct account_component *c;

	if (a->session == session)
		return;
	a->session = session;
	TAILQ_FOREACH(c, &a->components, entry)
		end_current(c);
}

void
account_end(struct account *a, const char *component)
{
	end_current(find_component(a, component));
}

void
account_report(
    struct account *a, const char *component, const struct account_sum *report)
{
	find_component(a, component)->current = *report;
}

void
account_count(
    struct account *a, const char *component, enum ledger_counter what)
{
	find_component(a, component)->ended.ledger.n[what]++;
}

void
account_each(const struct account *a,
    void (*fn)(void *arg, const char *component, const struct account_sum *sum),
    void *arg)
{
	const struct account_component *c;

	TAILQ_FOREACH(c, &a->components, entry) {
		struct account_sum sum = c->ended;

		sum_add(&sum, &c->current);
		fn(arg, c->name, &sum);
	}
}

static void
add_component(void *arg, const char *component, const struct account_sum *sum)
{
	(void)component;
	sum_add(arg, sum);
}

void
account_total(const struct account *a, struct account_sum *sum)
{
	memset(sum, 0, sizeof(*sum));
	account_each(a, add_component, sum);
}

void
account_counter_name(enum ledger_counter c, char *out, size_t size)
{
	const char *name = ledger_name(c);
	const char *prefix = strncmp(name, "profiles_", 9) == 0 ? ""
			     : c == LEDGER_RING_LOST            ? "records_"
								: "samples_";

	snprintf(out, size, "%s%s", prefix, name);
}

static void
write_sum(
    FILE *out, const char *kind, const char *name, const struct account_sum *s)
{
	const char *slash = kind[0] != '\0' ? "/" : "";
	char counter[64];

	for (int i = 0; i < LEDGER_COUNTERS; i++) {
		account_counter_name(i, counter, sizeof(counter));
		fprintf(out, "%s%s%s%s%s %" PRIu64 "\n", kind, slash, name,
		    slash, counter, s->ledger.n[i]);
	}
	for (int i = 0; i < ACCOUNT_TICK_KINDS; i++)
		fprintf(out, "%s%s%s%sticks_%s %" PRIu64 "\n", kind, slash,
		    name, slash, tick_names[i], s->ticks[i]);
}

static void
write_component(void *arg, const char *component, const struct account_sum *sum)
{
	write_sum(arg, "component", component, sum);
}

void
account_write(const struct account *a, uint64_t queued, FILE *out)
{
	const struct account_component *c;
	struct account_sum total;

	account_total(a, &total);
	write_sum(out, "", "", &total);
	fprintf(out, "profiles_queued %" PRIu64 "\n", queued);
	account_each(a, write_component, out);
	TAILQ_FOREACH(c, &a->components, entry)
		write_sum(out, "current", c->name, &c->current);
	fprintf(out, "session %" PRIu64 "\n", a->session);
}

/* The member of sum that a counter's name in the file stands for, or NULL. */
static uint64_t *
find_number(struct account_sum *sum, const char *name)
{
	char counter[64];

	for (int i = 0; i < LEDGER_COUNTERS; i++) {
		account_counter_name(i, counter, sizeof(counter));
		if (strcmp(counter, name) == 0)
			return &sum->ledger.n[i];
	}
	if (strncmp(name, "ticks_", 6) != 0)
		return NULL;
	for (int i = 0; i < ACCOUNT_TICK_KINDS; i++)
		if (strcmp(tick_names[i], name + 6) == 0)
			return &sum->ticks[i];
	return NULL;
}

/* "component/NAME/COUNTER" or "current/NAME/COUNTER"; cuts up path. */
static void
read_component_line(struct account *a, char *path, uint64_t value)
{
	char *component = strchr(path, '/'), *counter = strrchr(path, '/');
	struct account_component *c;
	bool all = strncmp(path, "component/", 10) == 0;
	uint64_t *ended;

	if (component == counter || (!all && strncmp(path, "current/", 8) != 0))
		return;
	*counter++ = '\0';
	c = find_component(a, component + 1);
	ended = find_number(&c->ended, counter);
	if (ended == NULL)
		return;
	if (all) {
		*ended = value;
	} else {
		*find_number(&c->current, counter) = value;
		*ended = *ended > value ? *ended - value : 0;
	}
}

/* Nobody but their symbolizer knows of what was queued. */
static void
forget_queued(struct account_component *c)
{
	struct ledger sum = c->ended.ledger;
	uint64_t settled;

	ledger_add(&sum, &c->current.ledger);
	settled = sum.n[LEDGER_PROFILES_SENT] + sum.n[LEDGER_PROFILES_SPOOLED] +
		  ledger_profiles_dropped(&sum);
	if (sum.n[LEDGER_PROFILES_BUILT] > settled)
		c->ended.ledger.n[LEDGER_PROFILES_BUILT] -=
		    sum.n[LEDGER_PROFILES_BUILT] - settled;
}

void
account_read(struct account *a, FILE *in)
{
	struct account_component *c;
	char line[1024], *space;

	while (fgets(line, sizeof(line), in) != NULL) {
		uint64_t value;

		space = strrchr(line, ' ');
		if (space == NULL || strchr(line, '\n') == NULL)
			continue;
		*space = '\0';
		value = strtoull(space + 1, NULL, 10);
		if (strcmp(line, "session") == 0)
			a->session = value;
		else if (strchr(line, '/') != NULL)
			read_component_line(a, line, value);
	}
	TAILQ_FOREACH(c, &a->components, entry)
		forget_queued(c);
}
