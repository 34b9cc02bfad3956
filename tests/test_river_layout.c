/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/river_text.h"

#include <errno.h>

#include "common/river/layout.h"

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

/* ---- whether two trees are the same, places aside */

static bool same_expr(const struct text *s, const struct river_expr *a,
    const struct text *t, const struct river_expr *b);

/* Carriage returns are no part of a raw string. */
static bool
same_bytes(const struct text *s, struct river_range a, const struct text *t,
    struct river_range b)
{
	const char *p = s->source->text + a.start;
	const char *q = t->source->text + b.start;
	const char *p_end = s->source->text + a.end + 1;
	const char *q_end = t->source->text + b.end + 1;
	bool raw = *p == '`';

	for (;; p++, q++) {
		while (raw && p < p_end && *p == '\r')
			p++;
		while (raw && q < q_end && *q == '\r')
			q++;
		if (p == p_end || q == q_end)
			return p == p_end && q == q_end;
		if (*p != *q)
			return false;
	}
}

static bool
same_list(const struct text *s, const struct river_expr_list *a,
    const struct text *t, const struct river_expr_list *b)
{
	const struct river_expr *x = a->first, *y = b->first;

	for (; x != NULL && y != NULL; x = x->next, y = y->next)
		if (!same_expr(s, x, t, y))
			return false;
	return x == y;
}

static bool
same_object(const struct text *s, const struct river_expr *a,
    const struct text *t, const struct river_expr *b)
{
	const struct river_member_expr *x = a->object.first;
	const struct river_member_expr *y = b->object.first;

	for (; x != NULL && y != NULL; x = x->next, y = y->next)
		if (strcmp(x->key.text, y->key.text) != 0 ||
		    x->quoted != y->quoted ||
		    !same_expr(s, x->value, t, y->value))
			return false;
	return x == NULL && y == NULL;
}

static bool
same_expr(const struct text *s, const struct river_expr *a,
    const struct text *t, const struct river_expr *b)
{
	if (a->kind != b->kind)
		return false;
	switch (a->kind) {
	case RIVER_EXPR_LITERAL:
		return a->literal == b->literal &&
		       same_bytes(s, a->range, t, b->range);
	case RIVER_EXPR_IDENT:
		return strcmp(a->ident, b->ident) == 0;
	case RIVER_EXPR_ARRAY:
		return same_list(s, &a->array, t, &b->array);
	case RIVER_EXPR_OBJECT:
		return same_object(s, a, t, b);
	case RIVER_EXPR_ACCESS:
		return same_expr(s, a->access.value, t, b->access.value) &&
		       strcmp(a->access.name.text, b->access.name.text) == 0;
	case RIVER_EXPR_INDEX:
		return same_expr(s, a->index.value, t, b->index.value) &&
		       same_expr(s, a->index.index, t, b->index.index);
	case RIVER_EXPR_CALL:
		return same_expr(s, a->call.callee, t, b->call.callee) &&
		       same_list(s, &a->call.args, t, &b->call.args);
	case RIVER_EXPR_UNARY:
		return a->unary.op == b->unary.op &&
		       same_expr(s, a->unary.value, t, b->unary.value);
	case RIVER_EXPR_BINARY:
		return a->binary.op == b->binary.op &&
		       same_expr(s, a->binary.left, t, b->binary.left) &&
		       same_expr(s, a->binary.right, t, b->binary.right);
	default:
		return same_expr(s, a->inner, t, b->inner);
	}
}

static bool
same_body(const struct text *s, const struct river_body *a,
    const struct text *t, const struct river_body *b)
{
	const struct river_statement *x = a->first, *y = b->first;

	for (; x != NULL && y != NULL; x = x->next, y = y->next) {
		if (x->is_block != y->is_block)
			return false;
		if (!x->is_block &&
		    (strcmp(x->attribute.name.text, y->attribute.name.text) ||
			!same_expr(
			    s, x->attribute.value, t, y->attribute.value)))
			return false;
		if (x->is_block &&
		    (strcmp(x->block.name.text, y->block.name.text) != 0 ||
			strcmp(x->block.label.text, y->block.label.text) != 0 ||
			!same_body(s, &x->block.body, t, &y->block.body)))
			return false;
	}
	return x == NULL && y == NULL;
}

static size_t
count_comments(const struct river_file *file)
{
	size_t count = 0;

	for (struct river_comment *c = file->comments; c != NULL; c = c->next)
		count++;
	return count;
}

/* ---- formatting one text */

/* What must hold for any file without mistakes; the text, to be freed. */
static char *
check_layout(const char *bytes, size_t size)
{
	struct text a = text_new("a", bytes, size), b;
	struct river_file *file = river_parse(a.source, a.d), *again;
	size_t n, m;
	char *once, *twice;

	if (file == NULL) {
		text_free(&a);
		return NULL;
	}
	once = river_layout(a.source, &n);
	assert_non_null(once);
	b = text_new("b", once, n);
	again = river_parse(b.source, b.d);
	if (again == NULL || !same_body(&a, &file->body, &b, &again->body) ||
	    count_comments(file) != count_comments(again) ||
	    !river_layout_same(a.source, b.source))
		fail_msg(
		    "not the same:\n%.*s\n---\n%s", (int)size, bytes, once);
	twice = river_layout(b.source, &m);
	if (n != m || memcmp(once, twice, n) != 0)
		fail_msg("not the end:\n%s\n---\n%s", once, twice);
	free(twice);
	river_file_free(file);
	river_file_free(again);
	text_free(&a);
	text_free(&b);
	return once;
}

static void
check_table(const char *const (*cases)[2], size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char *text = check_layout(cases[i][0], strlen(cases[i][0]));

		assert_non_null(text);
		assert_string_equal(text, cases[i][1]);
		free(text);
	}
}

/* ---- tests */

static void
test_spaces(void **state)
{
	static const char *const cases[][2] = {
		{ "", "" },
		{ "\n\n \t\n", "" },
		{ "a=1", "a = 1\n" },
		{ "a   =\t1  ", "a = 1\n" },
		{ "\xef\xbb\xbf"
		  "a = 1\n",
		    "a = 1\n" },
		{ "a=1*(2+3)^2==4&&!b||-c\n",
		    "a = 1 * (2 + 3) ^ 2 == 4 && !b || -c\n" },
		{ "a = - - 1\nb = 1 - - 1", "a = --1\nb = 1 - -1\n" },
		{ "a = b . c [ 0 ] ( \"x\" , 1 ) ( ) . d",
		    "a = b.c[0](\"x\", 1)().d\n" },
		{ "a = [ 1,2 ,3 ]\n", "a = [1, 2, 3]\n" },
		{ "a = { b=1 , \"c d\"=[ ] , e={ } }",
		    "a = {b = 1, \"c d\" = [], e = {}}\n" },
		{ "a = 1 +\n2\nb =\n\"x\"\nc = (\n1)", /* may join */
		    "a = 1 + 2\nb = \"x\"\nc = (1)\n" },
		{ "a = 1 .x\nb = 1. .x\nc = 1e5 .x\nd = 0[1] .x",
		    "a = 1 .x\nb = 1..x\nc = 1e5.x\nd = 0[1].x\n" },
		{ "phlare.write\"x\"{}", "phlare.write \"x\" { }\n" },
		{ "x{a=1}", "x {\n\ta = 1\n}\n" },
		{ "x {\n\n}\ny { }", "x { }\n\ny { }\n" },
	};

	(void)state;
	check_table(cases, LENGTH(cases));
}

static void
test_lists_break_where_they_did(void **state)
{
	static const char *const cases[][2] = {
		{ "a = [\n1,\n2,\n]", "a = [\n\t1,\n\t2,\n]\n" },
		{ "a = [1, 2,]", "a = [1, 2]\n" },
		{ "a = {b = 1,}", "a = {b = 1}\n" },
		{ "a = f(1,\n2,)", "a = f(1,\n\t2)\n" },
		{ "a = [1,\n2,\n]", "a = [1,\n\t2,\n]\n" },
		{ "a = [\n]\nb = {\n}\nc = f(\n)",
		    "a = []\nb = {}\nc = f()\n" },
		{ "a = f(\n1,\n)", "a = f(\n\t1,\n)\n" },
		{ "a = [{\nb = 1,\n}, {\nc = 2,\n}]",
		    "a = [{\n\tb = 1,\n}, {\n\tc = 2,\n}]\n" },
		{ "a = [\n{\nb = 1,\n},\n]",
		    "a = [\n\t{\n\t\tb = 1,\n\t},\n]\n" },
		{ "a = [\n1,\n\n2,\n\n]", "a = [\n\t1,\n\t2,\n]\n" },
		{ "x {\na = [0, true, {\nb = 1,\n}]\n}",
		    "x {\n\ta = [0, true, {\n\t\tb = 1,\n\t}]\n}\n" },
	};

	(void)state;
	check_table(cases, LENGTH(cases));
}

static void
test_blank_lines(void **state)
{
	static const char *const cases[][2] = {
		{ "\n\na = 1\n\n\n\nb = 2\n\n\n", "a = 1\n\nb = 2\n" },
		{ "x {\n\n\na = 1\n\n\n}", "x {\n\ta = 1\n}\n" },
		{ "x { }\ny { }\n\n\n\nz { }", "x { }\n\ny { }\n\nz { }\n" },
		{ "a = 1\nx {\nb = 2\ny { }\nc = 3\n}\nd = 4",
		    "a = 1\n\nx {\n\tb = 2\n\n\ty { }\n\tc = 3\n}\nd = 4\n" },
		{ "a = 1\n// of x\nx { }", "a = 1\n// of x\nx { }\n" },
		{ "// a\n\n\n// b\n\n\n", "// a\n\n// b\n" },
	};

	(void)state;
	check_table(cases, LENGTH(cases));
}

static void
test_equal_signs_are_aligned(void **state)
{
	static const char *const cases[][2] = {
		{ "a = 1\nlong = 2\nxx = 3", "a    = 1\nlong = 2\nxx   = 3\n" },
		{ "a = 1\n\nlong = 2", "a = 1\n\nlong = 2\n" },
		{ "a = 1\n// c\nlong = 2", "a = 1\n// c\nlong = 2\n" },
		{ "a = 1\nlong = [\n1,\n]\nxx = 2\ny = 3",
		    "a    = 1\nlong = [\n\t1,\n]\nxx = 2\ny  = 3\n" },
		{ "a = {\nb = 1,\nlong = {\nc = 1,\ndd = 2,\n},\ne = 3,\n}",
		    "a = {\n\tb    = 1,\n\tlong = {\n\t\tc  = 1,\n"
		    "\t\tdd = 2,\n\t},\n\te = 3,\n}\n" },
		{ "a = {b = 1, long = 2}", "a = {b = 1, long = 2}\n" },
		{ "\xc3\xa4\xc3\xa4 = 1\nb = 2",
		    "\xc3\xa4\xc3\xa4 = 1\nb  = 2\n" },
		{ "a = `x\ny`\nlong = 1", "a = `x\ny`\nlong = 1\n" },
		{ "a = 1\nx {\nlong = 1\n}", "a = 1\n\nx {\n\tlong = 1\n}\n" },
	};

	(void)state;
	check_table(cases, LENGTH(cases));
}

static void
test_comments_stay(void **state)
{
	static const char *const cases[][2] = {
		{ "// only", "// only\n" },
		{ "a = 1 // x   \n//y\t", "a = 1 // x\n//y\n" },
		{ "a = 1 // x\nbb = 22 // y\nc = 3",
		    "a  = 1  // x\nbb = 22 // y\nc  = 3\n" },
		{ "a = 1 // x\nbb = 22\nc = 333 // y",
		    "a  = 1 // x\nbb = 22\nc  = 333 // y\n" },
		{ "a = [ // x\n0, // y\n100, // z\n// w\n]",
		    "a = [ // x\n\t0, // y\n\t100, // z\n\t// w\n]\n" },
		{ "a = {\nb = 1, // x\nccc = 2, // y\n}",
		    "a = {\n\tb   = 1, // x\n\tccc = 2, // y\n}\n" },
		{ "x{// c\n}", "x { // c\n}\n" },
		{ "x{// c\na=1}", "x { // c\n\ta = 1\n}\n" },
		{ "x{\n// c\n}", "x {\n\t// c\n}\n" },
		{ "x{a=1\n// c\n}// d", "x {\n\ta = 1\n\t// c\n} // d\n" },
		{ "x { /* c */ a = 1 /* d */ }",
		    "x { /* c */\n\ta = 1 /* d */\n}\n" },
		{ "/* c */ a = 1\nb /* d */ = /* e */ 2 /* f */ + 3",
		    "/* c */ a = 1\nb /* d */ = /* e */ 2 /* f */ + 3\n" },
		{ "x \"y\" /* c */ { }", "x \"y\" /* c */ { }\n" },
		{ "a = f(/* c */1/* d */,2/* e */)",
		    "a = f( /* c */ 1 /* d */, 2 /* e */ )\n" },
		{ "a = 1 + // c\n2", "a = 1 + // c\n\t2\n" },
		{ "a = [ /* c */ ]", "a = [ /* c */ ]\n" },
		{ "a = [1, // c\n]", "a = [1, // c\n]\n" },
		{ "a = [1, /* c\nd */ ]", "a = [1, /* c\nd */ ]\n" },
		{ "a = 1 /* c */ // d\nbb = 2 // e",
		    "a  = 1 /* c */ // d\nbb = 2 // e\n" },
		{ "x {\n/* a\n   b\n*/\n}", "x {\n\t/* a\n   b\n*/\n}\n" },
	};

	(void)state;
	check_table(cases, LENGTH(cases));
}

static void
test_carriage_returns(void **state)
{
	static const char *const cases[][2] = {
		{ "a = 1\r\nb = 2 // c\r\n/* x\r\ny */\r\n",
		    "a = 1\nb = 2 // c\n/* x\ny */\n" },
		{ "/* x\r\r\n\ry */ // z\rw\r", "/* x\n\ry */ // z\rw\n" },
		{ "a = `x\r\ny`\r\n", "a = `x\ny`\n" },
		{ "a = \"x\ry\"\r\n", "a = \"x\ry\"\n" }, /* part of it */
		{ "a = [\r\n1,\r\n]\r\n\r\n\r\nb = 1",
		    "a = [\n\t1,\n]\n\nb = 1\n" },
	};

	(void)state;
	check_table(cases, LENGTH(cases));
}

/* One wide name must not push thousands of lines to the right. */
static void
test_alignment_is_bounded(void **state)
{
	char wide[1001], *text, *bytes;
	size_t size;
	FILE *out = open_memstream(&bytes, &size);

	(void)state;
	memset(wide, 'w', sizeof(wide) - 1);
	wide[sizeof(wide) - 1] = '\0';
	fprintf(
	    out, "a = 1\n%s = 2\nb = \"%s\" // x\nc = 3 // y\n", wide, wide);
	fclose(out);
	text = check_layout(bytes, size);
	assert_string_equal(text, bytes);
	free(text);
	free(bytes);
}

/* 500 levels deep, each line would be its depth in tabs. */
static void
test_what_grows_too_large_is_refused(void **state)
{
	struct text t;
	char *bytes;
	size_t size, n;
	FILE *out = open_memstream(&bytes, &size);

	(void)state;
	for (int i = 0; i < 480; i++)
		fputs("x {\n", out);
	for (int i = 0; i < 100000; i++)
		fputs("a = 1\n", out);
	for (int i = 0; i < 480; i++)
		fputs("}\n", out);
	fclose(out);
	t = text_new("f", bytes, size);
	errno = 0;
	assert_null(river_layout(t.source, &n));
	assert_int_equal(errno, EFBIG);
	text_free(&t);
	free(bytes);
}

static void
test_other_meaning_is_noticed(void **state)
{
	static const struct {
		const char *a, *b;
		bool same;
	} cases[] = {
		{ "a = 1", "a  =  1\n", true },
		{ "a = [1,\n]", "a = [1]", true },
		{ "a = 1 // c\r\n", "a = 1   // c  \n", true },
		{ "a = 1", "a = 2", false },
		{ "a = 1", "a = 1\nb = 2", false },
		{ "a = 1", "a = 1 // c", false },
		{ "a = 1 // c", "// c\na = 1", false },
		{ "a = \"x\ry\"", "a = \"xy\"", false },
		{ "a = [b, c]", "a = [b.c]", false },
		{ "a { b = 1 }", "a = {b = 1}", false },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct text a = text_new("a", cases[i].a, strlen(cases[i].a));
		struct text b = text_new("b", cases[i].b, strlen(cases[i].b));

		assert_int_equal(
		    river_layout_same(a.source, b.source), cases[i].same);
		text_free(&a);
		text_free(&b);
	}
}

static const char *const files[] = {
	"seed-docker.river",
	"seed-kubernetes.river",
	"seed-static.river",
	"fuzz_river/errors.river",
	"fuzz_river/expression.river",
	"fuzz_river/fields.river",
	"river/blocks.river",
	"river/layout.river",
	"river/references.river",
	"river/unknown-reference.river",
};

static void
test_files(void **state)
{
	size_t good = 0;

	(void)state;
	for (size_t i = 0; i < LENGTH(files); i++) {
		size_t size;
		char *bytes = read_data(files[i], &size), *text;

		text = check_layout(bytes, size);
		good += text != NULL;
		free(text);
		free(bytes);
	}
	assert_in_range(good, 8, LENGTH(files));
}

/* The whole of one file, as a reader of the format expects it. */
static void
test_example(void **state)
{
	size_t size, n;
	char *bytes = read_data("river/layout.river", &size), *text;
	char *wanted = read_data("river/layout.out", &n);

	(void)state;
	text = check_layout(bytes, size);
	assert_string_equal(text, wanted);
	free(text);
	free(wanted);
	free(bytes);
}

static uint32_t
next_random(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}

/* Puts a few things in at random; to be freed. */
static char *
disturb(const char *bytes, size_t size, uint32_t *random, size_t *n)
{
	static const char *const things[] = { " ", "\t", "\n", "\n\n\n", "\r\n",
		"/* c */", " // c\n", "/* c\n d */", ",", "(", ")", "[1,\n]",
		"-", "!", " + ", "{ }", "x = 1\n", "`r\n`", ".5" };
	char *text;
	FILE *out = open_memstream(&text, n);
	uint32_t every = size / (1 + next_random(random) % 6) + 1;

	for (size_t i = 0; i < size; i++) {
		if (next_random(random) % every == 0)
			fputs(
			    things[next_random(random) % LENGTH(things)], out);
		fputc(bytes[i], out);
	}
	fclose(out);
	return text;
}

static void
test_disturbed_files(void **state)
{
	uint32_t random = 4711;
	size_t good = 0;

	(void)state;
	for (size_t i = 0; i < LENGTH(files); i++) {
		size_t size, n;
		char *bytes = read_data(files[i], &size);

		for (int k = 0; k < 500; k++) {
			char *text = disturb(bytes, size, &random, &n);
			char *done = check_layout(text, n);

			good += done != NULL;
			free(done);
			free(text);
		}
		free(bytes);
	}
	assert_in_range(good, 500, 5000); /* the others do not parse */
}

static void
test_large_files_take_no_time(void **state)
{
	double start = seconds();
	size_t size, n;
	struct text t;
	char *bytes, *text;
	FILE *out = open_memstream(&bytes, &size);

	(void)state;
	for (int i = 0; i < 200000; i++)
		fprintf(out, "a%d=[1,2 ,{x=%d,}]//c\n", i, i);
	fclose(out);
	t = text_new("f", bytes, size);
	text = river_layout(t.source, &n);
	assert_non_null(text);
	assert_true(seconds() - start < 10); /* 0.3 s, unsanitized */
	free(text);
	text_free(&t);
	free(bytes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spaces),
		cmocka_unit_test(test_lists_break_where_they_did),
		cmocka_unit_test(test_blank_lines),
		cmocka_unit_test(test_equal_signs_are_aligned),
		cmocka_unit_test(test_comments_stay),
		cmocka_unit_test(test_carriage_returns),
		cmocka_unit_test(test_alignment_is_bounded),
		cmocka_unit_test(test_what_grows_too_large_is_refused),
		cmocka_unit_test(test_other_meaning_is_noticed),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_example),
		cmocka_unit_test(test_disturbed_files),
		cmocka_unit_test(test_large_files_take_no_time),
	};

	return cmocka_run_group_tests_name("layout", tests, NULL, NULL);
}
