/* SPDX-License-Identifier: Apache-2.0 */
/* phlare-ebpf fmt: a configuration in the one way that everybody writes it. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/output.h"
#include "cli/replace.h"
#include "cli/report.h"
#include "common/log.h"
#include "common/memfd.h"
#include "common/options.h"
#include "common/river/diagnostics.h"
#include "common/river/layout.h"
#include "common/river/parser.h"

/* Exit status of the child: the file is as it should be. */
#define UNCHANGED 100

struct fmt {
	const char *file;
	bool write;
	int in;
	int out; /* the text goes there */
};

static int
set_write(void *into, const char *value, const char **why)
{
	struct fmt *f = into;

	(void)value;
	(void)why;
	f->write = true;
	return 0;
}

static const struct option_row rows[] = {
	{ "write", NULL, "write the result back to FILE, if it differs",
	    set_write, 'w' },
	{ NULL },
};
static const struct option_table table = { "phlare-ebpf fmt", "FILE",
	"Prints the configuration FILE (- is standard input) formatted: tabs, "
	"aligned\nattributes, one space around operators. Comments stay.",
	rows };

/* ---- in the child */

static int
put(const struct fmt *f, const char *text, size_t size)
{
	while (size > 0) {
		ssize_t n = write(f->out, text, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			log_warn("fmt", "write the output");
			return EXIT_FAILED;
		}
		text += n;
		size -= n;
	}
	return 0;
}

/* Whether source has no mistake; they have been said otherwise. */
static bool
parses(const struct river_source *source)
{
	bool colour = isatty(STDERR_FILENO) && getenv("NO_COLOR") == NULL;
	struct river_diagnostics *d = river_diagnostics_new();
	struct river_file *file = river_parse(source, d);
	bool good = file != NULL;

	river_diagnostics_print(d, colour, stderr);
	river_file_free(file);
	river_diagnostics_free(d);
	return good;
}

/* A text that means something else is our mistake: better none. */
static bool
means_the_same(const struct river_source *source, const char *text, size_t size)
{
	struct river_source *set = river_source_new(source->name, text, size);
	bool same =
	    set != NULL && parses(set) && river_layout_same(source, set);

	river_source_free(set);
	return same;
}

static int
format(const struct fmt *f, const struct river_source *source)
{
	size_t size;
	char *text = river_layout(source, &size);
	int code = EXIT_FAILED;

	if (text == NULL)
		log_warn("fmt", "%s: with its lines indented", f->file);
	else if (!means_the_same(source, text, size))
		log_warnx("fmt",
		    "%s: it cannot be formatted without a change "
		    "of meaning; please report this",
		    f->file);
	else if (f->write && size == source->size &&
		 memcmp(text, source->text, size) == 0)
		code = UNCHANGED;
	else
		code = put(f, text, size);
	free(text);
	return code;
}

static int
work(void *arg)
{
	const struct fmt *f = arg;
	const char *name = strcmp(f->file, "-") == 0 ? "stdin" : f->file;
	struct river_source *source = river_source_read(name, f->in);
	int code = EXIT_FAILED;

	if (source == NULL)
		log_warn("fmt", "%s", f->file);
	else if (parses(source))
		code = format(f, source);
	river_source_free(source);
	return code;
}

/* ---- */

static int
write_back(struct fmt *f)
{
	int code, r;

	f->out = memfd_new("formatted");
	if (f->out < 0) {
		log_warnx("fmt", "memfd: %s", strerror(-f->out));
		return EXIT_FAILED;
	}
	code = report_in_child(NULL, work, f);
	if (code == 0 && (r = replace_file(f->file, f->out)) < 0) {
		log_warnx("fmt", "write %s: %s", f->file, strerror(-r));
		code = EXIT_FAILED;
	}
	close(f->out);
	return code == UNCHANGED ? 0 : code;
}

static int
open_input(struct fmt *f)
{
	f->in = STDIN_FILENO;
	if (strcmp(f->file, "-") != 0)
		f->in = open(f->file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (f->in >= 0)
		return 0;
	log_warn("fmt", "%s", f->file);
	return -errno;
}

int
command_fmt(int argc, char **argv)
{
	struct fmt f = { .out = STDOUT_FILENO };
	int code, first = options_parse(&table, argc, argv, &f, &code);

	if (first < 0)
		return code;
	f.file = argv[first];
	if (f.write && strcmp(f.file, "-") == 0)
		return options_refuse(&table, "-w needs a FILE to write to");
	if (open_input(&f) < 0)
		return EXIT_FAILED;
	code = f.write ? write_back(&f) : report_in_child(NULL, work, &f);
	if (f.in != STDIN_FILENO)
		close(f.in);
	return code;
}
