/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "common/log.h"
#include "common/notify.h"
#include "common/privilege.h"
#include "common/sandbox.h"
#include "symbolizer/symbolizer.h"

#define RUN_DIR RUNSTATEDIR "/phlare-ebpf/"

static const char usage[] =
    "usage: phlare-symbolizer [OPTION]...\n"
    "\n"
    "Names the samples of the collector and hands profiles to the shipper.\n"
    "It has no privilege and opens no file; `phlare-ebpf run` starts it.\n"
    "\n"
    "  --collector-socket PATH  the collector's socket for samplers\n"
    "  --opener-socket PATH     the collector's socket for openers\n"
    "  --shipper-socket PATH    the shipper's socket\n"
    "  --user NAME|UID[:GID]    become this user (needed when root)\n"
    "  --sandbox enforce|trap   trap: a refused system call is named\n"
    "  --debug                  say more\n"
    "  --help, --version\n";

struct options {
	struct symbolizer_options paths;
	struct privilege_ids ids;
	bool debug;
};

enum {
	OPT_COLLECTOR = 256,
	OPT_OPENER,
	OPT_SHIPPER,
	OPT_USER,
	OPT_SANDBOX,
	OPT_DEBUG,
	OPT_HELP,
	OPT_VERSION
};

static const struct option long_options[] = {
	{ "collector-socket", required_argument, NULL, OPT_COLLECTOR },
	{ "opener-socket", required_argument, NULL, OPT_OPENER },
	{ "shipper-socket", required_argument, NULL, OPT_SHIPPER },
	{ "user", required_argument, NULL, OPT_USER },
	{ "sandbox", required_argument, NULL, OPT_SANDBOX },
	{ "debug", no_argument, NULL, OPT_DEBUG },
	{ "help", no_argument, NULL, OPT_HELP },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ 0 },
};

static void
bad_option(const char *what, const char *why)
{
	fprintf(stderr, "phlare-symbolizer: %s: %s\n", what, why);
	exit(2);
}

static void
parse_option(struct options *o, int option)
{
	const char *why;

	switch (option) {
	case OPT_COLLECTOR:
		o->paths.collector_path = optarg;
		break;
	case OPT_OPENER:
		o->paths.opener_path = optarg;
		break;
	case OPT_SHIPPER:
		o->paths.shipper_path = optarg;
		break;
	case OPT_USER:
		if (privilege_parse_user(optarg, &o->ids, &why) < 0)
			bad_option("--user", why);
		break;
	case OPT_SANDBOX:
		if (sandbox_set_mode(optarg) < 0)
			bad_option("--sandbox", "must be enforce or trap");
		break;
	case OPT_DEBUG:
		o->debug = true;
		break;
	case OPT_HELP:
		fputs(usage, stdout);
		exit(0);
	case OPT_VERSION:
		puts("phlare-symbolizer " PACKAGE_VERSION);
		exit(0);
	default:
		exit(2); /* getopt has said why */
	}
}

static void
parse_options(struct options *o, int argc, char **argv)
{
	int option;

	*o = (struct options){
		.paths = { RUN_DIR "collector.sock", RUN_DIR "opener.sock",
		    RUN_DIR "shipper.sock" },
		.ids = { (uid_t)-1, (gid_t)-1 },
	};
	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1)
		parse_option(o, option);
	if (optind < argc)
		bad_option(argv[optind], "unexpected argument");
	if (geteuid() == 0 && o->ids.uid == (uid_t)-1)
		bad_option("--user", "is needed when started as root");
}

static void
on_stop(evutil_socket_t signo, short what, void *arg)
{
	(void)signo;
	(void)what;
	event_base_loopbreak(arg);
}

int
main(int argc, char **argv)
{
	struct options o;
	struct event_base *base;
	struct event *term, *interrupt;
	struct symbolizer *s;

	parse_options(&o, argc, argv);
	log_init("phlare-symbolizer", o.debug);
	signal(SIGPIPE, SIG_IGN);
	notify_open();
	base = event_base_new();
	if (base == NULL)
		fatalx("no event loop");
	term = evsignal_new(base, SIGTERM, on_stop, base);
	interrupt = evsignal_new(base, SIGINT, on_stop, base);
	if (term == NULL || interrupt == NULL || event_add(term, NULL) < 0 ||
	    event_add(interrupt, NULL) < 0)
		fatalx("no signals");
	if (privilege_drop(PROCESS_SYMBOLIZER, &o.ids, 0) < 0 ||
	    sandbox_enter(PROCESS_SYMBOLIZER, NULL) < 0)
		return 1;
	s = symbolizer_new(base, &o.paths);
	notify_send("READY=1");
	event_base_dispatch(base);
	symbolizer_free(s);
	event_free(term);
	event_free(interrupt);
	event_base_free(base);
	return 0;
}
