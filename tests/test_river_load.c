/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/river_text.h"

#include <errno.h>

#include "common/river/eval.h"
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

/* The components in the order of their evaluation. */
static void
test_components_come_after_what_they_need(void **state)
{
	static const struct {
		const char *text, *order;
	} cases[] = {
		{ "phlare.ebpf \"a\" {}\nlogging {}\nphlare.ebpf \"b\" {}",
		    "phlare.ebpf.a logging phlare.ebpf.b " },
		{ "phlare.ebpf \"a\" {\n x = phlare.ebpf.b.y\n}\n"
		  "phlare.ebpf \"b\" {\n x = phlare.ebpf.c.y\n}\n"
		  "phlare.ebpf \"c\" {}",
		    "phlare.ebpf.c phlare.ebpf.b phlare.ebpf.a " },
		/* a diamond */
		{ "phlare.ebpf \"a\" {\n"
		  " x = [phlare.ebpf.b.y, phlare.ebpf.c.y]\n}\n"
		  "phlare.ebpf \"b\" {\n x = phlare.ebpf.d.y\n}\n"
		  "phlare.ebpf \"c\" {\n x = phlare.ebpf.d.y\n}\n"
		  "phlare.ebpf \"d\" {}",
		    "phlare.ebpf.d phlare.ebpf.b phlare.ebpf.c "
		    "phlare.ebpf.a " },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct loaded l = load(cases[i].text, strlen(cases[i].text));
		char order[256] = "";

		for (size_t j = 0; j < l.program->count; j++) {
			strcat(order, l.program->order[j]->id);
			strcat(order, " ");
		}
		assert_string_equal(order, cases[i].order);
		loaded_free(&l);
	}
}

static void
test_cycles_are_reported_without_a_place(void **state)
{
	static const struct {
		const char *text, *messages;
	} cases[] = {
		{ "phlare.ebpf \"a\" {\n x = phlare.ebpf.b.y\n}\n"
		  "phlare.ebpf \"b\" {\n x = phlare.ebpf.a.y\n}",
		    "-: cycle: phlare.ebpf.a, phlare.ebpf.b\n" },
		/* in the order of the references, who only leads there not */
		{ "phlare.ebpf \"z\" {\n x = phlare.ebpf.a.y\n}\n"
		  "phlare.ebpf \"a\" {\n x = phlare.ebpf.c.y\n}\n"
		  "phlare.ebpf \"b\" {\n x = phlare.ebpf.a.y\n}\n"
		  "phlare.ebpf \"c\" {\n x = phlare.ebpf.b.y\n}",
		    "-: cycle: phlare.ebpf.a, phlare.ebpf.c, "
		    "phlare.ebpf.b\n" },
		/* two of them, and another mistake */
		{ "phlare.ebpf \"a\" {\n x = phlare.ebpf.b.y\n}\n"
		  "phlare.ebpf \"b\" {\n x = phlare.ebpf.a.y\n}\n"
		  "phlare.ebpf \"c\" {\n x = phlare.ebpf.d.y\n}\n"
		  "phlare.ebpf \"d\" {\n x = [phlare.ebpf.c.y, e]\n}\n"
		  "phlare.ebpf \"s\" {\n x = phlare.ebpf.s.y\n}",
		    "f:11:24: component \"e\" does not exist\n"
		    "-: self reference: phlare.ebpf.s\n"
		    "-: cycle: phlare.ebpf.a, phlare.ebpf.b\n"
		    "-: cycle: phlare.ebpf.c, phlare.ebpf.d\n" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct loaded l = load(cases[i].text, strlen(cases[i].text));
		char *messages = text_messages(&l.text);

		assert_null(l.program);
		assert_string_equal(messages, cases[i].messages);
		free(messages);
		loaded_free(&l);
	}
}

/* Exports are set on the way, as who evaluates does it. */
static void
test_components_stand_for_their_exports(void **state)
{
	const char text[] = "phlare.ebpf \"a\" {\n x = phlare.write.b.r\n}\n"
			    "phlare.write \"b\" {}";
	struct loaded l = load(text, strlen(text));
	struct river_scope scope = { river_program_lookup, l.program };
	struct river_eval eval = { l.text.source, &scope, l.text.arena,
		l.text.d };
	const struct river_attribute *x;
	struct river_member r = { { "r", 1 }, river_value_int(5) };
	struct river_value value;
	char *messages;

	(void)state;
	assert_string_equal(l.program->order[0]->id, "phlare.write.b");
	x = river_body_attribute(&l.program->order[1]->block->body, "x");
	assert_int_equal(river_evaluate(&eval, x->value, &value), -EINVAL);
	l.program->order[0]->exports = river_value_object(l.text.arena, &r, 1);
	assert_int_equal(river_evaluate(&eval, x->value, &value), 0);
	assert_int_equal(value.number.i, 5);
	messages = text_messages(&l.text);
	assert_string_equal(messages, "f:2:21: field \"r\" does not exist\n");
	free(messages);
	loaded_free(&l);
}

/* A hundred thousand components, each of which refers to the next. */
static char *
chain_of(int count, int last, size_t *size)
{
	char *bytes = NULL;
	FILE *out = open_memstream(&bytes, size);

	fprintf(out, "phlare.write \"w\" {}\n");
	for (int i = 0; i < count; i++)
		fprintf(out,
		    "phlare.ebpf \"e%d\" {\n x = [phlare.write.w.receiver, "
		    "phlare.ebpf.e%d.y]\n}\n",
		    i, i + 1 < count ? i + 1 : last);
	fprintf(out, "phlare.ebpf \"e%d\" {}\n", count);
	fclose(out);
	return bytes;
}

static void
test_many_components_load_in_linear_time(void **state)
{
	enum { COUNT = 100000 };
	size_t size;
	char *bytes = chain_of(COUNT, COUNT, &size);
	struct loaded l;
	double start;

	(void)state;
	start = seconds();
	l = load(bytes, size);
	assert_true(seconds() - start < 3);
	assert_non_null(l.program);
	assert_int_equal(l.program->count, COUNT + 2);
	assert_int_equal(l.program->item[COUNT].depend_count, 2);
	assert_string_equal(l.program->order[0]->id, "phlare.write.w");
	assert_string_equal(l.program->order[1]->id, "phlare.ebpf.e100000");
	assert_string_equal(l.program->order[COUNT + 1]->id, "phlare.ebpf.e0");
	free(bytes);
	loaded_free(&l);
}

static void
test_huge_cycle_is_reported_in_short(void **state)
{
	enum { COUNT = 100000 };
	size_t size;
	char *bytes = chain_of(COUNT, 0, &size);
	struct loaded l;
	double start;

	(void)state;
	start = seconds();
	l = load(bytes, size);
	assert_true(seconds() - start < 3);
	assert_null(l.program);
	assert_non_null(strstr(l.text.d->first->message,
	    "cycle: phlare.ebpf.e0, phlare.ebpf.e1, phlare.ebpf.e2, "));
	assert_non_null(strstr(
	    l.text.d->first->message, ", phlare.ebpf.e19 and 99980 more"));
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
		cmocka_unit_test(test_components_come_after_what_they_need),
		cmocka_unit_test(test_cycles_are_reported_without_a_place),
		cmocka_unit_test(test_components_stand_for_their_exports),
		cmocka_unit_test(test_huge_cycle_is_reported_in_short),
		cmocka_unit_test(test_many_components_load_in_linear_time),
	};

	return cmocka_run_group_tests_name("river load", tests, NULL, NULL);
}
