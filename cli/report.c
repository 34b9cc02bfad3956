/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/report.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/flamegraph.h"
#include "cli/frames.h"
#include "cli/ids.h"
#include "cli/pprof_reader.h"
#include "cli/top.h"
#include "common/log.h"
#include "common/options.h"
#include "common/sandbox.h"

#define DEFAULT_ROWS 40
#define MAX_ROWS 1000000

/* What a command's child works on: names for messages, files already open. */
struct report {
	const char *command, *file;
	int in;
	FILE *out;
	const char *title;
	struct top_options top;
	int (*show)(const struct report *report, const struct profile *p);
};

/* Whom the child becomes: of root a free number, else it stays who we are. */
static int
choose_ids(struct privilege_ids *ids)
{
	struct ids_used used = { 0 };
	uint32_t id;

	ids->uid = ids->gid = -1;
	if (geteuid() != 0)
		return 0;
	if (ids_note_processes(&used) < 0 || ids_pick(&used, getpid(), &id) < 0)
		return -ENOENT;
	ids->uid = ids->gid = id;
	return 0;
}

/* The child's life; returns its exit status. */
static int
live_as_child(pid_t parent, const struct privilege_ids *ids,
    int (*work)(void *), void *arg)
{
	tzset(); /* reads /etc/localtime, which is out of reach later */
	if (privilege_drop(PROCESS_REPORTER, ids, 0) < 0)
		return EXIT_FAILED;
	privilege_die_with(parent);
	if (sandbox_enter(PROCESS_REPORTER, NULL) < 0)
		return EXIT_FAILED;
	return work(arg);
}

static int
wait_for(pid_t child)
{
	int status;

	while (waitpid(child, &status, 0) < 0) {
		if (errno != EINTR) {
			log_warn("report", "wait for a child");
			return EXIT_FAILED;
		}
	}
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	if (WTERMSIG(status) != SIGPIPE) /* else our reader has seen enough */
		log_warnx("report",
		    "the process that reads the file was ended by signal "
		    "%d (%s)",
		    WTERMSIG(status), strsignal(WTERMSIG(status)));
	return EXIT_FAILED;
}

int
report_in_child(const struct privilege_ids *ids, int (*work)(void *), void *arg)
{
	struct privilege_ids own;
	pid_t parent = getpid(), child;

	if (ids == NULL && choose_ids(&own) < 0) {
		log_warnx("report",
		    "no free uid for the process that reads the file");
		return EXIT_FAILED;
	}
	child = fork();
	if (child < 0) {
		log_warn("report", "fork");
		return EXIT_FAILED;
	}
	if (child == 0)
		_exit(
		    live_as_child(parent, ids != NULL ? ids : &own, work, arg));
	return wait_for(child);
}

static int
read_and_show(void *arg)
{
	const struct report *r = arg;
	struct pprof_error error;
	struct profile *p = pprof_read_fd(r->in, &error);
	int e;

	if (p == NULL) {
		log_warnx(r->command, "%s: %s", r->file, error.text);
		return EXIT_FAILED;
	}
	e = r->show(r, p);
	if (e == 0 && fclose(r->out) != 0)
		e = -errno;
	profile_free(p);
	if (e == 0)
		return 0;
	log_warnx(r->command, "write the output: %s", strerror(-e));
	return EXIT_FAILED;
}

static int
open_input(struct report *r)
{
	if (strcmp(r->file, "-") == 0) {
		r->in = STDIN_FILENO;
		return 0;
	}
	r->in = open(r->file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (r->in >= 0)
		return 0;
	log_warn(r->command, "open %s", r->file);
	return -errno;
}

static int
show_page(const struct report *r, const struct profile *p)
{
	return flamegraph_write(r->out, p, r->title);
}

static int
show_top(const struct report *r, const struct profile *p)
{
	return top_print(r->out, p, &r->top);
}

static int
set_output(void *into, const char *value, const char **why)
{
	const char **output = into;

	*why = "is not a file name";
	*output = value;
	return value[0] != '\0' ? 0 : -EINVAL;
}

static const struct option_row flamegraph_rows[] = {
	{ "output", "FILE", "write the page there; - is standard output",
	    set_output, 'o' },
	{ NULL },
};

static const struct option_table flamegraph_table = {
	.name = "phlare-ebpf flamegraph",
	.operands = "FILE",
	.summary =
	    "Draws a pprof profile as one HTML page that works offline, by\n"
	    "default as flamegraph.html beside FILE.",
	.rows = flamegraph_rows,
};

/* "flamegraph.html" in the directory of file; the caller frees it. */
static char *
page_beside(const char *file)
{
	int directory = frames_base_name(file) - file;
	char *path;

	if (asprintf(&path, "%.*sflamegraph.html", directory, file) < 0)
		fatalx("out of memory");
	return path;
}

/*
 * Draws into a new file that takes its name only when it is complete.
 */
static int
draw_into_new(struct report *r, const char *path)
{
	char *temporary;
	mode_t mask = umask(0);
	int fd, status = EXIT_FAILED;

	umask(mask);
	if (asprintf(&temporary, "%s.XXXXXX", path) < 0)
		fatalx("out of memory");
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0 || fchmod(fd, 0666 & ~mask) < 0) {
		log_warn(r->command, "create %s", path);
		free(temporary);
		return EXIT_FAILED;
	}
	r->out = fdopen(fd, "w");
	if (r->out != NULL)
		status = report_in_child(NULL, read_and_show, r);
	if (status == 0 && rename(temporary, path) < 0) {
		log_warn(r->command, "rename the page to %s", path);
		status = EXIT_FAILED;
	}
	if (status != 0)
		unlink(temporary);
	fclose(r->out);
	free(temporary);
	return status;
}

/* A terminal, a pipe, /dev/null: to be written, not to be replaced. */
static bool
is_special(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && !S_ISREG(st.st_mode) &&
	       !S_ISDIR(st.st_mode);
}

static int
draw(struct report *r, const char *output)
{
	int status;

	if (strcmp(output, "-") == 0) {
		r->out = stdout;
		return report_in_child(NULL, read_and_show, r);
	}
	if (!is_special(output))
		return draw_into_new(r, output);
	r->out = fopen(output, "we");
	if (r->out == NULL) {
		log_warn(r->command, "open %s", output);
		return EXIT_FAILED;
	}
	status = report_in_child(NULL, read_and_show, r);
	fclose(r->out);
	return status;
}

int
report_flamegraph(int argc, char **argv)
{
	struct report r = { .command = "flamegraph", .show = show_page };
	const char *output = NULL;
	char *beside = NULL;
	int code, first = options_parse(
		      &flamegraph_table, argc, argv, &output, &code);

	if (first < 0)
		return code;
	r.file = argv[first];
	if (open_input(&r) < 0)
		return EXIT_FAILED;
	r.title = frames_base_name(r.file);
	if (output == NULL)
		output = beside = page_beside(r.file);
	code = draw(&r, output);
	if (r.in != STDIN_FILENO)
		close(r.in);
	free(beside);
	return code;
}

static int
set_rows(void *into, const char *value, const char **why)
{
	struct top_options *o = into;
	uint64_t n;

	*why = "must be 0 to 1000000";
	if (options_number(value, 0, MAX_ROWS, &n) < 0)
		return -EINVAL;
	o->rows = n;
	return 0;
}

static int
set_by_total(void *into, const char *value, const char **why)
{
	struct top_options *o = into;

	(void)value;
	(void)why;
	o->by_total = true;
	return 0;
}

static const struct option_row top_rows[] = {
	{ "lines", "N", "functions to show, 0 for all (default 40)", set_rows,
	    'n' },
	{ "cum", NULL, "sort by total instead of self", set_by_total, 0 },
	{ NULL },
};

static const struct option_table top_table = {
	.name = "phlare-ebpf top",
	.operands = "FILE",
	.summary =
	    "Prints the hottest functions of a pprof profile.\n"
	    "SELF is a function's own time, TOTAL includes what it calls.",
	.rows = top_rows,
};

unsigned int
report_width(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0)
		return 0;
	return size.ws_col;
}

int
report_top(int argc, char **argv)
{
	struct report r = { .command = "top",
		.show = show_top,
		.out = stdout,
		.top = { .rows = DEFAULT_ROWS, .width = report_width() } };
	int code, first = options_parse(&top_table, argc, argv, &r.top, &code);

	if (first < 0)
		return code;
	r.file = argv[first];
	if (open_input(&r) < 0)
		return EXIT_FAILED;
	code = report_in_child(NULL, read_and_show, &r);
	if (r.in != STDIN_FILENO)
		close(r.in);
	return code;
}
