/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "common/log.h"
#include "common/notify.h"
#include "common/process_options.h"
#include "common/sandbox.h"
#include "symbolizer/symbolizer.h"

#define RUN_DIR RUNSTATEDIR "/phlare-ebpf/"

struct options {
	struct process_options process;
	struct symbolizer_options paths;
};

static int
set_collector(void *into, const char *value, const char **why)
{
	struct options *o = into;

	(void)why;
	o->paths.collector_path = value;
	return 0;
}

static int
set_opener(void *into, const char *value, const char **why)
{
	struct options *o = into;

	(void)why;
	o->paths.opener_path = value;
	return 0;
}

static int
set_shipper(void *into, const char *value, const char **why)
{
	struct options *o = into;

	(void)why;
	o->paths.shipper_path = value;
	return 0;
}

static const struct option_row rows[] = {
	{ "collector-socket", "PATH", "the collector's socket for samplers",
	    set_collector },
	{ "opener-socket", "PATH", "the collector's socket for openers",
	    set_opener },
	{ "shipper-socket", "PATH", "the shipper's socket", set_shipper },
	PROCESS_OPTION_ROWS,
	{ NULL },
};
static const struct option_table table = { "phlare-symbolizer", "",
	"Names the samples of the collector and hands profiles to the shipper."
	"\nIt has no privilege and opens no file; phlare-ebpf run starts it.",
	rows };

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
	struct options o = {
		.process = PROCESS_OPTIONS_NONE,
		.paths = { RUN_DIR "collector.sock", RUN_DIR "opener.sock",
		    RUN_DIR "shipper.sock" },
	};
	struct event_base *base;
	struct event *term, *interrupt;
	struct symbolizer *s;
	int code;

	log_init(table.name, false);
	if (options_parse(&table, argc, argv, &o, &code) < 0)
		return code;
	if ((code = process_options_check(&table, &o.process)) != 0)
		return code;
	log_init(table.name, o.process.debug);
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
	if (privilege_drop(PROCESS_SYMBOLIZER, &o.process.ids, 0) < 0 ||
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
