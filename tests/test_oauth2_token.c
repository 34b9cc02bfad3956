/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shipper/http_args.h"
#include "shipper/oauth2_token.h"
#include "shipper/text.h"

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))
#define SEC 1000000000LL

static void
check_form(const struct oauth2_args *args, const char *secret, const char *want)
{
	char *form = oauth2_token_form(args, secret);

	assert_string_equal(form, want);
	text_free_secret(form);
}

static void
test_form(void **state)
{
	const char *scopes[] = { "read all", "push" };
	struct river_pair params[] = { { "audience", "https://a/?b&c" },
		{ "x y", "=%" } };
	struct oauth2_args a = { .client_id = "m\u00e9" };

	(void)state;
	check_form(&a, NULL, "grant_type=client_credentials");
	check_form(&a, "s e&c",
	    "grant_type=client_credentials&client_id=m%C3%A9&"
	    "client_secret=s+e%26c");
	a.scopes = (struct river_strings){ scopes, 2 };
	a.endpoint_params = (struct river_pairs){ params, 2 };
	check_form(&a, NULL,
	    "grant_type=client_credentials&scope=read+all+push&"
	    "audience=https%3A%2F%2Fa%2F%3Fb%26c&x+y=%3D%25");
	params[0].name = "grant_type";
	check_form(&a, NULL,
	    "scope=read+all+push&grant_type=https%3A%2F%2Fa%2F%3Fb%26c&"
	    "x+y=%3D%25");
}

/* RFC 6749 2.3.1: both are escaped as in a form first. */
static void
test_client_header(void **state)
{
	const struct oauth2_args a = { .client_id = "a:b" };
	char *value = oauth2_token_basic(&a, "c d");

	(void)state;
	assert_string_equal(value, "Basic YSUzQWI6Yytk"); /* a%3Ab:c+d */
	text_free_secret(value);
}

static void
test_answers(void **state)
{
	static const struct {
		int status;
		const char *body, *header; /* or what is wrong */
		int64_t sec;
	} rows[] = {
		{ 200, "{\"access_token\":\"t\"}", "Bearer t", 0 },
		{ 201,
		    "{\"access_token\":\"t\",\"token_type\":\"bearer\","
		    "\"expires_in\":3600,\"more\":[1]}",
		    "Bearer t", 3600 },
		{ 200,
		    "{\"access_token\":\"t\",\"token_type\":\"BASIC\","
		    "\"expires_in\":\"60\"}",
		    "Basic t", 60 },
		{ 200,
		    "{\"access_token\":\"t\",\"token_type\":\"Own\","
		    "\"expires_in\":1.5e1}",
		    "Own t", 15 },
		{ 200, "{\"access_token\":\"t\",\"expires_in\":-1}", "Bearer t",
		    0 },
		{ 200, "{\"access_token\":\"t\",\"expires_in\":1e300}",
		    "Bearer t", OAUTH2_LIFETIME_MAX_SEC },
		{ 200, "{\"access_token\":\"t\",\"expires_in\":\"nan\"}",
		    "Bearer t", 0 },
		{ 200, "{\"access_token\":\"t\",\"expires_in\":null}",
		    "Bearer t", 0 },
		{ 200, "", "the answer is no JSON object", 0 },
		{ 200, "[]", "the answer is no JSON object", 0 },
		{ 200, "<html>", "the answer is no JSON object", 0 },
		{ 200, "{}", "the answer has no access_token", 0 },
		{ 200, "{\"access_token\":\"\"}",
		    "the answer has no access_token", 0 },
		{ 200, "{\"access_token\":7}", "the answer has no access_token",
		    0 },
		{ 200, "{\"access_token\":\"t\\r\\nX-A: b\"}",
		    "the token has control characters", 0 },
		{ 200, "{\"access_token\":\"t\",\"token_type\":\"a\\nb: c\"}",
		    "the token has control characters", 0 },
		{ 302, "{\"access_token\":\"t\"}", "HTTP status 302", 0 },
		{ 500, "oops", "HTTP status 500", 0 },
		{ 401, "{\"error\":\"invalid_client\"}",
		    "HTTP status 401: invalid_client", 0 },
		{ 400,
		    "{\"error\":\"invalid_scope\","
		    "\"error_description\":\"no such\"}",
		    "HTTP status 400: invalid_scope: no such", 0 },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct oauth2_token token;
		char *why = NULL;
		int r = oauth2_token_read(&token, rows[i].status, rows[i].body,
		    strlen(rows[i].body), &why);

		assert_string_equal(
		    r == 0 ? token.header : why, rows[i].header);
		if (r == 0)
			assert_int_equal(token.lifetime_ns / SEC, rows[i].sec);
		text_free_secret(token.header);
		free(why);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_form),
		cmocka_unit_test(test_client_header),
		cmocka_unit_test(test_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
