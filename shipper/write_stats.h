/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happened at each endpoint, by component and url. It outlives the
 * endpoint: a reload must not take a counter back.
 */
#ifndef SHIPPER_WRITE_STATS_H
#define SHIPPER_WRITE_STATS_H

#include <stdint.h>
#include <stdio.h>
#include <sys/queue.h>

struct write_stats {
	TAILQ_ENTRY(write_stats) entry;
	char *component; /* "phlare.write.staging" */
	char *url;       /* redacted */
	uint64_t sent_profiles, sent_bytes;
	uint64_t dropped_profiles, dropped_bytes;
	uint64_t retries;
	uint64_t queued_profiles, queued_bytes; /* now */
	/* Attempts that have failed since one succeeded, and why. */
	uint64_t failures;
	char error[320];
};

TAILQ_HEAD(write_stats_list, write_stats);

/* Finds or adds. Two endpoints of one component with one url share it. */
struct write_stats *write_stats_get(
    struct write_stats_list *list, const char *component, const char *url);
void write_stats_free_all(struct write_stats_list *list);

/* The lines of the ledger file (account.h). */
void write_stats_write(const struct write_stats_list *list, FILE *out);

#endif
