/* SPDX-License-Identifier: Apache-2.0 */
/* The blocks that are no components: logging, tracing. */
#include "tests/river_text.h"

#include <sys/mman.h>
#include <syslog.h>
#include <unistd.h>

#include "shipper/config_file.h"
#include "shipper/logging_args.h"

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

struct row {
	const char *text;
	int level;            /* -1: it is refused */
	const char *messages; /* warnings too */
};

static void
check(const struct row *row)
{
	struct river_diagnostics *d = river_diagnostics_new();
	struct river_source *source = NULL;
	struct config *config;
	char *messages = NULL;
	size_t size;
	FILE *out = open_memstream(&messages, &size);
	int fd = memfd_create("config", MFD_CLOEXEC);

	assert_true(dprintf(fd, "%s\n", row->text) > 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	config = config_read("", fd, &source, d);
	for (struct river_diagnostic *x = d->first; x != NULL; x = x->next) {
		river_diagnostic_print_line(x, out);
		fputc('\n', out);
	}
	fclose(out);
	assert_string_equal(messages, row->messages);
	assert_int_equal(config == NULL, row->level < 0);
	if (config != NULL)
		assert_int_equal(logging_args_level(config), row->level);
	free(messages);
	config_free(config);
	river_diagnostics_free(d);
	river_source_free(source);
	close(fd);
}

static void
test_logging(void **state)
{
	static const struct row rows[] = {
		{ "// nothing", LOG_INFO, "" },
		{ "logging { }", LOG_INFO, "" },
		{ "logging {\n level = \"error\"\n}", LOG_ERR, "" },
		{ "logging {\n level = \"warn\"\n}", LOG_WARNING, "" },
		{ "logging {\n level = \"info\"\n}", LOG_INFO, "" },
		{ "logging {\n level = \"debug\"\n}", LOG_DEBUG, "" },
		{ "logging {\n level = null\n}", LOG_INFO, "" },
		{ "logging {\n format = \"json\"\n}", LOG_INFO,
		    "2:11: \"format\" has no effect\n" },
		{ "logging {\n level = \"loud\"\n}", -1,
		    "2:10: \"loud\" unrecognized log level \"loud\"\n" },
		{ "logging {\n format = \"xml\"\n}", -1,
		    "2:11: \"xml\" unrecognized log format \"xml\"\n" },
		{ "logging {\n nope = 1\n}", -1,
		    "2:2: unrecognized attribute name \"nope\"\n" },
		{ "logging \"x\" { }", -1,
		    "1:9: Component \"logging\" does not support labels\n" },
		{ "logging { }\nlogging { }", -1,
		    "2:1: \"logging\" block already declared\n" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++)
		check(&rows[i]);
}

static void
test_tracing_is_passed_over(void **state)
{
	static const struct row rows[] = {
		{ "tracing {\n sampling_fraction = 0.1\n sampler { }\n}",
		    LOG_INFO, "1:1: tracing has no effect\n" },
		{ "tracing {\n write_to = [otelcol.exporter.otlp.x.input]\n}",
		    -1,
		    "2:14: component \"otelcol.exporter.otlp.x.input\" does "
		    "not exist\n" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++)
		check(&rows[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_logging),
		cmocka_unit_test(test_tracing_is_passed_over),
	};

	return cmocka_run_group_tests_name("logging_args", tests, NULL, NULL);
}
