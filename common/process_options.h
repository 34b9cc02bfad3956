/* SPDX-License-Identifier: Apache-2.0 */
/* The options that all three programs have. */
#ifndef COMMON_PROCESS_OPTIONS_H
#define COMMON_PROCESS_OPTIONS_H

#include <stdbool.h>

#include "common/options.h"
#include "common/privilege.h"

/* First in the struct of a program's options. */
struct process_options {
	struct privilege_ids ids; /* -1: --user is not given */
	bool debug;
};

#define PROCESS_OPTIONS_NONE                                                   \
	{                                                                      \
		.ids = {(uid_t)-1, (gid_t)-1 }                                 \
	}

/* Rows for the program's table. */
#define PROCESS_OPTION_ROWS                                                    \
	{ "user", "NAME|UID[:GID]",                                            \
		"whom to become; needed when started as root",                 \
		process_option_user },                                         \
	    { "sandbox", "MODE",                                               \
		    "enforce (default) or trap: name the refused call",        \
		    process_option_sandbox },                                  \
	{                                                                      \
		"debug", NULL, "say more", process_option_debug                \
	}

int process_option_user(void *into, const char *value, const char **why);
int process_option_sandbox(void *into, const char *value, const char **why);
int process_option_debug(void *into, const char *value, const char **why);

/* 0, or EXIT_USAGE after saying that root must be told whom to become. */
int process_options_check(
    const struct option_table *table, const struct process_options *options);

#endif
