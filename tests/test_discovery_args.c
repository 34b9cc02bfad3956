/* SPDX-License-Identifier: Apache-2.0 */
/* What discovery.docker and discovery.kubernetes take, and what they refuse. */
#include "tests/config_text.h"

#include "shipper/discovery_args.h"
#include "shipper/url_syntax.h"

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))
#define WHOLE "1:1: Failed to build component: decoding River: "
#define SEC 1000000000LL

static struct config_text
component(const char *name, const char *body)
{
	struct config_text t;
	char *text;

	assert_true(
	    asprintf(&text, "discovery.%s \"x\" {\n%s\n}\n", name, body) > 0);
	t = config_text_new(text);
	free(text);
	return t;
}

struct row {
	const char *body, *message;
};

static void
check(const char *name, const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct config_text t = component(name, rows[i].body);

		if (strcmp(t.message, rows[i].message) != 0)
			fail_msg("%s\n  is       %s\n  but must %s",
			    rows[i].body, t.message, rows[i].message);
		config_text_free(&t);
	}
}

#define HTTP                                                                   \
	"bearer_token_file = \"/var/run/token\"\nproxy_url = \"http://p:1\"\n" \
	"follow_redirects = false\nenable_http2 = false\n"                     \
	"no_proxy = \"a,b\"\nproxy_from_environment = false\n"                 \
	"http_headers = {\"X-A\" = [\"b\"]}\n"                                 \
	"tls_config {\nca_file = \"/ca\"\nserver_name = \"s\"\n"               \
	"insecure_skip_verify = true\nmin_version = \"TLS13\"\n}\n"

static void
test_docker_takes_all_arguments(void **state)
{
	struct config_text t = component("docker",
	    "host = \"https://docker.example:2376/v1\"\nport = 8080\n"
	    "host_networking_host = \"h\"\nrefresh_interval = \"5s\"\n"
	    "match_first_network = false\n"
	    "filter {\nname = \"label\"\nvalues = [\"a=b\", \"c\"]\n}\n"
	    "filter {\nname = \"status\"\nvalues = []\n}\n" HTTP);
	const struct docker_args *a =
	    config_text_args(&t, "discovery.docker.x");
	const struct docker_filter_args *f = a->filters.item;

	(void)state;
	assert_string_equal(a->host, "https://docker.example:2376/v1");
	assert_int_equal(a->port, 8080);
	assert_string_equal(a->host_networking_host, "h");
	assert_int_equal(a->refresh_interval, 5 * SEC);
	assert_false(a->match_first_network);
	assert_int_equal(a->filters.count, 2);
	assert_string_equal(f[0].name, "label");
	assert_int_equal(f[0].values.count, 2);
	assert_string_equal(f[0].values.item[1], "c");
	assert_int_equal(f[1].values.count, 0);
	assert_string_equal(a->http.bearer_token_file, "/var/run/token");
	assert_false(a->http.follow_redirects);
	assert_string_equal(a->http.tls_config->server_name, "s");
	config_text_free(&t);
}

static void
test_docker_has_defaults(void **state)
{
	struct config_text t =
	    component("docker", "host = \"unix:///var/run/docker.sock\"");
	const struct docker_args *a =
	    config_text_args(&t, "discovery.docker.x");

	(void)state;
	assert_int_equal(a->port, 80);
	assert_string_equal(a->host_networking_host, "localhost");
	assert_int_equal(a->refresh_interval, 60 * SEC);
	assert_true(a->match_first_network);
	assert_int_equal(a->filters.count, 0);
	assert_true(a->http.follow_redirects);
	assert_true(a->http.enable_http2);
	config_text_free(&t);
}

/* In the order in which they are checked. */
static void
test_docker_refuses(void **state)
{
	static const struct row rows[] = {
		{ "", WHOLE "missing required attribute \"host\"" },
		{ "host = \"\"\nrefresh_interval = \"0s\"",
		    WHOLE "host attribute must not be empty" },
		{ "host = null", WHOLE "host attribute must not be empty" },
		{ "host = \":x\"\nrefresh_interval = \"0s\"",
		    WHOLE "parsing host attribute: parse \":x\": missing "
			  "protocol scheme" },
		{ "host = \"127.0.0.1:2375\"",
		    WHOLE "parsing host attribute: parse \"127.0.0.1:2375\": "
			  "first path segment in URL cannot contain colon" },
		{ "host = \"tcp://h:x\"",
		    WHOLE "parsing host attribute: parse \"tcp://h:x\": "
			  "invalid port \":x\" after host" },
		{ "host = \"tcp://h\\n\"",
		    WHOLE "parsing host attribute: parse \"tcp://h\\n\": "
			  "net/url: invalid control character in URL" },
		{ "host = \"localhost:2375\"",
		    WHOLE "parsing host attribute: unable to parse docker "
			  "host `localhost:2375`" },
		{ "host = \"/var/run/docker.sock\"",
		    WHOLE "parsing host attribute: unable to parse docker "
			  "host `/var/run/docker.sock`" },
		{ "host = \"ssh://h\"", WHOLE
		    "parsing host attribute: \"ssh://h\" does not begin with "
		    "unix://, tcp://, http:// or https:// and name a host "
		    "after it" },
		{ "host = \"unix://\"", WHOLE
		    "parsing host attribute: \"unix://\" does not begin with "
		    "unix://, tcp://, http:// or https:// and name a host "
		    "after it" },
		{ "host = \"tcp://h\"\nrefresh_interval = \"0s\"\n"
		  "bearer_token = \"a\"\nbearer_token_file = \"b\"",
		    WHOLE "refresh_interval must be greater than 0" },
		{ "host = \"tcp://h\"\nrefresh_interval = \"-1s\"",
		    WHOLE "refresh_interval must be greater than 0" },
		{ "host = \"tcp://h\"\nbearer_token = \"a\"\n"
		  "bearer_token_file = \"b\"",
		    WHOLE "at most one of bearer_token & bearer_token_file "
			  "must be configured" },
		{ "host = \"tcp://h\"\nrefresh_interval = \"1d\"",
		    "3:20: \"1d\" time: unknown unit \"d\" in duration "
		    "\"1d\"" },
		{ "host = \"tcp://h\"\nfilter {\nname = \"a\"\n}",
		    WHOLE "missing required attribute \"values\"" },
		{ "host = \"tcp://h\"\nnope = 1",
		    "3:1: unrecognized attribute name \"nope\"" },
	};

	(void)state;
	check("docker", rows, LENGTH(rows));
}

static void
test_kubernetes_takes_all_arguments(void **state)
{
	struct config_text t = component("kubernetes",
	    "role = \"endpointslice\"\napi_server = \"https://k:6443\"\n"
	    "kubeconfig_file = \"/etc/kubeconfig\"\n"
	    "namespaces {\nown_namespace = true\nnames = [\"a\", \"b\"]\n}\n"
	    "selectors {\nrole = \"pod\"\nlabel = \"app=x\"\n}\n"
	    "selectors {\nrole = \"node\"\nfield = \"spec.x=y\"\n}\n"
	    "attach_metadata {\nnode = true\n}\n" HTTP);
	const struct kubernetes_args *a =
	    config_text_args(&t, "discovery.kubernetes.x");
	const struct kubernetes_selector_args *s = a->selectors.item;

	(void)state;
	assert_string_equal(a->role, "endpointslice");
	assert_string_equal(a->api_server, "https://k:6443");
	assert_string_equal(a->kubeconfig_file, "/etc/kubeconfig");
	assert_true(a->namespaces->own_namespace);
	assert_int_equal(a->namespaces->names.count, 2);
	assert_int_equal(a->selectors.count, 2);
	assert_string_equal(s[0].label, "app=x");
	assert_string_equal(s[1].field, "spec.x=y");
	assert_true(a->attach_metadata->node);
	assert_string_equal(a->http.proxy.url, "http://p:1");
	config_text_free(&t);
}

static void
test_kubernetes_roles(void **state)
{
	static const char *const roles[] = { "pod", "node", "service",
		"endpoints", "endpointslice", "ingress" };
	char body[64];

	(void)state;
	for (size_t i = 0; i < LENGTH(roles); i++) {
		struct config_text t;

		snprintf(body, sizeof(body), "role = \"%s\"", roles[i]);
		t = component("kubernetes", body);
		config_text_args(&t, "discovery.kubernetes.x");
		config_text_free(&t);
	}
}

#define UNKNOWN(role)                                                          \
	"\"" role "\" unknown Kubernetes discovery kind \"" role "\": pod, "   \
	"node, service, endpoints, endpointslice or ingress"

static void
test_kubernetes_refuses(void **state)
{
	static const struct row rows[] = {
		{ "", WHOLE "missing required attribute \"role\"" },
		{ "role = \"pods\"", "2:8: " UNKNOWN("pods") },
		{ "role = \"Pod\"", "2:8: " UNKNOWN("Pod") },
		{ "role = null", WHOLE "role attribute must not be empty" },
		{ "role = \"pod\"\nselectors {\nrole = \"x\"\n}",
		    "4:8: " UNKNOWN("x") },
		{ "role = \"pod\"\nselectors {\n}",
		    WHOLE "missing required attribute \"role\"" },
		{ "role = \"pod\"\napi_server = \"http://h:x\"",
		    "3:14: \"http://h:x\" parse \"http://h:x\": invalid port "
		    "\":x\" after host" },
		{ "role = \"pod\"\nbasic_auth {\n}\nbearer_token = \"x\"",
		    WHOLE "at most one of basic_auth, oauth2, bearer_token & "
			  "bearer_token_file must be configured" },
		{ "role = \"pod\"\nnamespaces {\n}\nnamespaces {\n}",
		    "3:1: block \"namespaces\" may only be specified once" },
		{ "role = \"pod\"\nattach_metadata {\npod = true\n}",
		    "4:1: unrecognized attribute name \"pod\"" },
	};

	(void)state;
	check("kubernetes", rows, LENGTH(rows));
}

/* Until they look for targets, they have none. */
static void
test_both_export_an_empty_list(void **state)
{
	struct config_text t = config_text_new(
	    "phlare.write \"w\" {\n}\n"
	    "phlare.ebpf \"e\" {\n"
	    "forward_to = [phlare.write.w.receiver]\n"
	    "targets = concat(discovery.docker.d.targets, "
	    "discovery.kubernetes.k.targets, [{a = \"b\"}])\n}\n"
	    "discovery.docker \"d\" {\nhost = \"unix:///x\"\n}\n"
	    "discovery.kubernetes \"k\" {\nrole = \"pod\"\n}\n");
	const struct ebpf_args *a = config_text_args(&t, "phlare.ebpf.e");

	(void)state;
	assert_int_equal(a->targets.count, 1);
	config_text_free(&t);
}

static void
test_syntax_of_urls(void **state)
{
	static const struct {
		const char *url, *wrong; /* NULL: it is good */
	} rows[] = {
		{ "", NULL },
		{ "http://h", NULL },
		{ "http://h:80/p?q=%zz#f", NULL },
		{ "http://user:p%40ss@h/", NULL },
		{ "http://[::1]:80/", NULL },
		{ "http://h:", NULL },
		{ "relative/path", NULL },
		{ "/path:with/colon", NULL },
		{ "./a:b", NULL },
		{ "mailto:x%zz", NULL },
		{ "?q", NULL },
		{ "//host/path", NULL },
		{ "1http://x", "first path segment in URL cannot contain "
			       "colon" },
		{ "a b:c", "first path segment in URL cannot contain colon" },
		{ "://x", "missing protocol scheme" },
		{ "http://h/\x7f", "net/url: invalid control character in "
				   "URL" },
		{ "http://[::1", "missing ']' in host" },
		{ "http://[::1]x", "invalid port \"x\" after host" },
		{ "http://h:8o", "invalid port \":8o\" after host" },
		{ "http://a b/", "invalid character \" \" in host name" },
		{ "http://u s@h/", "net/url: invalid userinfo" },
		{ "http://h/%", "invalid URL escape \"%\"" },
		{ "http://h/%z1", "invalid URL escape \"%z1\"" },
		{ "p%4", "invalid URL escape \"%4\"" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		char *wrong = url_syntax_wrong(rows[i].url);

		if (strcmp(wrong != NULL ? wrong : "",
			rows[i].wrong != NULL ? rows[i].wrong : "") != 0)
			fail_msg("%s: %s", rows[i].url, wrong);
		free(wrong);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_docker_takes_all_arguments),
		cmocka_unit_test(test_docker_has_defaults),
		cmocka_unit_test(test_docker_refuses),
		cmocka_unit_test(test_kubernetes_takes_all_arguments),
		cmocka_unit_test(test_kubernetes_roles),
		cmocka_unit_test(test_kubernetes_refuses),
		cmocka_unit_test(test_both_export_an_empty_list),
		cmocka_unit_test(test_syntax_of_urls),
	};

	return cmocka_run_group_tests_name("discovery_args", tests, NULL, NULL);
}
