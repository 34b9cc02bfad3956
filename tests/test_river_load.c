/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/river_text.h"

#include "common/river/load.h"

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

static const struct river_rule rules[] = {
	{ "discovery.docker", RIVER_RULE_COMPONENT },
	{ "discovery.kubernetes", RIVER_RULE_COMPONENT },
	{ "discovery.relabel", RIVER_RULE_COMPONENT },
	{ "logging", RIVER_RULE_CONFIG },
	{ "phlare.ebpf", RIVER_RULE_COMPONENT },
	{ "phlare.write", RIVER_RULE_COMPONENT },
	{ 0 },
};

struct loaded {
	struct text text;
	struct river_file *file;
	struct river_program *program;
};

static struct loaded
load(const char *bytes, size_t size)
{
	struct loaded l = { .text = text_new("f", bytes, size) };

	l.file = river_parse(l.text.source, l.text.d);
	assert_non_null(l.file);
	l.program = river_load(l.file, rules, l.text.d);
	assert_int_equal(l.program == NULL, l.text.d->errors > 0);
	return l;
}

static void
loaded_free(struct loaded *l)
{
	river_program_free(l->program);
	river_file_free(l->file);
	text_free(&l->text);
}

/* Each component of a program with what it depends on. */
static char *
graph_of(const struct river_program *program)
{
	char *all = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&all, &size);

	for (size_t i = 0; i < program->count; i++) {
		const struct river_component *c = &program->item[i];

		fprintf(out, "%s:", c->id);
		for (size_t j = 0; j < c->depend_count; j++)
			fprintf(out, " %s", c->depends[j]->id);
		fputc('\n', out);
	}
	fclose(out);
	return all;
}

static void
test_seed_examples_load(void **state)
{
	static const char *const cases[][2] = {
		{ "seed-kubernetes.river",
		    "discovery.kubernetes.pods:\n"
		    "discovery.relabel.local_pods: discovery.kubernetes.pods\n"
		    "phlare.write.staging:\n"
		    "phlare.ebpf.default: discovery.relabel.local_pods "
		    "phlare.write.staging\n" },
		{ "seed-docker.river",
		    "discovery.docker.linux:\n"
		    "phlare.write.staging:\n"
		    "phlare.ebpf.default: phlare.write.staging "
		    "discovery.docker.linux\n" },
		{ "seed-static.river",
		    "phlare.write.staging:\n"
		    "phlare.ebpf.default: phlare.write.staging\n" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		size_t size;
		char *bytes = read_data(cases[i][0], &size), *graph;
		struct loaded l = load(bytes, size);

		assert_non_null(l.program);
		graph = graph_of(l.program);
		assert_string_equal(graph, cases[i][1]);
		free(graph);
		free(bytes);
		loaded_free(&l);
	}
}

static void
test_blocks_are_checked(void **state)
{
	static const struct {
		const char *text, *range, *message;
	} cases[] = {
		{ "log_level = 1", "1:1-1:9",
		    "unrecognized attribute log_level" },
		{ "phlare.nope \"x\" {}", "1:1-1:11",
		    "Unrecognized component name \"phlare.nope\"" },
		{ "phlare.ebpf {}", "1:1-1:11",
		    "Component \"phlare.ebpf\" must have a label" },
		{ "phlare.ebpf \"\" {}", "1:1-1:11",
		    "Component \"phlare.ebpf\" must have a label" },
		{ "logging \"x\" {}", "1:9-1:11",
		    "Component \"logging\" does not support labels" },
		{ "phlare.write \"a\" {}\nphlare.write \"a\" {}", "2:1-2:14",
		    "Component phlare.write.a already declared at f:1:1" },
		{ "logging {}\nlogging {}", "2:1-2:10",
		    "\"logging\" block already declared" },
		{ "argument \"x\" {}", "1:1-1:15",
		    "argument blocks only allowed inside a module" },
		{ "export \"x\" {}", "1:1-1:13",
		    "export blocks only allowed inside a module" },
		{ "phlare.ebpf \"a\" {\n x = phlare.ebpf.a.y\n}", "-",
		    "self reference: phlare.ebpf.a" },
		/* up to the first character of the last name */
		{ "phlare.ebpf \"a\" {\n x = [1, phlare.write.b.receiver]\n}",
		    "2:10-2:25",
		    "component \"phlare.write.b.receiver\" does not exist" },
		{ "phlare.ebpf \"a\" {\n x = foo(\"x\")\n}", "2:6-2:6",
		    "component \"foo\" does not exist" },
		{ "phlare.write \"a\" {}\nphlare.ebpf \"a\" {\n x = "
		  "phlare.write\n}",
		    "3:6-3:13", "component \"phlare.write\" does not exist" },
		{ "phlare.write \"a\" {}\nphlare.ebpf \"a\" {\n x = "
		  "phlare[\"write\"].a\n}",
		    "3:6-3:6", "component \"phlare\" does not exist" },
		{ "phlare.ebpf \"a\" {\n n {\n  x = -(1 + {y = z})[w]\n }\n}",
		    "3:18-3:18", "component \"z\" does not exist" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct loaded l = load(cases[i].text, strlen(cases[i].text));
		char range[64];

		assert_null(l.program);
		assert_string_equal(l.text.d->first->message, cases[i].message);
		assert_string_equal(
		    text_range(&l.text, range, sizeof(range)), cases[i].range);
		loaded_free(&l);
	}
}

static void
test_names_of_the_library_are_no_references(void **state)
{
	const char text[] = "phlare.ebpf \"a\" {\n"
			    " x = regex_quote(env(\"A\"))\n"
			    " y = constants.hostname\n}";
	struct loaded l = load(text, strlen(text));

	(void)state;
	assert_non_null(l.program);
	assert_int_equal(l.program->item[0].depend_count, 0);
	loaded_free(&l);
}

static void
test_shortest_prefix_is_the_reference(void **state)
{
	const char text[] = "logging {}\n"
			    "phlare.write \"a\" {}\n"
			    "phlare.ebpf \"b\" {\n"
			    " x = [phlare.write.a.b.c, phlare.write.a.d]\n"
			    " y = logging.level\n}";
	struct loaded l = load(text, strlen(text));
	const struct river_ident names[] = { { "phlare" }, { "write" }, { "a" },
		{ "receiver" } };
	const struct river_component *c;
	size_t used;
	char *graph;

	(void)state;
	graph = graph_of(l.program);
	assert_string_equal(graph, "logging:\nphlare.write.a:\n"
				   "phlare.ebpf.b: phlare.write.a logging\n");
	c = river_program_find(l.program, "phlare.write.a");
	assert_non_null(c);
	assert_string_equal(c->rule->name, "phlare.write");
	assert_ptr_equal(river_program_resolve(l.program, names, 4, &used), c);
	assert_int_equal(used, 3);
	assert_null(river_program_resolve(l.program, names, 2, &used));
	assert_null(river_program_find(l.program, "phlare.write"));
	free(graph);
	loaded_free(&l);
}

static void
test_all_mistakes_are_reported(void **state)
{
	const char text[] = "a = 1\nb \"x\" {}\nlogging {\n x = c\n}";
	struct loaded l = load(text, strlen(text));
	char *messages = text_messages(&l.text);

	(void)state;
	assert_string_equal(messages,
	    "f:1:1: unrecognized attribute a\n"
	    "f:2:1: Unrecognized component name \"b\"\n"
	    "f:4:6: component \"c\" does not exist\n");
	free(messages);
	loaded_free(&l);
}

/* A hundred thousand components that refer to each other. */
static void
test_many_components_load_in_linear_time(void **state)
{
	enum { COUNT = 100000 };
	char *bytes = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&bytes, &size);
	struct loaded l;
	double start;

	(void)state;
	fprintf(out, "phlare.write \"w\" {}\n");
	for (int i = 0; i < COUNT; i++)
		fprintf(out,
		    "phlare.ebpf \"e%d\" {\n x = [phlare.write.w.receiver, "
		    "phlare.ebpf.e%d.y]\n}\n",
		    i, (i + 1) % COUNT);
	fclose(out);
	start = seconds();
	l = load(bytes, size);
	assert_true(seconds() - start < 3);
	assert_non_null(l.program);
	assert_int_equal(l.program->count, COUNT + 1);
	assert_int_equal(l.program->item[COUNT].depend_count, 2);
	free(bytes);
	loaded_free(&l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_seed_examples_load),
		cmocka_unit_test(test_blocks_are_checked),
		cmocka_unit_test(test_names_of_the_library_are_no_references),
		cmocka_unit_test(test_shortest_prefix_is_the_reference),
		cmocka_unit_test(test_all_mistakes_are_reported),
		cmocka_unit_test(test_many_components_load_in_linear_time),
	};

	return cmocka_run_group_tests_name("river load", tests, NULL, NULL);
}
