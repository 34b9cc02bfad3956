/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shipper/http_url.h"

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

static void
test_nothing_secret_is_shown(void **state)
{
	static const char *const rows[][2] = {
		{ "http://phlare:4100", "http://phlare:4100" },
		{ "http://phlare:4100/base/", "http://phlare:4100/base/" },
		{ "https://me:secret@phlare/x", "https://me:xxxxx@phlare/x" },
		{ "https://me:se:c@ret@phlare", "https://me:xxxxx@phlare" },
		{ "https://token@phlare", "https://xxxxx@phlare" },
		{ "https://:secret@phlare", "https://:xxxxx@phlare" },
		{ "https://phlare/a@b", "https://phlare/a@b" },
		{ "https://phlare/?key=secret#x", "https://phlare/" },
		{ "https://phlare#secret", "https://phlare" },
		{ "me:secret@phlare", "me:xxxxx@phlare" },
		{ "file:///var/lib/x?max_bytes=1", "file:///var/lib/x" },
		{ "", "" },
		{ "://", "://" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		char *shown = http_url_redacted(rows[i][0]);

		assert_null(strstr(shown, "secret"));
		assert_string_equal(shown, rows[i][1]);
		free(shown);
	}
}

static void
test_parts(void **state)
{
	struct http_url u;

	(void)state;
	assert_int_equal(
	    http_url_parse("HTTPS://m%40e:s%3Ac@Host.example/p?q=1#f", &u), 0);
	assert_string_equal(u.user, "m@e");
	assert_string_equal(u.password, "s:c");
	assert_string_equal(u.port, "443");
	assert_null(strstr(u.plain, "s%3Ac"));
	assert_null(strstr(u.plain, "#f"));
	assert_non_null(strstr(u.plain, "/p?q=1"));
	assert_true(http_url_is_tls(&u));
	http_url_clear(&u);
	assert_int_equal(http_url_parse("http://[::1]:8080/", &u), 0);
	assert_string_equal(u.host, "[::1]");
	assert_string_equal(u.port, "8080");
	assert_null(u.user);
	http_url_clear(&u);
}

static void
test_what_is_no_url(void **state)
{
	static const char *const texts[] = { "", "phlare", "/x", "http://",
		"http://a b/", "http://a:port/" };
	struct http_url u;

	(void)state;
	for (size_t i = 0; i < LENGTH(texts); i++)
		assert_int_not_equal(http_url_parse(texts[i], &u), 0);
}

static bool
same_origin(const char *a, const char *b)
{
	struct http_url x, y;
	bool same;

	assert_int_equal(http_url_parse(a, &x), 0);
	assert_int_equal(http_url_parse(b, &y), 0);
	same = http_url_same_origin(&x, &y);
	http_url_clear(&x);
	http_url_clear(&y);
	return same;
}

static void
test_origin_is_scheme_host_and_port(void **state)
{
	(void)state;
	assert_true(same_origin("http://a/x", "HTTP://A:80/y"));
	assert_true(same_origin("https://a/x", "https://u:p@a:443/y"));
	assert_false(same_origin("http://a/", "https://a/"));
	assert_false(same_origin("http://a/", "http://a:81/"));
	assert_false(same_origin("http://a/", "http://b.a/"));
	assert_false(same_origin("http://a/", "http://a@b/"));
}

static void
check_authority(const char *text, const char *authority, const char *renamed)
{
	struct http_url u;
	char *got;

	assert_int_equal(http_url_parse(text, &u), 0);
	got = http_url_authority(&u);
	assert_string_equal(got, authority);
	free(got);
	got = http_url_with_host(&u, "other");
	assert_string_equal(got, renamed);
	free(got);
	http_url_clear(&u);
}

static void
test_host_header_has_no_usual_port(void **state)
{
	(void)state;
	check_authority("https://a/x", "a", "https://other/x");
	check_authority("https://a:443/x", "a", "https://other:443/x");
	check_authority("https://a:80/x", "a:80", "https://other:80/x");
	check_authority("http://[::1]:80/x", "[::1]", "http://other:80/x");
}

static void
test_urls_that_are_accepted(void **state)
{
	(void)state;
	assert_null(http_url_check("http://phlare:4100"));
	assert_null(http_url_check("https://me:pw@phlare/base/"));
	assert_string_equal(http_url_check("ftp://phlare"),
	    "the scheme must be http, https or file");
	assert_string_equal(http_url_check("phlare"), "not an absolute URL");
	assert_string_equal(http_url_check("http://phlare/?a=b"),
	    "a query does not belong here");
	assert_string_equal(http_url_check("http://phlare/#a"),
	    "a fragment does not belong here");
	assert_null(http_url_check_token("https://auth/token?tenant=x"));
	assert_string_equal(http_url_check_token("file:///etc/passwd"),
	    "the scheme must be http or https");
	assert_null(http_url_check_proxy("socks5://p:1080"));
	assert_null(http_url_check_proxy("http://u:p@p:3128"));
	assert_string_equal(http_url_check_proxy("socks4://p"),
	    "the scheme must be http, https or socks5");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_secret_is_shown),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_what_is_no_url),
		cmocka_unit_test(test_origin_is_scheme_host_and_port),
		cmocka_unit_test(test_host_header_has_no_usual_port),
		cmocka_unit_test(test_urls_that_are_accepted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
