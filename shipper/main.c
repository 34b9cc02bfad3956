/* SPDX-License-Identifier: Apache-2.0 */
/* phlare-shipper: options, configuration, privilege, sandbox, then the loop. */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "common/log.h"
#include "common/notify.h"
#include "common/process_options.h"
#include "common/sandbox.h"
#include "shipper/check.h"
#include "shipper/config_source.h"
#include "shipper/http_client.h"
#include "shipper/http_server.h"
#include "shipper/shipper.h"
#include "shipper/show_targets.h"

#define DEFAULT_LISTEN "127.0.0.1:4041"

struct options {
	struct process_options process;
	char **configs; /* one, but for a check */
	size_t count;
	const char *listen, *ledger;
	bool check, targets;
};

/* ---- options */

static int
set_listen(void *into, const char *value, const char **why)
{
	struct options *o = into;

	(void)why;
	o->listen = value;
	return 0;
}

static int
set_ledger(void *into, const char *value, const char **why)
{
	struct options *o = into;

	(void)why;
	o->ledger = value;
	return 0;
}

static int
set_check(void *into, const char *value, const char **why)
{
	struct options *o = into;

	(void)value;
	(void)why;
	o->check = true;
	return 0;
}

static int
set_targets(void *into, const char *value, const char **why)
{
	struct options *o = into;

	(void)value;
	(void)why;
	o->targets = true;
	return 0;
}

static const struct option_row rows[] = {
	{ "listen", "ADDR:PORT",
	    "metrics and health there (" DEFAULT_LISTEN "), or none",
	    set_listen },
	{ "ledger", "FILE", "keep the count of all samples in FILE",
	    set_ledger },
	{ "check", NULL, "check each CONFIG and end", set_check },
	{ "targets", NULL, "print the targets of each component, in JSON",
	    set_targets },
	PROCESS_OPTION_ROWS,
	{ NULL },
};
static const struct option_table table = { "phlare-shipper", "CONFIG...",
	"Pushes the profiles of phlare-symbolizer as CONFIG says. Takes its\n"
	"listening socket \"shipper\" by LISTEN_FDS; SIGHUP reads CONFIG "
	"again.\nSeveral may be given with --check.",
	rows };

/* False: there is nothing more to do but to exit with *code. */
static bool
parse_options(struct options *o, int argc, char **argv, int *code)
{
	int first = options_parse(&table, argc, argv, o, code);

	if (first < 0)
		return false;
	o->configs = argv + first;
	o->count = argc - first;
	*code = 0;
	if (o->count > 1 && !o->check)
		*code = options_refuse(
		    &table, "%s: one CONFIG at a time", o->configs[1]);
	else if (!o->check && !o->targets)
		*code = process_options_check(&table, &o->process);
	return *code == 0;
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
	struct options o = { .process = PROCESS_OPTIONS_NONE,
		.listen = DEFAULT_LISTEN };
	struct shipper_options so = { 0 };
	struct event_base *base;
	struct shipper *s;
	int code, r;

	log_init(table.name, false);
	if (!parse_options(&o, argc, argv, &code))
		return code;
	log_init(table.name, o.process.debug);
	signal(SIGPIPE, SIG_IGN);
	if (o.check)
		return check_configs(o.configs, o.count, &o.process.ids);
	if (o.targets)
		return show_targets(o.configs[0], &o.process.ids);
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
	code = 1;
	if (s != NULL)
		code = serve(s, base, &o.process.ids);
	shipper_free(s);
	config_source_free(so.source);
	event_base_free(base);
	return code;
}
