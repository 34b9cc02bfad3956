/* SPDX-License-Identifier: Apache-2.0 */
/* phlare-ebpf record: profile for a while, then write and show the result. */
#include "cli/record.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/duration.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/record_config.h"
#include "cli/record_report.h"
#include "cli/stage.h"
#include "common/log.h"
#include "common/notify.h"
#include "common/now.h"
#include "common/options.h"

#define SECOND 1000000000LL
#define DRAW_EVERY_MS 100
/* Loading and symbols take a fraction of this anywhere. */
#define START_LIMIT (10 * SECOND)

enum record_phase { STARTING, SAMPLING, FINISHING };

struct record {
	const struct record_options *options;
	struct stage stage;
	struct event_base *base;
	struct supervisor *supervisor;
	struct event *tick;
	struct progress progress;
	char scratch[80], profiles[96], account[96], config[80];
	enum record_phase phase;
	int64_t phase_start;
	bool interrupted, abandoned, failed;
};

/* ---- options */

static int
set_duration(void *into, const char *value, const char **why)
{
	struct record_options *o = into;

	*why = "must be a duration such as 10s or 1m30s, more than 0 and at "
	       "most 24h";
	if (duration_parse(value, &o->duration) < 0 || o->duration <= 0 ||
	    o->duration > RECORD_DURATION_MAX_SEC * SECOND)
		return -EINVAL;
	return 0;
}

static int
set_rate(void *into, const char *value, const char **why)
{
	struct record_options *o = into;

	*why = "must be 1 to 10000 samples per second";
	return options_number(value, 1, RECORD_RATE_MAX, &o->rate);
}

static int
set_output(void *into, const char *value, const char **why)
{
	struct record_options *o = into;

	(void)why;
	o->output = value;
	return 0;
}

static int
set_pid(void *into, const char *value, const char **why)
{
	struct record_options *o = into;
	uint64_t pid;

	*why = "must be the number of a process";
	if (options_number(value, 1, INT32_MAX, &pid) < 0)
		return -EINVAL;
	*why = "there is no such process";
	if (kill(pid, 0) < 0 && errno == ESRCH)
		return -ESRCH;
	*why = "too many processes";
	if (o->pids_count == RECORD_PIDS_MAX)
		return -E2BIG;
	o->pids[o->pids_count++] = pid;
	return 0;
}

static int
set_no_kernel(void *into, const char *value, const char **why)
{
	struct record_options *o = into;

	(void)value;
	(void)why;
	o->no_kernel = true;
	return 0;
}

static const struct option_row rows[] = {
	{ "duration", "TIME", "how long, e.g. 10s (that unless given), 1m30s",
	    set_duration, 'd' },
	{ "sample-rate", "N", "samples per second and CPU (100)", set_rate,
	    'r' },
	{ "output", "DIR", "where the files go (the current directory)",
	    set_output, 'o' },
	{ "pid", "N", "only this process; may be given several times", set_pid,
	    'p' },
	{ "no-kernel", NULL, "without the kernel's part of stacks",
	    set_no_kernel },
	SUPERVISOR_OPTION_ROWS,
	{ NULL },
};
static const struct option_table table = { "phlare-ebpf record", "",
	"Profiles this host, then prints the hottest functions and writes\n"
	"profile.pb.gz and flamegraph.html.",
	rows };

/* ---- while it runs */

static void
enter_phase(struct record *r, enum record_phase phase)
{
	static const char *const names[] = { "starting", "sampling",
		"finishing" };

	r->phase = phase;
	r->phase_start = now_ns(CLOCK_MONOTONIC);
	if (phase == STARTING && !r->progress.terminal)
		return; /* soon over, or an error is all that there is to say */
	progress_phase(&r->progress, names[phase],
	    phase == SAMPLING ? r->options->duration : 0);
}

static void
finish(struct record *r)
{
	enter_phase(r, FINISHING);
	supervisor_stop(r->supervisor);
}

static void
abandon(struct record *r)
{
	r->abandoned = true;
	supervisor_kill(r->supervisor);
}

static void
on_tick(int fd, short what, void *arg)
{
	struct record *r = arg;
	int64_t passed = now_ns(CLOCK_MONOTONIC) - r->phase_start;

	(void)fd;
	(void)what;
	progress_update(&r->progress, passed);
	if (r->abandoned)
		return;
	if (r->phase == SAMPLING && passed >= r->options->duration) {
		finish(r);
	} else if (r->phase == STARTING && passed >= START_LIMIT) {
		progress_clear(&r->progress);
		log_warnx("record", "sampling did not start within %lld s",
		    START_LIMIT / SECOND);
		abandon(r);
	}
}

/* The duration ends between two ticks of the bar. */
static void
end_in_time(struct record *r)
{
	int64_t us = r->options->duration / 1000;
	struct timeval wait = { us / 1000000, us % 1000000 + 1 };

	event_base_once(r->base, -1, EV_TIMEOUT, on_tick, r, &wait);
}

static void
on_state(void *arg, enum program program, const char *state)
{
	struct record *r = arg;

	if (program == PROGRAM_SYMBOLIZER && r->phase == STARTING &&
	    strcmp(state, NOTIFY_SAMPLING) == 0) {
		enter_phase(r, SAMPLING);
		end_in_time(r);
	} else if (program == PROGRAM_COLLECTOR && r->phase == STARTING &&
		   strcmp(state, NOTIFY_NO_SAMPLER) == 0) {
		abandon(r);
	}
}

static void
on_log(void *arg, int level, const char *line)
{
	struct record *r = arg;

	if (level > LOG_WARNING && !r->options->common.debug)
		return;
	progress_clear(&r->progress);
	fprintf(stderr, "%s\n", line);
}

static void
on_end(void *arg, int code)
{
	struct record *r = arg;

	if (code != 0 || r->phase != FINISHING)
		r->failed = true;
	event_base_loopbreak(r->base);
}

static const struct supervisor_hooks hooks = { on_state, on_log, on_end };

/* Once: stop early and show what there is. Twice: leave it. */
static void
on_signal(int signal, short what, void *arg)
{
	struct record *r = arg;

	(void)signal;
	(void)what;
	if (r->interrupted || r->phase == STARTING) {
		abandon(r);
	} else {
		r->interrupted = true;
		if (r->phase == SAMPLING)
			finish(r);
	}
}

static void
record_loop(struct record *r)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct timeval every = { 0, DRAW_EVERY_MS * 1000 };
	struct event *on[3];

	r->base = event_base_new();
	if (r->base == NULL)
		fatalx("out of memory");
	for (int i = 0; i < 3; i++) {
		on[i] = evsignal_new(r->base, signals[i], on_signal, r);
		event_add(on[i], NULL);
	}
	r->tick = event_new(r->base, -1, EV_PERSIST, on_tick, r);
	event_add(r->tick, &every);
	r->supervisor =
	    supervisor_new(r->base, &r->stage, &r->options->common, &hooks, r);
	enter_phase(r, STARTING);
	supervisor_start(r->supervisor);
	event_base_dispatch(r->base);
	supervisor_free(r->supervisor);
	event_free(r->tick);
	for (int i = 0; i < 3; i++)
		event_free(on[i]);
	event_base_free(r->base);
}

/* ---- before and after */

static int
write_config(struct record *r)
{
	FILE *out = fopen(r->config, "wxe");
	int result;

	if (out == NULL)
		return -errno;
	result = record_config_write(out, r->options, r->profiles);
	/* the shipper reads it under its own id */
	if (result == 0 && fchmod(fileno(out), 0644) < 0)
		result = -errno;
	if (fclose(out) != 0 && result == 0)
		result = -errno;
	return result;
}

static int
prepare(struct record *r, struct record_options *o)
{
	struct stage *s = &r->stage;
	int result;

	if ((result = stage_scratch(
		 s, "scratch", r->scratch, sizeof(r->scratch))) < 0 ||
	    (result = stage_scratch(
		 s, "scratch/profiles", r->profiles, sizeof(r->profiles))) < 0)
		return result;
	snprintf(r->account, sizeof(r->account), "%s/account", r->scratch);
	snprintf(r->config, sizeof(r->config), "%s/record.river", s->dir.path);
	o->common.config = r->config;
	o->common.ledger = r->account;
	o->common.listen = "none";
	return write_config(r);
}

static int
put_file(
    const struct record_options *o, int directory, const char *name, int from)
{
	int result = output_put(directory, name, from);

	if (result < 0)
		log_warnx("record", "write %s/%s: %s", o->output, name,
		    strerror(-result));
	return result;
}

/* What the terminal sends now is for the second of the two. */
static void
on_signal_in_report(int signal)
{
	static volatile sig_atomic_t signals;

	(void)signal;
	if (++signals > 1)
		_exit(EXIT_FAILED);
}

static int
report(struct record *r, int directory)
{
	const struct record_options *o = r->options;
	struct record_report made;
	int result;

	signal(SIGINT, on_signal_in_report);
	result = record_report_make(
	    &made, r->profiles, r->account, &r->stage.ids[PROGRAM_SHIPPER]);
	progress_clear(&r->progress);
	if (result == 0)
		result = put_file(o, directory, "profile.pb.gz", made.profile);
	if (result == 0)
		result = put_file(o, directory, "flamegraph.html", made.page);
	if (result == 0 || result == -ENODATA)
		record_report_print(&made);
	if (result == 0)
		printf("\nprofile      %s/profile.pb.gz\n"
		       "flame graph  %s/flamegraph.html\n",
		    o->output, o->output);
	else if (result == -ENODATA)
		log_warnx("record", "no sample was taken: nothing is written");
	record_report_close(&made);
	return result;
}

static int
record(struct record_options *o, int directory)
{
	struct record r = { .options = o };
	int code = EXIT_FAILED, result;

	progress_init(&r.progress, stderr, isatty(STDERR_FILENO));
	if (stage_set(&r.stage, "record") == 0) {
		result = prepare(&r, o);
		if (result < 0)
			log_warnx("record", "prepare %s: %s", r.stage.dir.path,
			    strerror(-result));
		else
			record_loop(&r);
		progress_clear(&r.progress);
		if (result == 0 && r.phase == FINISHING && !r.abandoned &&
		    report(&r, directory) == 0 && !r.failed)
			code = 0;
	}
	stage_end(&r.stage);
	return code;
}

int
command_record(int argc, char **argv)
{
	struct record_options *o = ecalloc(1, sizeof(*o));
	int code, first, directory;

	o->duration = 10 * SECOND;
	o->rate = 100;
	o->output = ".";
	first = options_parse(&table, argc, argv, o, &code);
	if (first < 0) {
		free(o);
		return code;
	}
	code = EXIT_FAILED;
	if ((directory = output_open(o->output)) < 0) {
		log_warnx("record", "--output %s: %s", o->output,
		    strerror(-directory));
	} else {
		signal(SIGPIPE, SIG_IGN);
		code = record(o, directory);
		close(directory);
	}
	free(o);
	return code;
}
