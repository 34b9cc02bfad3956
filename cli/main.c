/* SPDX-License-Identifier: Apache-2.0 */
/* phlare-ebpf: finds the command and hands over. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/report.h"
#include "common/log.h"

/* In the order of --help: what a new user types first comes first. */
static const struct command commands[] = {
	{ "record", command_record,
	    "profile this host for a while, write and show the result" },
	{ "run", command_run, "profile and push as a configuration says" },
	{ "check", command_check, "find the mistakes of a configuration" },
	{ "fmt", command_fmt, "format a configuration" },
	{ "eval", command_eval,
	    "print the value of an expression of a configuration" },
	{ "targets", command_targets,
	    "print the targets that a configuration comes to" },
	{ "top", report_top, "print the hottest functions of a profile" },
	{ "flamegraph", report_flamegraph,
	    "draw a profile as a page for the browser" },
	{ NULL },
};

static void
help(FILE *out)
{
	fprintf(out, "usage: phlare-ebpf COMMAND [OPTION]... [FILE]\n\n"
		     "Profiles every process of this host with eBPF.\n\n");
	for (const struct command *c = commands; c->name != NULL; c++)
		fprintf(out, "  %-12s %s\n", c->name, c->help);
	fprintf(out,
	    "\n  --help       this text; after a command, its options\n"
	    "  --version    the version\n");
}

/* Writes what a shell may have redirected to a full disk. */
static int
flushed(int code)
{
	if (fflush(stdout) != 0 && code == 0) {
		log_warn(NULL, "write to standard output");
		return EXIT_FAILED;
	}
	return code;
}

int
main(int argc, char **argv)
{
	log_init("phlare-ebpf", false);
	if (argc < 2) {
		help(stderr);
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    strcmp(argv[1], "help") == 0) {
		help(stdout);
		return flushed(0);
	}
	if (strcmp(argv[1], "--version") == 0) {
		printf("phlare-ebpf %s\n", PACKAGE_VERSION);
		return flushed(0);
	}
	for (const struct command *c = commands; c->name != NULL; c++)
		if (strcmp(argv[1], c->name) == 0)
			return flushed(c->fn(argc - 1, argv + 1));
	log_warnx(NULL, "unknown %s %s (phlare-ebpf --help lists them)",
	    argv[1][0] == '-' ? "option" : "command", argv[1]);
	return EXIT_USAGE;
}
