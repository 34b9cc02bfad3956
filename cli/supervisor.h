/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps the three programs running: starts them, starts again what ends,
 * stops them in the order that delivers the last interval.
 */
#ifndef CLI_SUPERVISOR_H
#define CLI_SUPERVISOR_H

#include <stdbool.h>

#include "cli/stage.h"

struct event_base;
struct supervisor;

/* Options that the programs take over; NULL: not given. */
struct supervisor_options {
	const char *config;
	const char *sandbox;
	const char *listen;
	const char *ledger;               /* a file for the shipper to write */
	const char *stack_parts, *counts; /* entries of the collector's maps */
	bool debug;
};

/*
 * Rows of an option table (options.h) whose struct begins with struct
 * supervisor_options.
 */
#define SUPERVISOR_OPTION_ROWS                                                 \
	{ "sandbox", "MODE", "enforce, or trap: name a refused call",          \
		supervisor_set_sandbox },                                      \
	    { "stack-parts", "N", "entries of a map of stacks (by CPUs)",      \
		    supervisor_set_stack_parts },                              \
	    { "counts", "N", "entries of a map of counts (by CPUs)",           \
		    supervisor_set_counts },                                   \
	{                                                                      \
		"debug", NULL, "log in detail", supervisor_set_debug           \
	}
int supervisor_set_sandbox(void *options, const char *value, const char **why);
int supervisor_set_stack_parts(
    void *options, const char *value, const char **why);
int supervisor_set_counts(void *options, const char *value, const char **why);
int supervisor_set_debug(void *options, const char *value, const char **why);

struct supervisor_hooks {
	/* A program said something about itself by sd_notify(3). */
	void (*on_state)(void *arg, enum program program, const char *state);
	/* A line of a program's standard error, or of ours about it. */
	void (*on_log)(void *arg, int level, const char *line);
	/* All have ended: code 0 if it was asked for and went well, else 1. */
	void (*on_end)(void *arg, int code);
};

/*
 * stage, options' strings, hooks and arg must outlive it. It takes SIGCHLD on
 * base. Never NULL.
 */
struct supervisor *supervisor_new(struct event_base *base,
    const struct stage *stage, const struct supervisor_options *options,
    const struct supervisor_hooks *hooks, void *arg);
/* To be called when all have ended. NULL is fine. */
void supervisor_free(struct supervisor *s);

/*
 * Starts the programs. One that ends by itself with an error before it was
 * ever ready ends them all, and on_end follows.
 */
void supervisor_start(struct supervisor *s);
/* The shipper reads its configuration again. */
void supervisor_reload(struct supervisor *s);
/* Stops them one after the other; on_end follows. Again: nothing. */
void supervisor_stop(struct supervisor *s);
/* Ends them at once; on_end follows, with code 1. */
void supervisor_kill(struct supervisor *s);

#endif
