/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolizer/work.h"

#include <stdlib.h>
#include <sys/queue.h>
#include <unistd.h>

#include "common/log.h"
#include "common/memfd.h"
#include "common/settings.h"
#include "symbolizer/account.h"
#include "symbolizer/batch_view.h"
#include "symbolizer/batches.h"
#include "symbolizer/interval.h"
#include "symbolizer/names.h"
#include "symbolizer/pprof.h"
#include "symbolizer/targets.h"

/* Batches of one period added up. */
struct sum {
	TAILQ_ENTRY(sum) entry;
	struct interval_result *result;
	struct pprof_meta meta;
};

struct work {
	struct work_host host;
	TAILQ_HEAD(, sum) sums;
	int64_t next_time; /* no profile that is to come begins before it */
	uint64_t named, unnamed;
};

struct work *
work_new(const struct work_host *host)
{
	struct work *w = ecalloc(1, sizeof(*w));

	w->host = *host;
	TAILQ_INIT(&w->sums);
	return w;
}

static void
sum_free(struct work *w, struct sum *sum)
{
	TAILQ_REMOVE(&w->sums, sum, entry);
	interval_free(sum->result);
	free(sum);
}

void
work_free(struct work *work)
{
	if (work == NULL)
		return;
	while (!TAILQ_EMPTY(&work->sums))
		sum_free(work, TAILQ_FIRST(&work->sums));
	free(work);
}

/* ---- adding up */

/* Adds a batch to the result; what is not in it counts for its reason. */
static void
add_to_result(struct work *w, struct interval_result *r,
    const struct interval_input *in, const struct batch_view *view)
{
	struct ledger lost = { 0 };

	interval_add(r, in, view, &lost);
	for (int i = 0; i < LEDGER_COUNTERS; i++)
		if (lost.n[i] > 0)
			account_outcome(w->host.account, i, lost.n[i]);
}

/* The batches at the front that share one period. */
static void
add_period(
    struct work *w, const struct interval_input *in, struct batches *batches)
{
	const struct batch_header *h =
	    TAILQ_FIRST(&batches->working)->view->header;
	struct sum *sum = ecalloc(1, sizeof(*sum));
	uint64_t start = h->boot_start, end = h->boot_end;
	struct batch *b;

	sum->result = interval_begin(in);
	sum->meta.period_ns = h->period;
	sum->meta.time_ns = h->wall_start;
	while ((b = TAILQ_FIRST(&batches->working)) != NULL &&
	       b->view != NULL &&
	       b->view->header->period == sum->meta.period_ns) {
		add_to_result(w, sum->result, in, b->view);
		end = b->view->header->boot_end;
		batches_done(batches, b);
	}
	sum->meta.duration_ns = end > start ? end - start : 0;
	w->named += sum->result->named;
	w->unnamed += sum->result->unnamed;
	TAILQ_INSERT_TAIL(&w->sums, sum, entry);
}

void
work_add(struct work *work, const struct interval_input *in,
    struct batches *batches, struct names *names)
{
	struct batch *b;
	struct sum *sum;

	while ((b = TAILQ_FIRST(&batches->working)) != NULL) {
		if (b->view != NULL) {
			add_period(work, in, batches);
			continue;
		}
		account_outcome(work->host.account, b->reason, b->samples);
		batches_done(batches, b);
	}
	TAILQ_FOREACH(sum, &work->sums, entry)
		names_want(names, sum->result->frames);
}

/* ---- profiles */

/* What the parts of one target's profile have in common. */
struct handing_over {
	const struct work *work;
	struct finished_profile profile;
};

/* Compresses one encoded part and hands it over. Takes data. */
static void
hand_over(void *arg, const struct pprof_part *part)
{
	struct handing_over *h = arg;
	const struct work_host *host = &h->work->host;
	struct finished_profile p = h->profile;
	void *packed = NULL;

	p.fd = -1;
	p.samples = part->samples;
	p.time_ns = part->time_ns;
	p.raw_bytes = part->size;
	if (pprof_compress(part->data, part->size, &packed, &p.bytes) == 0 &&
	    p.bytes <= SETTINGS_PROFILE_MAX_BYTES &&
	    (p.fd = memfd_new("profile")) >= 0 &&
	    memfd_append(p.fd, packed, p.bytes) == 0 && memfd_seal(p.fd) == 0) {
		host->on_profile(host->arg, &p);
		/* they are the whole profile's, and told with its first part */
		h->profile.names = (struct profile_names){ 0 };
	} else {
		account_outcome(
		    host->account, LEDGER_DROPPED_MEMORY, p.samples);
		if (p.fd >= 0)
			close(p.fd);
	}
	free(packed);
	free(part->data);
}

static void
build_target(struct work *w, const struct sum *sum,
    const struct targets *targets, int target)
{
	const struct interval_result *r = sum->result;
	struct handing_over h = { .work = w,
		.profile = { .component = w->host.component,
		    .duration_ns = sum->meta.duration_ns } };
	int64_t next;

	h.profile.labels =
	    targets_labels(targets, target, &h.profile.labels_size);
	h.profile.names = *profile_names(r->profiles[target]);
	next = pprof_encode_all(
	    r->frames, r->profiles[target], &sum->meta, hand_over, &h);
	if (w->next_time < next)
		w->next_time = next;
}

void
work_build(
    struct work *work, struct names *names, const struct targets *targets)
{
	struct sum *sum;

	while ((sum = TAILQ_FIRST(&work->sums)) != NULL) {
		const struct interval_result *r = sum->result;

		names_apply(names, r->frames);
		if (sum->meta.time_ns < work->next_time)
			sum->meta.time_ns = work->next_time;
		for (int t = 0; t < r->count; t++)
			if (r->profiles[t] != NULL)
				build_target(work, sum, targets, t);
		sum_free(work, sum);
	}
}

uint64_t
work_named(const struct work *work)
{
	return work->named;
}

uint64_t
work_unnamed(const struct work *work)
{
	return work->unnamed;
}
