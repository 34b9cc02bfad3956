/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolizer/sampler.h"

#include <malloc.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/batch.h"
#include "common/collector.pb.h"
#include "common/log.h"
#include "common/memfd.h"
#include "common/now.h"
#include "common/version.h"
#include "symbolizer/account.h"
#include "symbolizer/batch_view.h"
#include "symbolizer/batches.h"
#include "symbolizer/clock.h"
#include "symbolizer/kernel_symbols.h"
#include "symbolizer/link.h"

#define PAGE_MAX_BYTES 65536
#define KERNEL_TEXT_MAX (64u * 1024 * 1024)
#define NS_PER_SEC 1000000000ULL

struct sampler {
	struct sampler_host host;
	struct link *link;
	struct kernel_symbols *kernel;
	uint32_t component, rate;
	bool user, kernel_stacks;
	uint64_t asked; /* interval that is being collected, or 0 */
	uint64_t session, last_sequence;
	bool ack_due; /* up to last_sequence */
	bool samples;
	uint64_t map_bytes;
	/* nobody samples since then, and did not for so long before */
	uint64_t down_since, down_ns;
};

/* ---- what it is told */

static void
send_settings(struct sampler *s)
{
	phlare_SamplerRequest m = phlare_SamplerRequest_init_zero;

	m.which_body = phlare_SamplerRequest_settings_tag;
	m.body.settings.sample_rate = s->rate;
	m.body.settings.collect_user = s->user;
	m.body.settings.collect_kernel = s->kernel_stacks;
	link_send(s->link, &m, -1);
}

static void
on_up(void *owner)
{
	struct sampler *s = owner;
	phlare_SamplerRequest m = phlare_SamplerRequest_init_zero;

	m.which_body = phlare_SamplerRequest_hello_tag;
	m.body.hello.protocol_version = IPC_PROTOCOL_VERSION;
	m.body.hello.program_version = PROGRAM_VERSION;
	m.body.hello.session = s->component;
	link_send(s->link, &m, -1);
}

bool
sampler_collect(struct sampler *sampler, uint64_t interval, bool last)
{
	phlare_SamplerRequest m = phlare_SamplerRequest_init_zero;

	m.which_body = phlare_SamplerRequest_collect_tag;
	m.body.collect.interval = interval;
	m.body.collect.last = last;
	if (link_send(sampler->link, &m, -1) < 0)
		return false;
	sampler->asked = interval;
	return true;
}

/*
 * Once the shipper has the counters in its books, the sampler need not hand
 * them to whoever comes after us.
 */
void
sampler_acknowledge(struct sampler *sampler)
{
	phlare_SamplerRequest m = phlare_SamplerRequest_init_zero;

	if (!sampler->ack_due)
		return;
	m.which_body = phlare_SamplerRequest_ack_tag;
	m.body.ack.sequence = sampler->last_sequence;
	if (link_send(sampler->link, &m, -1) < 0)
		return;
	account_acked(sampler->host.account);
	sampler->ack_due = false;
}

static void
ask_for_kernel_symbols(struct sampler *s)
{
	phlare_SamplerRequest m = phlare_SamplerRequest_init_zero;

	m.which_body = phlare_SamplerRequest_kernel_symbols_tag;
	link_send(s->link, &m, -1);
}

/* ---- it comes and goes */

/* It broke the protocol: it is hung up on, and fd closed. */
static void
refuse(struct sampler *s, const char *why, int fd)
{
	if (fd >= 0)
		close(fd);
	log_warnx("sampler", "hanging up: protocol error: %s", why);
	link_refuse(s->link, why);
}

/* Nothing may come before its hello. False: it is refused. */
static bool
has_greeted(struct sampler *s, int fd)
{
	if (s->session == 0)
		refuse(s, "a message before its hello", fd);
	return s->session != 0;
}

static void
on_down(void *owner)
{
	struct sampler *s = owner;
	uint64_t seen = account_end(s->host.account);

	if (s->samples)
		s->down_since =
		    seen != 0 ? seen : (uint64_t)now_ns(CLOCK_BOOTTIME);
	s->session = s->asked = 0;
	s->ack_due = s->samples = false;
	s->host.on_gone(s->host.arg);
}

/* Since when nobody samples; of our own sampler we know it ourselves. */
static void
begin_gap(struct sampler *s, const phlare_SamplerHello *hello)
{
	if (s->down_since != 0)
		return;
	s->down_since = hello->down_since;
	s->down_ns = hello->down_ns;
}

/* Somebody does again. */
static void
count_gap(struct sampler *s)
{
	uint64_t now = now_ns(CLOCK_BOOTTIME), ns = s->down_ns;

	if (s->down_since != 0 && s->down_since < now)
		ns += now - s->down_since;
	s->down_since = s->down_ns = 0;
	clock_down(s->host.clock, ns, NS_PER_SEC / s->rate);
}

static void
begin_account(struct sampler *s, const phlare_SamplerHello *hello, int page_fd)
{
	const void *page = NULL;
	size_t size = 0;

	if (memfd_map_live(page_fd, PAGE_MAX_BYTES, &page, &size) < 0 ||
	    size < sizeof(struct ledger_page)) {
		log_warnx("sampler", "its ledger page is no good");
		memfd_unmap(page, size);
		page = NULL;
	}
	account_begin(s->host.account, hello->listener_session, page, size,
	    hello->orphans, hello->orphans_count);
}

static void
on_hello(void *arg, const void *body, int fd)
{
	struct sampler *s = link_owner(arg);
	const phlare_SamplerHello *hello = body;

	if (s->session != 0 || hello->session == 0) {
		refuse(s, "hello out of place", fd);
		return;
	}
	if (!link_version_ok(s->link, hello->protocol_version)) {
		close(fd);
		return;
	}
	begin_account(s, hello, fd);
	close(fd);
	s->session = hello->session;
	s->last_sequence = 0;
	s->ack_due = true;
	s->map_bytes = hello->map_bytes;
	begin_gap(s, hello);
	send_settings(s);
	ask_for_kernel_symbols(s);
}

static void
on_sampling(void *arg, const void *body, int fd)
{
	struct sampler *s = link_owner(arg);

	(void)body;
	if (!has_greeted(s, fd))
		return;
	if (s->samples) {
		refuse(s, "it samples already", fd);
		return;
	}
	s->samples = true;
	count_gap(s);
	s->host.on_begin(s->host.arg);
}

/* ---- what it says */

static void
on_stat_file(void *arg, const void *body, int fd)
{
	struct sampler *s = link_owner(arg);

	(void)body;
	if (has_greeted(s, fd))
		clock_begin(s->host.clock, fd);
}

static void
on_processes(void *arg, const void *body, int fd)
{
	struct sampler *s = link_owner(arg);
	const phlare_ProcessNews *news = body;
	struct batch_view *view;

	if (!has_greeted(s, fd))
		return;
	view = fd >= 0 ? batch_view_open(fd)
		       : batch_view_copy(news->data.bytes, news->data.size);
	if (view == NULL) {
		log_warnx("sampler", "process news do not hold together");
		return;
	}
	s->host.on_news(s->host.arg, view);
	batch_view_free(view);
}

/* The last one of a rate: its clock ends here. */
static void
watch_rate(struct sampler *s, const struct batch_view *view)
{
	uint64_t period = view->header->period;
	uint32_t count = view->header->cpus.count;

	if (period == NS_PER_SEC / s->rate)
		return;
	clock_update(s->host.clock, view->cpus, count, period);
	clock_new_rate(s->host.clock, view->cpus, count);
}

static void
on_batch(void *arg, const void *body, int fd)
{
	struct sampler *s = link_owner(arg);
	const phlare_Batch *message = body;
	struct batch_view *view;
	bool whole;

	if (!has_greeted(s, fd))
		return;
	view = batch_view_open(fd);
	whole = view != NULL && batch_view_samples(view) == message->samples;
	account_received(s->host.account, message->samples);
	if (whole && batches_fit(s->host.batches, view->size)) {
		watch_rate(s, view);
		batches_add(s->host.batches, view, message->samples);
		return;
	}
	log_warnx("sampler", "a batch of %llu samples %s",
	    (unsigned long long)message->samples,
	    whole ? "is too much" : "does not hold together");
	batches_add_lost(s->host.batches,
	    whole ? LEDGER_DROPPED_MEMORY : LEDGER_DROPPED_MALFORMED,
	    message->samples);
	batch_view_free(view);
}

static void
read_clock(struct sampler *s)
{
	const struct batch *last =
	    TAILQ_LAST(&s->host.batches->came, batch_list);

	if (last != NULL && last->view != NULL)
		clock_update(s->host.clock, last->view->cpus,
		    last->view->header->cpus.count, last->view->header->period);
}

static void
on_done(void *arg, const void *body, int fd)
{
	struct sampler *s = link_owner(arg);
	const phlare_CollectDone *m = body;

	if (!has_greeted(s, fd) || s->asked == 0 || m->interval != s->asked)
		return;
	s->asked = 0;
	read_clock(s);
	account_collected(s->host.account, m->counters, m->counters_count);
	s->last_sequence = m->last_sequence;
	s->ack_due = true;
	s->host.on_collected(s->host.arg);
}

static void
on_kernel_symbols(void *arg, const void *body, int fd)
{
	struct sampler *s = link_owner(arg);
	const phlare_KernelSymbols *m = body;
	const char *why = strerror(m->error);
	const void *text = NULL;
	size_t size = 0;

	if (!has_greeted(s, fd))
		return;
	if (m->error == 0 && fd >= 0 &&
	    memfd_map(fd, KERNEL_TEXT_MAX, &text, &size) == 0) {
		struct kernel_symbols *new =
		    kernel_symbols_parse(text, size, &why);

		memfd_unmap(text, size);
		if (new != NULL) {
			kernel_symbols_free(s->kernel);
			s->kernel = new;
			why = NULL;
		}
		malloc_trim(0);
	}
	if (why != NULL)
		log_warnx("sampler", "no kernel symbols: %s", why);
	if (fd >= 0)
		close(fd);
}

static const struct ipc_handler handlers[] = {
	{ phlare_SamplerEvent_hello_tag, IPC_FD, on_hello },
	{ phlare_SamplerEvent_processes_tag, IPC_FD_OPTIONAL, on_processes },
	{ phlare_SamplerEvent_batch_tag, IPC_FD, on_batch },
	{ phlare_SamplerEvent_done_tag, 0, on_done },
	{ phlare_SamplerEvent_kernel_symbols_tag, IPC_FD_OPTIONAL,
	    on_kernel_symbols },
	{ phlare_SamplerEvent_stat_file_tag, IPC_FD, on_stat_file },
	{ phlare_SamplerEvent_sampling_tag, 0, on_sampling },
	{ 0 },
};

static const struct link_role role = {
	.peer = "sampler",
	.recv = phlare_SamplerEvent_fields,
	.recv_size = sizeof(phlare_SamplerEvent),
	.recv_body = offsetof(phlare_SamplerEvent, body),
	.send = phlare_SamplerRequest_fields,
	.handlers = handlers,
	.on_up = on_up,
	.on_down = on_down,
};

/* ---- for its owner */

static void
take_settings(struct sampler *s, const phlare_Settings *settings)
{
	s->component = settings->component;
	s->rate = settings->sample_rate;
	s->user = settings->collect_user != 0;
	s->kernel_stacks = settings->collect_kernel != 0;
}

struct sampler *
sampler_new(const struct sampler_host *host, const phlare_Settings *settings)
{
	struct sampler *s = ecalloc(1, sizeof(*s));

	s->host = *host;
	take_settings(s, settings);
	s->link = link_new(host->base, host->path, &role, s);
	return s;
}

void
sampler_free(struct sampler *sampler)
{
	if (sampler == NULL)
		return;
	link_free(sampler->link);
	kernel_symbols_free(sampler->kernel);
	free(sampler);
}

void
sampler_set(struct sampler *sampler, const phlare_Settings *settings)
{
	struct sampler old = *sampler;

	take_settings(sampler, settings);
	if (sampler->session != 0 &&
	    (old.rate != sampler->rate || old.user != sampler->user ||
		old.kernel_stacks != sampler->kernel_stacks))
		send_settings(sampler);
}

void
sampler_restart(struct sampler *sampler)
{
	link_restart(sampler->link);
}

void
sampler_stop(struct sampler *sampler)
{
	link_stop(sampler->link);
}

void
sampler_start(struct sampler *sampler)
{
	link_start(sampler->link);
}

uint64_t
sampler_session(const struct sampler *sampler)
{
	return sampler->session;
}

bool
sampler_samples(const struct sampler *sampler)
{
	return sampler->samples;
}

uint64_t
sampler_map_bytes(const struct sampler *sampler)
{
	return sampler->map_bytes;
}

const struct kernel_symbols *
sampler_kernel(const struct sampler *sampler)
{
	return sampler->kernel;
}

const char *
sampler_trouble(const struct sampler *sampler)
{
	const char *trouble = link_trouble(sampler->link);

	if (trouble == NULL && !sampler->samples)
		trouble = "sampler: it has not begun to sample";
	return trouble;
}
