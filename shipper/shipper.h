/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shipper at work: a configuration in force, a symbolizer that runs its
 * components, profiles on their way, the ledger and the pages that show it.
 */
#ifndef SHIPPER_SHIPPER_H
#define SHIPPER_SHIPPER_H

#include <stdbool.h>

struct config_source;
struct event_base;
struct sandbox_path;
struct shipper;

/* A stop takes at most so long: it is below that of the supervisor. */
#define SHIPPER_STOP_SEC 20
#define SHIPPER_LAST_SEC 1

struct shipper_options {
	struct config_source *source;
	int symbolizer_fd;  /* listening */
	int http_fd;        /* listening, -1: none */
	const char *ledger; /* path, NULL: none */
	bool check;         /* nothing is made, nothing is to be started */
};

/*
 * Reads the configuration and opens what it names; nothing is sent yet. NULL
 * when it is wrong, which has been said then.
 */
struct shipper *shipper_new(
    struct event_base *base, const struct shipper_options *options);
void shipper_free(struct shipper *s);

/*
 * The trees that it needs, for sandbox_enter(): lent until the next call, the
 * last one has path NULL.
 */
const struct sandbox_path *shipper_paths(struct shipper *s);

/*
 * Under its final privilege: 0, or -1 when a directory of the configuration
 * cannot be written, which has been said then.
 */
int shipper_probe(struct shipper *s);

/* Under its sandbox: starts to listen. */
void shipper_start(struct shipper *s);

/*
 * Reads the configuration again; one with mistakes changes nothing. NULL, or
 * what is wrong with it, which has been said then.
 */
const char *shipper_reload(struct shipper *s);

/*
 * Asks for what was collected last, delivers what is queued and leaves the
 * loop, at the latest after SHIPPER_STOP_SEC + SHIPPER_LAST_SEC. Again: leaves
 * it now.
 */
void shipper_stop(struct shipper *s);

#endif
