/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a person can type after "phlare-ebpf". Each command gets its own name
 * as argv[0] and returns the exit code: 0, 1 (it failed) or 2 (it was asked
 * wrongly). One line on standard error says why.
 */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include "common/options.h" /* EXIT_USAGE */

#define EXIT_FAILED 1

struct command {
	const char *name;
	int (*fn)(int argc, char **argv);
	const char *help; /* one line */
};

int command_check(int argc, char **argv);
int command_eval(int argc, char **argv);
int command_fmt(int argc, char **argv);
int command_record(int argc, char **argv);
int command_run(int argc, char **argv);
int command_targets(int argc, char **argv);

#endif
