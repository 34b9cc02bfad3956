/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/river_text.h"

#include <errno.h>

#include "common/river/eval.h"
#include "common/river/schema.h"

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))
#define SECOND 1000000000ll

static const struct river_capsule_type receiver_type = { "receiver" };
static const struct river_capsule_type other_type = { "other" };

struct inner {
	const struct river_block *block;
	const char *url;
	int64_t retries;
};

struct outer {
	const struct river_block *block;
	const char *s, *secret;
	int64_t i, rate, duration, interval;
	uint64_t u;
	double f;
	bool b;
	struct river_strings list;
	struct river_pairs map;
	struct river_targets targets;
	struct river_multimap headers;
	void *receiver;
	struct river_capsules receivers;
	struct river_value any;
	struct inner *one;
	struct river_blocks many;
	struct river_blocks labelled;
};

static const struct river_field inner_fields[] = {
	{ "url", RIVER_FIELD_STRING, offsetof(struct inner, url),
	    RIVER_REQUIRED },
	{ "retries", RIVER_FIELD_INT, offsetof(struct inner, retries) },
	{ 0 },
};
static const struct inner inner_defaults = { .retries = 10 };
static const struct river_schema inner_schema = {
	sizeof(struct inner),
	inner_fields,
	&inner_defaults,
};

static const char *
no_shouting(struct river_decoder *decoder, const void *member)
{
	const char *s = *(const char *const *)member;

	return strcmp(s, "LOUD") == 0
		   ? river_decoder_printf(decoder, "%s is too loud", s)
		   : NULL;
}

static void
check_outer(struct river_decoder *decoder, void *args)
{
	const struct outer *o = args;

	if (o->f == 1.5)
		river_decoder_refuse(decoder, "f must not be %s", "1.5");
	if (o->i == 13)
		river_decoder_refuse_at(
		    decoder, o->block, "i", "%d brings bad luck", 13);
	if (o->i == 14)
		river_decoder_refuse_at(decoder, o->block, "f", "no f");
}

#define OUTER(member) offsetof(struct outer, member)
static const struct river_field outer_fields[] = {
	{ "s", RIVER_FIELD_STRING, OUTER(s), .check = no_shouting },
	{ "secret", RIVER_FIELD_SECRET, OUTER(secret) },
	{ "i", RIVER_FIELD_INT, OUTER(i) },
	{ "sample_rate", RIVER_FIELD_INT, OUTER(rate), .min = 1, .max = 10000 },
	{ "u", RIVER_FIELD_UINT, OUTER(u) },
	{ "f", RIVER_FIELD_FLOAT, OUTER(f) },
	{ "b", RIVER_FIELD_BOOL, OUTER(b) },
	{ "duration", RIVER_FIELD_DURATION, OUTER(duration) },
	{ "interval", RIVER_FIELD_DURATION, OUTER(interval), .min = SECOND,
	    .max = INT64_MAX },
	{ "list", RIVER_FIELD_STRINGS, OUTER(list) },
	{ "map", RIVER_FIELD_MAP, OUTER(map) },
	{ "targets", RIVER_FIELD_TARGETS, OUTER(targets) },
	{ "headers", RIVER_FIELD_SECRETS, OUTER(headers) },
	{ "receiver", RIVER_FIELD_CAPSULE, OUTER(receiver),
	    .capsule = &receiver_type },
	{ "receivers", RIVER_FIELD_CAPSULES, OUTER(receivers),
	    .capsule = &receiver_type },
	{ "any", RIVER_FIELD_VALUE, OUTER(any) },
	{ "one", RIVER_FIELD_BLOCK, OUTER(one), .block = &inner_schema },
	{ "many.x", RIVER_FIELD_BLOCKS, OUTER(many), .block = &inner_schema },
	{ "labelled", RIVER_FIELD_BLOCKS, OUTER(labelled), RIVER_LABELLED,
	    .block = &inner_schema },
	{ 0 },
};
static const struct outer outer_defaults = { .s = "default", .rate = 100 };
static const struct river_schema outer_schema = {
	sizeof(struct outer),
	outer_fields,
	&outer_defaults,
	check_outer,
};

/* "x.secret", "x.receiver", "x.other", "x.values" */
static int the_receiver;

static size_t
lookup(void *arg, const struct river_ident *names, size_t count,
    struct river_value *value)
{
	const struct river_value *exports = arg;

	(void)count;
	if (strcmp(names[0].text, "x") != 0)
		return 0;
	*value = *exports;
	return 1;
}

struct decoded {
	struct text text;
	struct river_file *file;
	struct outer args;
	int result;
};

/* body in between the braces of a component */
static struct decoded
decode(const char *body)
{
	struct decoded r;
	char *bytes;
	int size = asprintf(&bytes, "c \"l\" {\n%s\n}\n", body);
	struct river_scope scope = { .lookup = lookup };
	struct river_eval eval = { .scope = &scope };
	struct river_value values[] = { river_value_int(1),
		river_value_bool(true) };
	struct river_value array = { .type = RIVER_ARRAY,
		.array = { values, 2 } };
	struct river_member inside = { { "in", 2 }, array };
	struct river_value object = { .type = RIVER_OBJECT,
		.object = { &inside, 1 } };
	struct river_value exports;

	r.text = text_new("", bytes, size);
	free(bytes);
	r.file = river_parse(r.text.source, r.text.d);
	assert_non_null(r.file);
	eval.source = r.text.source;
	eval.arena = r.text.arena;
	eval.diagnostics = r.text.d;
	exports = river_value_object(r.text.arena,
	    (struct river_member[]){
		{ { "secret", 6 },
		    river_value_secret(r.text.arena, "hush", 4) },
		{ { "receiver", 8 },
		    river_value_capsule(&receiver_type, &the_receiver) },
		{ { "other", 5 },
		    river_value_capsule(&other_type, &the_receiver) },
		{ { "values", 6 }, array },
		{ { "object", 6 }, object },
	    },
	    5);
	scope.arg = &exports;
	memset(&r.args, 0xa5, sizeof(r.args));
	r.result = river_decode(
	    &outer_schema, &r.file->body.first->block, &eval, &r.args);
	assert_int_equal(r.result<0, r.text.d->errors> 0);
	return r;
}

static void
decoded_free(struct decoded *r)
{
	river_file_free(r->file);
	text_free(&r->text);
}

static void
test_defaults_stay_where_nothing_is_given(void **state)
{
	struct decoded r = decode("");

	(void)state;
	assert_int_equal(r.result, 0);
	assert_ptr_equal(r.args.block, &r.file->body.first->block);
	assert_string_equal(r.args.s, "default");
	assert_int_equal(r.args.rate, 100);
	assert_null(r.args.one);
	assert_int_equal(r.args.many.count, 0);
	assert_int_equal(r.args.list.count, 0);
	decoded_free(&r);
}

static void
test_strings_take_numbers(void **state)
{
	static const char *const cases[][2] = {
		{ "s = \"x\"", "x" },
		{ "s = 1", "1" },
		{ "s = 1.50", "1.5" },
		{ "s = 1e21", "1000000000000000000000" },
		{ "s = 1e-7", "0.0000001" },
		{ "s = null", "" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct decoded r = decode(cases[i][0]);

		assert_int_equal(r.result, 0);
		assert_string_equal(r.args.s, cases[i][1]);
		decoded_free(&r);
	}
}

static void
test_scalars(void **state)
{
	struct decoded r = decode("i = \"-12\"\n"
				  "sample_rate = 1.9\n"
				  "u = \"1e2\"\n"
				  "f = 3\n"
				  "b = true\n"
				  "duration = \"1h30m\"\n"
				  "interval = \"1s\"\n"
				  "secret = \"pst\"\n");

	(void)state;
	assert_int_equal(r.result, 0);
	assert_int_equal(r.args.i, -12);
	assert_int_equal(r.args.rate, 1);
	assert_int_equal(r.args.u, 100);
	assert_true(r.args.f == 3.0);
	assert_true(r.args.b);
	assert_int_equal(r.args.duration, 5400 * SECOND);
	assert_int_equal(r.args.interval, SECOND);
	assert_string_equal(r.args.secret, "pst");
	decoded_free(&r);
	r = decode("i = null\nu = null\nf = null\nb = null\n"
		   "duration = null\nsecret = null\nlist = null\n"
		   "map = null\ntargets = null\nreceiver = null\n"
		   "receivers = null\nheaders = null");
	assert_int_equal(r.result, 0);
	assert_int_equal(r.args.i, 0);
	assert_string_equal(r.args.secret, "");
	assert_int_equal(r.args.targets.count, 0);
	assert_null(r.args.receiver);
	decoded_free(&r);
	r = decode("duration = 0");
	assert_int_equal(r.result, 0);
	assert_int_equal(r.args.duration, 0);
	decoded_free(&r);
}

/* How numbers are made of strings and of each other. */
static void
test_numbers_are_converted(void **state)
{
	static const struct {
		const char *text;
		int64_t i; /* INT64_MIN: it is a mistake */
	} cases[] = {
		{ "i = 1.9", 1 },
		{ "i = -1.9", -1 },
		{ "i = 3 / 2", 1 },
		{ "i = 010", 8 },
		{ "i = \"010\"", 10 },
		{ "i = \"-7\"", -7 },
		{ "i = \"1.5e1\"", 15 },
		{ "i = \".5\"", 0 },
		{ "i = \"18446744073709551615\"", -1 },
		{ "i = \"\"", INT64_MIN },
		{ "i = \" 1\"", INT64_MIN },
		{ "i = \"1 \"", INT64_MIN },
		{ "i = \"0x10\"", INT64_MIN },
		{ "i = \"+1\"", INT64_MIN },
		{ "i = \"--1\"", INT64_MIN },
		{ "i = \"1_0\"", INT64_MIN },
		{ "i = \"e\"", INT64_MIN },
		{ "i = \"-1.5\"", INT64_MIN },
	};
	struct decoded r;

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		r = decode(cases[i].text);
		assert_int_equal(r.result < 0, cases[i].i == INT64_MIN);
		if (r.result == 0)
			assert_int_equal(r.args.i, cases[i].i);
		decoded_free(&r);
	}
	r = decode("u = -1\nf = \"-0.5e1\"");
	assert_int_equal(r.result, -EINVAL);
	decoded_free(&r);
	r = decode("u = -1\nf = \"0.5e1\"");
	assert_int_equal(r.result, 0);
	assert_true(r.args.u == UINT64_MAX);
	assert_true(r.args.f == 5);
	decoded_free(&r);
}

/* What is computed is decoded as what stands there. */
static void
test_attributes_are_evaluated(void **state)
{
	struct decoded r =
	    decode("s = env(\"RIVER_SCHEMA\") + \"-\" + to_upper(\"b\")\n"
		   "i = 2^3 - 1\n"
		   "b = !(1 > 2)\n"
		   "duration = format(\"%dms\", 3 * 5)\n"
		   "list = concat(split(\"a b\", \" \"), [x.object[\"no\"]])\n"
		   "map = {a = constants.os}\n"
		   "targets = concat([{a = 1}], [])\n"
		   "any = regex_quote(\"a.b\")\n");

	(void)state;
	assert_int_equal(r.result, 0);
	assert_string_equal(r.args.s, "-B");
	assert_int_equal(r.args.i, 7);
	assert_true(r.args.b);
	assert_int_equal(r.args.duration, 15000000);
	assert_int_equal(r.args.list.count, 3);
	assert_string_equal(r.args.list.item[1], "b");
	assert_string_equal(r.args.list.item[2], "");
	assert_string_equal(r.args.map.item[0].value, "linux");
	assert_int_equal(r.args.targets.count, 1);
	assert_string_equal(r.args.any.string.data, "a\\.b");
	decoded_free(&r);
}

static void
test_lists_and_maps(void **state)
{
	struct decoded r =
	    decode("list = [\"a\", 2, null]\n"
		   "map = {a = \"x\", \"b c\" = 1, a = 2}\n"
		   "targets = [{a = \"1\"}, {}, {b = 2, c = 3}]\n"
		   "headers = {\"X-A\" = [\"1\", x.secret], b = []}\n"
		   "receiver = x.receiver\n"
		   "receivers = [x.receiver, (x.receiver)]\n"
		   "secret = x.secret\n"
		   "any = x.values\n");

	(void)state;
	assert_int_equal(r.result, 0);
	assert_int_equal(r.args.list.count, 3);
	assert_string_equal(r.args.list.item[1], "2");
	assert_string_equal(r.args.list.item[2], "");
	assert_int_equal(r.args.map.count, 2);
	assert_string_equal(r.args.map.item[0].name, "a");
	assert_string_equal(r.args.map.item[0].value, "2");
	assert_string_equal(r.args.map.item[1].name, "b c");
	assert_int_equal(r.args.targets.count, 3);
	assert_int_equal(r.args.targets.item[1].count, 0);
	assert_string_equal(r.args.targets.item[2].item[1].value, "3");
	assert_int_equal(r.args.headers.count, 2);
	assert_string_equal(r.args.headers.item[0].name, "X-A");
	assert_string_equal(r.args.headers.item[0].values.item[1], "hush");
	assert_ptr_equal(r.args.receiver, &the_receiver);
	assert_int_equal(r.args.receivers.count, 2);
	assert_ptr_equal(r.args.receivers.item[1], &the_receiver);
	assert_string_equal(r.args.secret, "hush");
	assert_int_equal(r.args.any.type, RIVER_ARRAY);
	decoded_free(&r);
}

static void
test_blocks_nest_and_repeat(void **state)
{
	struct decoded r = decode("one {\n url = \"u\"\n retries = 3\n}\n"
				  "many.x {\n url = \"1\"\n}\n"
				  "labelled \"l\" {\n url = \"3\"\n}\n"
				  "many.x {\n url = \"2\"\n}\n");
	const struct inner *many = r.args.many.item;
	const struct inner *labelled = r.args.labelled.item;

	(void)state;
	assert_int_equal(r.result, 0);
	assert_string_equal(r.args.one->url, "u");
	assert_int_equal(r.args.one->retries, 3);
	assert_int_equal(r.args.many.count, 2);
	assert_string_equal(many[0].url, "1");
	assert_string_equal(many[1].url, "2");
	assert_int_equal(many[1].retries, 10);
	assert_string_equal(many[1].block->name.text, "many.x");
	assert_int_equal(r.args.labelled.count, 1);
	assert_string_equal(labelled[0].block->label.text, "l");
	decoded_free(&r);
}

/* The body starts in line 2; the component is 1:1 to its last line. */
struct bad {
	const char *body, *range, *message;
};

static void
expect_first(const struct bad *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct decoded r = decode(cases[i].body);
		char range[64];

		assert_true(r.result < 0);
		assert_int_equal(r.text.d->count, 1);
		assert_string_equal(r.text.d->first->message, cases[i].message);
		assert_string_equal(
		    text_range(&r.text, range, sizeof(range)), cases[i].range);
		decoded_free(&r);
	}
}

static void
test_wrong_types(void **state)
{
	static const struct bad cases[] = {
		{ "s = true", "2:5-2:8", "true should be string, got bool" },
		{ "s = (true)", "2:5-2:10",
		    "(true) should be string, got bool" },
		{ "s = {a=1}", "2:5-2:9",
		    "{a = 1} should be string, got object" },
		{ "s = x.secret", "2:5-2:12",
		    "x.secret secrets may not be converted into strings" },
		{ "s = x.receiver", "2:5-2:14",
		    "x.receiver should be string, got capsule" },
		{ "s = \"a\\x00\"", "2:5-2:11",
		    "\"a\\x00\" must not contain a NUL byte" },
		{ "i = \"12a\"", "2:5-2:9",
		    "\"12a\" should be number, got string" },
		{ "i = true", "2:5-2:8", "true should be number, got bool" },
		{ "b = 1", "2:5-2:5", "1 should be bool, got number" },
		{ "b = \"true\"", "2:5-2:10",
		    "\"true\" should be bool, got string" },
		{ "duration = \"1d\"", "2:12-2:15",
		    "\"1d\" time: unknown unit \"d\" in duration \"1d\"" },
		{ "duration = 10", "2:12-2:13",
		    "10 time: missing unit in duration \"10\"" },
		{ "duration = \"bad\"", "2:12-2:16",
		    "\"bad\" time: invalid duration \"bad\"" },
		{ "duration = true", "2:12-2:15",
		    "true should be string, got bool" },
		{ "secret = 1", "2:10-2:10",
		    "1 should be capsule, got number" },
		{ "secret = x.receiver", "2:10-2:19",
		    "x.receiver expected capsule(\"secret\"), got "
		    "capsule(\"receiver\")" },
		{ "receivers = x.receiver", "2:13-2:22",
		    "x.receiver should be array, got capsule" },
		{ "receivers = [\"x\"]", "2:14-2:16",
		    "\"x\" should be capsule, got string" },
		{ "receivers = [x]", "2:14-2:14",
		    "x should be capsule, got object" },
		{ "receivers = [x.other]", "2:14-2:20",
		    "x.other expected capsule(\"receiver\"), got "
		    "capsule(\"other\")" },
		{ "list = \"a\"", "2:8-2:10",
		    "\"a\" should be array, got string" },
		{ "list = [\"a\", true]", "2:14-2:17",
		    "true should be string, got bool" },
		{ "list = ([\"a\", true])", "2:15-2:18",
		    "true should be string, got bool" },
		{ "list = x.values", "2:8-2:15",
		    "x.values[1] should be string, got bool" },
		{ "map = {a = [1]}", "2:12-2:14",
		    "[1] should be string, got array" },
		{ "map = {a = true, a = {}}", "2:22-2:23",
		    "{} should be string, got object" },
		{ "map = x.object", "2:7-2:14",
		    "x.object.in should be string, got array" },
		{ "headers = x.object", "2:11-2:18",
		    "x.object.in[0] should be capsule, got number" },
		{ "targets = [{a = 1}, {b = true}]", "2:26-2:29",
		    "true should be string, got bool" },
		{ "targets = [{a = 1}, 3]", "2:21-2:21",
		    "3 should be object, got number" },
		{ "s = [1][0] == 1", "2:5-2:15",
		    "[1][0] == 1 should be string, got bool" },
		{ "list = concat([\"a\"], [true])", "2:8-2:28",
		    "concat([\"a\"], [true])[1] should be string, got bool" },
		{ "map = {a = split(\"a\", \",\")}", "2:12-2:26",
		    "split(\"a\", \",\") should be string, got array" },
		{ "s = env(1) + 2", "2:14-2:14",
		    "2 should be string, got number" },
		{ "i = 1 / 0", "2:5-2:9", "division by zero" },
		{ "s = foo", "2:5-2:7", "identifier \"foo\" does not exist" },
	};

	(void)state;
	expect_first(cases, LENGTH(cases));
}

static void
test_ranges_and_checks(void **state)
{
	static const struct bad cases[] = {
		{ "sample_rate = 0", "2:15-2:15",
		    "sample_rate must be between 1 and 10000" },
		{ "sample_rate = 10001", "2:15-2:19",
		    "sample_rate must be between 1 and 10000" },
		{ "interval = \"999ms\"", "2:12-2:18",
		    "interval must be at least 1s" },
		{ "s = \"LOUD\"", "2:5-2:10", "LOUD is too loud" },
		{ "i = 13\nf = 2", "2:5-2:6", "13 brings bad luck" },
		{ "i = 14", "1:1-3:1", "no f" },
		{ "f = 1.5", "1:1-3:1",
		    "Failed to build component: decoding River: f must not be "
		    "1.5" },
	};

	(void)state;
	expect_first(cases, LENGTH(cases));
}

static void
test_wrong_statements(void **state)
{
	static const struct bad cases[] = {
		{ "s = \"a\"\ns = true", "3:1-3:8",
		    "attribute \"s\" may only be provided once" },
		{ "nope = foo", "2:1-2:10",
		    "unrecognized attribute name \"nope\"" },
		{ "a.b {\n}", "2:1-3:1", "unrecognized block name \"a.b\"" },
		{ "one = 1", "2:1-2:7",
		    "\"one\" must be a block, but is used as an attribute" },
		{ "s {\n}", "2:1-3:1",
		    "\"s\" must be an attribute, but is used as a block" },
		{ "one {\n url = 1\n}\none {\n}", "2:1-4:1",
		    "block \"one\" may only be specified once" },
		{ "one \"x\" {\n}", "2:1-2:9",
		    "block \"one\" does not support specifying labels" },
		{ "labelled {\n}", "2:1-2:10",
		    "block \"labelled\" requires non-empty label" },
		{ "labelled \"\" {\n}", "2:1-2:13",
		    "block \"labelled\" requires non-empty label" },
		{ "one {\n}", "1:1-4:1",
		    "Failed to build component: decoding River: missing "
		    "required attribute \"url\"" },
	};

	(void)state;
	expect_first(cases, LENGTH(cases));
}

struct strict {
	const struct river_block *block;
	struct inner *one;
	const char *s;
};

static void
test_required_is_checked_after_everything(void **state)
{
	static const struct river_field fields[] = {
		{ "one", RIVER_FIELD_BLOCK, offsetof(struct strict, one),
		    RIVER_REQUIRED, .block = &inner_schema },
		{ "s", RIVER_FIELD_STRING, offsetof(struct strict, s),
		    RIVER_REQUIRED },
		{ 0 },
	};
	static const struct river_schema schema = { sizeof(struct strict),
		fields };
	static const char *const cases[][2] = {
		{ "c { }",
		    "1:1: Failed to build component: decoding River: missing "
		    "required block \"one\"\n" },
		{ "c {\none {\n url = 1\n}\n}",
		    "1:1: Failed to build component: decoding River: missing "
		    "required attribute \"s\"\n" },
		{ "c {\n t = 1\n}",
		    "2:2: unrecognized attribute name \"t\"\n" },
		{ "c {\n s = null\n one {\n  url = null\n }\n}", "" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct text t = text_new("", cases[i][0], strlen(cases[i][0]));
		struct river_eval eval = { t.source, NULL, t.arena, t.d };
		struct river_file *file = river_parse(t.source, t.d);
		struct strict args;
		char *messages;

		assert_non_null(file);
		river_decode(&schema, &file->body.first->block, &eval, &args);
		messages = text_messages(&t);
		assert_string_equal(messages, cases[i][1]);
		free(messages);
		river_file_free(file);
		text_free(&t);
	}
}

static void
test_place_of_a_value_is_found_later(void **state)
{
	struct decoded r = decode("i = 5\none {\n url = \"u\"\n}");
	struct river_range range;

	(void)state;
	assert_int_equal(r.result, 0);
	range = river_value_range(r.args.one->block, "url");
	assert_int_equal(range.start,
	    strstr(r.text.source->text, "\"u\"") - r.text.source->text);
	range = river_value_range(r.args.block, "b");
	assert_int_equal(range.start, 0);
	decoded_free(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults_stay_where_nothing_is_given),
		cmocka_unit_test(test_strings_take_numbers),
		cmocka_unit_test(test_scalars),
		cmocka_unit_test(test_numbers_are_converted),
		cmocka_unit_test(test_attributes_are_evaluated),
		cmocka_unit_test(test_lists_and_maps),
		cmocka_unit_test(test_blocks_nest_and_repeat),
		cmocka_unit_test(test_wrong_types),
		cmocka_unit_test(test_ranges_and_checks),
		cmocka_unit_test(test_wrong_statements),
		cmocka_unit_test(test_required_is_checked_after_everything),
		cmocka_unit_test(test_place_of_a_value_is_found_later),
	};

	return cmocka_run_group_tests_name("river schema", tests, NULL, NULL);
}
