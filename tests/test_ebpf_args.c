/* SPDX-License-Identifier: Apache-2.0 */
/* The arguments of phlare.ebpf: spec/phlare-ebpf.md 1, DESIGN.md 4. */
#include "tests/river_text.h"

#include <sys/mman.h>
#include <unistd.h>

#include "common/settings.h"
#include "common/shipper.pb.h"
#include "shipper/config_file.h"

#define WHOLE "Failed to build component: decoding River: "
#define SEC 1000000000LL

/* A configuration and all that was said of it, one line each. */
struct read {
	struct config *config;
	char *messages;
	size_t errors;
};

static struct read
read_text(const char *text)
{
	struct river_diagnostics *d = river_diagnostics_new();
	struct river_source *source = NULL;
	struct read r = { 0 };
	int fd = memfd_create("config", MFD_CLOEXEC);
	size_t size;
	FILE *out = open_memstream(&r.messages, &size);

	assert_true(dprintf(fd, "%s", text) > 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	r.config = config_read("c", fd, &source, d);
	for (struct river_diagnostic *x = d->first; x != NULL; x = x->next) {
		river_diagnostic_print_line(x, out);
		fputc('\n', out);
	}
	fclose(out);
	r.errors = d->errors;
	assert_int_equal(r.config == NULL, r.errors > 0);
	river_diagnostics_free(d);
	river_source_free(source);
	close(fd);
	return r;
}

static void
read_free(struct read *r)
{
	config_free(r->config);
	free(r->messages);
}

/* A component of that name whose body, from its third line on, is text. */
static struct read
read_component(const char *name, const char *text)
{
	struct read r;
	char *all;

	assert_true(asprintf(&all,
			"phlare.write \"w\" { }\n"
			"%s \"e\" { forward_to = [phlare.write.w.receiver]\n"
			"%s\n}\n",
			name, text) > 0);
	r = read_text(all);
	free(all);
	return r;
}

static const struct ebpf_args *
args_of(const struct read *r)
{
	if (r->config == NULL)
		fail_msg("%s", r->messages);
	return r->config->item[1].args;
}

static void
test_defaults(void **state)
{
	struct read r = read_component("phlare.ebpf", "");
	const struct ebpf_args *a = args_of(&r);

	(void)state;
	assert_string_equal(r.messages, "");
	assert_int_equal(a->targets.count, 0);
	assert_int_equal(a->default_target.count, 0);
	assert_false(a->targets_only);
	assert_int_equal(a->collect_interval, 10 * SEC);
	assert_int_equal(a->sample_rate, 100);
	assert_int_equal(a->pid_cache_size, 64);
	assert_int_equal(a->elf_cache_size, 128);
	assert_int_equal(a->container_id_cache_size, 1024);
	assert_true(a->collect_user_profile && a->collect_kernel_profile);
	assert_string_equal(a->demangle, "simplified");
	assert_string_equal(a->comm, "stackframe");
	assert_false(a->pid_label);
	read_free(&r);
}

/* Moving a configuration here never ships more than before. */
static void
test_defaults_of_the_later_name(void **state)
{
	struct read r = read_component("pyroscope.ebpf", "");
	const struct ebpf_args *a = args_of(&r);

	(void)state;
	assert_string_equal(r.messages, "");
	assert_true(a->targets_only);
	assert_int_equal(a->collect_interval, 15 * SEC);
	assert_int_equal(a->sample_rate, 97);
	assert_int_equal(a->pid_cache_size, 32);
	assert_int_equal(a->elf_cache_size, 64);
	assert_int_equal(a->container_id_cache_size, 1024);
	assert_string_equal(a->demangle, "none");
	assert_string_equal(a->comm, "stackframe");
	read_free(&r);
}

static void
test_every_argument_is_taken(void **state)
{
	struct read r = read_component("phlare.ebpf",
	    "targets = [{\"__container_id__\" = \"c\", \"a\" = \"b\"}, {}]\n"
	    "default_target = {\"zone\" = \"z\"}\n"
	    "targets_only = true\n"
	    "job_name = \"j\"\n"
	    "service_name = \"s\"\n"
	    "collect_interval = \"1m30s\"\n"
	    "sample_rate = 97\n"
	    "pid_cache_size = 1\n"
	    "elf_cache_size = 2\n"
	    "container_id_cache_size = 3\n"
	    "collect_user_profile = false\n"
	    "collect_kernel_profile = false\n"
	    "demangle = \"full\"\n"
	    "comm = \"both\"\n"
	    "pid_label = true");
	const struct ebpf_args *a = args_of(&r);

	(void)state;
	assert_string_equal(r.messages, "");
	assert_int_equal(a->forward_to.count, 1);
	assert_int_equal(a->targets.count, 2);
	assert_string_equal(a->targets.item[0].item[1].value, "b");
	assert_string_equal(a->default_target.item[0].name, "zone");
	assert_true(a->targets_only);
	assert_string_equal(a->job_name, "j");
	assert_string_equal(a->service_name, "s");
	assert_int_equal(a->collect_interval, 90 * SEC);
	assert_int_equal(a->sample_rate, 97);
	assert_int_equal(a->pid_cache_size, 1);
	assert_int_equal(a->elf_cache_size, 2);
	assert_int_equal(a->container_id_cache_size, 3);
	assert_false(a->collect_user_profile || a->collect_kernel_profile);
	assert_int_equal(
	    ebpf_args_demangle(a->demangle), phlare_Demangle_DEMANGLE_FULL);
	assert_int_equal(ebpf_args_comm(a->comm), phlare_Comm_COMM_BOTH);
	assert_true(a->pid_label);
	read_free(&r);
}

static void
test_words(void **state)
{
	static const struct {
		const char *text;
		int demangle, comm;
	} rows[] = {
		{ "", phlare_Demangle_DEMANGLE_NONE, phlare_Comm_COMM_NONE },
		{ "none", phlare_Demangle_DEMANGLE_NONE,
		    phlare_Comm_COMM_NONE },
		{ "simplified", phlare_Demangle_DEMANGLE_SIMPLIFIED, -1 },
		{ "templates", phlare_Demangle_DEMANGLE_TEMPLATES, -1 },
		{ "full", phlare_Demangle_DEMANGLE_FULL, -1 },
		{ "label", -1, phlare_Comm_COMM_LABEL },
		{ "stackframe", -1, phlare_Comm_COMM_STACKFRAME },
		{ "both", -1, phlare_Comm_COMM_BOTH },
		{ "Full", -1, -1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(
		    ebpf_args_demangle(rows[i].text), rows[i].demangle);
		assert_int_equal(ebpf_args_comm(rows[i].text), rows[i].comm);
	}
}

/* The later names of elf_cache_size; it wins over them, the larger one else. */
static void
test_aliases_of_the_file_cache(void **state)
{
	static const struct {
		const char *text;
		int want;
	} rows[] = {
		{ "build_id_cache_size = 5", 5 },
		{ "same_file_cache_size = 6", 6 },
		{ "build_id_cache_size = 5\nsame_file_cache_size = 6", 6 },
		{ "build_id_cache_size = 7\nsame_file_cache_size = 6", 7 },
		{ "build_id_cache_size = 7\nelf_cache_size = 2", 2 },
		{ "elf_cache_size = 128\nbuild_id_cache_size = 7", 128 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct read r = read_component("pyroscope.ebpf", rows[i].text);

		assert_int_equal(args_of(&r)->elf_cache_size, rows[i].want);
		assert_string_equal(r.messages, "");
		read_free(&r);
	}
}

struct refusal {
	const char *text, *messages;
};

static void
expect_refused(const struct refusal *row)
{
	struct read r = read_component("phlare.ebpf", row->text);

	assert_int_equal(r.errors, 1);
	assert_string_equal(r.messages, row->messages);
	read_free(&r);
}

static void
test_ranges(void **state)
{
	static const struct refusal rows[] = {
		{ "sample_rate = 0", "c:3:15: sample_rate must be between 1 "
				     "and 10000\n" },
		{ "sample_rate = -1", "c:3:15: sample_rate must be between 1 "
				      "and 10000\n" },
		{ "sample_rate = 10001", "c:3:15: sample_rate must be between "
					 "1 and 10000\n" },
		{ "collect_interval = \"0s\"",
		    "c:3:20: collect_interval must be between 10ms and "
		    "24h0m0s\n" },
		{ "collect_interval = \"-1s\"",
		    "c:3:20: collect_interval must be between 10ms and "
		    "24h0m0s\n" },
		{ "collect_interval = \"25h\"",
		    "c:3:20: collect_interval must be between 10ms and "
		    "24h0m0s\n" },
		{ "pid_cache_size = 0", "c:3:18: pid_cache_size must be "
					"between 1 and 65536\n" },
		{ "elf_cache_size = 0", "c:3:18: elf_cache_size must be "
					"between 1 and 65536\n" },
		{ "elf_cache_size = 65537", "c:3:18: elf_cache_size must be "
					    "between 1 and 65536\n" },
		{ "build_id_cache_size = 0",
		    "c:3:23: build_id_cache_size must be between 1 and "
		    "65536\n" },
		{ "same_file_cache_size = -3",
		    "c:3:24: same_file_cache_size must be between 1 and "
		    "65536\n" },
		{ "container_id_cache_size = 0",
		    "c:3:27: container_id_cache_size must be between 1 and "
		    "65536\n" },
		{ "demangle = \"fully\"",
		    "c:3:12: \"fully\" is no demangle mode: none, simplified, "
		    "templates or full\n" },
		{ "comm = \"frame\"", "c:3:8: \"frame\" is no comm mode: none, "
				      "label, stackframe or both\n" },
		{ "default_target = {\"\" = \"x\"}",
		    "c:3:18: a label must have a name\n" },
		{ "targets = [{\"a\" = \"b\"}, {\"\" = \"x\"}]",
		    "c:3:11: a label must have a name\n" },
		{ "job = \"x\"",
		    "c:3:1: unrecognized attribute name \"job\"\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		expect_refused(&rows[i]);
}

/* So many targets of some 4 MiB in all, and n times these to the profiler. */
static char *
large_targets(int n)
{
	char *text, *value = malloc(2001);
	size_t size;
	FILE *f = open_memstream(&text, &size);

	memset(value, 'x', 2000);
	value[2000] = '\0';
	fputs("phlare.write \"w\" { }\n"
	      "discovery.relabel \"a\" { targets = [",
	    f);
	for (int i = 0; i < 105; i++) {
		fprintf(f, "{\"pid\" = \"%d\"", i);
		for (int j = 0; j < 20; j++)
			fprintf(f, ", \"l%d\" = \"%s\"", j, value);
		fputs("}, ", f);
	}
	fputs("] }\nphlare.ebpf \"e\" { "
	      "forward_to = [phlare.write.w.receiver]\n"
	      "targets = concat(",
	    f);
	for (int i = 0; i < n; i++)
		fprintf(f, "%sdiscovery.relabel.a.output", i > 0 ? ", " : "");
	fputs(") }\n", f);
	fclose(f);
	free(value);
	return text;
}

static void
test_targets_that_cannot_be_sent(void **state)
{
	static const char *const want[] = { "",
		"c:4:11: more than 16 MiB of targets\n" };

	(void)state;
	for (int i = 0; i < 2; i++) {
		char *text = large_targets(3 + i);
		struct read r = read_text(text);

		assert_string_equal(r.messages, want[i]);
		read_free(&r);
		free(text);
	}
}

/* These two have one text for both of them, and no place of their own. */
static void
test_map_sizes(void **state)
{
	static const struct refusal rows[] = {
		{ "symbols_map_size = 0", "symbols_map_size must be greater "
					  "than 0\n" },
		{ "pid_map_size = -1", "pid_map_size must be greater than "
				       "0\n" },
		{ "pid_map_size = 0\nsymbols_map_size = 0",
		    "symbols_map_size must be greater than 0\\n"
		    "pid_map_size must be greater than 0\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct read r = read_component("pyroscope.ebpf", rows[i].text);
		char *want;

		assert_int_equal(r.errors, 1);
		assert_true(asprintf(&want, "c:2:1: " WHOLE "%s",
				rows[i].messages) > 0);
		assert_non_null(strstr(r.messages, want));
		free(want);
		read_free(&r);
	}
}

static void
test_what_has_no_effect_is_accepted_with_a_warning(void **state)
{
	static const char *const rows[][2] = {
		{ "cache_rounds", "3" },
		{ "go_table_fallback", "true" },
		{ "kubernetes_node", "\"n\"" },
		{ "pid_map_size", "2048" },
		{ "python_enabled", "false" },
		{ "symbols_map_size", "16384" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[128], want[128];
		struct read r;

		snprintf(text, sizeof(text), "%s = %s", rows[i][0], rows[i][1]);
		snprintf(want, sizeof(want), "c:3:%zu: \"%s\" has no effect\n",
		    strlen(rows[i][0]) + 4, rows[i][0]);
		r = read_component("pyroscope.ebpf", text);
		assert_int_equal(r.errors, 0);
		assert_string_equal(r.messages, want);
		read_free(&r);
	}
}

/* count components, by both names. */
static struct read
read_many(int count)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	struct read r;

	fprintf(out, "phlare.write \"w\" { }\n");
	for (int i = 0; i < count; i++)
		fprintf(out,
		    "%s.ebpf \"e%d\" { forward_to = "
		    "[phlare.write.w.receiver] }\n",
		    i % 2 ? "pyroscope" : "phlare", i / 2);
	fclose(out);
	r = read_text(text);
	free(text);
	return r;
}

static void
test_there_may_be_eight(void **state)
{
	struct read r = read_many(SETTINGS_COMPONENTS_MAX);

	(void)state;
	assert_string_equal(r.messages, "");
	assert_int_equal(r.config->count, 1 + SETTINGS_COMPONENTS_MAX);
	read_free(&r);
	r = read_many(SETTINGS_COMPONENTS_MAX + 1);
	assert_string_equal(
	    r.messages, "c:10:1: more than 8 components that profile\n");
	read_free(&r);
	r = read_many(SETTINGS_COMPONENTS_MAX + 9);
	assert_int_equal(r.errors, 1);
	read_free(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_defaults_of_the_later_name),
		cmocka_unit_test(test_every_argument_is_taken),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_aliases_of_the_file_cache),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_targets_that_cannot_be_sent),
		cmocka_unit_test(test_map_sizes),
		cmocka_unit_test(
		    test_what_has_no_effect_is_accepted_with_a_warning),
		cmocka_unit_test(test_there_may_be_eight),
	};

	return cmocka_run_group_tests_name("ebpf_args", tests, NULL, NULL);
}
