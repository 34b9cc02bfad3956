/* SPDX-License-Identifier: Apache-2.0 */
/* What log, metrics and health say of the targets that components export. */
#include "tests/config_text.h"

#include <sys/queue.h>

#include <event2/buffer.h>

#include "shipper/account.h"
#include "shipper/latency.h"
#include "shipper/metrics.h"
#include "shipper/service_stats.h"
#include "shipper/target_lists.h"
#include "shipper/write_stats.h"

#define DOCKER "discovery.docker \"d\" {\nhost = \"unix:///none\"\n}\n"
/* Two targets, on one of which the rule takes too long. */
#define HOSTILE                                                                \
	"discovery.relabel \"r\" {\n"                                          \
	"targets = [{a = \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaabxc\"}, "   \
	"{a = \"x\"}]\n"                                                       \
	"rule {\nsource_labels = [\"a\"]\nregex = \"(?:a+)+b\"\n"              \
	"action = \"drop\"\n}\n}\n"
#define HARMLESS "discovery.relabel \"r\" {\ntargets = [{a = \"b\"}]\n}\n"

static void
apply(struct target_lists *lists, const char *text)
{
	struct config_text t = config_text_new(text);

	if (t.config == NULL)
		fail_msg("%s", t.message);
	target_lists_apply(lists, t.config);
	config_text_free(&t);
}

static void
check_list(const struct target_lists *lists, size_t i,
    const struct target_list *expected)
{
	size_t count;
	const struct target_list *list = target_lists_all(lists, &count);

	assert_true(i < count);
	assert_string_equal(list[i].id, expected->id);
	assert_int_equal(list[i].present, expected->present);
	assert_int_equal(list[i].targets, expected->targets);
	assert_int_equal(list[i].given_up, expected->given_up);
	assert_int_equal(list[i].notice != NULL, expected->notice != NULL);
}

static void
test_counts_outlive_a_configuration(void **state)
{
	struct target_lists *lists = target_lists_new();
	size_t count;

	(void)state;
	apply(lists, DOCKER HOSTILE);
	check_list(lists, 0,
	    &(struct target_list){
		"discovery.docker.d", true, false, "why", 0, 0 });
	check_list(lists, 1,
	    &(struct target_list){
		"discovery.relabel.r", true, true, NULL, 1, 1 });
	apply(lists, HOSTILE);
	check_list(lists, 0,
	    &(struct target_list){
		"discovery.docker.d", false, false, "why", 0, 0 });
	check_list(lists, 1,
	    &(struct target_list){
		"discovery.relabel.r", true, true, NULL, 1, 2 });
	apply(lists, HARMLESS DOCKER);
	check_list(lists, 0,
	    &(struct target_list){
		"discovery.docker.d", true, false, "why", 0, 0 });
	check_list(lists, 1,
	    &(struct target_list){
		"discovery.relabel.r", true, true, NULL, 1, 2 });
	target_lists_all(lists, &count);
	assert_int_equal(count, 2);
	target_lists_free(lists);
}

/* A page, to be freed. */
static char *
page_of(const struct target_lists *lists, bool health)
{
	struct account *account = account_new();
	struct write_stats_list writes = TAILQ_HEAD_INITIALIZER(writes);
	struct latency_list fanout = TAILQ_HEAD_INITIALIZER(fanout);
	struct service_stats *services = service_stats_new();
	struct metrics_view view = { .account = account,
		.services = services,
		.writes = &writes,
		.fanout = &fanout,
		.connected = true,
		.config_good = true };
	struct evbuffer *out = evbuffer_new();
	char *text;

	view.list = target_lists_all(lists, &view.lists);
	if (health)
		assert_true(metrics_health(&view, out));
	else
		metrics_write(&view, out);
	evbuffer_add(out, "", 1);
	text = strdup((char *)evbuffer_pullup(out, -1));
	evbuffer_free(out);
	account_free(account);
	service_stats_free(services);
	return text;
}

static void
test_pages_show_them(void **state)
{
	struct target_lists *lists = target_lists_new();
	char *page;

	(void)state;
	apply(lists, DOCKER HOSTILE);
	page = page_of(lists, false);
	assert_non_null(strstr(page,
	    "# TYPE phlare_discovery_targets gauge\n"
	    "phlare_discovery_targets{component_id=\"discovery.docker.d\"} 0\n"
	    "phlare_discovery_targets{component_id=\"discovery.relabel.r\"} "
	    "1\n"));
	assert_non_null(strstr(page,
	    "# TYPE phlare_relabel_limit_total counter\n"
	    "phlare_relabel_limit_total{component_id=\"discovery.relabel.r\"} "
	    "1\n"));
	free(page);
	page = page_of(lists, true);
	assert_string_equal(page,
	    "healthy\n"
	    "note: discovery.docker.d: this version does not ask Docker yet: "
	    "the list of targets is empty\n");
	free(page);
	/* what is gone is not noted */
	apply(lists, HARMLESS);
	page = page_of(lists, true);
	assert_string_equal(page, "healthy\n");
	free(page);
	target_lists_free(lists);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts_outlive_a_configuration),
		cmocka_unit_test(test_pages_show_them),
	};

	return cmocka_run_group_tests_name("target_lists", tests, NULL, NULL);
}
