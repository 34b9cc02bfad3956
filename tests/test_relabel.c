/* SPDX-License-Identifier: Apache-2.0 */
/* discovery.relabel: what is in a configuration, and what comes out. */
#include "tests/config_text.h"

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))
#define WHOLE "Failed to build component: decoding River: "
#define SINK                                                                   \
	"phlare.write \"w\" {\n"                                               \
	"endpoint {\nurl = \"http://127.0.0.1:9\"\n}\n}\n"                     \
	"phlare.ebpf \"e\" {\n"                                                \
	"forward_to = [phlare.write.w.receiver]\n"                             \
	"targets = discovery.relabel.r.output\n}\n"

/* rules is the body of one rule, or several of them, split by "|". */
static char *
config_of(const char *targets, const char *rules)
{
	char *text, *copy = strdup(rules), *rest = copy, *rule;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	fprintf(out, "discovery.relabel \"r\" {\ntargets = %s\n", targets);
	while ((rule = strsep(&rest, "|")) != NULL)
		if (rule[0] != '\0')
			fprintf(out, "rule {\n%s\n}\n", rule);
	fprintf(out, "}\n" SINK);
	fclose(out);
	free(copy);
	return text;
}

static void
print_targets(const struct river_targets *targets, FILE *out)
{
	for (size_t i = 0; i < targets->count; i++) {
		fprintf(out, i > 0 ? " {" : "{");
		for (size_t k = 0; k < targets->item[i].count; k++)
			fprintf(out, "%s%s=%s", k > 0 ? " " : "",
			    targets->item[i].item[k].name,
			    targets->item[i].item[k].value);
		fprintf(out, "}");
	}
}

/* The targets after the rules as text, or the first mistake. */
static char *
relabelled(const char *targets, const char *rules)
{
	char *text = config_of(targets, rules), *result = NULL;
	struct config_text t = config_text_new(text);
	const struct ebpf_args *args;
	size_t size = 0;
	FILE *out = open_memstream(&result, &size);

	if (t.config == NULL) {
		fputs(t.message, out);
	} else {
		args = config_text_args(&t, "phlare.ebpf.e");
		print_targets(&args->targets, out);
	}
	fclose(out);
	config_text_free(&t);
	free(text);
	return result;
}

struct row {
	const char *targets, *rules, *result;
};

static void
check(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char *is = relabelled(rows[i].targets, rows[i].rules);

		if (strcmp(is, rows[i].result) != 0)
			fail_msg("%s\n%s\n  is       %s\n  but must %s",
			    rows[i].targets, rows[i].rules, is, rows[i].result);
		free(is);
	}
}

#define SOURCE_A "source_labels = [\"a\"]\n"
#define SOURCES "source_labels = [\"a\", \"b\", \"c\"]\n"
#define INTO "target_label = \"t\"\n"

static void
test_replace(void **state)
{
	static const struct row rows[] = {
		{ "[{a=\"x\"}]", SOURCE_A INTO, "{a=x t=x}" },
		{ "[{a=\"x\", b=\"y\"}]", SOURCES INTO, "{a=x b=y t=x;y;}" },
		{ "[{a=\"x\", b=\"y\"}]", SOURCES INTO "separator = \"\"\n",
		    "{a=x b=y t=xy}" },
		{ "[{a=\"x-1\"}]",
		    SOURCE_A INTO "regex = \"(.)-(.)\"\n"
				  "replacement = \"${2}_$1\"\n",
		    "{a=x-1 t=1_x}" },
		/* no match changes nothing, nor does a part */
		{ "[{a=\"xy\", t=\"z\"}]", SOURCE_A INTO "regex = \"x\"\n",
		    "{a=xy t=z}" },
		/* what is set anew replaces */
		{ "[{a=\"x\", t=\"z\"}]", SOURCE_A INTO, "{a=x t=x}" },
		/* an empty result deletes */
		{ "[{a=\"x\", t=\"z\"}]", SOURCE_A INTO "replacement = \"\"\n",
		    "{a=x}" },
		{ "[{a=\"x\", t=\"z\"}]",
		    SOURCE_A INTO "replacement = \"$1x\"\n", "{a=x}" },
		{ "[{a=\"x\", t=\"z\"}]", "source_labels = [\"none\"]\n" INTO,
		    "{a=x}" },
		/* no source is the empty text */
		{ "[{a=\"x\"}]", INTO "replacement = \"new\"\n",
		    "{a=x t=new}" },
		{ "[{a=\"x\"}]", INTO "regex = \"y*\"\nreplacement = \"n\"\n",
		    "{a=x t=n}" },
		{ "[{a=\"x\"}]", INTO "regex = \"y+\"\nreplacement = \"n\"\n",
		    "{a=x}" },
		/* the name may be made of groups */
		{ "[{a=\"x-1\"}]",
		    SOURCE_A "regex = \"(.*)-(.*)\"\nreplacement = \"$2\"\n"
			     "target_label = \"l_${1}_$2\"\n",
		    "{a=x-1 l_x_1=1}" },
		{ "[{a=\"x y\"}]", SOURCE_A "target_label = \"${1}\"\n",
		    "{a=x y}" },
		{ "[{a=\"1x\"}]", SOURCE_A "target_label = \"$1\"\n",
		    "{a=1x}" },
		{ "[{a=\"\u00e9\"}]", SOURCE_A "target_label = \"$1\"\n",
		    "{a=\u00e9}" },
		{ "[{a=\"xy\", xy=\"z\"}]",
		    SOURCE_A "target_label = \"$1\"\nreplacement = \"\"\n",
		    "{a=xy}" },
		{ "[{a=\"x\"}]",
		    SOURCE_A "regex = \"(?P<name>.)\"\n"
			     "target_label = \"n_$name\"\n",
		    "{a=x n_x=x}" },
		{ "[{a=\"a\\nb\"}]", SOURCE_A INTO, "{a=a\nb}" },
		{ "[{a=\"5$\"}]", SOURCE_A INTO "replacement = \"$$$1\"\n",
		    "{a=5$ t=$5$}" },
	};

	(void)state;
	check(rows, LENGTH(rows));
}

static void
test_keep_and_drop(void **state)
{
	static const struct row rows[] = {
		{ "[{a=\"x\"}, {a=\"y\"}, {b=\"x\"}]",
		    SOURCE_A "regex = \"x\"\naction = \"keep\"", "{a=x}" },
		{ "[{a=\"x\"}, {a=\"y\"}, {b=\"x\"}]",
		    SOURCE_A "regex = \"x\"\naction = \"drop\"",
		    "{a=y} {b=x}" },
		{ "[{a=\"x\"}, {a=\"xx\"}]",
		    SOURCE_A "regex = \"x\"\naction = \"keep\"", "{a=x}" },
		/* the empty regex matches only what is empty */
		{ "[{a=\"x\"}, {b=\"x\"}]",
		    SOURCE_A "regex = \"\"\naction = \"keep\"", "{b=x}" },
		{ "[{a=\"x\"}, {b=\"x\"}]",
		    SOURCE_A "regex = null\naction = \"keep\"", "{b=x}" },
		{ "[{a=\"x\"}]", "action = \"keep\"", "{a=x}" },
		{ "[{a=\"x\"}]", "action = \"drop\"", "" },
		{ "[{a=\"x\", b=\"x\"}, {a=\"x\", b=\"y\"}, {c=\"z\"}]",
		    "source_labels = [\"a\"]\ntarget_label = \"b\"\n"
		    "action = \"keepequal\"",
		    "{a=x b=x} {c=z}" },
		{ "[{a=\"x\", b=\"x\"}, {a=\"x\", b=\"y\"}, {c=\"z\"}]",
		    "source_labels = [\"a\"]\ntarget_label = \"b\"\n"
		    "action = \"dropequal\"",
		    "{a=x b=y}" },
		{ "[{a=\"x\", b=\"y\", t=\"x;y;\"}, {a=\"x\", t=\"x;\"}]",
		    SOURCES INTO "action = \"keepequal\"", "{a=x b=y t=x;y;}" },
		/* what is dropped is not looked at again */
		{ "[{a=\"x\"}, {a=\"y\"}]",
		    SOURCE_A "regex = \"x\"\naction = \"drop\"|" SOURCE_A INTO,
		    "{a=y t=y}" },
	};

	(void)state;
	check(rows, LENGTH(rows));
}

/* Values of MD5 that md5sum gives too. */
static void
test_hashmod(void **state)
{
	static const struct row rows[] = {
		/* md5 0cc175b9c0f1b6a831c399e269772661 */
		{ "[{a=\"a\"}]",
		    SOURCE_A INTO "action = \"hashmod\"\n"
				  "modulus = 18446744073709551615",
		    "{a=a t=3585878926028121697}" },
		{ "[{a=\"a\"}]",
		    SOURCE_A INTO "action = \"hashmod\"\nmodulus = 1000",
		    "{a=a t=697}" },
		{ "[{a=\"a\"}]",
		    SOURCE_A INTO "action = \"hashmod\"\nmodulus = 1",
		    "{a=a t=0}" },
		/* of ";", d41d8cd9... would be that of nothing */
		{ "[{x=\"y\"}]",
		    "source_labels = [\"a\", \"b\"]\n" INTO
		    "action = \"hashmod\"\nmodulus = 65536",
		    "{t=64497 x=y}" },
		{ "[{x=\"y\"}]", INTO "action = \"hashmod\"\nmodulus = 65536",
		    "{t=17022 x=y}" },
	};

	(void)state;
	check(rows, LENGTH(rows));
}

static void
test_labelmap(void **state)
{
	static const struct row rows[] = {
		{ "[{__meta_l_a=\"x\", __meta_l_b=\"y\", c=\"z\"}]",
		    "regex = \"__meta_l_(.+)\"\naction = \"labelmap\"",
		    "{__meta_l_a=x __meta_l_b=y a=x b=y c=z}" },
		{ "[{a=\"x\"}]",
		    "regex = \"(.)\"\nreplacement = \"l_${1}\"\n"
		    "action = \"labelmap\"",
		    "{a=x l_a=x}" },
		/* what was there before counts, not what the rule adds */
		{ "[{a=\"x\", ba=\"y\"}]",
		    "regex = \"b?(.*)\"\nreplacement = \"b${1}\"\n"
		    "action = \"labelmap\"",
		    "{a=x ba=y}" },
		{ "[{a=\"x\"}]",
		    "regex = \"(a+)\"\nreplacement = \"${1}a\"\n"
		    "action = \"labelmap\"",
		    "{a=x aa=x}" },
		/* of two results with one name that of the later name */
		{ "[{b2=\"y\", b1=\"x\"}]",
		    "regex = \"(b).\"\naction = \"labelmap\"",
		    "{b=y b1=x b2=y}" },
		/* a name may come out that no rule could be given */
		{ "[{a=\"x\"}]",
		    "regex = \"(b*).\"\nreplacement = \"$1\"\n"
		    "action = \"labelmap\"",
		    "{a=x}" },
		{ "[{\"a.b\"=\"x\"}]",
		    "regex = \"a(.*)\"\nreplacement = \"z${1}\"\n"
		    "action = \"labelmap\"",
		    "{a.b=x z.b=x}" },
	};

	(void)state;
	check(rows, LENGTH(rows));
}

static void
test_labeldrop_and_labelkeep(void **state)
{
	static const struct row rows[] = {
		{ "[{a=\"x\", ab=\"y\", b=\"z\"}]",
		    "regex = \"a\"\naction = \"labeldrop\"", "{ab=y b=z}" },
		{ "[{a=\"x\", ab=\"y\", b=\"z\"}]",
		    "regex = \"a.*\"\naction = \"labelkeep\"", "{a=x ab=y}" },
		{ "[{a=\"x\"}]", "action = \"labeldrop\"", "{}" },
		{ "[{a=\"x\"}]", "regex = \"\"\naction = \"labelkeep\"", "{}" },
	};

	(void)state;
	check(rows, LENGTH(rows));
}

static void
test_lowercase_and_uppercase(void **state)
{
	static const struct row rows[] = {
		{ "[{a=\"XyZ\u00c9\u0130\"}]",
		    SOURCE_A INTO "action = \"lowercase\"",
		    "{a=XyZ\u00c9\u0130 t=xyz\u00e9i}" },
		{ "[{a=\"Xy\u00e9\u00df\u01c6\"}]",
		    SOURCE_A INTO "action = \"uppercase\"",
		    "{a=Xy\u00e9\u00df\u01c6 t=XY\u00c9\u00df\u01c4}" },
		{ "[{t=\"x\"}]", SOURCE_A INTO "action = \"uppercase\"", "{}" },
		/* the regex has no say, and the name is taken as it is */
		{ "[{a=\"X\"}]",
		    SOURCE_A "target_label = \"l_$1\"\nregex = \"y\"\n"
			     "action = \"lowercase\"",
		    "{a=X l_$1=x}" },
	};

	(void)state;
	check(rows, LENGTH(rows));
}

static void
test_labels_without_a_value_are_none(void **state)
{
	static const struct row rows[] = {
		{ "[{a=\"\", b=\"x\"}]", "", "{a= b=x}" },
		{ "[{b=\"x\", a=\"\"}]", "regex = \"z\"\n" INTO, "{b=x}" },
		{ "[{a=\"\", b=\"x\"}]",
		    "regex = \"a\"\naction = \"labelkeep\"", "{}" },
		{ "[]", SOURCE_A INTO, "" },
		{ "null", SOURCE_A INTO, "" },
		{ "[{}]", SOURCE_A INTO, "{}" },
		/* labels come out by name */
		{ "[{c=\"1\", a=\"2\", b=\"3\"}]", "action = \"keep\"",
		    "{a=2 b=3 c=1}" },
		{ "[{c=\"1\", a=\"2\"}]", "", "{c=1 a=2}" },
		{ "[{a=5, b=1.50}]", "action = \"keep\"", "{a=5 b=1.5}" },
	};

	(void)state;
	check(rows, LENGTH(rows));
}

#define TARGET_A "[{a=\"x\"}]"

/* Each row also breaks the rules of those below it, as far as it can. */
static void
test_rules_are_checked_in_order(void **state)
{
	static const struct {
		const char *rule, *message;
	} rows[] = {
		{ "action = null\nmodulus = 0",
		    "1:1: " WHOLE "relabel action cannot be empty" },
		{ "action = \"hashmod\"",
		    "1:1: " WHOLE
		    "relabel configuration for hashmod requires non-zero "
		    "modulus" },
		{ "action = \"hashmod\"\nmodulus = 2",
		    "1:1: " WHOLE
		    "relabel configuration for hashmod action requires "
		    "'target_label' value" },
		{ "action = \"replace\"",
		    "1:1: " WHOLE
		    "relabel configuration for replace action requires "
		    "'target_label' value" },
		{ "", "1:1: " WHOLE
		      "relabel configuration for replace action requires "
		      "'target_label' value" },
		{ "action = \"keepequal\"\nregex = \"a\"",
		    "1:1: " WHOLE
		    "relabel configuration for keepequal action requires "
		    "'target_label' value" },
		{ "action = \"dropequal\"\nregex = \"a\"",
		    "1:1: " WHOLE
		    "relabel configuration for dropequal action requires "
		    "'target_label' value" },
		{ "action = \"lowercase\"\nreplacement = \"a\"",
		    "1:1: " WHOLE
		    "relabel configuration for lowercase action requires "
		    "'target_label' value" },
		{ "action = \"uppercase\"\ntarget_label = \"\"",
		    "1:1: " WHOLE
		    "relabel configuration for uppercase action requires "
		    "'target_label' value" },
		{ INTO "action = \"keepequal\"\nregex = \"a\"",
		    "1:1: " WHOLE
		    "relabel configuration for keepequal action requires "
		    "'source_labels' value" },
		{ INTO "action = \"dropequal\"\nregex = \"a\"",
		    "1:1: " WHOLE
		    "relabel configuration for dropequal action requires "
		    "'source_labels' value" },
		{ "target_label = \"a-b\"",
		    "1:1: " WHOLE
		    "\"a-b\" is invalid 'target_label' for replace action" },
		{ "target_label = \"1a\"",
		    "1:1: " WHOLE
		    "\"1a\" is invalid 'target_label' for replace action" },
		{ "target_label = \"$\"",
		    "1:1: " WHOLE
		    "\"$\" is invalid 'target_label' for replace action" },
		{ "target_label = \"${}\"",
		    "1:1: " WHOLE
		    "\"${}\" is invalid 'target_label' for replace action" },
		{ "target_label = \"${\"",
		    "1:1: " WHOLE
		    "\"${\" is invalid 'target_label' for replace action" },
		{ "target_label = \"a\\nb\"",
		    "1:1: " WHOLE
		    "\"a\\nb\" is invalid 'target_label' for replace action" },
		{ "target_label = \"a-\"\nreplacement = \"x\"\n"
		  "action = \"lowercase\"",
		    "1:1: " WHOLE
		    "\"a-\" is invalid 'target_label' for lowercase action" },
		{ INTO "replacement = \"x\"\naction = \"lowercase\"",
		    "1:1: " WHOLE
		    "'replacement' can not be set for lowercase action" },
		{ INTO "replacement = \"\"\naction = \"uppercase\"",
		    "1:1: " WHOLE
		    "'replacement' can not be set for uppercase action" },
		{ "replacement = \"a-b\"\naction = \"labelmap\"",
		    "1:1: " WHOLE
		    "\"a-b\" is invalid 'replacement' for labelmap action" },
		{ "replacement = \"\"\naction = \"labelmap\"",
		    "1:1: " WHOLE
		    "\"\" is invalid 'replacement' for labelmap action" },
		{ "target_label = \"l_${1}\"\nmodulus = 2\n"
		  "action = \"hashmod\"",
		    "1:1: " WHOLE "\"l_${1}\" is invalid 'target_label' for "
		    "hashmod action" },
		{ SOURCE_A "action = \"labeldrop\"",
		    "1:1: " WHOLE "labeldrop action requires only 'regex', "
		    "and no other fields" },
		{ "source_labels = []\naction = \"labelkeep\"",
		    "1:1: " WHOLE "labelkeep action requires only 'regex', "
		    "and no other fields" },
		{ INTO "action = \"labeldrop\"",
		    "1:1: " WHOLE "labeldrop action requires only 'regex', "
		    "and no other fields" },
		{ "modulus = 1\naction = \"labeldrop\"",
		    "1:1: " WHOLE "labeldrop action requires only 'regex', "
		    "and no other fields" },
		{ "separator = \",\"\naction = \"labeldrop\"",
		    "1:1: " WHOLE "labeldrop action requires only 'regex', "
		    "and no other fields" },
		{ "replacement = \"x\"\naction = \"labeldrop\"",
		    "1:1: " WHOLE "labeldrop action requires only 'regex', "
		    "and no other fields" },
		{ SOURCE_A INTO "regex = \".*\"\naction = \"keepequal\"",
		    "1:1: " WHOLE
		    "keepequal action requires only 'source_labels' and "
		    "'target_label', and no other fields" },
		{ SOURCE_A INTO "separator = \"\"\naction = \"dropequal\"",
		    "1:1: " WHOLE
		    "dropequal action requires only 'source_labels' and "
		    "'target_label', and no other fields" },
		{ SOURCE_A INTO "modulus = 3\naction = \"dropequal\"",
		    "1:1: " WHOLE
		    "dropequal action requires only 'source_labels' and "
		    "'target_label', and no other fields" },
		/* at the value */
		{ "action = \"foo\"",
		    "4:10: \"foo\" unrecognized action type \"foo\"" },
		{ "action = \"Replace\"",
		    "4:10: \"Replace\" unrecognized action type \"Replace\"" },
		{ "action = \"\"", "4:10: \"\" unrecognized action type \"\"" },
		{ "regex = \"(\"",
		    "4:9: \"(\" error parsing regexp: missing closing ): "
		    "`^(?:()$`" },
		{ "regex = \"a\" + \"\\\\1\"",
		    "4:9: \"a\" + \"\\\\1\" error parsing regexp: invalid "
		    "escape sequence: `\\1`" },
		{ "regex = regex_quote(\"a\") + \"{1001}\"",
		    "4:9: regex_quote(\"a\") + \"{1001}\" error parsing "
		    "regexp: invalid repeat count: `{1001}`" },
		{ INTO "regex = \"(a*)*\"",
		    "5:9: group 1 is in a repetition of something that can "
		    "match nothing, as in (a*)*: what it captures is not "
		    "defined" },
		{ "separator = \"\\xff\"", "4:13: no valid UTF-8" },
		{ "regex = true", "4:9: true should be string, got bool" },
		{ "modulus = \"x\"", "4:11: \"x\" should be number, got "
				     "string" },
		{ "nope = 1", "4:1: unrecognized attribute name \"nope\"" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		char *message = relabelled(TARGET_A, rows[i].rule);

		/* a rule without a line is none to config_of() */
		if (rows[i].rule[0] == '\0') {
			free(message);
			message = relabelled(TARGET_A, " ");
		}
		if (strcmp(message, rows[i].message) != 0)
			fail_msg("%s\n  is       %s\n  but must %s",
			    rows[i].rule, message, rows[i].message);
		free(message);
	}
}

/* What is like the default is as good as not given. */
static void
test_rules_that_are_right(void **state)
{
	static const char *const rules[] = {
		"action = \"keep\"",
		"action = \"drop\"\nmodulus = 3\n" INTO,
		SOURCE_A INTO "regex = \"(.*)\"\naction = \"keepequal\"",
		SOURCE_A INTO "separator = \";\"\nmodulus = 0\n"
			      "replacement = \"$1\"\naction = \"dropequal\"",
		"source_labels = []\n" INTO "action = \"keepequal\"",
		INTO "replacement = \"$1\"\naction = \"lowercase\"",
		"target_label = \"\"\nreplacement = \"$1\"\n"
		"action = \"labeldrop\"",
		"target_label = \"${1}\"",
		"target_label = \"_${1}_\"",
		"target_label = \"asd$2asd\"",
		"target_label = \"$name\"",
		"target_label = \"a1\"",
		"replacement = \"${1}\"\naction = \"labelmap\"",
		"regex = \"(a*)*\"\naction = \"keep\"",
		"regex = \"(a*)*(b)\"\nreplacement = \"$2\"\n" INTO,
		INTO "modulus = -1\naction = \"hashmod\"",
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rules); i++) {
		char *text = config_of(TARGET_A, rules[i]);
		struct config_text t = config_text_new(text);

		if (t.config == NULL)
			fail_msg("%s: %s", rules[i], t.message);
		config_text_free(&t);
		free(text);
	}
}

static void
test_targets_are_checked(void **state)
{
	static const struct row rows[] = {
		{ "\"x\"", "", "2:11: \"x\" should be array, got string" },
		{ "[{a=true}]", "", "2:15: true should be string, got bool" },
		{ "[{\"\"=\"x\"}]", "", "2:11: a label must have a name" },
		{ "[{a=\"\\xff\"}]", "",
		    "2:11: label \"a\" is no valid UTF-8" },
	};
	struct config_text t =
	    config_text_new("discovery.relabel \"r\" {\n}\n");

	(void)state;
	check(rows, LENGTH(rows));
	assert_string_equal(
	    t.message, "1:1: " WHOLE "missing required attribute \"targets\"");
	config_text_free(&t);
}

/* Components run in the order of what they need, not of the file. */
static void
test_exports_flow_between_components(void **state)
{
	struct config_text t = config_text_new(
	    "discovery.relabel \"r\" {\n"
	    "targets = concat(discovery.relabel.q.output, [{a = \"z\"}])\n"
	    "rule {\naction = \"uppercase\"\n" SOURCE_A INTO "}\n}\n" SINK
	    "discovery.relabel \"q\" {\n"
	    "targets = [{a = \"x\"}, {a = \"y\"}]\n"
	    "rule {\nregex = \"y\"\naction = \"drop\"\n" SOURCE_A "}\n}\n");
	const struct ebpf_args *args = config_text_args(&t, "phlare.ebpf.e");
	const struct config_component *q =
	    config_find(t.config, "discovery.relabel.q");

	(void)state;
	assert_int_equal(args->targets.count, 2);
	assert_string_equal(args->targets.item[0].item[1].value, "X");
	assert_string_equal(args->targets.item[1].item[1].value, "Z");
	assert_int_equal(q->relabelled.in, 2);
	assert_int_equal(q->relabelled.out, 1);
	assert_int_equal(q->relabelled.given_up, 0);
	config_text_free(&t);
}

/* One mistake, not another one at each that depends on it. */
static void
test_a_mistake_is_reported_once(void **state)
{
	struct config_text t =
	    config_text_new("discovery.relabel \"r\" {\n"
			    "targets = [{a = \"x\"}]\n"
			    "rule {\nregex = \"(\"\n}\n}\n" SINK);

	(void)state;
	assert_int_equal(t.mistakes, 1);
	config_text_free(&t);
}

static void
test_rules_are_a_capsule(void **state)
{
	struct config_text t =
	    config_text_new("discovery.relabel \"r\" {\ntargets = []\n}\n"
			    "discovery.relabel \"s\" {\n"
			    "targets = discovery.relabel.r.rules\n}\n");

	(void)state;
	assert_string_equal(t.message,
	    "5:11: discovery.relabel.r.rules should be array, got capsule");
	config_text_free(&t);
}

/* What a hostile label makes of a rule: the target is gone, and counted. */
static void
test_a_target_that_takes_too_long_is_dropped(void **state)
{
	static const char *const actions[] = { "keep", "drop", "replace",
		"labelmap", "labeldrop", "labelkeep" };
	char label[1025] = { 0 }, *text;

	(void)state;
	memset(label, 'a', sizeof(label) - 1);
	memcpy(label + sizeof(label) - 4, "bxc", 3);
	for (size_t i = 0; i < LENGTH(actions); i++) {
		bool names = strncmp(actions[i], "label", 5) == 0;
		struct config_text t;
		const struct config_component *r;

		assert_true(asprintf(&text,
				"discovery.relabel \"r\" {\n"
				"targets = [{%s = \"%s\"}, {a = \"b\"}]\n"
				"rule {\n%s%sregex = \"(?:a+)+b\"\n"
				"action = \"%s\"\n}\n}\n" SINK,
				names ? label : "a", names ? "a" : label,
				names ? "" : SOURCE_A, i == 2 ? INTO : "",
				actions[i]) > 0);
		t = config_text_new(text);
		if (t.config == NULL)
			fail_msg("%s", t.message);
		r = config_find(t.config, "discovery.relabel.r");
		assert_int_equal(r->relabelled.given_up, 1);
		/* keep has no use for the other one */
		assert_int_equal(r->relabelled.out, i == 0 ? 0 : 1);
		config_text_free(&t);
		free(text);
	}
}

/* Rules that double a label, one after the other. */
static void
test_labels_do_not_blow_up(void **state)
{
	char *text, *is;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	for (int i = 0; i < 60; i++)
		fprintf(out,
		    "%s" SOURCE_A "target_label = \"a\"\n"
		    "replacement = \"$1$1\"\n",
		    i > 0 ? "|" : "");
	fclose(out);
	is = relabelled("[{a=\"xy\"}, {b=\"z\"}]", text);
	assert_string_equal(is, "{b=z}");
	free(is);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_replace),
		cmocka_unit_test(test_keep_and_drop),
		cmocka_unit_test(test_hashmod),
		cmocka_unit_test(test_labelmap),
		cmocka_unit_test(test_labeldrop_and_labelkeep),
		cmocka_unit_test(test_lowercase_and_uppercase),
		cmocka_unit_test(test_labels_without_a_value_are_none),
		cmocka_unit_test(test_rules_are_checked_in_order),
		cmocka_unit_test(test_rules_that_are_right),
		cmocka_unit_test(test_targets_are_checked),
		cmocka_unit_test(test_exports_flow_between_components),
		cmocka_unit_test(test_a_mistake_is_reported_once),
		cmocka_unit_test(test_rules_are_a_capsule),
		cmocka_unit_test(test_a_target_that_takes_too_long_is_dropped),
		cmocka_unit_test(test_labels_do_not_blow_up),
	};

	return cmocka_run_group_tests_name("relabel", tests, NULL, NULL);
}
