/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <event2/buffer.h>

#include "shipper/account.h"
#include "shipper/latency.h"
#include "shipper/metrics.h"
#include "shipper/service_stats.h"
#include "shipper/write_stats.h"

#define NSEC_PER_SEC 1000000000LL

struct world {
	struct account *account;
	struct write_stats_list writes;
	struct latency_list fanout;
	struct service_stats *services;
	struct metrics_view view;
};

static int
set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	w->account = account_new();
	TAILQ_INIT(&w->writes);
	TAILQ_INIT(&w->fanout);
	w->services = service_stats_new();
	w->view = (struct metrics_view){ .account = w->account,
		.services = w->services,
		.writes = &w->writes,
		.fanout = &w->fanout,
		.connected = true,
		.config_good = true };
	*state = w;
	return 0;
}

static int
tear_down(void **state)
{
	struct world *w = *state;

	account_free(w->account);
	write_stats_free_all(&w->writes);
	latency_free_all(&w->fanout);
	service_stats_free(w->services);
	free(w);
	return 0;
}

/* The lines of the page that have to do with prefix; to be freed. */
static char *
lines_of(const struct world *w, const char *prefix)
{
	struct evbuffer *page = evbuffer_new();
	char *line, *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	metrics_write(&w->view, page);
	while ((line = evbuffer_readln(page, NULL, EVBUFFER_EOL_LF)) != NULL) {
		const char *name =
		    line[0] == '#' && prefix[0] != '\0' ? line + 7 : line;

		if (strncmp(name, prefix, strlen(prefix)) == 0)
			fprintf(out, "%s\n", line);
		free(line);
	}
	fclose(out);
	evbuffer_free(page);
	return text;
}

/* By service, with its name escaped; further ones count together. */
static void
test_services(void **state)
{
	const struct service_numbers one = { 1, 10, 100, 5, 6, 7, 8 };
	struct world *w = *state;
	char *text, name[32];

	service_stats_add(w->services, "phlare.ebpf.e", "a\"b\n", &one);
	service_stats_add(w->services, "phlare.ebpf.e", "a\"b\n", &one);
	service_stats_add(w->services, "phlare.ebpf.f", "a", &one);
	text = lines_of(w, "phlare_ebpf_pprof_bytes_total");
	assert_string_equal(text,
	    "# HELP phlare_ebpf_pprof_bytes_total Their compressed bytes.\n"
	    "# TYPE phlare_ebpf_pprof_bytes_total counter\n"
	    "phlare_ebpf_pprof_bytes_total{component_id=\"phlare.ebpf.e\","
	    "service_name=\"a\\\"b\\n\"} 20\n"
	    "phlare_ebpf_pprof_bytes_total{component_id=\"phlare.ebpf.f\","
	    "service_name=\"a\"} 10\n");
	free(text);
	text = lines_of(w, "phlare_symtab_unknown_stacks_total{");
	assert_non_null(strstr(text, "service_name=\"a\"} 8\n"));
	free(text);
	for (int i = 0; i < SERVICE_STATS_MAX + 10; i++) {
		snprintf(name, sizeof(name), "s%d", i);
		service_stats_add(w->services, "phlare.ebpf.e", name, &one);
	}
	service_stats_add(w->services, "phlare.ebpf.f", "a", &one);
	text = lines_of(w, "phlare_ebpf_pprofs_total{");
	assert_non_null(strstr(text, "\"s997\"} 1\n"));
	assert_null(strstr(text, "\"s998\"}"));
	assert_non_null(strstr(text, "\"(others)\"} 12\n"));
	assert_non_null(strstr(text, "service_name=\"a\"} 2\n"));
	free(text);
}

static void
test_nothing_has_been_written(void **state)
{
	struct world *w = *state;
	char *text;

	write_stats_get(&w->writes, "phlare.write.w", "http://a");
	text = lines_of(w, "phlare_write_");
	assert_string_equal(text,
	    "# HELP phlare_write_sent_bytes_total Total number of compressed "
	    "bytes sent to Phlare.\n"
	    "# TYPE phlare_write_sent_bytes_total counter\n"
	    "# HELP phlare_write_dropped_bytes_total Total number of "
	    "compressed bytes dropped by Phlare.\n"
	    "# TYPE phlare_write_dropped_bytes_total counter\n"
	    "# HELP phlare_write_sent_profiles_total Total number of profiles "
	    "sent to Phlare.\n"
	    "# TYPE phlare_write_sent_profiles_total counter\n"
	    "# HELP phlare_write_dropped_profiles_total Total number of "
	    "profiles dropped by Phlare.\n"
	    "# TYPE phlare_write_dropped_profiles_total counter\n"
	    "# HELP phlare_write_retries_total Total number of retries to "
	    "Phlare.\n"
	    "# TYPE phlare_write_retries_total counter\n"
	    "# HELP phlare_write_queued_profiles Profiles that wait for the "
	    "endpoint.\n"
	    "# TYPE phlare_write_queued_profiles gauge\n"
	    "phlare_write_queued_profiles{component_id=\"phlare.write.w\","
	    "endpoint=\"http://a\"} 0\n"
	    "# HELP phlare_write_queued_bytes Compressed bytes that wait for "
	    "the endpoint.\n"
	    "# TYPE phlare_write_queued_bytes gauge\n"
	    "phlare_write_queued_bytes{component_id=\"phlare.write.w\","
	    "endpoint=\"http://a\"} 0\n");
	free(text);
}

static void
check_line(const struct world *w, const char *line)
{
	char *text = lines_of(w, "phlare_");

	if (strstr(text, line) == NULL)
		fail_msg("no %s in\n%s", line, text);
	free(text);
}

static void
test_each_endpoint_counts(void **state)
{
	struct world *w = *state;
	struct write_stats *a =
	    write_stats_get(&w->writes, "phlare.write.w", "http://a");
	struct write_stats *b =
	    write_stats_get(&w->writes, "phlare.write.w", "x\"\\\n");

	assert_ptr_equal(
	    a, write_stats_get(&w->writes, "phlare.write.w", "http://a"));
	assert_ptr_not_equal(
	    a, write_stats_get(&w->writes, "phlare.write.v", "http://a"));
	a->sent_profiles = 3;
	a->sent_bytes = UINT64_MAX;
	b->dropped_profiles = 2;
	b->dropped_bytes = 200;
	b->retries = 9;
	check_line(w, "\nphlare_write_sent_profiles_total{component_id="
		      "\"phlare.write.w\",endpoint=\"http://a\"} 3\n");
	check_line(w, "\nphlare_write_sent_bytes_total{component_id="
		      "\"phlare.write.w\",endpoint=\"http://a\"} "
		      "18446744073709551615\n");
	check_line(w, "\nphlare_write_dropped_profiles_total{component_id="
		      "\"phlare.write.w\",endpoint=\"x\\\"\\\\\\n\"} 2\n");
	check_line(w, "\nphlare_write_dropped_bytes_total{component_id="
		      "\"phlare.write.w\",endpoint=\"x\\\"\\\\\\n\"} 200\n");
	check_line(w, "\nphlare_write_retries_total{component_id="
		      "\"phlare.write.w\",endpoint=\"x\\\"\\\\\\n\"} 9\n");
}

#define BUCKET(id, le, n)                                                      \
	"\nphlare_fanout_latency_bucket{component_id=\"" id "\",le=\"" le      \
	"\"} " n "\n"

static void
test_latency(void **state)
{
	struct world *w = *state;
	struct latency *l = latency_get(&w->fanout, "phlare.ebpf.e");
	static const char *const rows[] = {
		BUCKET("phlare.ebpf.e", "0.005", "2"),
		BUCKET("phlare.ebpf.e", "0.01", "3"),
		BUCKET("phlare.ebpf.e", "0.025", "3"),
		BUCKET("phlare.ebpf.e", "0.05", "3"),
		BUCKET("phlare.ebpf.e", "0.1", "3"),
		BUCKET("phlare.ebpf.e", "0.25", "3"),
		BUCKET("phlare.ebpf.e", "0.5", "3"),
		BUCKET("phlare.ebpf.e", "1", "3"),
		BUCKET("phlare.ebpf.e", "2.5", "4"),
		BUCKET("phlare.ebpf.e", "5", "4"),
		BUCKET("phlare.ebpf.e", "10", "5"),
		BUCKET("phlare.ebpf.e", "+Inf", "6"),
		"\nphlare_fanout_latency_sum{component_id="
		"\"phlare.ebpf.e\"} 612.0101\n",
		"\nphlare_fanout_latency_count{component_id="
		"\"phlare.ebpf.e\"} 6\n",
		/* shown from the start */
		BUCKET("phlare.ebpf.quiet", "+Inf", "0"),
	};
	char *text;

	assert_ptr_equal(l, latency_get(&w->fanout, "phlare.ebpf.e"));
	latency_get(&w->fanout, "phlare.ebpf.quiet");
	latency_observe(l, 0);
	latency_observe(l, 0.005);
	latency_observe(l, 0.0051);
	latency_observe(l, 2);
	latency_observe(l, 10);
	latency_observe(l, 600);
	text = lines_of(w, "phlare_fanout_");
	assert_memory_equal(text,
	    "# HELP phlare_fanout_latency Write latency for sending to phlare "
	    "profiles\n"
	    "# TYPE phlare_fanout_latency histogram\n",
	    strlen("# HELP phlare_fanout_latency Write latency for sending to "
		   "phlare profiles\n# TYPE phlare_fanout_latency "
		   "histogram\n"));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (strstr(text, rows[i]) == NULL)
			fail_msg("no %s in\n%s", rows[i], text);
	}
	free(text);
}

static void
test_health_names_the_endpoint(void **state)
{
	struct world *w = *state;
	struct write_stats *s =
	    write_stats_get(&w->writes, "phlare.write.w", "http://a");
	struct evbuffer *out = evbuffer_new();

	assert_true(metrics_health(&w->view, out));
	assert_int_equal(evbuffer_drain(out, evbuffer_get_length(out)), 0);
	s->failures = 3;
	strcpy(s->error, "unavailable: refused");
	assert_false(metrics_health(&w->view, out));
	evbuffer_add(out, "", 1);
	assert_string_equal((char *)evbuffer_pullup(out, -1),
	    "phlare.write.w: endpoint http://a has failed 3 times in a row: "
	    "unavailable: refused: is it the right url, and does the server "
	    "run?\n");
	evbuffer_free(out);
}

#define SEC 1000000000ll

/* Each cause alone, at 1000 s; what the line says, or NULL. */
static void
test_health_names_what_is_wrong_with_a_component(void **state)
{
	static const struct {
		struct metrics_component c;
		const char *want;
	} rows[] = {
		{ { .runs_ns = 999 * SEC, .named_ns = 999 * SEC }, NULL },
		{ { .runs_ns = 890 * SEC }, NULL }, /* an idle host */
		{ { .runs_ns = 800 * SEC }, "no sample was taken for 200 s" },
		{ { .named_ns = 900 * SEC, .unnamed_ns = 999 * SEC },
		    "no frame had a name for 100 s" },
		{ { .named_ns = 900 * SEC, .unnamed_ns = 899 * SEC }, NULL },
		{ { .reported_ns = 900 * SEC },
		    "nothing heard from the symbolizer for 100 s" },
		{ { .status.text = "no connection to sampler: gone" },
		    "no connection to sampler: gone: is phlare-collector "
		    "running?" },
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct metrics_component c = rows[i].c;
		struct evbuffer *out = evbuffer_new();

		c.id = "phlare.ebpf.e";
		c.reported = true;
		c.interval_ns = SEC;
		c.sample_rate = 100;
		if (c.reported_ns == 0)
			c.reported_ns = 999 * SEC;
		c.status.healthy = c.status.text[0] == '\0';
		w->view.now_ns = 1000 * SEC;
		w->view.connected = true;
		w->view.component = &c;
		w->view.components = 1;
		assert_int_equal(
		    metrics_health(&w->view, out), rows[i].want == NULL);
		evbuffer_add(out, "", 1);
		if (rows[i].want != NULL)
			assert_non_null(strstr(
			    (char *)evbuffer_pullup(out, -1), rows[i].want));
		evbuffer_free(out);
	}
}

/* The man page has each of them, and no others. */
static void
test_all_metrics_are_documented(void **state)
{
	struct world *w = *state;
	const char *top = getenv("top_srcdir");
	char *text = lines_of(w, ""), *at = text, *page = NULL, path[512];
	char name[128], item[160], line[256];
	size_t size, shown = 0, documented = 0;
	FILE *in, *out = open_memstream(&page, &size);

	snprintf(path, sizeof(path), "%s/shipper/phlare-shipper.8",
	    top != NULL ? top : ".");
	in = fopen(path, "r");
	assert_non_null(in);
	while (fgets(line, sizeof(line), in) != NULL) {
		documented += strncmp(line, ".It phlare_", 11) == 0;
		fputs(line, out);
	}
	fclose(in);
	fclose(out);
	while ((at = strstr(at, "# TYPE ")) != NULL) {
		assert_int_equal(sscanf(at += 7, "%127s", name), 1);
		snprintf(item, sizeof(item), ".It %s\n", name);
		if (strstr(page, item) == NULL)
			fail_msg("phlare-shipper.8 does not have %s", name);
		shown++;
	}
	assert_int_equal(shown, documented);
	free(text);
	free(page);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_services),
		TEST(test_nothing_has_been_written),
		TEST(test_each_endpoint_counts),
		TEST(test_latency),
		TEST(test_health_names_the_endpoint),
		TEST(test_health_names_what_is_wrong_with_a_component),
		TEST(test_all_metrics_are_documented),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
