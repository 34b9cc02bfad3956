/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/endpoint_text.h"

#include "shipper/http_client.h"

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))
#define WHOLE "Failed to build component: decoding River: "
#define TWO_BEARERS "bearer_token = \"a\"\nbearer_token_file = \"/f\"\n"
#define BASIC "basic_auth {\nusername = \"u\"\n}\n"
#define AUTH "authorization {\ncredentials = \"c\"\n}\n"
#define OAUTH2                                                                 \
	"oauth2 {\nclient_id = \"i\"\nclient_secret = \"s\"\n"                 \
	"token_url = \"http://t/\"\n}\n"

struct refusal {
	const char *text, *message;
};

static void
check_refusals(const struct refusal *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct endpoint_text t = endpoint_text_new(rows[i].text);

		assert_string_equal(t.message, rows[i].message);
		endpoint_text_free(&t);
	}
}

/* Each row also breaks the rules of those below it, as far as it can. */
static void
test_rules_of_authentication_are_checked_in_order(void **state)
{
	static const struct refusal rows[] = {
		{ TWO_BEARERS BASIC AUTH,
		    WHOLE "at most one of bearer_token & bearer_token_file "
			  "must be configured" },
		{ "bearer_token = \"a\"\nbasic_auth {\npassword = \"p\"\n"
		  "password_file = \"/p\"\n}\n" AUTH,
		    WHOLE "at most one of basic_auth, oauth2, bearer_token & "
			  "bearer_token_file must be configured" },
		{ "bearer_token_file = \"/a\"\n" OAUTH2,
		    WHOLE "at most one of basic_auth, oauth2, bearer_token & "
			  "bearer_token_file must be configured" },
		{ "basic_auth {\npassword = \"p\"\npassword_file = \"/p\"\n}\n"
		  "authorization {\ntype = \"basic\"\n}\n",
		    WHOLE "at most one of basic_auth password & password_file "
			  "must be configured" },
		{ "bearer_token = \"a\"\nauthorization {\ncredentials = \"c\"\n"
		  "credentials_file = \"/c\"\n}\n",
		    WHOLE "authorization is not compatible with bearer_token "
			  "& bearer_token_file" },
		{ BASIC "authorization {\ntype = \"basic\"\n"
			"credentials = \"c\"\ncredentials_file = \"/c\"\n}\n",
		    WHOLE "at most one of authorization credentials & "
			  "credentials_file must be configured" },
		{ BASIC "authorization {\ntype = \"bAsIc\"\n}\n",
		    WHOLE "authorization type cannot be set to \"basic\", use "
			  "\"basic_auth\" instead" },
		{ BASIC AUTH,
		    WHOLE "at most one of basic_auth, oauth2 & authorization "
			  "must be configured" },
		{ AUTH "oauth2 {\n}\n",
		    WHOLE "at most one of basic_auth, oauth2 & authorization "
			  "must be configured" },
		{ BASIC "oauth2 {\n}\n",
		    WHOLE "at most one of basic_auth, oauth2 & authorization "
			  "must be configured" },
		{ "oauth2 {\n}\n",
		    WHOLE "oauth2 client_id must be configured" },
		{ "oauth2 {\nclient_id = \"i\"\n}\n",
		    WHOLE "either oauth2 client_secret or client_secret_file "
			  "must be configured" },
		{ "oauth2 {\nclient_id = \"i\"\nclient_secret = \"s\"\n"
		  "client_secret_file = \"/s\"\n}\n",
		    WHOLE "oauth2 token_url must be configured" },
		{ "oauth2 {\nclient_id = \"i\"\nclient_secret = \"s\"\n"
		  "client_secret_file = \"/s\"\ntoken_url = \"http://t/\"\n"
		  "}\n",
		    WHOLE "at most one of oauth2 client_secret & "
			  "client_secret_file must be configured" },
	};

	(void)state;
	check_refusals(rows, LENGTH(rows));
}

static void
test_rules_of_tls(void **state)
{
	static const struct refusal rows[] = {
		{ "tls_config {\nca_pem = \"a\"\nca_file = \"/a\"\n}", WHOLE
		    "at most one of ca_pem and ca_file must be configured" },
		{ "tls_config {\ncert_pem = \"a\"\ncert_file = \"/a\"\n}",
		    WHOLE "at most one of cert_pem and cert_file must be "
			  "configured" },
		{ "tls_config {\ncert_pem = \"a\"\nkey_pem = \"a\"\n"
		  "key_file = \"/a\"\n}",
		    WHOLE
		    "at most one of key_pem and key_file must be configured" },
		{ "tls_config {\ncert_file = \"/a\"\n}",
		    WHOLE "exactly one of key_pem or key_file must be "
			  "configured when a client certificate is "
			  "configured" },
		{ "tls_config {\nkey_pem = \"a\"\n}",
		    WHOLE "exactly one of cert_pem or cert_file must be "
			  "configured when a client key is configured" },
		{ "tls_config {\nmin_version = \"TLS9\"\n}",
		    "unknown TLS version: TLS9" },
		/* the block comes before what is around it */
		{ TWO_BEARERS "tls_config {\nkey_pem = \"a\"\n}",
		    WHOLE "exactly one of cert_pem or cert_file must be "
			  "configured when a client key is configured" },
		{ "oauth2 {\ntls_config {\nkey_pem = \"a\"\n}\n}",
		    WHOLE "exactly one of cert_pem or cert_file must be "
			  "configured when a client key is configured" },
	};

	(void)state;
	check_refusals(rows, LENGTH(rows));
}

static void
test_rules_of_proxies(void **state)
{
	static const char lone_header[] =
	    WHOLE "if proxy_connect_header is configured, proxy_url or "
		  "proxy_from_environment must also be configured";
	static const char two_sources[] =
	    WHOLE "if proxy_from_environment is configured, proxy_url must not "
		  "be configured";
	static const struct refusal rows[] = {
		{ "proxy_connect_header = { \"X-A\" = [\"b\"] }", lone_header },
		{ "proxy_from_environment = true\nproxy_url = \"http://p\"",
		    two_sources },
		{ "proxy_from_environment = true\nno_proxy = \"a\"",
		    WHOLE "if proxy_from_environment is configured, no_proxy "
			  "must not be configured" },
		{ "no_proxy = \"a\"",
		    WHOLE "if no_proxy is configured, proxy_url must also be "
			  "configured" },
		{ "proxy_url = \"ftp://p\"",
		    "\"ftp://p\": the scheme must be http, https or socks5" },
		{ "proxy_url = \"p:3128\"", "\"p:3128\": not an absolute URL" },
		{ "proxy_url = \"/p\"", "\"/p\": not an absolute URL" },
	};

	(void)state;
	check_refusals(rows, LENGTH(rows));
}

static void
test_headers_that_are_not_for_the_user(void **state)
{
	static const char *const names[] = { "Authorization", "Host",
		"Content-Encoding", "Content-Length", "Content-Type",
		"User-Agent", "Connection", "Keep-Alive", "Proxy-Authenticate",
		"Proxy-Authorization", "Www-Authenticate", "Accept-Encoding",
		"X-Prometheus-Remote-Write-Version", "X-Amz-Date" };
	static const struct refusal rows[] = {
		{ "http_headers = { \"content-TYPE\" = [] }",
		    "setting header \"Content-Type\" is not allowed" },
		{ "http_headers = { \"X A\" = [\"b\"] }",
		    "\"X A\" is no name of a header" },
		{ "http_headers = { \"X-A\" = [\"b\\r\\nX-B: c\"] }",
		    "the value of header \"X-A\" has control characters" },
		{ "headers = { \"X-A\" = \"b\\nX-B: c\" }",
		    "the value of header \"X-A\" has control characters" },
		{ "headers = { \"X:A\" = \"b\" }",
		    "\"X:A\" is no name of a header" },
		{ "bearer_token = \"a\\nX-B: c\"",
		    "must not contain control characters" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(names); i++) {
		struct refusal r;
		char text[128], message[128];

		snprintf(text, sizeof(text),
		    "http_headers = { \"%s\" = [\"x\"] }", names[i]);
		snprintf(message, sizeof(message),
		    "setting header \"%s\" is not allowed", names[i]);
		r = (struct refusal){ text, message };
		check_refusals(&r, 1);
	}
	check_refusals(rows, LENGTH(rows));
}

static void
test_defaults(void **state)
{
	struct endpoint_text t = endpoint_text_new("authorization {\n}");
	const struct endpoint_args *a = endpoint_text_args(&t);

	(void)state;
	assert_true(a->http.follow_redirects);
	assert_true(a->http.enable_http2);
	assert_string_equal(a->http.authorization->type, "Bearer");
	assert_null(a->http.basic_auth);
	assert_null(a->http.tls_config);
	assert_int_equal(http_args_tls_version(NULL), HTTP_TLS12);
	assert_int_equal(http_args_tls_version("TLS13"), HTTP_TLS13);
	assert_int_equal(http_args_tls_version("tls13"), -1);
	endpoint_text_free(&t);
}

static void
note_file(void *arg, const struct http_file *file)
{
	strcat(arg, file->path);
}

static void
test_every_file_is_known(void **state)
{
	static const struct {
		const char *text, *paths;
	} rows[] = {
		{ "bearer_token_file = \"/b\"", "/b" },
		{ "basic_auth {\npassword_file = \"/p\"\n}", "/p" },
		{ "authorization {\ncredentials_file = \"/c\"\n}", "/c" },
		{ "tls_config {\nca_file = \"/1\"\ncert_file = \"/2\"\n"
		  "key_file = \"/3\"\n}",
		    "/1/2/3" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct endpoint_text t = endpoint_text_new(rows[i].text);
		char paths[64] = "";

		http_args_each_file(
		    &endpoint_text_args(&t)->http, NULL, note_file, paths);
		assert_string_equal(paths, rows[i].paths);
		endpoint_text_free(&t);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_rules_of_authentication_are_checked_in_order),
		cmocka_unit_test(test_rules_of_tls),
		cmocka_unit_test(test_rules_of_proxies),
		cmocka_unit_test(test_headers_that_are_not_for_the_user),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_every_file_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
