/* SPDX-License-Identifier: Apache-2.0 */
/* What RE2 takes and refuses, and what a match may cost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "shipper/re2.h"
#include "shipper/relabel_plain.h"
#include "shipper/relabel_regex.h"
#include "shipper/relabel_template.h"

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

static struct regex *
must_compile(const char *text)
{
	char *why = NULL;
	struct regex *regex = regex_new(text, &why);

	if (regex == NULL)
		fail_msg("%s: %s", text, why);
	return regex;
}

/* Without the words that all of them begin with. */
static void
test_what_re2_refuses(void **state)
{
	static const struct {
		const char *regex, *why;
	} rows[] = {
		{ "(", "missing closing ): `^(?:()$`" },
		{ "(?:a", "missing closing ): `^(?:(?:a)$`" },
		{ "a\\", "missing closing ): `^(?:a\\)$`" },
		{ "(?i", "missing closing ): `^(?:(?i)$`" },
		{ "\\Qab", "missing closing ): `^(?:\\Qab)$`" },
		{ ")", "unexpected ): `^(?:))$`" },
		{ "a)|(b", "unexpected ): `^(?:a)|(b)$`" },
		{ "[a", "missing closing ]: `[a)$`" },
		{ "[", "missing closing ]: `[)$`" },
		{ "[]", "missing closing ]: `[])$`" },
		{ "[z-a]", "invalid character class range: `z-a`" },
		{ "[a-\\x{5}]", "invalid character class range: `a-\\x{5}`" },
		{ "[[:foo:]]", "invalid character class range: `[:foo:]`" },
		{ "[[:w:]]", "invalid character class range: `[:w:]`" },
		{ "\\p{Foo}", "invalid character class range: `\\p{Foo}`" },
		{ "\\p{greek}", "invalid character class range: `\\p{greek}`" },
		{ "\\p{Greek Latin}",
		    "invalid character class range: `\\p{Greek Latin}`" },
		{ "\\p{L&}", "invalid character class range: `\\p{L&}`" },
		{ "\\p{Xwd}", "invalid character class range: `\\p{Xwd}`" },
		{ "\\p{}", "invalid character class range: `\\p{}`" },
		{ "\\pX", "invalid character class range: `\\pX`" },
		{ "\\p{L", "invalid character class range: `\\p{L)$`" },
		/* backreferences, recursion */
		{ "(a)\\1", "invalid escape sequence: `\\1`" },
		{ "\\8", "invalid escape sequence: `\\8`" },
		{ "\\g1", "invalid escape sequence: `\\g`" },
		{ "\\k<n>", "invalid escape sequence: `\\k`" },
		{ "(?P=n)", "invalid or unsupported Perl syntax: `(?P`" },
		{ "(?P>n)", "invalid or unsupported Perl syntax: `(?P`" },
		{ "(?R)", "invalid or unsupported Perl syntax: `(?R`" },
		{ "(?1)", "invalid or unsupported Perl syntax: `(?1`" },
		/* lookaround, atomic groups, conditions, comments, verbs */
		{ "(?=a)", "invalid or unsupported Perl syntax: `(?=`" },
		{ "(?!a)", "invalid or unsupported Perl syntax: `(?!`" },
		{ "(?<=a)", "invalid or unsupported Perl syntax: `(?<`" },
		{ "(?<!a)", "invalid or unsupported Perl syntax: `(?<`" },
		{ "(?>a)", "invalid or unsupported Perl syntax: `(?>`" },
		{ "(?(1)a|b)", "invalid or unsupported Perl syntax: `(?(`" },
		{ "(?#x)", "invalid or unsupported Perl syntax: `(?#`" },
		{ "(?|a)", "invalid or unsupported Perl syntax: `(?|`" },
		{ "(?'n'a)", "invalid or unsupported Perl syntax: `(?'`" },
		{ "(?C1)", "invalid or unsupported Perl syntax: `(?C`" },
		{ "(*FAIL)", "missing argument to repetition operator: `*`" },
		/* flags */
		{ "(?x)a", "invalid or unsupported Perl syntax: `(?x`" },
		{ "(?ix)a", "invalid or unsupported Perl syntax: `(?ix`" },
		{ "(?^a)", "invalid or unsupported Perl syntax: `(?^`" },
		{ "(?i-)a", "invalid or unsupported Perl syntax: `(?i-)`" },
		{ "(?i--s)a", "invalid or unsupported Perl syntax: `(?i--`" },
		/* names */
		{ "(?P<>a)", "invalid named capture: `(?P<>`" },
		{ "(?P<a b>c)", "invalid named capture: `(?P<a b>`" },
		{ "(?P<n", "invalid named capture: `(?P<n)$`" },
		/* repetitions */
		{ "*", "missing argument to repetition operator: `*`" },
		{ "a|+?", "missing argument to repetition operator: `+?`" },
		{ "(?i)?", "missing argument to repetition operator: `?`" },
		{ "{1}", "missing argument to repetition operator: `{1}`" },
		{ "a**", "invalid nested repetition operator: `**`" },
		{ "a*+", "invalid nested repetition operator: `*+`" },
		{ "a++b", "invalid nested repetition operator: `++`" },
		{ "a?+", "invalid nested repetition operator: `?+`" },
		{ "a*??", "invalid nested repetition operator: `*??`" },
		{ "a{2}{3}", "invalid nested repetition operator: `{2}{3}`" },
		{ "a{2}+", "invalid nested repetition operator: `{2}+`" },
		{ "a{1001}", "invalid repeat count: `{1001}`" },
		{ "a{1001,}", "invalid repeat count: `{1001,}`" },
		{ "a{0,1001}", "invalid repeat count: `{0,1001}`" },
		{ "a{2,1}", "invalid repeat count: `{2,1}`" },
		{ "a{99999999999999999999}",
		    "invalid repeat count: `{99999999999999999999}`" },
		{ "(?:(?:a{10}){10}){11}", "invalid repeat count: `{11}`" },
		{ "(a{500}|b){3}?", "invalid repeat count: `{3}?`" },
		/* escapes */
		{ "\\C", "invalid escape sequence: `\\C`" },
		{ "\\Z", "invalid escape sequence: `\\Z`" },
		{ "\\G", "invalid escape sequence: `\\G`" },
		{ "\\K", "invalid escape sequence: `\\K`" },
		{ "\\R", "invalid escape sequence: `\\R`" },
		{ "\\X", "invalid escape sequence: `\\X`" },
		{ "\\N", "invalid escape sequence: `\\N`" },
		{ "\\h", "invalid escape sequence: `\\h`" },
		{ "\\H", "invalid escape sequence: `\\H`" },
		{ "\\V", "invalid escape sequence: `\\V`" },
		{ "\\e", "invalid escape sequence: `\\e`" },
		{ "\\cA", "invalid escape sequence: `\\c`" },
		{ "\\E", "invalid escape sequence: `\\E`" },
		{ "\\o{101}", "invalid escape sequence: `\\o`" },
		{ "\\u0041", "invalid escape sequence: `\\u`" },
		{ "\\\u00e9", "invalid escape sequence: `\\\u00e9`" },
		{ "\\x", "invalid escape sequence: `\\x)$`" },
		{ "\\xg0", "invalid escape sequence: `\\xg0`" },
		{ "\\x{}", "invalid escape sequence: `\\x{}`" },
		{ "\\x{110000}", "invalid escape sequence: `\\x{110000`" },
		{ "[\\b]", "invalid escape sequence: `\\b`" },
		{ "[\\Qa\\E]", "invalid escape sequence: `\\Q`" },
		{ "[a-\\d]", "invalid escape sequence: `\\d`" },
		/* not in this version */
		{ "(?i)\\p{Lu}",
		    "this class is not supported under (?i): `\\p{Lu}`" },
		{ "(?i)[^\\P{Greek}]",
		    "this class is not supported under (?i): `\\P{Greek}`" },
		{ "a\xff"
		  "b",
		    "invalid UTF-8: `\xff"
		    "b)$`" },
		{ "[\xff]", "invalid UTF-8: `\xff])$`" },
		{ "\\\xff", "invalid UTF-8: `\xff)$`" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		char *why = NULL, expected[200];
		struct regex *regex = regex_new(rows[i].regex, &why);

		if (regex != NULL)
			fail_msg("%s is accepted", rows[i].regex);
		snprintf(expected, sizeof(expected), "error parsing regexp: %s",
		    rows[i].why);
		assert_string_equal(why, expected);
		free(why);
	}
}

/* Under (?i) pcre2 looks at each character of a class. */
static void
test_compilation_is_quick(void **state)
{
	static const struct {
		const char *piece;
		size_t times;
		bool fits;
	} rows[] = {
		{ "(?i)\\W", 1000, true },
		{ "(?i)[^a-c\\S]", 500, true },
		{ "(?i)[[:^alpha:]x]", 500, true },
		{ "(?i)[\\x{d800}]", 1000, true },
		{ "(?i)[\\x{100}-\\x{10ffff}]", 3, true },
		{ "(?i)[\\x{100}-\\x{10ffff}]", 1000, false },
		{ "(?i)[\\x{0}-\\x{7fff}]", 1000, false },
		{ "a?", 30000, true },
		{ "(a?)*", 1500, true },
	};
	clock_t start = clock();

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		size_t size = strlen(rows[i].piece);
		char *text = calloc(rows[i].times * size + 1, 1), *why = NULL;
		struct regex *regex;

		for (size_t k = 0; k < rows[i].times; k++)
			memcpy(text + k * size, rows[i].piece, size);
		regex = regex_new(text, &why);
		if ((regex != NULL) != rows[i].fits)
			fail_msg("%zu times %s", rows[i].times, rows[i].piece);
		regex_free(regex);
		free(why);
		free(text);
	}
	assert_true((clock() - start) / CLOCKS_PER_SEC < 3);
}

/* The limit of pcre2 for its code does not hold for a list of names. */
static void
test_a_long_list_of_names(void **state)
{
	struct regex_matcher *m = regex_matcher_new();
	uint64_t budget = REGEX_STEPS_BUDGET;
	char *text = NULL, name[32];
	struct regex *regex;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	for (int i = 0; i < 4000; i++)
		fprintf(out, "%snamespace-%d", i > 0 ? "|" : "", i);
	fclose(out);
	regex = must_compile(text);
	for (int i = -1; i <= 4000; i++) {
		snprintf(name, sizeof(name), "namespace-%d", i);
		assert_int_equal(
		    regex_match(regex, m, name, strlen(name), &budget),
		    i >= 0 && i < 4000);
	}
	regex_free(regex);
	regex_matcher_free(m);
	free(text);
}

/* What is only large is refused too, and at once. */
static void
test_size_and_depth_are_bounded(void **state)
{
	size_t size = RE2_TEXT_MAX;
	char *text = calloc(2 * size + 1, 1), *why = NULL;
	clock_t start = clock();

	(void)state;
	memset(text, 'a', size + 1);
	assert_null(regex_new(text, &why));
	assert_non_null(strstr(why, "expression too large: `^(?:aaa"));
	free(why);

	memset(text, 0, size + 1);
	for (size_t i = 0; i < 10000; i++) {
		text[i] = '(';
		text[10001 + i] = ')';
	}
	text[10000] = 'a';
	assert_null(regex_new(text, &why));
	assert_non_null(strstr(why, "expression nests too deeply: `^(?:((("));
	free(why);

	memset(text, 0, size);
	for (size_t i = 0; i < 100; i++)
		strcat(text, "(?:[a-c\\pL]x){1000}");
	assert_null(regex_new(text, &why));
	assert_non_null(strstr(why, "expression too large: `^(?:(?:[a-c"));
	free(why);

	/* a quantifier on a quantifier, by way of flags */
	text[0] = 'a';
	text[1] = '\0';
	for (size_t i = 0; i < 5000; i++)
		strcpy(text + 1 + 5 * i, "*(?i)");
	assert_null(regex_new(text, &why));
	assert_non_null(strstr(why, "nests too deeply"));
	free(why);
	free(text);
	assert_true((clock() - start) / CLOCKS_PER_SEC < 5);
}

struct match_row {
	const char *regex, *text;
	int matches;
};

static void
check_matches(const struct match_row *rows, size_t count)
{
	struct regex_matcher *m = regex_matcher_new();

	for (size_t i = 0; i < count; i++) {
		const struct match_row *row = &rows[i];
		struct regex *regex = must_compile(row->regex);
		uint64_t budget = REGEX_STEPS_BUDGET;
		int r = regex_match(
		    regex, m, row->text, strlen(row->text), &budget);

		if (r != row->matches)
			fail_msg("%s on \"%s\": %d", row->regex, row->text, r);
		regex_free(regex);
	}
	regex_matcher_free(m);
}

static void
test_the_whole_text_must_match(void **state)
{
	static const struct match_row rows[] = {
		{ "", "", 1 },
		{ "", "a", 0 },
		{ "a", "a", 1 },
		{ "a", "ab", 0 },
		{ "a", "ba", 0 },
		{ "a|ab", "ab", 1 },
		{ "a?", "ab", 0 },
		{ ".*?", "abc", 1 },
		{ "^a$", "a", 1 },
		{ "a$b", "ab", 0 },
		{ "x|^a$|y", "a", 1 },
		{ "\\Aa\\z", "a", 1 },
		/* no newline at the end is overlooked */
		{ "a", "a\n", 0 },
		{ "a$", "a\n", 0 },
		{ "a\\z", "a\n", 0 },
	};

	(void)state;
	check_matches(rows, LENGTH(rows));
}

/* pcre2 would see another thing in the same text. */
static void
test_what_pcre2_understands_differently(void **state)
{
	static const struct match_row rows[] = {
		/* "." and newlines, whatever pcre2 takes for one */
		{ "a.b", "a\nb", 0 },
		{ "a.b", "a\rb", 1 },
		{ "a.b", "a\u2028b", 1 },
		{ "(?s)a.b", "a\nb", 1 },
		{ "(?s:a.b).", "a\nb\n", 0 },
		{ "(?m)a$\n^b", "a\nb", 1 },
		{ "(?m)a\n^", "a\n", 1 },
		{ "a$\n^b", "a\nb", 0 },
		{ "(?m)a$\r\nb", "a\r\nb", 0 },
		/* sets are ASCII */
		{ "\\d", "5", 1 },
		{ "\\d", "\u0665", 0 },
		{ "\\D", "\u0665", 1 },
		{ "\\w+", "aZ_0", 1 },
		{ "\\w", "\u00e9", 0 },
		{ "\\W", "\u00e9", 1 },
		{ "\\s", "\f", 1 },
		{ "\\s", "\v", 0 },
		{ "[[:space:]]", "\v", 1 },
		{ "\\s", "\u00a0", 0 },
		{ "\\S", "\v", 1 },
		{ "[[:alpha:]]", "\u00e9", 0 },
		{ "[[:^alpha:]]", "\u00e9", 1 },
		{ "[[:word:]]+", "a_0", 1 },
		{ "[[:^word:][:digit:]]+", "-0", 1 },
		{ "a\\b-", "a-", 1 },
		{ "a\\b\u00e9", "a\u00e9", 1 },
		/* escapes */
		{ "\\v", "\v", 1 },
		{ "\\v", "\n", 0 },
		{ "\\a\\f\\n\\r\\t", "\a\f\n\r\t", 1 },
		{ "\\x41\\x{1F600}", "A\U0001f600", 1 },
		{ "\\101\\0101", "A\b1", 1 },
		{ "\\_\\-\\#\\ \\/\\\"", "_-# /\"", 1 },
		{ "\\Qa.*\\E+", "a.***", 1 },
		{ "\\Qa\\E*", "aaa", 1 },
		{ "\\Q\\d\\E", "\\d", 1 },
		{ "[\\]\\^\\-\\\\]+", "]^-\\", 1 },
		{ "[]a]+", "]a", 1 },
		{ "[^]a]", "b", 1 },
		{ "[^]a]", "]", 0 },
		{ "[a-]+", "a-", 1 },
		{ "[^a]", "\n", 1 },
		{ "a{,2}", "a{,2}", 1 },
		{ "a{,2}", "aa", 0 },
		{ "a{x}{2}", "a{x}}", 1 },
		{ "a{01}", "a{01}", 1 },
		{ "]}#", "]}#", 1 },
		{ "a #b", "a #b", 1 },
		{ "(?:a*(?i)*B)", "aab", 1 },
		{ "^*a$+", "a", 1 },
		{ "\\b*a", "a", 1 },
		{ "x{0}y", "y", 1 },
		{ "(?:a{1000})?", "", 1 },
		/* Unicode */
		{ "\\pN+", "1\u0665\u2167", 1 },
		{ "\\p{Nd}", "\u2167", 0 },
		{ "\\PN", "1", 0 },
		{ "\\p{^N}", "a", 1 },
		{ "\\P{^N}", "a", 0 },
		{ "\\p{Greek}", "\u03b1", 1 },
		{ "[^\\p{Greek}]", "\u03b1", 0 },
		/* the name means the script, not its extensions */
		{ "\\p{Greek}", "\u0342", 0 },
		{ "\\pC", "\u0378", 0 },
		{ "\\PC", "\u0378", 1 },
		{ "[\\PC]", "\u0378", 1 },
		{ "\\pC", "\u00ad", 1 },
		{ "\\p{Any}", "\u0378", 1 },
		{ "[^\\x{d800}]", "a", 1 },
		{ "[\\x{d800}]?", "", 1 },
		{ "[\\x{d700}-\\x{e000}]", "\ue000", 1 },
		{ "\\x{dabc}*a", "a", 1 },
		/* without regard to case */
		{ "(?i)straSSe", "STRASSE", 1 },
		{ "(?i)k", "\u212a", 1 },
		{ "(?i)[j-l]", "\u212a", 1 },
		{ "(?i)\\w", "\u017f", 1 },
		{ "\\w", "\u017f", 0 },
		{ "(?i)\\W", "\u017f", 0 },
		{ "(?i)[\\W]", "k", 0 },
		{ "(?i)[^\\W]", "\u212a", 1 },
		{ "(?i)[[:^upper:]]", "a", 0 },
		{ "(?i)[[:lower:]]", "A", 1 },
		{ "(?i)[[:^ascii:]]", "s", 0 },
		{ "(?i)\u00df", "\u1e9e", 1 },
		{ "(?i)\u03c3", "\u03c2", 1 },
		{ "(?i)i", "\u0131", 0 },
		{ "(?i)i", "\u0130", 0 },
		{ "(?i)a(?-i)b", "Ab", 1 },
		{ "(?i)a(?-i)b", "AB", 0 },
		{ "(?:(?i)a)b", "AB", 0 },
		{ "a(?i)b|c", "C", 1 },
		{ "(?i:a)b", "aB", 0 },
	};

	(void)state;
	check_matches(rows, LENGTH(rows));
}

/* What text matches the regex, and is put into the template. */
static char *
expanded(const char *pattern, const char *text, const char *template_text)
{
	struct regex *regex = must_compile(pattern);
	struct template *template = template_new(template_text, regex);
	struct regex_matcher *m = regex_matcher_new();
	struct buffer buffer = { 0 };
	uint64_t budget = REGEX_STEPS_BUDGET;
	struct regex_span span;
	char *out;

	assert_int_equal(regex_match(regex, m, text, strlen(text), &budget), 1);
	span = template_expand(template, m, text, &buffer);
	out = calloc(span.size + 1, 1);
	if (span.size > 0)
		memcpy(out, span.data, span.size);
	free(buffer.data);
	template_free(template);
	regex_matcher_free(m);
	regex_free(regex);
	return out;
}

static void
test_templates(void **state)
{
	static const struct {
		const char *regex, *text, *template, *result;
	} rows[] = {
		{ "(.*)", "abc", "$1", "abc" },
		{ "(.*)", "abc", "$0", "abc" },
		{ "(a)(b)?", "a", "$1$2$3", "a" },
		{ "(.)(.)", "ab", "${2}x${1}", "bxa" },
		{ "(.*)", "a", "$1x", "" },
		{ "(.*)", "a", "${1}x", "ax" },
		{ "(.*)", "a", "$1-$1", "a-a" },
		{ "(.*)", "a", "$1\u00e9", "" },
		{ "(.*)", "a", "$$1", "$1" },
		{ "(.*)", "a", "$$$1", "$a" },
		{ "(.*)", "a", "$", "$" },
		{ "(.*)", "a", "x$", "x$" },
		{ "(.*)", "a", "$-$1", "$-a" },
		{ "(.*)", "a", "${", "${" },
		{ "(.*)", "a", "${1", "${1" },
		{ "(.*)", "a", "${}", "${}" },
		{ "(.*)", "a", "${1 }", "${1 }" },
		{ "(.*)", "a", "${$1}", "${a}" },
		{ "(.*)", "a", "$01", "" },
		{ "(.*)", "a", "$9", "" },
		{ "(.*)", "a", "$99999999999999999999", "" },
		{ "(.*)", "a", "", "" },
		{ "(?P<n>a)(?P<m>b)", "ab", "$m$n", "ba" },
		{ "(?P<n>a)(?P<m>b)", "ab", "$mn", "" },
		{ "(?P<n>a)(?P<m>b)", "ab", "${m}n", "bn" },
		{ "(?P<1x>a)", "a", "$1x", "a" },
		{ "(?P<01>a)", "a", "$01", "a" },
		{ "(?<n>a)", "a", "$n", "a" },
		{ "(?P<a_rather_long_name_of_more_than_32_bytes>a)", "a",
		    "$a_rather_long_name_of_more_than_32_bytes", "a" },
		/* of a name given twice, what took part */
		{ "(?P<n>a)|(?P<n>b)", "b", "$n", "b" },
		/* Perl's choice of several ways to match, not the longest */
		{ "(a|ab)(c|bcd)?(.*)", "abcd", "$1-$2-$3", "a-bcd-" },
		{ "(a*?)(.*)", "aab", "$1-$2", "-aab" },
		{ "(?U)(a*)(.*)", "aab", "$1-$2", "-aab" },
		{ "(?U)(a*?)(.*)", "aab", "$1-$2", "aa-b" },
		{ "(?:(a)|(b))*", "ab", "$1-$2", "a-b" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		char *result =
		    expanded(rows[i].regex, rows[i].text, rows[i].template);

		if (strcmp(result, rows[i].result) != 0)
			fail_msg("%s of \"%s\" in %s: %s", rows[i].regex,
			    rows[i].text, rows[i].template, result);
		free(result);
	}
}

/* A result is no longer than a little over its bound. */
static void
test_templates_do_not_blow_up(void **state)
{
	char *text = calloc(100001, 1), *result;

	(void)state;
	memset(text, 'a', 100000);
	result = expanded("(.*)", text, "$1$1$1$1$1$1$1$1$1$1$1$1$1$1$1$1");
	assert_true(strlen(result) > TEMPLATE_RESULT_MAX);
	assert_true(strlen(result) <= TEMPLATE_RESULT_MAX + 100000);
	free(result);
	free(text);
}

static size_t
unsteady_group(const char *pattern, const char *template_text)
{
	struct regex *regex = must_compile(pattern);
	struct template *template = template_new(template_text, regex);
	size_t group = template_unsteady(template);

	template_free(template);
	regex_free(regex);
	return group;
}

static void
test_captures_that_pcre2_would_report_differently(void **state)
{
	(void)state;
	assert_int_equal(unsteady_group("(a*)*", "$1"), 1);
	assert_int_equal(unsteady_group("(a|)+b", "$1"), 1);
	assert_int_equal(unsteady_group("(x)((a?)(b*)){2}", "$4"), 4);
	assert_int_equal(unsteady_group("(x)((?P<n>a?)(b*)){2,}", "$n"), 3);
	assert_int_equal(unsteady_group("(^)+", "$1"), 1);
	assert_int_equal(unsteady_group("(x)((a?)(b*)){2}", "$1$0"), 0);
	assert_int_equal(unsteady_group("(a*)*", "b"), 0);
	assert_int_equal(unsteady_group("(a*)?", "$1"), 0);
	assert_int_equal(unsteady_group("(a*){0}", "$1"), 0);
	assert_int_equal(unsteady_group("(a+)*", "$1"), 0);
	assert_int_equal(unsteady_group("((a*)b)*", "$1$2"), 0);
}

/* Texts that make a search by backtracking run for ever. */
static void
test_a_match_that_takes_too_long_is_given_up(void **state)
{
	static const char *const patterns[] = { "(a+)+b", "(a|a)*b", "(.*)*x",
		"(?:.*a){12}b", "(a?){30}a{30}b", "((a*)*)*b",
		"(.*)(.*)(.*)(.*)(.*)x", "(?:a|aa)+$b" };
	struct regex_matcher *m = regex_matcher_new();
	char text[2049] = { 0 };
	clock_t start = clock();

	(void)state;
	memset(text, 'a', sizeof(text) - 1);
	/* or a look at its end would be enough */
	memcpy(text + sizeof(text) - 4, "bxc", 3);
	for (size_t i = 0; i < LENGTH(patterns); i++) {
		struct regex *regex = must_compile(patterns[i]);
		uint64_t budget = REGEX_STEPS_BUDGET;

		if (regex_match(regex, m, text, sizeof(text) - 1, &budget) >= 0)
			fail_msg("%s", patterns[i]);
		/* the next one is not hindered */
		assert_int_equal(regex_match(regex, m, "c", 1, &budget), 0);
		regex_free(regex);
	}
	regex_matcher_free(m);
	assert_true((clock() - start) / CLOCKS_PER_SEC < 10);
}

static void
test_long_matches_share_a_budget(void **state)
{
	struct regex_matcher *m = regex_matcher_new();
	struct regex *regex = must_compile("(.*)(.*)x");
	uint64_t budget = REGEX_STEPS_MAX, before;
	char text[301] = { 0 };

	(void)state;
	memset(text, 'a', sizeof(text) - 1);
	text[5] = text[sizeof(text) - 3] = 'x';
	/* quick ones take nothing of it */
	assert_int_equal(regex_match(regex, m, text, 10, &budget), 0);
	assert_int_equal(budget, REGEX_STEPS_MAX);
	/* this one does, as long as there is some */
	assert_int_equal(regex_match(regex, m, text, 300, &budget), 0);
	assert_true(budget < REGEX_STEPS_MAX);
	for (before = 0; budget != before;) {
		before = budget;
		regex_match(regex, m, text, 300, &budget);
	}
	assert_true(regex_match(regex, m, text, 300, &budget) < 0);
	assert_int_equal(regex_match(regex, m, text, 10, &budget), 0);
	regex_free(regex);
	regex_matcher_free(m);
}

/* Such expressions never go through the engine: the answer is the same. */
static void
test_simple_expressions_need_no_engine(void **state)
{
	static const struct {
		const char *regex, *text, *group; /* NULL: no match */
	} rows[] = {
		{ "", "", "" },
		{ "", "a", NULL },
		{ "abc", "abc", "" },
		{ "abc", "abd", NULL },
		{ "abc", "abcd", NULL },
		{ "a\\.b\\-\\\\", "a.b-\\", "" },
		{ "a\\.b", "axb", NULL },
		{ ".*", "", "" },
		{ ".+", "", NULL },
		{ ".+", "a", "" },
		{ "(.*)", "abc", "abc" },
		{ "(.+)", "abc", "abc" },
		{ "(.+)", "", NULL },
		{ "(.*)", "a\nb", NULL },
		{ "a(.*)b", "ab", "" },
		{ "a(.+)b", "ab", NULL },
		{ "a(.*)b", "axyb", "xy" },
		{ "a(.*?)b", "abb", "b" },
		{ "aa(.*)aa", "aaa", NULL },
		{ "aa(.*)aa", "aaaa", "" },
		{ "pre_(.+)", "pre_x", "x" },
		{ "pre_(.+)", "pre", NULL },
		{ "\u00e9(.*)", "\u00e9\u00e8", "\u00e8" },
		{ "a\nb.*", "a\nb", "" },
		{ "a|b", "a", "" },
		{ "a|b", "b", "" },
		{ "a|b", "a|b", NULL },
		{ "cc|b|aaa|", "aaa", "" },
		{ "cc|b|aaa|", "cc", "" },
		{ "cc|b|aaa|", "", "" },
		{ "cc|b|aaa|", "c", NULL },
		{ "a\\|b|c", "a|b", "" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		size_t start = 0, end = 0, size = strlen(rows[i].text);
		struct plain plain;
		bool matches;

		if (!plain_init(&plain, rows[i].regex))
			fail_msg("%s is not plain", rows[i].regex);
		matches = plain_match(&plain, rows[i].text, size, &start, &end);
		if (matches != (rows[i].group != NULL))
			fail_msg("%s on %s", rows[i].regex, rows[i].text);
		if (matches && plain.group) {
			assert_int_equal(end - start, strlen(rows[i].group));
			assert_memory_equal(
			    rows[i].text + start, rows[i].group, end - start);
		}
		plain_fini(&plain);
	}
}

static void
test_what_is_not_simple(void **state)
{
	static const char *const patterns[] = { "a|b.*", "(.*)|a", "a|b+", "a+",
		".", "a.", "[a]", "(a)", "(.*)?", "(.*)+", "(?i)a", "\\d",
		"\\Qa\\E", "^a$", "(.)", "(.*)(.*)", ".*a.*", "((.*))",
		"(?:.*)", "(a.*)", "a{2}", "\\x41", "(.*a)" };
	struct plain plain;

	(void)state;
	for (size_t i = 0; i < LENGTH(patterns); i++)
		if (plain_init(&plain, patterns[i]))
			fail_msg("%s", patterns[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_re2_refuses),
		cmocka_unit_test(test_compilation_is_quick),
		cmocka_unit_test(test_a_long_list_of_names),
		cmocka_unit_test(test_size_and_depth_are_bounded),
		cmocka_unit_test(test_the_whole_text_must_match),
		cmocka_unit_test(test_what_pcre2_understands_differently),
		cmocka_unit_test(test_templates),
		cmocka_unit_test(test_templates_do_not_blow_up),
		cmocka_unit_test(
		    test_captures_that_pcre2_would_report_differently),
		cmocka_unit_test(test_a_match_that_takes_too_long_is_given_up),
		cmocka_unit_test(test_long_matches_share_a_budget),
		cmocka_unit_test(test_simple_expressions_need_no_engine),
		cmocka_unit_test(test_what_is_not_simple),
	};

	return cmocka_run_group_tests_name("relabel_regex", tests, NULL, NULL);
}
