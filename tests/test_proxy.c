/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shipper/http_args.h"
#include "shipper/http_url.h"
#include "shipper/proxy.h"

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))
#define PROXY "http://proxy:3128"

/* "direct" or the proxy; static until the next call. */
static const char *
choose(const struct proxy_args *args, const char *text)
{
	static char chosen[128];
	struct proxy_rules *rules;
	struct http_url url;
	const char *proxy;
	char *why = NULL;

	rules = proxy_rules_new(args, &why);
	if (rules == NULL) {
		snprintf(chosen, sizeof(chosen), "%s", why);
		free(why);
		return chosen;
	}
	assert_int_equal(http_url_parse(text, &url), 0);
	proxy = proxy_rules_choose(rules, &url);
	snprintf(
	    chosen, sizeof(chosen), "%s", proxy != NULL ? proxy : "direct");
	http_url_clear(&url);
	proxy_rules_free(rules);
	return chosen;
}

static void
clear_environment(void)
{
	static const char *const names[] = { "HTTP_PROXY", "http_proxy",
		"HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy",
		"ALL_PROXY", "all_proxy" };

	for (size_t i = 0; i < LENGTH(names); i++)
		unsetenv(names[i]);
}

static void
test_the_environment_is_not_read_unless_asked_for(void **state)
{
	const struct proxy_args none = { 0 };
	const struct proxy_args some = { .url = PROXY };

	(void)state;
	clear_environment();
	setenv("http_proxy", "http://elsewhere", 1);
	setenv("NO_PROXY", "*", 1);
	assert_string_equal(choose(&none, "http://a/"), "direct");
	assert_string_equal(choose(&some, "http://a/"), PROXY);
	assert_string_equal(choose(&some, "https://127.0.0.1/"), PROXY);
}

static void
test_exceptions(void **state)
{
	static const struct {
		const char *list, *url;
		bool direct;
	} rows[] = {
		{ "example.com", "http://example.com/", true },
		{ "example.com", "http://EXAMPLE.com.:81/", true },
		{ "example.com", "http://a.example.com/", true },
		{ "example.com", "http://anexample.com/", false },
		{ "example.com", "http://example.com.org/", false },
		{ ".example.com", "http://example.com/", false },
		{ ".example.com", "http://a.b.example.com/", true },
		{ "*.example.com", "http://a.example.com/", true },
		{ "*.example.com", "http://example.com/", false },
		{ "other, example.com", "http://example.com/", true },
		{ " ,, ", "http://example.com/", false },
		{ "*", "http://example.com/", true },
		{ "example.com:8080", "http://example.com:8080/", true },
		{ "example.com:8080", "http://example.com/", false },
		{ "example.com:443", "https://example.com/", true },
		{ "10.1.2.3", "http://10.1.2.3/", true },
		{ "10.1.2.3", "http://10.1.2.33/", false },
		{ "10.1.2.3:80", "http://10.1.2.3:81/", false },
		{ "10.0.0.0/8", "http://10.255.0.1/", true },
		{ "10.0.0.0/8", "http://11.0.0.1/", false },
		{ "10.128.0.0/9", "http://10.127.0.1/", false },
		{ "0.0.0.0/0", "http://11.0.0.1/", true },
		{ "0.0.0.0/0", "http://[2001:db8::1]/", false },
		{ "10.0.0.0/33", "http://10.0.0.1/", false },
		{ "10.0.0.0/", "http://10.0.0.1/", false },
		{ "2001:db8::/32", "http://[2001:db8:1::1]/", true },
		{ "2001:db8::/32", "http://[2001:db9::1]/", false },
		{ "2001:db8::1", "http://[2001:DB8::1]:8080/", true },
		{ "[2001:db8::1]:81", "http://[2001:db8::1]:81/", true },
		{ "[2001:db8::1]:81", "http://[2001:db8::1]/", false },
		{ "2.3", "http://10.1.2.3/", true }, /* as a name's end */
		{ "other", "http://localhost:4100/", true },
		{ "other", "http://127.9.9.9/", true },
		{ "other", "http://[::1]/", true },
		{ "other", "http://128.0.0.1/", false },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		const struct proxy_args args = { .url = PROXY,
			.no_proxy = rows[i].list };
		const char *chosen = choose(&args, rows[i].url);

		if (strcmp(chosen, rows[i].direct ? "direct" : PROXY) != 0)
			fail_msg("%s with %s: %s", rows[i].url, rows[i].list,
			    chosen);
	}
}

static void
test_environment(void **state)
{
	const struct proxy_args args = { .from_environment = true };

	(void)state;
	clear_environment();
	assert_string_equal(choose(&args, "http://a/"), "direct");
	setenv("http_proxy", "lower:3128", 1);
	setenv("HTTPS_PROXY", "https://upper", 1);
	setenv("https_proxy", "https://lower", 1);
	assert_string_equal(choose(&args, "http://a/"), "http://lower:3128");
	assert_string_equal(choose(&args, "https://a/"), "https://upper");
	assert_string_equal(choose(&args, "http://localhost/"), "direct");
	setenv("no_proxy", "a", 1);
	assert_string_equal(choose(&args, "http://a/"), "direct");
	assert_string_equal(choose(&args, "http://b/"), "http://lower:3128");
	setenv("HTTP_PROXY", "gopher://x", 1);
	assert_string_equal(choose(&args, "http://b/"),
	    "environment variable HTTP_PROXY: the scheme must be http, https "
	    "or socks5");
	clear_environment();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_the_environment_is_not_read_unless_asked_for),
		cmocka_unit_test(test_exceptions),
		cmocka_unit_test(test_environment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
