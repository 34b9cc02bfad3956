/* SPDX-License-Identifier: Apache-2.0 */
/* phlare-shipper: options, configuration, privilege, sandbox, then the loop. */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "common/log.h"
#include "common/notify.h"
#include "common/privilege.h"
#include "common/sandbox.h"
#include "shipper/check.h"
#include "shipper/config_source.h"
#include "shipper/http_client.h"
#include "shipper/http_server.h"
#include "shipper/shipper.h"
#include "shipper/show_targets.h"

#define PROGRAM "phlare-shipper"
#define EXIT_USAGE 2
#define DEFAULT_LISTEN "127.0.0.1:4041"

struct options {
	struct privilege_ids ids;
	char **configs; /* one, but for a check */
	size_t count;
	const char *listen, *ledger;
	bool check, targets, debug;
};

static const char usage[] =
    "usage: " PROGRAM " [options] CONFIG\n"
    "       " PROGRAM " --check CONFIG...\n"
    "       " PROGRAM " --targets CONFIG\n"
    "Pushes the profiles of phlare-symbolizer as CONFIG says. Takes its\n"
    "listening socket \"shipper\" by LISTEN_FDS; SIGHUP reads CONFIG again.\n\n"
    "  --user UID[:GID]|NAME   whom to become; needed when started as root\n"
    "  --listen ADDR:PORT      metrics and health there (" DEFAULT_LISTEN "),\n"
    "                          or none\n"
    "  --ledger FILE           keep the count of all samples in FILE\n"
    "  --check                 check each CONFIG and end\n"
    "  --targets               print the targets of each component, in "
    "JSON\n"
    "  --sandbox=MODE          enforce (default) or trap: name the refused "
    "call\n"
    "  --debug                 say more\n"
    "  --help, --version\n";

/* ---- options: each parses its argument, NULL or why it is wrong */

static const char *
set_user(struct options *o, const char *text)
{
	const char *why = NULL;

	privilege_parse_user(text, &o->ids, &why);
	return why;
}

static const char *
set_listen(struct options *o, const char *text)
{
	o->listen = text;
	return NULL;
}

static const char *
set_ledger(struct options *o, const char *text)
{
	o->ledger = text;
	return NULL;
}

static const char *
set_check(struct options *o, const char *text)
{
	(void)text;
	o->check = true;
	return NULL;
}

static const char *
set_targets(struct options *o, const char *text)
{
	(void)text;
	o->targets = true;
	return NULL;
}

static const char *
set_sandbox(struct options *o, const char *text)
{
	(void)o;
	return sandbox_set_mode(text) < 0 ? "not enforce or trap" : NULL;
}

static const char *
set_debug(struct options *o, const char *text)
{
	(void)text;
	o->debug = true;
	return NULL;
}

static const char *
show_help(struct options *o, const char *text)
{
	(void)o;
	(void)text;
	fputs(usage, stdout);
	exit(0);
}

static const char *
show_version(struct options *o, const char *text)
{
	(void)o;
	(void)text;
	puts(PROGRAM " " PACKAGE_VERSION);
	exit(0);
}

static const struct option_row {
	const char *name;
	int has_argument;
	const char *(*set)(struct options *o, const char *text);
} option_rows[] = {
	{ "user", required_argument, set_user },
	{ "listen", required_argument, set_listen },
	{ "ledger", required_argument, set_ledger },
	{ "check", no_argument, set_check },
	{ "targets", no_argument, set_targets },
	{ "sandbox", required_argument, set_sandbox },
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
parse_options(struct options *o, int argc, char **argv)
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
		why = option_rows[index].set(o, optarg);
		if (why == NULL)
			continue;
		fprintf(stderr, PROGRAM ": --%s %s: %s\n",
		    option_rows[index].name, optarg, why);
		exit(EXIT_USAGE);
	}
	o->configs = argv + optind;
	o->count = argc - optind;
	if (o->count == 0)
		usage_error("CONFIG", "no configuration file is given");
	if (o->count > 1 && !o->check)
		usage_error(o->configs[1], "one configuration file only");
	if (!o->check && !o->targets && geteuid() == 0 &&
	    o->ids.uid == (uid_t)-1)
		usage_error("started as root",
		    "--user UID[:GID]|NAME says whom to become");
}

/* ---- the steps */

static int
bind_pages(const char *address)
{
	char *why;
	int fd;

	if (strcmp(address, "none") == 0)
		return -1;
	fd = http_server_bind(address, &why);
	if (fd >= 0)
		return fd;
	errno = 0;
	fatalx("--listen %s: %s", address, why);
}

static int
find_socket(void)
{
	int fd = notify_listen_fd("shipper");

	if (fd >= 0)
		return fd;
	errno = 0;
	fatalx("no listening socket: LISTEN_FDNAMES has no \"shipper\"; "
	       "phlare-ebpf run and the socket unit pass it");
}

static void
on_signal(evutil_socket_t signo, short what, void *arg)
{
	(void)what;
	if (signo == SIGHUP)
		shipper_reload(arg);
	else
		shipper_stop(arg);
}

static void
watch_signals(struct event_base *base, struct shipper *s, struct event **events)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP };

	for (int i = 0; i < 3; i++) {
		events[i] = evsignal_new(base, signals[i], on_signal, s);
		if (events[i] == NULL || event_add(events[i], NULL) < 0)
			fatalx("no signals");
	}
}

/* Gives up what it does not need any more, then works until it is stopped. */
static int
serve(
    struct shipper *s, struct event_base *base, const struct privilege_ids *ids)
{
	struct event *signals[3];
	int code = 1;

	watch_signals(base, s, signals);
	if (privilege_drop(PROCESS_SHIPPER, ids, 0) == 0 &&
	    shipper_probe(s) == 0 &&
	    sandbox_enter(PROCESS_SHIPPER, shipper_paths(s)) == 0) {
		shipper_start(s);
		notify_send("READY=1");
		event_base_dispatch(base);
		code = 0;
	}
	for (int i = 0; i < 3; i++)
		event_free(signals[i]);
	return code;
}

int
main(int argc, char **argv)
{
	struct options o = { .ids = { (uid_t)-1, (gid_t)-1 },
		.listen = DEFAULT_LISTEN };
	struct shipper_options so = { 0 };
	struct event_base *base;
	struct shipper *s;
	int code = 1, r;

	log_init(PROGRAM, false);
	parse_options(&o, argc, argv);
	log_init(PROGRAM, o.debug);
	signal(SIGPIPE, SIG_IGN);
	if (o.check)
		return check_configs(o.configs, o.count, &o.ids);
	if (o.targets)
		return show_targets(o.configs[0], &o.ids);
	so.source = config_source_open(o.configs[0]);
	if (so.source == NULL)
		fatal("%s", o.configs[0]);
	so.symbolizer_fd = find_socket();
	so.http_fd = bind_pages(o.listen);
	so.ledger = o.ledger;
	notify_open();
	if ((r = http_client_global_init()) < 0) {
		errno = -r;
		fatal("libcurl");
	}
	base = event_base_new();
	if (base == NULL)
		fatalx("no event loop");
	s = shipper_new(base, &so);
	if (s != NULL)
		code = serve(s, base, &o.ids);
	shipper_free(s);
	config_source_free(so.source);
	event_base_free(base);
	return code;
}
