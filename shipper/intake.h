/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The profiles that the symbolizer hands over, until they are settled and it
 * has been told so. It sends again what it was not told of, on its next
 * connection: such a profile is recognised and not pushed twice.
 */
#ifndef SHIPPER_INTAKE_H
#define SHIPPER_INTAKE_H

#include <stddef.h>
#include <stdint.h>

struct account;
struct intake;
struct latency_list;
struct running;
struct service_stats;
struct symbolizer_profile;
struct symbolizer_server;

/*
 * Profiles that wait, each with a descriptor: those of many endpoints, also of
 * such as a reload took away. What comes on top is dropped.
 */
#define INTAKE_PROFILES_MAX 2048
/* Settled profiles of which the symbolizer may not know: so many. */
#define INTAKE_SETTLED_MAX 1024

struct intake_env {
	struct account *account;
	struct running *running;
	struct latency_list *fanout; /* from arrival to settlement */
	struct service_stats *services;
	/* A profile is settled and counted. */
	void (*on_settled)(void *arg);
	void *arg;
};

/* env is copied. */
struct intake *intake_new(const struct intake_env *env);
/* Forgets what is not settled. NULL is fine. */
void intake_free(struct intake *in);

/* Whom to tell; to be called before anything comes in. */
void intake_set_server(struct intake *in, struct symbolizer_server *server);

/*
 * A symbolizer said hello: what comes now comes over a new connection. If it
 * is a new one, account_session() comes after this.
 */
void intake_hello(struct intake *in, uint64_t session);
/* It reports that it was told so often that a profile is settled. */
void intake_taken(struct intake *in, uint64_t taken);
/* Takes the profile's fd and labels. */
void intake_profile(
    struct intake *in, const struct symbolizer_profile *profile);
/* A profile that nobody can take: settled at once. */
void intake_unfit(struct intake *in, const struct symbolizer_profile *profile,
    const char *why);

/* Profiles taken in and not settled. */
size_t intake_queued(const struct intake *in);
/*
 * Counts all of these as dropped for good (LEDGER_PROFILES_DROPPED_RETRIES);
 * the receivers must be gone. How many.
 */
size_t intake_give_up(struct intake *in);

#endif
