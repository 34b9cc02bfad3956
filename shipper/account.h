/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger over all sessions of the symbolizer, per component: its reports
 * are cumulative for one session, so a new session's are added to what the
 * ended ones left; the shipper's own counters of profiles beside it.
 *
 * What a symbolizer has reported as captured it had in its hands until it
 * reports an outcome: if it ends before that, it is counted here, as died
 * with the collector's client, except what had come here in profiles.
 *
 * The ledger file (--ledger FILE) is text for programs, one "NAME VALUE" per
 * line, VALUE an unsigned decimal number and the last word of the line. It is
 * replaced atomically. The sums over all components:
 *
 *   samples_NAME    each counter of samples by its name in common/ledger.h
 *   profiles_NAME   each counter of profiles; its name has the prefix already
 *   records_ring_lost
 *   profiles_queued profiles taken in, neither sent nor dropped yet
 *   ticks_expected ticks_idle ticks_steal ticks_unexplained ticks_down
 *
 * then, by endpoint (path-like names, the url as shown in logs):
 *
 *   write/COMPONENT/URL/{sent,dropped}_{profiles,bytes} and .../retries
 *
 * and by component, first all sessions, then the current one alone:
 *
 *   component/COMPONENT/NAME
 *   current/COMPONENT/NAME
 *
 * and "session N", the symbolizer's current session. A shipper that starts
 * with the file in place goes on counting from it.
 */
#ifndef SHIPPER_ACCOUNT_H
#define SHIPPER_ACCOUNT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/ledger.h"

/* Against the clock, in ticks; the names are those of LedgerReport. */
#define ACCOUNT_TICKS(X) X(expected) X(idle) X(steal) X(unexplained) X(down)

#define ACCOUNT_TICK_ENUM(name) ACCOUNT_TICK_##name,
enum account_tick { ACCOUNT_TICKS(ACCOUNT_TICK_ENUM) ACCOUNT_TICK_KINDS };
#undef ACCOUNT_TICK_ENUM

const char *account_tick_name(enum account_tick tick);

struct account_sum {
	struct ledger ledger;
	uint64_t ticks[ACCOUNT_TICK_KINDS];
};

struct account;

struct account *account_new(void);
/* NULL is fine. */
void account_free(struct account *account);

/*
 * So many samples that the symbolizer has not reported as delivered are here:
 * they are, if its session ends now.
 */
void account_credit(
    struct account *account, const char *component, uint64_t samples);

/*
 * The symbolizer says hello: reports that follow are of this session. If it
 * is another one than before, that one has ended.
 */
void account_session(struct account *account, uint64_t session);

/* The symbolizer has ended the component; another may begin under its name. */
void account_end(struct account *account, const char *component);

/* What the session has counted so far for the component of that name. */
void account_report(struct account *account, const char *component,
    const struct account_sum *report);

/* One more profile, of the shipper's own counters. */
void account_count(
    struct account *account, const char *component, enum ledger_counter what);

/* Calls fn for each component ever seen, with its sum over all sessions. */
void account_each(const struct account *account,
    void (*fn)(void *arg, const char *component, const struct account_sum *sum),
    void *arg);

/* Over all components. */
void account_total(const struct account *account, struct account_sum *sum);

/* What is above, without the lines of endpoints. */
void account_write(const struct account *account, uint64_t queued, FILE *out);

/*
 * Goes on from what account_write() wrote; lines it does not know are skipped.
 * Profiles that were queued then will come again: they count as not built.
 */
void account_read(struct account *account, FILE *in);

/* "samples_runs", "profiles_sent", ... */
void account_counter_name(enum ledger_counter c, char *out, size_t size);

#endif
