/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/river_text.h"

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

/* A tree as text, with as many parentheses as it has nodes. */
static void print_expr(
    FILE *out, const struct text *t, const struct river_expr *e);

static void
print_list(FILE *out, const struct text *t, const struct river_expr_list *l)
{
	for (const struct river_expr *e = l->first; e != NULL; e = e->next) {
		fputc(' ', out);
		print_expr(out, t, e);
	}
}

static void
print_expr(FILE *out, const struct text *t, const struct river_expr *e)
{
	const struct river_member_expr *m;

	switch (e->kind) {
	case RIVER_EXPR_LITERAL:
	case RIVER_EXPR_IDENT:
		fprintf(out, "%.*s", (int)(e->range.end - e->range.start + 1),
		    t->source->text + e->range.start);
		return;
	case RIVER_EXPR_ARRAY:
		fputs("(array", out);
		print_list(out, t, &e->array);
		break;
	case RIVER_EXPR_OBJECT:
		fputs("(object", out);
		for (m = e->object.first; m != NULL; m = m->next) {
			fprintf(out, " %s:", m->key.text);
			print_expr(out, t, m->value);
		}
		break;
	case RIVER_EXPR_ACCESS:
		fputs("(. ", out);
		print_expr(out, t, e->access.value);
		fprintf(out, " %s", e->access.name.text);
		break;
	case RIVER_EXPR_INDEX:
		fputs("([] ", out);
		print_expr(out, t, e->index.value);
		fputc(' ', out);
		print_expr(out, t, e->index.index);
		break;
	case RIVER_EXPR_CALL:
		fputs("(call ", out);
		print_expr(out, t, e->call.callee);
		print_list(out, t, &e->call.args);
		break;
	case RIVER_EXPR_UNARY:
		fprintf(out, "(%s ", river_token_name(e->unary.op));
		print_expr(out, t, e->unary.value);
		break;
	case RIVER_EXPR_BINARY:
		fprintf(out, "(%s ", river_token_name(e->binary.op));
		print_expr(out, t, e->binary.left);
		fputc(' ', out);
		print_expr(out, t, e->binary.right);
		break;
	case RIVER_EXPR_PAREN:
		fputs("(paren ", out);
		print_expr(out, t, e->inner);
		break;
	default:
		fail();
	}
	fputc(')', out);
}

static void
test_expression_tree(void **state)
{
	static const char *const cases[][2] = {
		{ "a || b && c", "(|| a (&& b c))" },
		{ "a && b == c", "(&& a (== b c))" },
		{ "1 == 1 == true", "(== (== 1 1) true)" },
		{ "2 < 3 < 4", "(< (< 2 3) 4)" },
		{ "a != b <= c >= d > e", "(> (>= (<= (!= a b) c) d) e)" },
		{ "1 + 2 - 3", "(- (+ 1 2) 3)" },
		{ "1 + 2 * 3 / 4 % 5", "(+ 1 (% (/ (* 2 3) 4) 5))" },
		{ "2^3^2", "(^ 2 (^ 3 2))" },
		{ "-2^2", "(^ (- 2) 2)" },
		{ "2 * 3^2", "(* 2 (^ 3 2))" },
		{ "!!a", "(! (! a))" },
		{ "-a.b", "(- (. a b))" },
		{ "a.b.c[0](1, 2).d", "(. (call ([] (. (. a b) c) 0) 1 2) d)" },
		{ "(1 + 2) * 3", "(* (paren (+ 1 2)) 3)" },
		{ "[]", "(array)" },
		{ "[\n]", "(array)" },
		{ "[1, [2,],\n3]", "(array 1 (array 2) 3)" },
		{ "{}", "(object)" },
		{ "{a = 1, \"b\\n\" = 2, \"\" = 3,\n}",
		    "(object a:1 b\\n:2 :3)" },
		{ "f()", "(call f)" },
		{ "f(\na,\n)", "(call f a)" },
		{ "1 +\n2", "(+ 1 2)" },
		{ "null", "null" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct text t = text_new("", cases[i][0], strlen(cases[i][0]));
		const struct river_expr *e =
		    river_parse_expression(t.source, t.arena, t.d);
		char *tree = NULL;
		size_t size = 0;
		FILE *out;

		assert_non_null(e);
		out = open_memstream(&tree, &size);
		print_expr(out, &t, e);
		fclose(out);
		assert_string_equal(tree, cases[i][1]);
		/* but for the newlines, the range is the whole */
		assert_int_equal(e->range.start, 0);
		assert_int_equal(e->range.end, strlen(cases[i][0]) - 1);
		free(tree);
		text_free(&t);
	}
}

static void
test_statements_keep_their_places(void **state)
{
	const char text[] = "a = 1\nb.c \"l\" {\n  d = x.y\n  e { }\n}\nf { }";
	struct text t = text_new("", text, strlen(text));
	struct river_file *file = river_parse(t.source, t.d);
	const struct river_statement *s, *inner;

	(void)state;
	assert_non_null(file);
	assert_int_equal(file->body.count, 3);
	s = file->body.first;
	assert_false(s->is_block);
	assert_string_equal(s->attribute.name.text, "a");
	assert_int_equal(s->range.start, 0);
	assert_int_equal(s->range.end, 4);
	s = s->next;
	assert_true(s->is_block);
	assert_string_equal(s->block.name.text, "b.c");
	assert_int_equal(s->block.part_count, 2);
	assert_string_equal(s->block.parts[1].text, "c");
	assert_int_equal(s->block.name.range.start, 6);
	assert_int_equal(s->block.name.range.end, 8);
	assert_string_equal(s->block.label.text, "l");
	assert_int_equal(s->block.label.range.start, 10);
	assert_int_equal(s->block.label.range.end, 12);
	assert_int_equal(s->block.open, 14);
	assert_int_equal(s->block.close, strstr(text, "\n}") + 1 - text);
	assert_int_equal(s->range.start, 6);
	assert_int_equal(s->range.end, s->block.close);
	assert_int_equal(s->block.body.count, 2);
	inner = s->block.body.first;
	assert_ptr_equal(
	    river_body_attribute(&s->block.body, "d"), &inner->attribute);
	assert_null(river_body_attribute(&s->block.body, "e"));
	assert_int_equal(inner->attribute.value->kind, RIVER_EXPR_ACCESS);
	assert_string_equal(inner->next->block.name.text, "e");
	assert_string_equal(inner->next->block.label.text, "");
	assert_string_equal(s->next->block.name.text, "f");
	river_file_free(file);
	text_free(&t);
}

static void
test_good_files_have_no_diagnostics(void **state)
{
	static const char *const cases[] = {
		"",
		"\n\n// only a comment",
		"a \"\" {}",
		"a { b = 1 }",
		"a {\n}\nb {\n}\n",
		"a = `raw\nstring`\r\n",
		("\xef\xbb\xbf"
		 "a = 1"),
		"a = [1,\n2]",
		"a /* x */ = 1",
		"a = 1 /* \n */ b = 2",
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct text t = text_new("", cases[i], strlen(cases[i]));
		struct river_file *file = river_parse(t.source, t.d);
		char *messages = text_messages(&t);

		assert_string_equal(messages, "");
		assert_non_null(file);
		free(messages);
		river_file_free(file);
		text_free(&t);
	}
}

/* A text and the first thing that is said about it, and where. */
struct bad {
	const char *text, *range, *message;
};

static void
expect_first(const struct bad *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct text t =
		    text_new("", cases[i].text, strlen(cases[i].text));
		struct river_file *file = river_parse(t.source, t.d);
		char range[64];

		assert_null(file);
		assert_non_null(t.d->first);
		assert_string_equal(t.d->first->message, cases[i].message);
		assert_string_equal(
		    text_range(&t, range, sizeof(range)), cases[i].range);
		text_free(&t);
	}
}

static void
test_bad_statements(void **state)
{
	static const struct bad cases[] = {
		{ "1 = 2", "1:1-", "expected identifier, got NUMBER" },
		{ "\"x\" = 1", "1:1-", "expected identifier, got STRING" },
		{ "true = 1", "1:1-", "expected identifier, got BOOL" },
		{ "{}", "1:1-", "expected identifier, got {" },
		{ "}", "1:1-", "expected identifier, got }" },
		{ "a.", "1:3-", "expected identifier, got EOF" },
		{ "a.true = 1", "1:3-", "expected identifier, got BOOL" },
		{ "name\n{\n}", "1:5-",
		    "expected block label, got TERMINATOR" },
		{ "name\n= x", "1:5-", "expected block label, got TERMINATOR" },
		{ "name 1", "1:6-", "expected block label, got NUMBER" },
		{ "name ident {", "1:6-", "expected block label, got IDENT" },
		{ "s == 1", "1:3-", "expected block label, got ==" },
		{ "a.1", "1:2-", "expected block label, got FLOAT" },
		{ "a \"x\"", "1:6-", "expected block body, got TERMINATOR" },
		{ "a \"x\" 1", "1:7-", "expected block body, got NUMBER" },
		{ "a \"x\" \"y\" {}", "1:7-",
		    "expected block body, got STRING" },
		{ "a \"\" x {", "1:6-",
		    "expected attribute assignment or block body, got IDENT" },
		{ "a `x` {}", "1:3-",
		    "expected block label to be a double quoted string, but "
		    "got \"`x`\"" },
		{ "a \"a-b\" {}", "1:3-",
		    "expected block label to be a valid identifier, but got "
		    "\"a-b\"" },
		{ "a \"x\\ty\" {}", "1:3-",
		    "expected block label to be a valid identifier, but got "
		    "\"x\\\\ty\"" },
		{ "a \"true\" {}", "1:3-",
		    "expected block label to be a valid identifier, but got "
		    "\"true\"" },
		{ "a.b = 1", "1:1-1:3",
		    "attribute names may only consist of a single identifier "
		    "with no \".\"" },
		{ "a \"x\" = 1", "1:3-1:5",
		    "attribute names may not have labels" },
		{ "a = 1 b = 2", "1:7-", "expected TERMINATOR, got IDENT" },
		{ "a = 1,", "1:6-", "expected TERMINATOR, got ," },
		{ "a = 1 }", "1:7-", "expected TERMINATOR, got }" },
		{ "a { b = 1 } c = 2", "1:13-",
		    "expected TERMINATOR, got IDENT" },
		{ "a {", "1:4-", "expected }, got EOF" },
		{ "a { b { c { \n", "2:1-", "expected }, got EOF" },
	};

	(void)state;
	expect_first(cases, LENGTH(cases));
}

static void
test_bad_expressions(void **state)
{
	static const struct bad cases[] = {
		{ "a = ", "1:5-", "expected expression, got EOF" },
		{ "a = +", "1:5-", "expected expression, got +" },
		{ "a = 1 +", "1:8-", "expected expression, got EOF" },
		{ "a = !", "1:6-", "expected expression, got EOF" },
		{ "a = ()", "1:6-", "expected expression, got )" },
		{ "a = (1", "1:7-", "expected ), got TERMINATOR" },
		{ "a = (1,2)", "1:7-", "expected ), got ," },
		{ "a = (1\n+ 2)", "1:7-", "expected ), got TERMINATOR" },
		{ "a = [", "1:6-", "expected ], got EOF" },
		{ "a = [,]", "1:6-", "expected expression, got ," },
		{ "a = [\"a\",,]", "1:10-", "expected expression, got ," },
		{ "a = [1 2]", "1:8-", "missing ',' in expression list" },
		{ "a = [1\n]", "1:7-", "missing ',' in expression list" },
		{ "a = f(1\n)", "1:8-", "missing ',' in expression list" },
		{ "a = {\nx = 1\n}", "2:6-", "missing ',' in field list" },
		{ "a = {x", "1:7-", "expected =, got TERMINATOR" },
		{ "a = {1 = 2}", "1:6-",
		    "expected field name (string or identifier), got "
		    "NUMBER" },
		{ "a = {true = 1}", "1:6-",
		    "expected field name (string or identifier), got BOOL" },
		{ "a = {]", "1:6-", "expected }, got ]" },
		{ "a = {", "1:6-", "expected }, got EOF" },
		{ "a = f(", "1:7-", "expected ), got EOF" },
		{ "a = f(,)", "1:7-", "expected expression, got ," },
		{ "a = b[]", "1:7-", "expected expression, got ]" },
		{ "a = b[1,2]", "1:8-", "expected ], got ," },
		{ "a = b.7", "1:6-", "expected TERMINATOR, got FLOAT" },
		{ "a = b.true", "1:7-", "expected IDENT, got BOOL" },
		{ "a = [\"a\" \"b\"]", "1:13-", "expected {, got ]" },
		{ "a = env(\"A\" \"B\")", "1:16-", "expected {, got )" },
		{ "x = rule { }", "1:5-1:12",
		    "cannot use a block as an expression" },
		{ "a = b.c \"d\" { x = 1 }", "1:5-1:21",
		    "cannot use a block as an expression" },
		{ "a = `x\ny` \"z\" {\n}", "1:5-3:1",
		    "cannot use a block as an expression" },
		{ "a = [b {}, c]", "1:6-1:9",
		    "cannot use a block as an expression" },
	};

	(void)state;
	expect_first(cases, LENGTH(cases));
}

static void
test_several_errors_at_most_one_a_line(void **state)
{
	static const char *const cases[][2] = {
		{ "d = = 3\ne", "1:5: expected expression, got =\n"
				"2:2: expected block label, got TERMINATOR\n" },
		/* those of the lexer always show */
		{ "a = @", "1:5: illegal character U+0040 '@'\n"
			   "1:5: expected expression, got ILLEGAL\n" },
		{ "a: 1", "1:2: illegal character U+003A ':'\n"
			  "1:2: expected block label, got ILLEGAL\n" },
		{ "a = 'x'",
		    "1:5: illegal single-quoted string; use double quotes\n"
		    "1:5: expected expression, got ILLEGAL\n" },
		{ "a.b.c = 1 = 2",
		    "1:1: attribute names may only consist of a single "
		    "identifier with no \".\"\n"
		    "1:11: expected TERMINATOR, got =\n" },
		{ "x = [\n 1 2\n 3 4\n]\ny = ",
		    "2:4: missing ',' in expression list\n"
		    "3:4: missing ',' in expression list\n"
		    "5:5: expected expression, got EOF\n" },
		{ "a = b {\n x = =\n}\nc = ",
		    "2:6: expected expression, got =\n"
		    "1:5: cannot use a block as an expression\n"
		    "4:5: expected expression, got EOF\n" },
		{ "a { 1\nb = 2\n}\nc = =",
		    "1:5: expected identifier, got NUMBER\n"
		    "2:1: expected TERMINATOR, got IDENT\n"
		    "4:5: expected expression, got =\n" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct text t = text_new("", cases[i][0], strlen(cases[i][0]));
		char *messages;

		assert_null(river_parse(t.source, t.d));
		messages = text_messages(&t);
		assert_string_equal(messages, cases[i][1]);
		free(messages);
		text_free(&t);
	}
}

static void
test_expression_must_be_alone(void **state)
{
	static const char *const bad[] = { "", "1 2", "a = 1", "1\n2" };

	(void)state;
	for (size_t i = 0; i < LENGTH(bad); i++) {
		struct text t = text_new("", bad[i], strlen(bad[i]));

		assert_null(river_parse_expression(t.source, t.arena, t.d));
		assert_int_equal(t.d->errors, 1);
		text_free(&t);
	}
}

static void
test_seed_examples_parse(void **state)
{
	static const char *const names[] = {
		"seed-docker.river",
		"seed-kubernetes.river",
		"seed-static.river",
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(names); i++) {
		size_t size;
		char *bytes = read_data(names[i], &size);
		struct text t = text_new(names[i], bytes, size);
		struct river_file *file = river_parse(t.source, t.d);

		assert_int_equal(t.d->count, 0);
		assert_non_null(file);
		assert_true(file->body.count >= 2);
		river_file_free(file);
		free(bytes);
		text_free(&t);
	}
}

/* A text of a unit repeated up to size bytes, in between a head and a tail. */
static struct text
repeated(const char *head, const char *unit, size_t times, const char *tail)
{
	size_t n = strlen(unit);
	size_t size = strlen(head) + n * times + strlen(tail);
	char *bytes = malloc(size + 1), *out = stpcpy(bytes, head);
	struct text t;

	for (; times > 0; times--, out += n)
		memcpy(out, unit, n);
	strcpy(out, tail);
	t = text_new("", bytes, size);
	free(bytes);
	return t;
}

static void
test_depth_stops_with_an_error(void **state)
{
	static const char *const cases[][3] = {
		{ "a = ", "[", "" },
		{ "a = ", "(", "" },
		{ "a = ", "{a=", "" },
		{ "a = ", "f(", "" },
		{ "a = ", "a[", "" },
		{ "a = ", "-", "1" },
		{ "a = 2", "^2", "" },
		{ "a = 1", "+1", "" },
		{ "a = b", ".c", "" },
		{ "a = b", "[0]", "" },
		{ "a = b", "()", "" },
		{ "", "a {\n", "" },
		{ "a = ", "b {\n a = ", "" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct text t =
		    repeated(cases[i][0], cases[i][1], 1000000, cases[i][2]);
		double start = seconds();

		assert_null(river_parse(t.source, t.d));
		assert_true(seconds() - start < 2);
		assert_string_equal(t.d->last->message,
		    "nested too deeply, more than 500 levels");
		text_free(&t);
	}
}

static void
test_depth_of_real_use_is_fine(void **state)
{
	char open[128], close[128];
	struct river_file *file;
	struct text t;

	(void)state;
	memset(open, '[', sizeof(open));
	memset(close, ']', sizeof(close));
	memcpy(open, "a = ", 4);
	open[sizeof(open) - 1] = close[sizeof(close) - 5] = '\0';
	t = repeated(open, "", 0, close);
	file = river_parse(t.source, t.d);
	assert_non_null(file);
	river_file_free(file);
	text_free(&t);
}

static void
test_large_files_take_linear_time(void **state)
{
	static const struct {
		const char *head, *unit, *tail;
		size_t times;
		int good;
	} cases[] = {
		{ "", "a \"b\" {\n c = 1\n}\n", "", 100000, 1 },
		{ "a = \"", "0123456789", "\"", 1000000, 1 },
		{ "a = `", "012345678\n", "`", 1000000, 1 },
		{ "a = ", "9", "", 10000000, 1 },
		{ "", "a", " = 1", 10000000, 1 },
		{ "a = [", "1,", "]", 500000, 1 },
		{ "a = 1 ", "/**/", " \n", 1000000, 1 },
		{ "a ", "/**/", "= 1", 1000000, 1 },
		{ "", "a = =\n", "", 200000, 0 },
		{ "", "@", "", 1000000, 0 },
		{ "", "\"", "", 1000001, 0 },
		{ "a \"", "-", "\" {}", 1000000, 0 },
		{ "", "\n", "", 1000000, 1 },
		{ "a", ".b", " = 1", 1000000, 0 },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct text t = repeated(cases[i].head, cases[i].unit,
		    cases[i].times, cases[i].tail);
		double start = seconds();
		struct river_file *file = river_parse(t.source, t.d);

		assert_true(seconds() - start < 3);
		assert_int_equal(file != NULL, cases[i].good);
		river_file_free(file);
		text_free(&t);
	}
}

static void
test_nul_bytes_are_errors(void **state)
{
	size_t size = 1000000;
	char *bytes = calloc(size, 1);
	struct text t = text_new("", bytes, size);

	(void)state;
	assert_null(river_parse(t.source, t.d));
	assert_true(t.d->count >= size);
	assert_int_equal(t.d->count - t.d->dropped, RIVER_MAX_DIAGNOSTICS);
	free(bytes);
	text_free(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_expression_tree),
		cmocka_unit_test(test_statements_keep_their_places),
		cmocka_unit_test(test_good_files_have_no_diagnostics),
		cmocka_unit_test(test_bad_statements),
		cmocka_unit_test(test_bad_expressions),
		cmocka_unit_test(test_several_errors_at_most_one_a_line),
		cmocka_unit_test(test_expression_must_be_alone),
		cmocka_unit_test(test_seed_examples_parse),
		cmocka_unit_test(test_depth_stops_with_an_error),
		cmocka_unit_test(test_depth_of_real_use_is_fine),
		cmocka_unit_test(test_large_files_take_linear_time),
		cmocka_unit_test(test_nul_bytes_are_errors),
	};

	return cmocka_run_group_tests_name("river parser", tests, NULL, NULL);
}
