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

/*
 * Of the samples that a lost session counts as died, those that we had
 * received are in hand here and will be delivered.
 */
static void
keep_in_hand(struct account *a, struct ledger *lost)
{
	static const enum ledger_counter died[] = { LEDGER_DIED_SAMPLER,
		LEDGER_DIED_CLIENT };

	for (int i = 0; i < 2; i++) {
		uint64_t n = a->in_hand;

		if (n > lost->n[died[i]])
			n = lost->n[died[i]];
		lost->n[died[i]] -= n;
		lost->n[LEDGER_SHIPPED] += n;
		a->in_hand -= n;
	}
	a->in_hand = 0;
}

/* The page's last state beyond what was acknowledged, as orphans would be. */
static struct ledger
orphans_of_page(const struct account *a)
{
	struct ledger lost = { 0 }, now;

	if (a->page == NULL)
		return lost;
	now = a->page->now;
	for (int i = 0; i < LEDGER_COUNTERS; i++)
		if (now.n[i] > a->acked.n[i])
			lost.n[i] = now.n[i] - a->acked.n[i];
	/* acknowledged or not is settled here, by captured and acked */
	lost.n[LEDGER_SHIPPED] = 0;
	lost.n[LEDGER_DIED_SAMPLER] = 0;
	if (now.n[LEDGER_CAPTURED] > a->session_acked)
		lost.n[LEDGER_DIED_SAMPLER] =
		    now.n[LEDGER_CAPTURED] - a->session_acked;
	return lost;
}

void
account_begin(struct account *account, uint64_t listener,
    const struct ledger_page *page, size_t page_size, const uint64_t *orphans,
    size_t count)
{
	struct ledger lost;

	take(&lost, orphans, count);
	if (account->listener != 0 && account->listener != listener) {
		struct ledger left = orphans_of_page(account);

		ledger_add(&lost, &left);
	}
	keep_in_hand(account, &lost);
	ledger_add(&account->past, &account->acked);
	account->past.n[LEDGER_SHIPPED] += account->session_acked;
	ledger_add(&account->past, &lost);
	memset(&account->acked, 0, sizeof(account->acked));
	memset(&account->latest, 0, sizeof(account->latest));
	account->session_received = account->session_acked = 0;
	memfd_unmap(account->page, account->page_size);
	account->page = page;
	account->page_size = page_size;
	account->listener = listener;
}

void
account_end(struct account *account)
{
	account->in_hand = account->session_received - account->session_acked;
	account->session_received = account->session_acked;
	account->latest = account->acked;
}

void
account_received(struct account *account, uint64_t samples)
{
	account->session_received += samples;
}

void
account_collected(
    struct account *account, const uint64_t *counters, size_t count)
{
	take(&account->latest, counters, count);
	account->latest.n[LEDGER_SHIPPED] = 0; /* we know better: acked */
}

void
account_acked(
    struct account *account, uint64_t samples, const struct ledger *counters)
{
	account->session_acked += samples;
	account->acked = *counters;
}

struct ledger
account_total(const struct account *account)
{
	struct ledger sum = account->past;

	ledger_add(&sum, &account->latest);
	sum.n[LEDGER_SHIPPED] += account->session_acked;
	ledger_add(&sum, &account->own);
	return sum;
}

void
account_fini(struct account *account)
{
	memfd_unmap(account->page, account->page_size);
	account->page = NULL;
}
