/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolizer/symbolizer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/random.h>
#include <unistd.h>

#include <event2/event.h>

#include "common/ipc.h"
#include "common/log.h"
#include "common/memfd.h"
#include "common/settings.h"
#include "common/shipper.pb.h"
#include "common/version.h"
#include "symbolizer/component.h"
#include "symbolizer/link.h"
#include "symbolizer/settings_check.h"
#include "symbolizer/targets.h"

/* Messages that may wait for a shipper that does not read. */
#define SEND_AHEAD 16
/* When what had to wait is tried again. */
#define AGAIN_MS 50

/* A profile until the shipper says Taken. */
struct parcel {
	TAILQ_ENTRY(parcel) entry;
	uint64_t id;
	struct finished_profile what;
	bool sent;
	uint8_t labels[];
};

struct symbolizer {
	struct event_base *base;
	struct component_host host;
	struct link *shipper;
	struct component *components[SETTINGS_COMPONENTS_MAX];
	TAILQ_HEAD(, parcel) outbox;
	size_t bytes, count;
	uint64_t session, next_id;
	uint64_t taken; /* as often as the shipper said so */
	bool finishing;
	/* by component: its report waits for a shipper that does not read, */
	bool late[SETTINGS_COMPONENTS_MAX];
	/* and it has done all that was asked of it */
	bool done[SETTINGS_COMPONENTS_MAX];
	struct event *again;
};

static struct component **
slot_of(struct symbolizer *s, uint32_t number)
{
	if (number < 1 || number > SETTINGS_COMPONENTS_MAX)
		return NULL;
	return &s->components[number - 1];
}

/* ---- the outbox */

static void
parcel_free(struct symbolizer *s, struct parcel *p)
{
	TAILQ_REMOVE(&s->outbox, p, entry);
	s->bytes -= p->what.bytes;
	s->count--;
	close(p->what.fd);
	free(p);
}

/* Out of our hands, one way or the other. */
static void
settle(struct symbolizer *s, struct parcel *p, bool delivered)
{
	struct component **slot = slot_of(s, p->what.component);
	uint64_t samples = p->what.samples;

	parcel_free(s, p);
	if (slot != NULL && *slot != NULL)
		component_taken(*slot, samples, delivered);
}

static void
send_parcel(struct symbolizer *s, struct parcel *p)
{
	static phlare_SymbolizerEvent m;
	int r;

	m = (phlare_SymbolizerEvent)phlare_SymbolizerEvent_init_zero;
	m.which_body = phlare_SymbolizerEvent_profile_tag;
	m.body.profile.id = p->id;
	m.body.profile.component = p->what.component;
	m.body.profile.samples = p->what.samples;
	m.body.profile.time_ns = p->what.time_ns;
	m.body.profile.duration_ns = p->what.duration_ns;
	m.body.profile.raw_bytes = p->what.raw_bytes;
	m.body.profile.known_symbols = p->what.names.known;
	m.body.profile.unknown_symbols = p->what.names.unknown_symbols;
	m.body.profile.unknown_modules = p->what.names.unknown_modules;
	m.body.profile.unknown_stacks = p->what.names.unknown_stacks;
	m.body.profile.labels.size = p->what.labels_size;
	memcpy(m.body.profile.labels.bytes, p->labels, p->what.labels_size);
	r = link_send(s->shipper, &m, p->what.fd);
	p->sent = r == 0;
}

static void
try_again(struct symbolizer *s)
{
	const struct timeval wait = { 0, AGAIN_MS * 1000 };

	if (!event_pending(s->again, EV_TIMEOUT, NULL))
		event_add(s->again, &wait);
}

/* What could not be sent before goes out first: order is kept. */
static void
send_waiting(struct symbolizer *s)
{
	struct parcel *p;

	if (link_trouble(s->shipper) != NULL)
		return;
	TAILQ_FOREACH(p, &s->outbox, entry) {
		if (p->sent)
			continue;
		/* while it does not read, they stay ours */
		if (link_queued(s->shipper) < SEND_AHEAD)
			send_parcel(s, p);
		if (!p->sent) {
			try_again(s);
			return;
		}
	}
}

/* The fate of one that was sent is not ours to decide, if there is another. */
static struct parcel *
oldest(struct symbolizer *s)
{
	struct parcel *p;

	TAILQ_FOREACH(p, &s->outbox, entry)
		if (!p->sent)
			return p;
	return TAILQ_FIRST(&s->outbox);
}

static void
on_profile(void *arg, const struct finished_profile *profile)
{
	static struct log_limit limit;
	struct symbolizer *s = arg;
	struct parcel *p = ecalloc(1, sizeof(*p) + profile->labels_size);

	p->what = *profile;
	p->id = ++s->next_id;
	memcpy(p->labels, profile->labels, profile->labels_size);
	TAILQ_INSERT_TAIL(&s->outbox, p, entry);
	s->bytes += profile->bytes;
	s->count++;
	while (s->bytes > OUTBOX_MAX_BYTES || s->count > OUTBOX_MAX_PROFILES) {
		if (log_limit_ok(&limit))
			log_warnx("outbox",
			    "the shipper does not take "
			    "profiles: dropping the oldest%s",
			    log_limit_tail(&limit));
		settle(s, oldest(s), false);
	}
	send_waiting(s);
}

/* ---- reports */

/* Reports are sums: one that comes later says no less. */
static void
report_later(struct symbolizer *s, uint32_t number)
{
	s->late[number - 1] = true;
	try_again(s);
}

static bool
report(void *arg, struct component *component)
{
	static phlare_SymbolizerEvent m;
	struct symbolizer *s = arg;
	uint32_t number = component_number(component);

	/* the next shipper is told when it says hello */
	if (link_trouble(s->shipper) != NULL)
		return false;
	if (link_queued(s->shipper) >= SEND_AHEAD) {
		report_later(s, number);
		return false;
	}
	m = (phlare_SymbolizerEvent)phlare_SymbolizerEvent_init_zero;
	m.which_body = phlare_SymbolizerEvent_ledger_tag;
	component_report(component, &m.body.ledger);
	m.body.ledger.taken = s->taken;
	if (link_send(s->shipper, &m, -1) < 0) {
		report_later(s, number);
		return false;
	}
	s->late[number - 1] = false;
	m = (phlare_SymbolizerEvent)phlare_SymbolizerEvent_init_zero;
	m.which_body = phlare_SymbolizerEvent_status_tag;
	component_status(component, &m.body.status);
	link_send(s->shipper, &m, -1);
	return link_queued(s->shipper) == 0;
}

static void
answer_finish(struct symbolizer *s)
{
	static phlare_SymbolizerEvent m;

	for (int i = 0; i < SETTINGS_COMPONENTS_MAX; i++)
		if (s->components[i] != NULL &&
		    (component_finishing(s->components[i]) || s->late[i]))
			return;
	if (!s->finishing)
		return;
	s->finishing = false;
	m = (phlare_SymbolizerEvent)phlare_SymbolizerEvent_init_zero;
	m.which_body = phlare_SymbolizerEvent_finish_done_tag;
	link_send(s->shipper, &m, -1);
}

static void
send_removed(struct symbolizer *s, uint32_t number)
{
	static phlare_SymbolizerEvent m;

	m = (phlare_SymbolizerEvent)phlare_SymbolizerEvent_init_zero;
	m.which_body = phlare_SymbolizerEvent_removed_tag;
	m.body.removed.component = number;
	link_send(s->shipper, &m, -1);
}

/* What is done and told: a component that leaves is gone. */
static void
settle_done(struct symbolizer *s)
{
	for (int i = 0; i < SETTINGS_COMPONENTS_MAX; i++) {
		struct component *c = s->components[i];

		if (!s->done[i] || s->late[i])
			continue;
		s->done[i] = false;
		if (c == NULL || !component_leaving(c) ||
		    component_finishing(c))
			continue;
		component_free(c);
		s->components[i] = NULL;
		send_removed(s, i + 1);
	}
	answer_finish(s);
}

static void
on_finished(void *arg, struct component *component)
{
	struct symbolizer *s = arg;

	s->done[component_number(component) - 1] = true;
	settle_done(s);
}

static void
on_again(evutil_socket_t fd, short what, void *arg)
{
	struct symbolizer *s = arg;

	(void)fd;
	(void)what;
	for (int i = 0; i < SETTINGS_COMPONENTS_MAX; i++)
		if (s->late[i] && s->components[i] != NULL)
			component_tell(s->components[i]);
	send_waiting(s);
	settle_done(s);
}

/* ---- what the shipper says */

/* A peer that breaks the protocol is disconnected. */
static void
refuse(struct symbolizer *s, const char *what, const char *why)
{
	char text[100];

	snprintf(text, sizeof(text), "protocol error: %s: %s", what, why);
	log_warnx("shipper", "hanging up: %s", text);
	link_refuse(s->shipper, text);
}

static void
on_hello(void *arg, const void *body, int fd)
{
	struct symbolizer *s = link_owner(arg);

	(void)fd;
	if (!link_version_ok(s->shipper,
		((const phlare_ShipperHello *)body)->protocol_version))
		return;
	/* what profiles hold is in its books before they come */
	for (int i = 0; i < SETTINGS_COMPONENTS_MAX; i++)
		if (s->components[i] != NULL)
			component_tell(s->components[i]);
	send_waiting(s);
}

static void
on_settings(void *arg, const void *body, int fd)
{
	struct symbolizer *s = link_owner(arg);
	const phlare_Settings *settings = body;
	struct component **slot;
	const char *why;

	(void)fd;
	if (!settings_ok(settings, &why)) {
		refuse(s, "settings", why);
		return;
	}
	slot = slot_of(s, settings->component);
	if (*slot != NULL)
		component_configure(*slot, settings);
	else
		*slot = component_new(&s->host, settings);
}

static void
on_targets(void *arg, const void *body, int fd)
{
	struct symbolizer *s = link_owner(arg);
	const phlare_Targets *m = body;
	struct component **slot = slot_of(s, m->component);
	const char *why = "not a sealed memfd, or too large";
	const void *data;
	size_t size;
	bool good = false;

	if (slot == NULL || *slot == NULL) {
		why = "no such component";
	} else if (memfd_map(fd, SETTINGS_TARGETS_MAX_BYTES, &data, &size) ==
		   0) {
		good =
		    component_set_targets(*slot, data ? data : "", size, &why);
		memfd_unmap(data, size);
	}
	close(fd);
	if (!good)
		refuse(s, "targets", why);
}

static void
on_remove(void *arg, const void *body, int fd)
{
	struct symbolizer *s = link_owner(arg);
	uint32_t number = ((const phlare_Remove *)body)->component;
	struct component **slot = slot_of(s, number);

	(void)fd;
	if (slot == NULL)
		refuse(s, "remove", "component");
	else if (*slot == NULL)
		send_removed(s, number);
	else
		component_leave(*slot);
}

static void
on_taken(void *arg, const void *body, int fd)
{
	struct symbolizer *s = link_owner(arg);
	const phlare_Taken *m = body;
	struct parcel *p;

	(void)fd;
	s->taken++;
	TAILQ_FOREACH(p, &s->outbox, entry)
		if (p->id == m->profile && p->sent) {
			settle(s, p, true);
			break;
		}
	send_waiting(s);
}

static void
on_finish(void *arg, const void *body, int fd)
{
	struct symbolizer *s = link_owner(arg);

	(void)body;
	(void)fd;
	s->finishing = true;
	for (int i = 0; i < SETTINGS_COMPONENTS_MAX; i++)
		if (s->components[i] != NULL &&
		    !component_leaving(s->components[i]))
			component_finish(s->components[i]);
	answer_finish(s);
}

static void
on_up(void *owner)
{
	struct symbolizer *s = owner;
	phlare_SymbolizerEvent m = phlare_SymbolizerEvent_init_zero;

	m.which_body = phlare_SymbolizerEvent_hello_tag;
	m.body.hello.protocol_version = IPC_PROTOCOL_VERSION;
	m.body.hello.program_version = PROGRAM_VERSION;
	m.body.hello.session = s->session;
	link_send(s->shipper, &m, -1);
}

/* The next shipper gets everything that this one has not taken. */
static void
on_down(void *owner)
{
	struct symbolizer *s = owner;
	struct parcel *p;

	s->finishing = false;
	memset(s->late, 0, sizeof(s->late)); /* told with its hello */
	for (int i = 0; i < SETTINGS_COMPONENTS_MAX; i++)
		if (s->components[i] != NULL)
			component_resume(s->components[i]);
	TAILQ_FOREACH(p, &s->outbox, entry)
		p->sent = false;
}

static const struct ipc_handler handlers[] = {
	{ phlare_ShipperCommand_hello_tag, 0, on_hello },
	{ phlare_ShipperCommand_settings_tag, 0, on_settings },
	{ phlare_ShipperCommand_targets_tag, IPC_FD, on_targets },
	{ phlare_ShipperCommand_remove_tag, 0, on_remove },
	{ phlare_ShipperCommand_taken_tag, 0, on_taken },
	{ phlare_ShipperCommand_finish_tag, 0, on_finish },
	{ 0 },
};

static const struct link_role role = {
	.peer = "shipper",
	.recv = phlare_ShipperCommand_fields,
	.recv_size = sizeof(phlare_ShipperCommand),
	.recv_body = offsetof(phlare_ShipperCommand, body),
	.send = phlare_SymbolizerEvent_fields,
	.handlers = handlers,
	.on_up = on_up,
	.on_down = on_down,
};

struct symbolizer *
symbolizer_new(
    struct event_base *base, const struct symbolizer_options *options)
{
	struct symbolizer *s = ecalloc(1, sizeof(*s));

	s->base = base;
	TAILQ_INIT(&s->outbox);
	s->host = (struct component_host){
		.base = base,
		.collector_path = options->collector_path,
		.opener_path = options->opener_path,
		.arg = s,
		.on_profile = on_profile,
		.report = report,
		.on_finished = on_finished,
	};
	if (getrandom(&s->session, sizeof(s->session), 0) < 0)
		fatal("getrandom");
	s->again = evtimer_new(base, on_again, s);
	if (s->again == NULL)
		fatalx("out of memory");
	s->shipper = link_new(base, options->shipper_path, &role, s);
	return s;
}

void
symbolizer_free(struct symbolizer *symbolizer)
{
	if (symbolizer == NULL)
		return;
	for (int i = 0; i < SETTINGS_COMPONENTS_MAX; i++)
		component_free(symbolizer->components[i]);
	link_free(symbolizer->shipper);
	event_free(symbolizer->again);
	while (!TAILQ_EMPTY(&symbolizer->outbox))
		parcel_free(symbolizer, TAILQ_FIRST(&symbolizer->outbox));
	free(symbolizer);
}
