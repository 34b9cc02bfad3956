/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "common/log.h"

#define OPTION_FIRST 256 /* getopt's numbers for our rows; --help is 'h' */
#define LETTERS_MAX 128

static int
rows_count(const struct option_row *rows)
{
	int n = 0;

	while (rows[n].name != NULL)
		n++;
	return n;
}

static void
options_help(const struct option_table *table)
{
	char left[64], letter[] = "-x, ";

	printf("usage: phlare-ebpf %s [OPTION]...%s%s\n\n%s\n\n",
	    table->command, table->operands[0] != '\0' ? " " : "",
	    table->operands, table->summary);
	for (const struct option_row *row = table->rows; row->name; row++) {
		letter[1] = row->letter;
		snprintf(left, sizeof(left), "%s--%s%s%s",
		    row->letter ? letter : "", row->name, row->value ? " " : "",
		    row->value ? row->value : "");
		printf("  %-22s %s\n", left, row->help);
	}
	printf("  %-22s %s\n", "--help", "this text");
}

/* getopt's own tables; the caller frees longs. letters: LETTERS_MAX bytes. */
static struct option *
options_for_getopt(const struct option_row *rows, int n, char *letters)
{
	struct option *longs = ecalloc(n + 2, sizeof(*longs));

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
	longs[n].name = "help";
	longs[n].val = 'h';
	return longs;
}

static int
options_wrong(const struct option_table *table, int found, char **argv)
{
	/* getopt has stepped past what it did not like */
	const char *word = argv[optind - 1];
	char letter[3] = { '-', optopt, '\0' };

	if (optopt > 0 && optopt < OPTION_FIRST)
		word = letter;
	if (found == ':')
		log_warnx(table->command, "option %s needs a value", word);
	else if (optopt >= OPTION_FIRST)
		log_warnx(table->command, "option %s takes no value", word);
	else
		log_warnx(table->command,
		    "unknown option %s (phlare-ebpf %s --help lists them)",
		    word, table->command);
	return EXIT_USAGE;
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
	if (value != NULL)
		log_warnx(table->command, "--%s %s: %s", row->name, value, why);
	else
		log_warnx(table->command, "--%s: %s", row->name, why);
	return EXIT_USAGE;
}

int
options_parse(const struct option_table *table, int argc, char **argv,
    void *into, int *code)
{
	int n = rows_count(table->rows), found;
	char letters[LETTERS_MAX];
	struct option *longs = options_for_getopt(table->rows, n, letters);

	*code = -1;
	optind = 0; /* start anew: the GNU way */
	opterr = 0;
	while (*code < 0 &&
	       (found = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		if (found == 'h') {
			options_help(table);
			*code = 0;
		} else if (found == '?' || found == ':') {
			*code = options_wrong(table, found, argv);
		} else if (options_set(table, row_found(table->rows, found),
			       into, optarg) != 0) {
			*code = EXIT_USAGE;
		}
	}
	free(longs);
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
