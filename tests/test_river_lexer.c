/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/river_text.h"

#include "common/river/lexer.h"

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

/* The tokens of a text: "IDENT = NUMBER TERMINATOR EOF". */
static char *
tokens_of(struct text *t)
{
	struct river_lexer lexer;
	struct river_token token;
	char *names = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&names, &size);

	river_lexer_init(&lexer, t->source, t->arena, t->d);
	do {
		token = river_lexer_next(&lexer);
		fprintf(out, "%s%s", river_token_name(token.kind),
		    token.kind == RIVER_TOKEN_EOF ? "" : " ");
	} while (token.kind != RIVER_TOKEN_EOF);
	fclose(out);
	return names;
}

static void
test_text_becomes_tokens(void **state)
{
	static const char *const cases[][2] = {
		{ "", "EOF" },
		{ "\n \t\r\n", "EOF" },
		{ "a", "IDENT TERMINATOR EOF" },
		{ "a = 1", "IDENT = NUMBER TERMINATOR EOF" },
		{ "\xef\xbb\xbf"
		  "a",
		    "IDENT TERMINATOR EOF" },
		/* identifiers and keywords */
		{ "_a1 \xc3\xa9t\xc3\xa9 a\xd9\xa1",
		    "IDENT IDENT IDENT TERMINATOR EOF" },
		{ "true false null True nulls",
		    "BOOL BOOL NULL IDENT IDENT TERMINATOR EOF" },
		{ "a-b a.b", "IDENT - IDENT IDENT . IDENT TERMINATOR EOF" },
		/* numbers */
		{ "0 12 1. .5 1.5 1e3 1E+3 1.e-5",
		    "NUMBER NUMBER FLOAT FLOAT FLOAT FLOAT FLOAT FLOAT "
		    "TERMINATOR EOF" },
		{ "0x1F 1_000 -1",
		    "NUMBER IDENT NUMBER IDENT - NUMBER TERMINATOR EOF" },
		{ "a.5 1..2", "IDENT FLOAT FLOAT FLOAT TERMINATOR EOF" },
		/* strings */
		{ "\"\" \"a\\\"b\" `c\n\\d`",
		    "STRING STRING STRING TERMINATOR EOF" },
		/* operators */
		{ "|| && ! = == != < <= > >= + - * / % ^",
		    "|| && ! = == != < <= > >= + - * / % ^ EOF" },
		{ "{ } ( ) [ ] , .", "{ } ( ) [ ] , . EOF" },
		{ "===<=>", "== = <= > EOF" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct text t = text_new("", cases[i][0], strlen(cases[i][0]));
		char *names = tokens_of(&t);

		assert_string_equal(names, cases[i][1]);
		assert_int_equal(t.d->count, 0);
		free(names);
		text_free(&t);
	}
}

/* A newline ends a statement behind some tokens only, whatever is open. */
static void
test_newline_ends_a_statement(void **state)
{
	static const char *const cases[][2] = {
		{ "a\nb", "IDENT TERMINATOR IDENT TERMINATOR EOF" },
		{ "a\n\n\nb", "IDENT TERMINATOR IDENT TERMINATOR EOF" },
		{ "a\r\nb", "IDENT TERMINATOR IDENT TERMINATOR EOF" },
		{ "1\n.5\n\"s\"\ntrue\nnull\n",
		    "NUMBER TERMINATOR FLOAT TERMINATOR STRING TERMINATOR "
		    "BOOL TERMINATOR NULL TERMINATOR EOF" },
		{ ")\n]\n}\n", ") TERMINATOR ] TERMINATOR } TERMINATOR EOF" },
		{ "(\n[\n{\n,\n=\n+\n", "( [ { , = + EOF" },
		{ "[1,\n2\n]",
		    "[ NUMBER , NUMBER TERMINATOR ] TERMINATOR EOF" },
		/* comments */
		{ "a // x\nb", "IDENT TERMINATOR IDENT TERMINATOR EOF" },
		{ "a // x", "IDENT TERMINATOR EOF" },
		{ "a /* x */ = 1", "IDENT = NUMBER TERMINATOR EOF" },
		{ "a /* x\ny */ = 1",
		    "IDENT TERMINATOR = NUMBER TERMINATOR EOF" },
		{ "a /* x */ /* y */\n= 1",
		    "IDENT TERMINATOR = NUMBER TERMINATOR EOF" },
		{ "a /* x */ /* y */ = 1", "IDENT = NUMBER TERMINATOR EOF" },
		{ "a /* x */ // y\n= 1",
		    "IDENT TERMINATOR = NUMBER TERMINATOR EOF" },
		{ "= /* x\n */ 1", "= NUMBER TERMINATOR EOF" },
		{ "/* /* */ a", "IDENT TERMINATOR EOF" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct text t = text_new("", cases[i][0], strlen(cases[i][0]));
		char *names = tokens_of(&t);

		assert_string_equal(names, cases[i][1]);
		assert_int_equal(t.d->count, 0);
		free(names);
		text_free(&t);
	}
}

#define BYTES(s) s, sizeof(s) - 1

static void
test_errors_have_text_and_place(void **state)
{
	static const struct {
		const char *text;
		size_t size;
		const char *messages;
	} cases[] = {
		{ BYTES("a \xef\xbb\xbf"), "1:3: illegal byte order mark\n" },
		{ BYTES("a\0b"), "1:2: illegal character NUL\n"
				 "1:2: illegal character U+0000\n" },
		{ BYTES("\"\0\""), "1:2: illegal character NUL\n" },
		{ BYTES("// \0\n"), "1:4: illegal character NUL\n" },
		{ BYTES("\"\xff\""), "1:2: illegal UTF-8 encoding\n" },
		{ BYTES("/* \xc3( */"), "1:4: illegal UTF-8 encoding\n" },
		{ BYTES("\"\xed\xa0\x80\""), "1:2: illegal UTF-8 encoding\n"
					     "1:3: illegal UTF-8 encoding\n"
					     "1:4: illegal UTF-8 encoding\n" },
		{ BYTES("\n  /* x"), "2:3: block comment not terminated\n" },
		{ BYTES("a = 1e"), "1:5: exponent has no digits\n" },
		{ BYTES("a = 1e+x"), "1:5: exponent has no digits\n" },
		{ BYTES("\"abc"), "1:1: string literal not terminated\n" },
		{ BYTES("\"abc\nd"), "1:1: string literal not terminated\n" },
		{ BYTES("`abc"), "1:1: string literal not terminated\n" },
		{ BYTES("'a'"),
		    "1:1: illegal single-quoted string; use double quotes\n" },
		{ BYTES("a | b"), "1:4: missing second | in ||\n" },
		{ BYTES("a & b"), "1:4: missing second & in &&\n" },
		{ BYTES("@"), "1:1: illegal character U+0040 '@'\n" },
		{ BYTES("\a"), "1:1: illegal character U+0007\n" },
		{ BYTES("\f"), "1:1: illegal character U+000C\n" },
		{ BYTES("\xc2\xa0"), "1:1: illegal character U+00A0\n" },
		{ BYTES("\xe2\x82\xac"),
		    "1:1: illegal character U+20AC '\xe2\x82\xac'\n" },
		{ BYTES("\xe2\x80\xae"), "1:1: illegal character U+202E\n" },
		{ BYTES(":;?#$~\\"), "1:1: illegal character U+003A ':'\n"
				     "1:2: illegal character U+003B ';'\n"
				     "1:3: illegal character U+003F '?'\n"
				     "1:4: illegal character U+0023 '#'\n"
				     "1:5: illegal character U+0024 '$'\n"
				     "1:6: illegal character U+007E '~'\n"
				     "1:7: illegal character U+005C '\\'\n" },
		/* a tab is one column, a character as many as its bytes */
		{ BYTES("\t\xc3\xa9 @"),
		    "1:5: illegal character U+0040 '@'\n" },
		{ BYTES("\"\\d\\.\\9\\'\""), "1:3: unknown escape sequence\n"
					     "1:5: unknown escape sequence\n"
					     "1:7: unknown escape sequence\n"
					     "1:9: unknown escape sequence\n" },
		{ BYTES("\"\\xZZ\""),
		    "1:3: illegal character U+005A 'Z' in escape sequence\n" },
		{ BYTES("\"\\08\""),
		    "1:3: illegal character U+0038 '8' in escape sequence\n" },
		{ BYTES("\"\\400\""),
		    "1:3: escape sequence is invalid Unicode code point\n" },
		{ BYTES("\"\\ud800\""),
		    "1:3: escape sequence is invalid Unicode code point\n" },
		{ BYTES("\"\\U00110000\""),
		    "1:3: escape sequence is invalid Unicode code point\n" },
		{ BYTES("\"\\x1"), "1:3: escape sequence not terminated\n"
				   "1:1: string literal not terminated\n" },
		{ BYTES("\"\\"), "1:3: escape sequence not terminated\n"
				 "1:1: string literal not terminated\n" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct text t = text_new("", cases[i].text, cases[i].size);
		char *names = tokens_of(&t), *messages = text_messages(&t);

		assert_string_equal(messages, cases[i].messages);
		free(names);
		free(messages);
		text_free(&t);
	}
}

static void
test_string_stands_for_its_bytes(void **state)
{
	static const struct {
		const char *text, *bytes;
		size_t size;
	} cases[] = {
		{ "\"\"", BYTES("") },
		{ "\"a\\a\\b\\f\\n\\r\\t\\v\\\\\\\"z\"",
		    BYTES("a\a\b\f\n\r\t\v\\\"z") },
		{ "\"\\000\\101\\377\"", BYTES("\0A\xff") },
		{ "\"\\x41\\xfF\"", BYTES("A\xff") },
		{ "\"\\u00e9\\U0001F600\"", BYTES("\xc3\xa9\xf0\x9f\x98\x80") },
		{ "\"${HOME}\"", BYTES("${HOME}") },
		{ "`a\\n\r\nb`", BYTES("a\\n\nb") },
	};
	struct river_arena *arena = river_arena_new();

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		size_t size;
		char *bytes = river_string_value(
		    arena, cases[i].text, strlen(cases[i].text), &size);

		assert_int_equal(size, cases[i].size);
		assert_memory_equal(bytes, cases[i].bytes, size + 1);
	}
	river_arena_free(arena);
}

static void
test_comments_are_kept(void **state)
{
	const char text[] = "// one\r\na /* two */ = [ // three\n]/* four\n */";
	static const char *const comments[] = {
		"// one",
		"/* two */",
		"// three",
		"/* four\n */",
	};
	struct text t = text_new("", text, strlen(text));
	const struct river_comment *c;
	struct river_file *file;

	(void)state;
	file = river_parse(t.source, t.d);
	assert_non_null(file);
	c = file->comments;
	for (size_t i = 0; i < LENGTH(comments); i++, c = c->next) {
		assert_non_null(c);
		assert_int_equal(
		    c->range.end - c->range.start + 1, strlen(comments[i]));
		assert_memory_equal(
		    text + c->range.start, comments[i], strlen(comments[i]));
	}
	assert_null(c);
	river_file_free(file);
	text_free(&t);
}

static void
test_identifiers(void **state)
{
	(void)state;
	assert_true(river_is_identifier(BYTES("a_1")));
	assert_true(river_is_identifier(BYTES("\xc3\xa9")));
	assert_false(river_is_identifier(BYTES("")));
	assert_false(river_is_identifier(BYTES("1a")));
	assert_false(river_is_identifier(BYTES("a-b")));
	assert_false(river_is_identifier(BYTES("a.b")));
	assert_false(river_is_identifier(BYTES("true")));
	assert_false(river_is_identifier(BYTES("a\0b")));
	assert_false(river_is_identifier(BYTES("a\xff")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text_becomes_tokens),
		cmocka_unit_test(test_newline_ends_a_statement),
		cmocka_unit_test(test_errors_have_text_and_place),
		cmocka_unit_test(test_string_stands_for_its_bytes),
		cmocka_unit_test(test_comments_are_kept),
		cmocka_unit_test(test_identifiers),
	};

	return cmocka_run_group_tests_name("river lexer", tests, NULL, NULL);
}
