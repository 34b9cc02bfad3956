/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolizer/account.h"

#include <string.h>

#include "common/batch.h"
#include "common/memfd.h"

static void
take(struct ledger *out, const uint64_t *counters, size_t count)
{
	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < count && i < LEDGER_COUNTERS; i++)
		out->n[i] = counters[i];
}

static uint64_t
minus(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

static void
subtract(struct ledger *from, const struct ledger *what)
{
	for (int i = 0; i < LEDGER_COUNTERS; i++)
		from->n[i] = minus(from->n[i], what->n[i]);
}

static uint64_t
died(const struct ledger *l)
{
	return l->n[LEDGER_DIED_SAMPLER] + l->n[LEDGER_DIED_CLIENT];
}

/* That many fewer have died. */
static void
revive(struct ledger *l, uint64_t samples)
{
	uint64_t n = l->n[LEDGER_DIED_SAMPLER];

	if (n > samples)
		n = samples;
	l->n[LEDGER_DIED_SAMPLER] -= n;
	l->n[LEDGER_DIED_CLIENT] = minus(l->n[LEDGER_DIED_CLIENT], samples - n);
}

/*
 * What a listener hands over counts from what the page of our last session
 * says is acknowledged; we may be further.
 */
static void
leave_out_known(const struct account *a, struct ledger *lost)
{
	struct ledger known, unseen;
	uint64_t left;

	if (a->page == NULL)
		return;
	known = a->settled ? a->page->now : a->acked;
	unseen = a->page->acked;
	subtract(&known, &unseen);
	if (!a->page->hello_acked)
		subtract(lost, &a->handed);
	for (int i = 0; i < LEDGER_COUNTERS; i++)
		if (i != LEDGER_DIED_SAMPLER && i != LEDGER_DIED_CLIENT)
			lost->n[i] = minus(lost->n[i], known.n[i]);
	left = minus(lost->n[LEDGER_CAPTURED], lost->n[LEDGER_LOST_DRAIN]);
	revive(lost, minus(died(lost), left));
}

/* The same, of a session whose listener died with it. */
static struct ledger
rest_of_page(const struct account *a)
{
	struct ledger lost = { 0 };

	if (a->page == NULL || a->settled)
		return lost;
	lost = a->page->now;
	subtract(&lost, &a->acked);
	lost.n[LEDGER_DIED_CLIENT] = 0;
	lost.n[LEDGER_DIED_SAMPLER] =
	    minus(lost.n[LEDGER_CAPTURED], lost.n[LEDGER_LOST_DRAIN]);
	return lost;
}

/*
 * Of the samples that count as died, those that we had received are in hand
 * here and get their outcome. If nobody counts them, they were captured.
 */
static void
keep_in_hand(struct account *a, struct ledger *lost)
{
	uint64_t counted = died(lost);
	uint64_t unknown = minus(a->in_hand, counted);

	revive(lost, a->in_hand - unknown);
	lost->n[LEDGER_RUNS] += unknown;
	lost->n[LEDGER_CAPTURED] += unknown;
	a->in_hand = 0;
}

/* Ends what is known of the last session; lost is what it left. */
static void
fold(struct account *a, struct ledger *lost)
{
	keep_in_hand(a, lost);
	ledger_add(&a->past, &a->acked);
	ledger_add(&a->past, lost);
	a->past.n[LEDGER_SHIPPED] = 0; /* our own outcomes say that */
	memset(&a->acked, 0, sizeof(a->acked));
	memset(&a->latest, 0, sizeof(a->latest));
}

void
account_begin(struct account *account, uint64_t listener,
    const struct ledger_page *page, size_t page_size, const uint64_t *orphans,
    size_t count)
{
	struct ledger lost, left;

	take(&lost, orphans, count);
	if (account->listener == listener) {
		leave_out_known(account, &lost);
	} else {
		left = rest_of_page(account);
		ledger_add(&lost, &left);
	}
	fold(account, &lost);
	memfd_unmap(account->page, account->page_size);
	account->page = page;
	account->page_size = page_size;
	account->listener = listener;
	account->settled = false;
	take(&account->handed, orphans, count);
	account->received = account->covered = account->covered_acked = 0;
}

uint64_t
account_end(struct account *account)
{
	account->in_hand += account->received - account->covered_acked;
	account->received = account->covered = account->covered_acked = 0;
	return account->page == NULL ? 0 : account->page->updated;
}

void
account_settle(struct account *account)
{
	struct ledger lost = rest_of_page(account);

	fold(account, &lost);
	account->settled = true;
}

bool
account_is_open(const struct account *account)
{
	return account->in_hand > 0;
}

void
account_received(struct account *account, uint64_t samples)
{
	account->received += samples;
}

void
account_collected(
    struct account *account, const uint64_t *counters, size_t count)
{
	take(&account->latest, counters, count);
	account->covered = account->received;
}

void
account_acked(struct account *account)
{
	account->acked = account->latest;
	account->covered_acked = account->covered;
}

void
account_outcome(
    struct account *account, enum ledger_counter outcome, uint64_t samples)
{
	account->own.n[outcome] += samples;
	account->own.n[LEDGER_SHIPPED] += samples;
}

struct ledger
account_total(const struct account *account)
{
	struct ledger sum = account->latest;

	sum.n[LEDGER_SHIPPED] = 0; /* our own outcomes say that */
	ledger_add(&sum, &account->past);
	ledger_add(&sum, &account->own);
	return sum;
}

void
account_fini(struct account *account)
{
	memfd_unmap(account->page, account->page_size);
	account->page = NULL;
}
