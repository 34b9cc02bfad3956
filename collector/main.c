/* SPDX-License-Identifier: Apache-2.0 */
/* phlare-collector: options, privilege, sandbox, then the listener. */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/ksyms.h"
#include "collector/listener.h"
#include "collector/opener.h"
#include "collector/requirements.h"
#include "collector/sampler.h"
#include "collector/sampling.h"
#include "common/log.h"
#include "common/notify.h"
#include "common/privilege.h"
#include "common/sandbox.h"

#define PROGRAM "phlare-collector"
#define EXIT_USAGE 2

struct settings {
	struct privilege_ids ids;
	struct listener_options listener;
	unsigned long long extra_caps;
	bool debug;
};

static void
usage(FILE *out)
{
	fprintf(out,
	    "usage: " PROGRAM " [options]\n"
	    "Samples and opens files for phlare-symbolizer. Takes its "
	    "listening sockets\n"
	    "\"collector\" and \"opener\" by LISTEN_FDS.\n\n"
	    "  --user UID[:GID]|NAME   whom to become; needed when started as "
	    "root\n"
	    "  --client UID|NAME       who may connect, besides root\n"
	    "  --sandbox=MODE          enforce (default) or trap: name the "
	    "refused call\n"
	    "  --stack-parts N         entries of a map of stacks (default: "
	    "by CPUs)\n"
	    "  --counts N              entries of a map of counts (default: "
	    "by CPUs)\n"
	    "  --debug                 say more\n"
	    "  --help, --version\n");
}

/* ---- options: each parses its argument, NULL or why it is wrong */

static const char *
set_user(struct settings *s, const char *text)
{
	const char *why = NULL;

	privilege_parse_user(text, &s->ids, &why);
	return why;
}

static const char *
set_client(struct settings *s, const char *text)
{
	struct passwd *pw = getpwnam(text);
	char *end;
	unsigned long uid;

	if (pw != NULL) {
		s->listener.client = pw->pw_uid;
		return NULL;
	}
	errno = 0;
	uid = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end != '\0' || errno != 0 ||
	    uid >= UINT32_MAX)
		return "neither an account nor a UID";
	s->listener.client = uid;
	return NULL;
}

static const char *
set_sandbox(struct settings *s, const char *text)
{
	(void)s;
	return sandbox_set_mode(text) < 0 ? "not enforce or trap" : NULL;
}

static const char *
parse_entries(const char *text, uint32_t *entries)
{
	char *end;
	unsigned long n;

	errno = 0;
	n = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end != '\0' || errno != 0 || n < 1 ||
	    n > SAMPLING_ENTRIES_MAX)
		return "not a number from 1 to 524288";
	*entries = n;
	return NULL;
}

static const char *
set_stack_parts(struct settings *s, const char *text)
{
	return parse_entries(text, &s->listener.stack_parts);
}

static const char *
set_counts(struct settings *s, const char *text)
{
	return parse_entries(text, &s->listener.counts);
}

static const char *
set_debug(struct settings *s, const char *text)
{
	(void)text;
	s->debug = true;
	return NULL;
}

static const char *
show_help(struct settings *s, const char *text)
{
	(void)s;
	(void)text;
	usage(stdout);
	exit(0);
}

static const char *
show_version(struct settings *s, const char *text)
{
	(void)s;
	(void)text;
	printf(PROGRAM " " PACKAGE_VERSION "\n");
	exit(0);
}

static const struct option_row {
	const char *name;
	int has_argument;
	const char *(*set)(struct settings *s, const char *text);
} option_rows[] = {
	{ "user", required_argument, set_user },
	{ "client", required_argument, set_client },
	{ "sandbox", required_argument, set_sandbox },
	{ "stack-parts", required_argument, set_stack_parts },
	{ "counts", required_argument, set_counts },
	{ "debug", no_argument, set_debug },
	{ "help", no_argument, show_help },
	{ "version", no_argument, show_version },
};
#define OPTIONS (sizeof(option_rows) / sizeof(option_rows[0]))

static void
usage_error(const char *what, const char *why)
{
	fprintf(stderr, PROGRAM ": %s: %s\n", what, why);
	exit(EXIT_USAGE);
}

static void
parse_options(struct settings *s, int argc, char **argv)
{
	struct option options[OPTIONS + 1] = { { 0 } };
	int index = 0, c;

	for (size_t i = 0; i < OPTIONS; i++)
		options[i] = (struct option){ option_rows[i].name,
			option_rows[i].has_argument, NULL, 0 };
	while ((c = getopt_long(argc, argv, "", options, &index)) != -1) {
		const char *why;

		if (c != 0)
			exit(EXIT_USAGE); /* getopt has said why */
		why = option_rows[index].set(s, optarg);
		if (why != NULL) {
			fprintf(stderr, PROGRAM ": --%s %s: %s\n",
			    option_rows[index].name, optarg, why);
			exit(EXIT_USAGE);
		}
	}
	if (optind < argc)
		usage_error(argv[optind], "it takes no arguments");
	if (geteuid() == 0 && s->ids.uid == (uid_t)-1)
		usage_error("started as root",
		    "--user UID[:GID]|NAME says whom to become");
}

/* ---- the steps */

static void
find_sockets(struct listener_options *l)
{
	l->sockets[CHILD_SAMPLER] = notify_listen_fd("collector");
	l->sockets[CHILD_OPENER] = notify_listen_fd("opener");
	if (l->sockets[CHILD_SAMPLER] < 0 && l->sockets[CHILD_OPENER] < 0) {
		errno = 0;
		fatalx("no listening socket: LISTEN_FDNAMES has neither "
		       "\"collector\" nor \"opener\"; phlare-ebpf run and the "
		       "socket units pass them");
	}
}

static void
check_requirements(struct settings *s)
{
	struct requirements found;
	char text[512];

	requirements_find(&found);
	if (!requirements_met(&found, text, sizeof(text)))
		fatalx("%s", text);
	s->extra_caps = requirements_extra_caps(&found);
	s->listener.kallsyms = ksyms_open_file();
}

int
main(int argc, char **argv)
{
	struct settings s = {
		.ids = { (uid_t)-1, (gid_t)-1 },
		.listener = { .client = (uid_t)-1,
		    .sampler = sampler_run,
		    .opener = opener_run },
	};

	log_init(PROGRAM, false);
	parse_options(&s, argc, argv);
	log_init(PROGRAM, s.debug);
	find_sockets(&s.listener);
	check_requirements(&s);
	notify_open();
	if (privilege_drop(PROCESS_LISTENER, &s.ids, s.extra_caps) < 0 ||
	    sandbox_enter(PROCESS_LISTENER, NULL) < 0)
		return 1;
	notify_send("READY=1");
	return listener_run(&s.listener) < 0 ? 1 : 0;
}
