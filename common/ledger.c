/* SPDX-License-Identifier: Apache-2.0 */
#include "common/ledger.h"

#define LEDGER_NAME(name, text, help) [LEDGER_##name] = text,
static const char *const names[] = { LEDGER_LIST(LEDGER_NAME) };
#define LEDGER_HELP(name, text, help) [LEDGER_##name] = help,
static const char *const helps[] = { LEDGER_LIST(LEDGER_HELP) };

const char *
ledger_name(enum ledger_counter c)
{
	return c < LEDGER_COUNTERS ? names[c] : "unknown";
}

const char *
ledger_help(enum ledger_counter c)
{
	return c < LEDGER_COUNTERS ? helps[c] : "";
}

void
ledger_add(struct ledger *sum, const struct ledger *add)
{
	for (int i = 0; i < LEDGER_COUNTERS; i++)
		sum->n[i] += add->n[i];
}

uint64_t
ledger_lost(const struct ledger *l)
{
	return l->n[LEDGER_LOST_COUNTS_FULL] + l->n[LEDGER_LOST_STACKS_FULL] +
	       l->n[LEDGER_LOST_STACK_ERROR] + l->n[LEDGER_LOST_INTERNAL];
}

uint64_t
ledger_dropped(const struct ledger *l)
{
	return l->n[LEDGER_DROPPED_NO_STACK] + l->n[LEDGER_DROPPED_MALFORMED] +
	       l->n[LEDGER_DROPPED_MEMORY] + l->n[LEDGER_DROPPED_SHIPPER];
}

uint64_t
ledger_profiles_dropped(const struct ledger *l)
{
	return l->n[LEDGER_PROFILES_DROPPED_SHIPPER] +
	       l->n[LEDGER_PROFILES_DROPPED_REFUSED] +
	       l->n[LEDGER_PROFILES_DROPPED_RETRIES] +
	       l->n[LEDGER_PROFILES_DROPPED_QUEUE] +
	       l->n[LEDGER_PROFILES_DROPPED_NO_RECEIVER] +
	       l->n[LEDGER_PROFILES_DROPPED_DISK];
}
