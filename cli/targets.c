/* SPDX-License-Identifier: Apache-2.0 */
/* phlare-ebpf targets: what relabelling has made of them. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cli/ask_shipper.h"
#include "cli/commands.h"
#include "cli/report.h"
#include "cli/target_json.h"
#include "cli/target_match.h"
#include "cli/target_reader.h"
#include "cli/target_table.h"
#include "common/log.h"
#include "common/options.h"

struct targets_options {
	bool json;
	uint64_t pid; /* 0: not given */
};

static int
set_json(void *into, const char *value, const char **why)
{
	(void)value;
	(void)why;
	((struct targets_options *)into)->json = true;
	return 0;
}

static int
set_pid(void *into, const char *value, const char **why)
{
	struct targets_options *o = into;

	*why = "must be the number of a process";
	return options_number(value, 1, INT32_MAX, &o->pid);
}

static const struct option_row rows[] = {
	{ "json", NULL, "one JSON array instead of tables", set_json },
	{ "pid", "N", "to which target this process belongs, and why", set_pid,
	    'p' },
	{ NULL },
};
static const struct option_table table = { "phlare-ebpf targets", "FILE",
	"Prints the targets that each phlare.ebpf of the configuration FILE "
	"gets, after\nall relabelling, and what they match.",
	rows };

static int
read_all(
    struct shipper_answer *answer, const struct target_sink *sink, void *arg)
{
	int r = target_reader_read(answer->text, sink, arg);

	if (r < 0)
		log_warnx("targets", "phlare-shipper: %s", strerror(-r));
	return r;
}

static int
show_json(struct shipper_answer *answer)
{
	struct json_list list;
	int r;

	json_list_start(&list, stdout);
	r = read_all(answer, &target_json_sink, &list);
	json_list_end(&list);
	return r;
}

static int
show_table(struct shipper_answer *answer)
{
	struct target_table *t = target_table_new(stdout, report_width());
	int r = read_all(answer, &target_table_sink, t);

	target_table_free(t);
	return r;
}

static int
show_match(struct shipper_answer *answer, const struct match_process *process,
    bool json)
{
	struct target_answer *a = target_answer_new(stdout, process, json);
	int r = read_all(answer, &target_answer_sink, a);

	target_answer_free(a);
	return r;
}

/* Whether the shipper says anything: of a file with a mistake it does not. */
static bool
has_answer(struct shipper_answer *answer)
{
	int c = getc(answer->text);

	ungetc(c, answer->text);
	return c != EOF;
}

static int
show(const struct ask_shipper *ask, const struct targets_options *o,
    const struct match_process *process)
{
	struct shipper_answer answer;
	int code = ask_shipper_start(ask, &answer), r;

	if (code != 0)
		return code;
	if (!has_answer(&answer)) {
		code = ask_shipper_end(ask, &answer);
		if (code == 0)
			puts(o->json ? "[]" : "there is no phlare.ebpf in it");
		return code;
	}
	if (o->pid != 0)
		r = show_match(&answer, process, o->json);
	else
		r = o->json ? show_json(&answer) : show_table(&answer);
	code = ask_shipper_end(ask, &answer);
	return r < 0 ? EXIT_FAILED : code;
}

int
command_targets(int argc, char **argv)
{
	struct targets_options o = { 0 };
	struct match_process process = { 0 };
	int code, r, first = options_parse(&table, argc, argv, &o, &code);

	if (first < 0)
		return code;
	if (o.pid != 0 && (r = match_process_read(o.pid, &process)) < 0) {
		log_warnx(
		    "targets", "process %u: %s", (unsigned)o.pid, strerror(-r));
		return EXIT_FAILED;
	}
	return show(
	    &(struct ask_shipper){ "targets", "--targets", argv + first, 1 },
	    &o, &process);
}
