/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/profile.h"
#include "cli/text.h"

static void
check_printable(const char *data, size_t size, const char *want)
{
	char *text = text_printable((struct profile_string){ data, size });

	assert_string_equal(text, want);
	free(text);
}

#define PRINTABLE(data, want) check_printable(data, sizeof(data) - 1, want)

static void
test_harmless_text_is_kept(void **state)
{
	(void)state;
	PRINTABLE("", "");
	PRINTABLE(
	    "std::map<int, \"x\">::find\\n", "std::map<int, \"x\">::find\\n");
	PRINTABLE("gr\xc3\xbc\xc3\x9f \xe4\xb8\xad \xf0\x9f\x98\x80",
	    "gr\xc3\xbc\xc3\x9f \xe4\xb8\xad \xf0\x9f\x98\x80");
}

static void
test_controls_are_spelled_out(void **state)
{
	(void)state;
	PRINTABLE("\x1b[31mred\x07", "\\x1b[31mred\\x07");
	PRINTABLE("a\nb\rc\0d\x7f", "a\\x0ab\\x0dc\\x00d\\x7f");
	PRINTABLE("\xc2\x9b"
		  "31m",
	    "\\u009b31m"); /* CSI in one character */
}

static void
test_bytes_that_are_no_character_are_spelled_out(void **state)
{
	(void)state;
	PRINTABLE("\xff\xfe", "\\xff\\xfe");
	PRINTABLE("a\x80z", "a\\x80z");
	PRINTABLE("\xc0\xaf", "\\xc0\\xaf");          /* overlong */
	PRINTABLE("\xe0\x80\xaf", "\\xe0\\x80\\xaf"); /* overlong */
	PRINTABLE("\xed\xa0\x80", "\\xed\\xa0\\x80"); /* surrogate */
	PRINTABLE("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80");
	PRINTABLE("cut \xe2\x82", "cut \\xe2\\x82");
	PRINTABLE("\xe2(x", "\\xe2(x");
}

static void
test_reordering_and_invisible_text_is_spelled_out(void **state)
{
	(void)state;
	PRINTABLE("\xe2\x80\xaegnp.exe", "\\u202egnp.exe");
	PRINTABLE("\xe2\x81\xa6x\xe2\x81\xa9", "\\u2066x\\u2069");
	PRINTABLE("a\xe2\x80\x8b"
		  "b\xef\xbb\xbf",
	    "a\\u200bb\\ufeff");
	PRINTABLE("\xe2\x80\xa8", "\\u2028");
	PRINTABLE("\xf3\xa0\x81\x81", "\\U000e0041");
}

static void
test_utf8_keeps_all_that_is_valid(void **state)
{
	char *text =
	    text_utf8((struct profile_string){ "\x1b\xe2\x80\xae\xff\0z", 7 });

	(void)state;
	assert_string_equal(text, "\x1b\xe2\x80\xae\\xff\\x00z");
	free(text);
}

static void
check_fit(const char *text, unsigned int columns, const char *want)
{
	char *fit = text_fit(text, columns);

	assert_string_equal(fit, want);
	assert_true(text_columns(fit) <= columns);
	free(fit);
}

static void
test_long_text_is_cut_in_the_middle(void **state)
{
	(void)state;
	check_fit("abcdefghij", 10, "abcdefghij");
	check_fit("abcdefghij", 9, "abcd\xe2\x80\xa6ghij");
	check_fit("abcdefghij", 4, "ab\xe2\x80\xa6j");
	check_fit("abcdefghij", 1, "\xe2\x80\xa6");
	/* two columns each: neither half holds an odd one */
	check_fit("\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad", 6,
	    "\xe4\xb8\xad\xe2\x80\xa6\xe4\xb8\xad");
}

static void
test_columns_are_counted_as_a_terminal_does(void **state)
{
	(void)state;
	assert_int_equal(text_columns("abc"), 3);
	assert_int_equal(text_columns("gr\xc3\xbc\xc3\x9f"), 4);
	assert_int_equal(text_columns("\xe4\xb8\xad"), 2);
	assert_int_equal(text_columns("e\xcc\x81"), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_harmless_text_is_kept),
		cmocka_unit_test(test_controls_are_spelled_out),
		cmocka_unit_test(
		    test_bytes_that_are_no_character_are_spelled_out),
		cmocka_unit_test(
		    test_reordering_and_invisible_text_is_spelled_out),
		cmocka_unit_test(test_utf8_keeps_all_that_is_valid),
		cmocka_unit_test(test_long_text_is_cut_in_the_middle),
		cmocka_unit_test(test_columns_are_counted_as_a_terminal_does),
	};

	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
