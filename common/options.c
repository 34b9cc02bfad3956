/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "common/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"

#define OPTION_FIRST 256 /* getopt's numbers for our rows; --help is 'h' */
#define OPTION_VERSION 255
#define LETTERS_MAX 128
#define LEFT_MAX 64

static int
rows_count(const struct option_row *rows)
{
	int n = 0;

	while (rows[n].name != NULL)
		n++;
	return n;
}

/* Of "phlare-ebpf record": "record". */
static const char *
command_of(const struct option_table *table)
{
	const char *space = strchr(table->name, ' ');

	return space != NULL ? space + 1 : NULL;
}

static int
put_left(const struct option_row *row, char left[LEFT_MAX])
{
	const char letter[] = { '-', row->letter, ',', ' ', '\0' };

	return snprintf(left, LEFT_MAX, "%s--%s%s%s",
	    row->letter != 0 ? letter : "", row->name, row->value ? " " : "",
	    row->value ? row->value : "");
}

static void
help_row(const char *left, int width, const char *help)
{
	printf("  %-*s ", width, left);
	for (; *help != '\0'; help++) {
		putchar(*help);
		if (*help == '\n')
			printf("%*s", width + 3, "");
	}
	putchar('\n');
}

static void
options_help(const struct option_table *table)
{
	const struct option_row *row;
	char left[LEFT_MAX];
	int width = 22;

	for (row = table->rows; row->name; row++)
		if (put_left(row, left) >= width)
			width = strlen(left) + 1;
	printf("usage: %s [OPTION]...%s%s\n\n%s\n\n", table->name,
	    table->operands[0] != '\0' ? " " : "", table->operands,
	    table->summary);
	for (row = table->rows; row->name; row++) {
		put_left(row, left);
		help_row(left, width, row->help);
	}
	help_row("--help", width, "this text");
	if (command_of(table) == NULL)
		help_row("--version", width, "the version");
}

/* getopt's own tables; the caller frees longs. letters: LETTERS_MAX bytes. */
static struct option *
options_for_getopt(const struct option_table *table, int n, char *letters)
{
	const struct option_row *rows = table->rows;
	struct option *longs = ecalloc(n + 3, sizeof(*longs));

	letters += sprintf(letters, ":h");
	for (int i = 0; i < n && i < LETTERS_MAX / 2 - 2; i++)
		if (rows[i].letter != 0)
			letters += sprintf(letters, "%c%s", rows[i].letter,
			    rows[i].value ? ":" : "");

	for (int i = 0; i < n; i++) {
		longs[i].name = rows[i].name;
		longs[i].has_arg =
		    rows[i].value ? required_argument : no_argument;
		longs[i].val = OPTION_FIRST + i;
	}
	longs[n] = (struct option){ "help", no_argument, NULL, 'h' };
	if (command_of(table) == NULL)
		longs[n + 1] = (struct option){ "version", no_argument, NULL,
			OPTION_VERSION };
	return longs;
}

int
options_refuse(const struct option_table *table, const char *fmt, ...)
{
	const char *command = command_of(table);
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_warnx(command != NULL ? command : "usage", "%s", text);
	return EXIT_USAGE;
}

static int
options_wrong(const struct option_table *table, int found, char **argv)
{
	/* getopt has stepped past what it did not like */
	const char *word = argv[optind - 1];
	char letter[3] = { '-', optopt, '\0' };

	if (optopt > 0 && optopt < OPTION_VERSION)
		word = letter;
	if (found == ':')
		return options_refuse(table, "option %s needs a value", word);
	if (optopt >= OPTION_VERSION)
		return options_refuse(table, "option %s takes no value", word);
	return options_refuse(table, "unknown option %s (%s --help lists them)",
	    word, table->name);
}

static const struct option_row *
row_found(const struct option_row *rows, int found)
{
	if (found >= OPTION_FIRST)
		return &rows[found - OPTION_FIRST];
	while (rows->letter != found)
		rows++;
	return rows;
}

static int
options_set(const struct option_table *table, const struct option_row *row,
    void *into, const char *value)
{
	const char *why = "is not valid";

	if (row->set(into, value, &why) == 0)
		return 0;
	return options_refuse(table, "--%s%s%s: %s", row->name,
	    value != NULL ? " " : "", value != NULL ? value : "", why);
}

/* 0 or EXIT_USAGE. */
static int
options_count(
    const struct option_table *table, int count, char *const *operands)
{
	const char *want = table->operands;

	if (want[0] == '\0')
		return count == 0 ? 0
				  : options_refuse(table,
					"%s is not an option (%s --help)",
					operands[0], table->name);
	if (want[0] == '[')
		return 0;
	if (count == 0)
		return options_refuse(table, "which %.*s? (%s --help)",
		    (int)strcspn(want, "."), want, table->name);
	if (count > 1 && strchr(want, '.') == NULL)
		return options_refuse(
		    table, "one %s at a time (%s --help)", want, table->name);
	return 0;
}

int
options_parse(const struct option_table *table, int argc, char **argv,
    void *into, int *code)
{
	int n = rows_count(table->rows), found;
	char letters[LETTERS_MAX];
	struct option *longs = options_for_getopt(table, n, letters);

	*code = -1;
	optind = 0; /* start anew: the GNU way */
	opterr = 0;
	while (*code < 0 &&
	       (found = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		if (found == 'h') {
			options_help(table);
			*code = 0;
		} else if (found == OPTION_VERSION) {
			printf("%s %s\n", table->name, PACKAGE_VERSION);
			*code = 0;
		} else if (found == '?' || found == ':') {
			*code = options_wrong(table, found, argv);
		} else if (options_set(table, row_found(table->rows, found),
			       into, optarg) != 0) {
			*code = EXIT_USAGE;
		}
	}
	free(longs);
	if (*code < 0 &&
	    options_count(table, argc - optind, argv + optind) != 0)
		*code = EXIT_USAGE;
	return *code < 0 ? optind : -1;
}

int
options_number(const char *text, uint64_t min, uint64_t max, uint64_t *n)
{
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return -EINVAL;
	errno = 0;
	*n = strtoull(text, &end, 10);
	if (errno != 0 || *end != '\0' || *n < min || *n > max)
		return -EINVAL;
	return 0;
}
