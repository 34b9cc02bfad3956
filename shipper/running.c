/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "shipper/running.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <time.h>

#include "common/log.h"
#include "common/now.h"
#include "shipper/config_file.h"
#include "shipper/receiver.h"

#define NSEC_PER_SEC 1000000000ull

/* A configuration lives as long as a receiver has its arguments from it. */
struct generation {
	struct config *config;
	unsigned users;
};

struct entry {
	TAILQ_ENTRY(entry) link;
	struct receiver *receiver;
	const struct config_component *component;
	struct generation *generation;
	unsigned holders; /* components that leave and forward to it */
	bool wanted;      /* by the configuration that is being applied */
	bool retired;     /* its component is gone */
};

TAILQ_HEAD(entry_list, entry);

/* Where a component that leaves forwards to. */
struct way_out {
	struct entry **receiver;
	size_t count;
};

struct running {
	struct endpoint_env *env;
	struct generation *current;
	struct entry_list receivers;
	struct profiler profilers[SETTINGS_COMPONENTS_MAX];
	struct way_out ways_out[SETTINGS_COMPONENTS_MAX];
};

struct running *
running_new(struct endpoint_env *env)
{
	struct running *r = ecalloc(1, sizeof(*r));

	r->env = env;
	TAILQ_INIT(&r->receivers);
	return r;
}

static void
generation_release(struct generation *g)
{
	if (g == NULL || --g->users > 0)
		return;
	config_free(g->config);
	free(g);
}

static void
entry_free(struct entry_list *list, struct entry *e)
{
	TAILQ_REMOVE(list, e, link);
	receiver_free(e->receiver);
	generation_release(e->generation);
	free(e);
}

static void
way_out_clear(struct way_out *w)
{
	for (size_t i = 0; i < w->count; i++)
		w->receiver[i]->holders--;
	free(w->receiver);
	*w = (struct way_out){ NULL, 0 };
}

void
running_cancel(struct running *r)
{
	for (int i = 0; i < SETTINGS_COMPONENTS_MAX; i++)
		way_out_clear(&r->ways_out[i]);
	while (!TAILQ_EMPTY(&r->receivers))
		entry_free(&r->receivers, TAILQ_FIRST(&r->receivers));
}

void
running_free(struct running *r)
{
	if (r == NULL)
		return;
	running_cancel(r);
	for (int i = 0; i < SETTINGS_COMPONENTS_MAX; i++)
		free(r->profilers[i].id);
	generation_release(r->current);
	free(r);
}

/* ---- receivers */

static struct entry *
find_receiver(const struct running *r, const char *id)
{
	struct entry *e;

	TAILQ_FOREACH(e, &r->receivers, link)
		if (!e->retired && strcmp(receiver_id(e->receiver), id) == 0)
			return e;
	return NULL;
}

/* The one that runs if it is just the same, else a new one in fresh. */
static int
set_up_receiver(struct running *r, struct generation *g,
    const struct config_component *c, struct entry_list *fresh, char **why)
{
	struct entry *e = find_receiver(r, c->id);

	if (e != NULL && config_component_equal(e->component, c)) {
		e->wanted = true;
		return 0;
	}
	e = ecalloc(1, sizeof(*e));
	e->receiver = receiver_new(r->env, c, why);
	if (e->receiver == NULL) {
		free(e);
		return -1;
	}
	e->component = c;
	e->generation = g;
	e->wanted = true;
	g->users++;
	TAILQ_INSERT_TAIL(fresh, e, link);
	return 0;
}

static int
set_up_receivers(struct running *r, struct generation *g,
    struct entry_list *fresh, char **why)
{
	struct entry *e;

	TAILQ_FOREACH(e, &r->receivers, link)
		e->wanted = false;
	for (size_t i = 0; i < g->config->count; i++) {
		const struct config_component *c = &g->config->item[i];

		if (c->role == COMPONENT_WRITE &&
		    set_up_receiver(r, g, c, fresh, why) < 0)
			return -1;
	}
	return 0;
}

static void
retire_the_rest(struct running *r)
{
	struct entry *e;

	TAILQ_FOREACH(e, &r->receivers, link) {
		if (e->wanted || e->retired)
			continue;
		e->retired = true;
		receiver_retire(e->receiver);
	}
}

void
running_sweep(struct running *r)
{
	struct entry *e = TAILQ_FIRST(&r->receivers), *next;

	for (; e != NULL; e = next) {
		next = TAILQ_NEXT(e, link);
		if (e->retired && e->holders == 0 &&
		    receiver_queued(e->receiver) == 0)
			entry_free(&r->receivers, e);
	}
}

/* ---- profilers */

/* The one of that id, else an unused one, or NULL. */
static struct profiler *
find_profiler(struct running *r, const char *id)
{
	struct profiler *unused = NULL;

	for (int i = 0; i < SETTINGS_COMPONENTS_MAX; i++) {
		struct profiler *p = &r->profilers[i];

		if (p->id != NULL && strcmp(p->id, id) == 0)
			return p;
		if (unused == NULL && p->component == NULL && !p->leaving)
			unused = p;
	}
	return unused;
}

static void
leave(struct running *r, int i)
{
	struct profiler *p = &r->profilers[i];
	const struct ebpf_args *args = p->component->args;
	struct way_out *w = &r->ways_out[i];

	w->receiver = ecalloc(args->forward_to.count + 1, sizeof(*w->receiver));
	for (size_t k = 0; k < args->forward_to.count; k++) {
		const struct config_component *write = args->forward_to.item[k];
		struct entry *e = find_receiver(r, write->id);

		if (e == NULL)
			continue;
		e->holders++;
		w->receiver[w->count++] = e;
	}
	p->component = NULL;
	p->starting = false;
	p->leaving = true;
	p->changed = true;
}

/* While the receivers of the configuration before are still to be found. */
static void
leave_the_rest(struct running *r, const struct config *config)
{
	for (int i = 0; i < SETTINGS_COMPONENTS_MAX; i++) {
		struct profiler *p = &r->profilers[i];

		if (p->component == NULL)
			continue;
		p->changed = false;
		if (config_find(config, p->component->id) == NULL)
			leave(r, i);
	}
}

static void
run(struct running *r, struct profiler *p, const struct config_component *c)
{
	if (p->component == NULL || !config_component_equal(p->component, c)) {
		p->changed = true;
		p->changed_at = now_ns(CLOCK_BOOTTIME);
	}
	if (p->id == NULL || strcmp(p->id, c->id) != 0) {
		free(p->id);
		p->id = estrdup(c->id);
	}
	way_out_clear(&r->ways_out[p - r->profilers]);
	if (p->component == NULL)
		p->starting = true;
	p->component = c;
	p->leaving = false;
}

/* One that finds no number waits until another has left. */
static void
number_profilers(struct running *r, const struct config *config)
{
	for (size_t i = 0; i < config->count; i++) {
		const struct config_component *c = &config->item[i];
		struct profiler *p;

		if (c->role != COMPONENT_EBPF)
			continue;
		p = find_profiler(r, c->id);
		if (p != NULL)
			run(r, p, c);
	}
}

void
running_left(struct running *r, uint32_t number)
{
	struct profiler *p = running_profiler(r, number);

	if (p == NULL || !p->leaving)
		return;
	p->leaving = false;
	way_out_clear(&r->ways_out[number - 1]);
	number_profilers(r, r->current->config);
	running_sweep(r);
}

bool
running_starting(const struct running *r)
{
	for (int i = 0; i < SETTINGS_COMPONENTS_MAX; i++)
		if (r->profilers[i].starting)
			return true;
	return false;
}

struct profiler *
running_profiler(struct running *r, uint32_t number)
{
	if (number < 1 || number > SETTINGS_COMPONENTS_MAX ||
	    r->profilers[number - 1].id == NULL)
		return NULL;
	return &r->profilers[number - 1];
}

static size_t
forward_to(struct entry *e, struct parcel *parcel)
{
	if (e == NULL)
		return 0;
	receiver_push(e->receiver, parcel);
	return receiver_endpoints(e->receiver);
}

size_t
running_forward(struct running *r, uint32_t number, struct parcel *parcel)
{
	const struct profiler *p = running_profiler(r, number);
	const struct ebpf_args *args;
	const struct way_out *w;
	size_t endpoints = 0;

	if (p == NULL)
		return 0;
	w = &r->ways_out[number - 1];
	for (size_t i = 0; i < w->count; i++)
		endpoints += forward_to(w->receiver[i], parcel);
	if (p->component == NULL)
		return endpoints;
	args = p->component->args;
	for (size_t i = 0; i < args->forward_to.count; i++) {
		const struct config_component *write = args->forward_to.item[i];

		endpoints += forward_to(find_receiver(r, write->id), parcel);
	}
	return endpoints;
}

/* ---- all of it */

int
running_apply(struct running *r, struct config *config, char **why)
{
	struct entry_list fresh = TAILQ_HEAD_INITIALIZER(fresh);
	struct generation *g = ecalloc(1, sizeof(*g));

	g->config = config;
	g->users = 1;
	if (set_up_receivers(r, g, &fresh, why) < 0) {
		while (!TAILQ_EMPTY(&fresh))
			entry_free(&fresh, TAILQ_FIRST(&fresh));
		free(g);
		return -1;
	}
	leave_the_rest(r, config);
	retire_the_rest(r);
	TAILQ_CONCAT(&r->receivers, &fresh, link);
	number_profilers(r, config);
	generation_release(r->current);
	r->current = g;
	running_sweep(r);
	return 0;
}
