/* SPDX-License-Identifier: Apache-2.0 */
/* phlare-ebpf run: the supervisor in the foreground. */
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/stage.h"
#include "cli/supervisor.h"
#include "common/log.h"
#include "common/options.h"

struct run {
	struct supervisor_options options; /* first: SUPERVISOR_OPTION_ROWS */
	struct stage stage;
	struct event_base *base;
	struct supervisor *supervisor;
	bool asked_to_stop;
	int code;
	char scratch[80], account[96];
};

static int
set_listen(void *into, const char *value, const char **why)
{
	struct run *r = into;

	(void)why;
	r->options.listen = value;
	return 0;
}

static int
set_ledger(void *into, const char *value, const char **why)
{
	struct run *r = into;

	(void)why;
	r->options.ledger = value;
	return 0;
}

static const struct option_row rows[] = {
	{ "listen", "ADDRESS",
	    "metrics and health there (127.0.0.1:4041), or none", set_listen },
	{ "ledger", "FILE", "keep the account of all samples there",
	    set_ledger },
	SUPERVISOR_OPTION_ROWS,
	{ NULL },
};
static const struct option_table table = { "phlare-ebpf run", "CONFIG",
	"Profiles this host and pushes the profiles, as the configuration "
	"says, until\nit is stopped. SIGHUP reads the configuration again.",
	rows };

static void
on_state(void *arg, enum program program, const char *state)
{
	(void)arg;
	(void)program;
	(void)state;
}

static void
on_log(void *arg, int level, const char *line)
{
	(void)arg;
	(void)level;
	fprintf(stderr, "%s\n", line);
}

static void
on_end(void *arg, int code)
{
	struct run *r = arg;

	r->code = code;
	event_base_loopbreak(r->base);
}

static const struct supervisor_hooks hooks = { on_state, on_log, on_end };

static void
on_signal(int signal, short what, void *arg)
{
	struct run *r = arg;

	(void)what;
	if (signal == SIGHUP) {
		supervisor_reload(r->supervisor);
	} else if (r->asked_to_stop) {
		supervisor_kill(r->supervisor);
	} else {
		r->asked_to_stop = true;
		supervisor_stop(r->supervisor);
	}
}

static void
run_loop(struct run *r)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct event *on[3];

	r->base = event_base_new();
	if (r->base == NULL)
		fatalx("out of memory");
	signal(SIGPIPE, SIG_IGN);
	for (int i = 0; i < 3; i++) {
		on[i] = evsignal_new(r->base, signals[i], on_signal, r);
		event_add(on[i], NULL);
	}
	r->supervisor =
	    supervisor_new(r->base, &r->stage, &r->options, &hooks, r);
	supervisor_start(r->supervisor);
	event_base_dispatch(r->base);
	supervisor_free(r->supervisor);
	for (int i = 0; i < 3; i++)
		event_free(on[i]);
	event_base_free(r->base);
}

/* The account must outlive a shipper. */
static int
place_account(struct run *r)
{
	int result;

	if (r->options.ledger != NULL)
		return 0;
	result =
	    stage_scratch(&r->stage, "scratch", r->scratch, sizeof(r->scratch));
	if (result < 0) {
		log_warnx("run", "make %s/scratch: %s", r->stage.dir.path,
		    strerror(-result));
		return result;
	}
	snprintf(r->account, sizeof(r->account), "%s/account", r->scratch);
	r->options.ledger = r->account;
	return 0;
}

int
command_run(int argc, char **argv)
{
	struct run r = { .code = EXIT_FAILED };
	int code, first;

	first = options_parse(&table, argc, argv, &r, &code);
	if (first < 0)
		return code;
	r.options.config = argv[first];
	if (access(r.options.config, R_OK) < 0) {
		log_warn("run", "%s", r.options.config);
		return EXIT_FAILED;
	}
	if (stage_set(&r.stage, "run") == 0 && place_account(&r) == 0)
		run_loop(&r);
	stage_end(&r.stage);
	return r.code;
}
