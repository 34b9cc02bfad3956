/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/utf8.h"

#define BAD "\xef\xbf\xbd"

static void
test_every_kind_of_bad_byte_is_replaced(void **state)
{
	static const struct {
		const char *in;
		size_t size;
		const char *out;
	} rows[] = {
		{ "plain", 5, "plain" }, { "", 0, "" },
		{ "\xc3\xa4", 2, "\xc3\xa4" },
		{ "\xf0\x9f\x98\x80", 4, "\xf0\x9f\x98\x80" },
		{ "\xff\xfe", 2, BAD BAD }, { "a\xc3", 2, "a" BAD },
		{ "\xc0\x80", 2, BAD BAD },                 /* overlong */
		{ "\xe0\x80\x80", 3, BAD BAD BAD },         /* overlong */
		{ "\xed\xa0\x80", 3, BAD BAD BAD },         /* surrogate */
		{ "\xf4\x90\x80\x80", 4, BAD BAD BAD BAD }, /* > 10FFFF */
		{ "\xf5\x80\x80\x80", 4, BAD BAD BAD BAD },
		{ "a\0b", 3, "a" BAD "b" },
		{ "\xe2\x82", 2, BAD BAD }, /* cut off */
	};
	char out[64];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(utf8_clean(out, rows[i].in, rows[i].size),
		    strlen(rows[i].out));
		assert_string_equal(out, rows[i].out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_kind_of_bad_byte_is_replaced),
	};

	return cmocka_run_group_tests_name("utf8", tests, NULL, NULL);
}
