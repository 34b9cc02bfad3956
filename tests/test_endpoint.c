/* SPDX-License-Identifier: Apache-2.0 */
/* One endpoint on the loop, against a server in the same loop. */
#include "tests/endpoint_text.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>

#include "common/memfd.h"
#include "shipper/endpoint.h"
#include "shipper/http_client.h"
#include "shipper/labels.h"
#include "shipper/parcel.h"

#define PARCELS_MAX 512
#define REQUESTS_MAX 64
#define LIMIT_SEC 20

struct world {
	struct event_base *base;
	struct evhttp *server;
	uint16_t port;
	/* how the next requests are answered; the last one stays */
	int statuses[8];
	const char *retry_after;
	/* what came */
	char *headers[REQUESTS_MAX]; /* "name: value\n"... */
	double times[REQUESTS_MAX];
	char first[REQUESTS_MAX + 1]; /* the profile's first byte, of each */
	int requests;

	struct endpoint_env env;
	struct endpoint_text text;
	struct endpoint *ep;
	int settled, outcomes[LEDGER_COUNTERS];
	uint64_t settled_ids[PARCELS_MAX];
	struct parcel *pending[PARCELS_MAX]; /* by id */
};

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static void
on_request(struct evhttp_request *request, void *arg)
{
	struct world *w = arg;
	struct evbuffer *in = evhttp_request_get_input_buffer(request);
	size_t size = evbuffer_get_length(in), room;
	int status = w->statuses[0];
	const struct evkeyval *h;
	FILE *out;

	assert_true(w->requests < REQUESTS_MAX);
	out = open_memstream(&w->headers[w->requests], &room);
	for (h = evhttp_request_get_input_headers(request)->tqh_first;
	     h != NULL; h = h->next.tqe_next)
		fprintf(out, "%s: %s\n", h->key, h->value);
	fclose(out);
	w->times[w->requests] = now();
	/* profiles of these tests are one byte, the last one */
	w->first[w->requests++] = evbuffer_pullup(in, size)[size - 1];
	if (w->statuses[1] != 0)
		memmove(w->statuses, w->statuses + 1,
		    sizeof(w->statuses) - sizeof(w->statuses[0]));
	if (w->retry_after != NULL)
		evhttp_add_header(evhttp_request_get_output_headers(request),
		    "Retry-After", w->retry_after);
	evhttp_send_reply(request, status, "X", NULL);
}

static void
on_limit(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	event_base_loopbreak(arg);
}

/* Until count parcels are settled. */
static void
run(struct world *w, int count)
{
	const struct timeval limit = { LIMIT_SEC, 0 };
	struct event *timer = evtimer_new(w->base, on_limit, w->base);
	double end = now() + LIMIT_SEC;

	event_add(timer, &limit);
	while (w->settled < count && now() < end)
		event_base_loop(w->base, EVLOOP_ONCE);
	event_free(timer);
	assert_int_equal(w->settled, count);
}

static void
on_done(void *arg, struct parcel *p)
{
	struct world *w = arg;

	w->settled_ids[w->settled++] = p->id;
	w->outcomes[p->outcome]++;
	w->pending[p->id] = NULL;
	parcel_free(p);
}

static int
set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct evhttp_bound_socket *bound;
	struct sockaddr_in address;
	socklen_t size = sizeof(address);

	w->base = event_base_new();
	w->server = evhttp_new(w->base);
	bound = evhttp_bind_socket_with_handle(w->server, "127.0.0.1", 0);
	getsockname(evhttp_bound_socket_get_fd(bound),
	    (struct sockaddr *)&address, &size);
	w->port = ntohs(address.sin_port);
	evhttp_set_gencb(w->server, on_request, w);
	w->statuses[0] = 200;
	http_client_global_init();
	w->env = (struct endpoint_env){ .base = w->base,
		.http = http_client_new(w->base),
		.random = { 1 },
		.user_agent = "test/1" };
	TAILQ_INIT(&w->env.stats);
	*state = w;
	return 0;
}

static int
tear_down(void **state)
{
	struct world *w = *state;

	endpoint_free(w->ep);
	for (int i = 0; i < PARCELS_MAX; i++)
		parcel_free(w->pending[i]);
	endpoint_text_free(&w->text);
	http_client_free(w->env.http);
	write_stats_free_all(&w->env.stats);
	if (w->server != NULL)
		evhttp_free(w->server);
	event_base_free(w->base);
	for (int i = 0; i < w->requests; i++)
		free(w->headers[i]);
	free(w);
	return 0;
}

/* An endpoint at our server with these further arguments. */
static void
configure(struct world *w, const char *arguments)
{
	char *why = NULL, *text;

	assert_true(
	    asprintf(&text, "endpoint {\nurl = \"http://127.0.0.1:%d\"\n%s\n}",
		w->port, arguments) > 0);
	w->text = endpoint_text_of_component(text);
	free(text);
	w->ep = endpoint_new(
	    &w->env, "phlare.write.w", endpoint_text_args(&w->text), &why);
	if (w->ep == NULL)
		fail_msg("%s", why);
}

static void
push_sized(
    struct world *w, uint64_t id, const char *name, char byte, size_t size)
{
	struct parcel *p = parcel_new(on_done, w);
	struct labels *labels =
	    calloc(1, sizeof(*labels) + sizeof(labels->item[0]));
	char *bytes = malloc(size);

	labels->count = 1;
	labels->item[0] = (struct label){ "name", name };
	memset(bytes, byte, size);
	p->id = id;
	p->fd = memfd_new("profile");
	p->size = size;
	assert_int_equal(memfd_append(p->fd, bytes, size), 0);
	w->pending[id] = p;
	endpoint_push(w->ep, labels, p);
	parcel_settle(p, LEDGER_PROFILES_SENT);
	free(labels);
	free(bytes);
}

static void
push(struct world *w, uint64_t id, const char *name, char byte)
{
	push_sized(w, id, name, byte, 1);
}

static void
check_header(const struct world *w, const char *name, const char *want)
{
	const char *headers = w->headers[w->requests - 1], *line = headers;
	char found[512] = "";
	size_t size = strlen(name);

	/* all values, in their order */
	for (; *line != '\0'; line = strchr(line, '\n') + 1)
		if (strncasecmp(line, name, size) == 0 && line[size] == ':')
			snprintf(found + strlen(found),
			    sizeof(found) - strlen(found), "%s%.*s",
			    found[0] != '\0' ? "|" : "",
			    (int)strcspn(line + size + 2, "\n"),
			    line + size + 2);
	if (strcmp(found, want) != 0)
		fail_msg("%s is \"%s\" in\n%s", name, found, headers);
}

static void
test_precedence_of_headers(void **state)
{
	struct world *w = *state;

	configure(w,
	    "headers = {\n\"X-A\" = \"1\", \"authorization\" = \"mine\",\n"
	    "\"Content-Type\" = \"x\", \"user-agent\" = \"x\",\n"
	    "\"Accept-Encoding\" = \"x\", \"Connect-Timeout-Ms\" = \"x\",\n"
	    "\"Connect-Protocol-Version\" = \"x\", \"Host\" = \"other\",\n}\n"
	    "http_headers = { \"x-a\" = [\"2\", \"3\"] }\n"
	    "bearer_token = \"b\"\nremote_timeout = \"2s\"");
	push(w, 1, "a", 'a');
	run(w, 1);
	check_header(w, "X-A", "1|2|3");
	check_header(w, "Authorization", "mine");
	check_header(w, "Content-Type", "application/proto");
	check_header(w, "User-Agent", "test/1");
	check_header(w, "Accept-Encoding", "gzip");
	check_header(w, "Connect-Timeout-Ms", "1999");
	check_header(w, "Connect-Protocol-Version", "1");
	check_header(w, "Host", "other");
	check_header(w, "Expect", "");
	check_header(w, "Accept", "");
	check_header(w, "Transfer-Encoding", "");
}

static void
test_a_timeout_of_eleven_digits_is_not_said(void **state)
{
	struct world *w = *state;

	configure(w, "remote_timeout = \"2778h\"\nbearer_token = \"b\"");
	push(w, 1, "a", 'a');
	run(w, 1);
	check_header(w, "Connect-Timeout-Ms", "");
	check_header(w, "Authorization", "Bearer b");
}

static void
check_attempts(struct world *w, const char *arguments, int requests,
    enum ledger_counter outcome)
{
	struct write_stats *stats;

	configure(w, arguments);
	push(w, 1, "a", 'a');
	run(w, 1);
	assert_int_equal(w->requests, requests);
	assert_int_equal(w->outcomes[outcome], 1);
	stats = TAILQ_FIRST(&w->env.stats);
	assert_int_equal(stats->retries, requests - 1);
	assert_int_equal(stats->sent_profiles, outcome == LEDGER_PROFILES_SENT);
	assert_int_equal(
	    stats->dropped_profiles, outcome != LEDGER_PROFILES_SENT);
	assert_int_equal(stats->sent_bytes + stats->dropped_bytes, 1);
	assert_int_equal(stats->queued_profiles, 0);
	assert_int_equal(stats->queued_bytes, 0);
	assert_int_equal(
	    stats->failures, outcome == LEDGER_PROFILES_SENT ? 0 : requests);
}

static void
test_attempts_run_out(void **state)
{
	struct world *w = *state;

	w->statuses[0] = 503;
	check_attempts(w,
	    "max_backoff_retries = 3\nmin_backoff_period = \"0s\"", 3,
	    LEDGER_PROFILES_DROPPED_RETRIES);
}

static void
test_a_later_attempt_succeeds(void **state)
{
	struct world *w = *state;

	w->statuses[0] = 500;
	w->statuses[1] = 429;
	w->statuses[2] = 200;
	check_attempts(w,
	    "max_backoff_retries = 3\nmin_backoff_period = \"1ms\"", 3,
	    LEDGER_PROFILES_SENT);
}

static void
test_a_refusal_is_final(void **state)
{
	struct world *w = *state;

	w->statuses[0] = 503;
	w->statuses[1] = 400;
	w->statuses[2] = 200;
	check_attempts(w, "min_backoff_period = \"1ms\"", 2,
	    LEDGER_PROFILES_DROPPED_REFUSED);
}

static void
test_retry_after_counts_within_bounds(void **state)
{
	struct world *w = *state;

	w->statuses[0] = 503;
	w->statuses[1] = 200;
	w->retry_after = "60";
	configure(
	    w, "min_backoff_period = \"1ms\"\nmax_backoff_period = \"300ms\"");
	push(w, 1, "a", 'a');
	run(w, 1);
	assert_int_equal(w->requests, 2);
	assert_true(w->times[1] - w->times[0] >= 0.299);
	assert_true(w->times[1] - w->times[0] < 10);
}

static void
test_a_series_stays_in_order(void **state)
{
	struct world *w = *state;

	/* a's first attempt fails; b and c go on, a's second waits for it */
	w->statuses[0] = 503;
	w->statuses[1] = 200;
	configure(w, "min_backoff_period = \"200ms\"");
	push(w, 1, "a", 'a');
	event_base_loop(w->base, EVLOOP_NONBLOCK);
	push(w, 2, "a", 'A');
	push(w, 3, "b", 'b');
	push(w, 4, "c", 'c');
	run(w, 4);
	assert_int_equal(w->requests, 5);
	assert_int_equal(w->first[0], 'a');
	assert_string_equal(w->first + 3, "aA");
	assert_int_equal(w->settled_ids[2], 1);
	assert_int_equal(w->settled_ids[3], 2);
}

static void
close_server(struct world *w)
{
	evhttp_free(w->server);
	w->server = NULL;
}

static void
test_the_oldest_is_dropped_from_a_full_queue(void **state)
{
	struct world *w = *state;
	struct write_stats *stats;

	close_server(w);
	configure(w, "min_backoff_period = \"1h\"\nmax_backoff_retries = 0");
	for (uint64_t id = 0; id < ENDPOINT_QUEUE_PROFILES + 40; id++)
		push(w, id, "a", 'a');
	run(w, 40);
	assert_int_equal(w->outcomes[LEDGER_PROFILES_DROPPED_QUEUE], 40);
	for (int i = 0; i < 40; i++)
		assert_int_equal(w->settled_ids[i], i);
	stats = TAILQ_FIRST(&w->env.stats);
	assert_int_equal(stats->queued_profiles, ENDPOINT_QUEUE_PROFILES);
	assert_int_equal(endpoint_queued(w->ep), ENDPOINT_QUEUE_PROFILES);
	assert_int_equal(stats->dropped_profiles, 40);
	/* what is left is forgotten with the endpoint, and no more counted */
}

static void
test_bytes_in_a_queue_are_bounded(void **state)
{
	struct world *w = *state;
	const size_t size = ENDPOINT_QUEUE_BYTES / 4;

	close_server(w);
	configure(w, "min_backoff_period = \"1h\"\nmax_backoff_retries = 0");
	for (uint64_t id = 0; id < 6; id++)
		push_sized(w, id, "a", 'a', size);
	run(w, 2);
	assert_int_equal(TAILQ_FIRST(&w->env.stats)->queued_bytes, 4 * size);
	assert_int_equal(w->settled_ids[0], 0);
	assert_int_equal(w->settled_ids[1], 1);
}

static void
test_one_that_is_gone_does_not_try_for_ever(void **state)
{
	struct world *w = *state;

	w->statuses[0] = 503;
	configure(w, "min_backoff_period = \"1ms\"\n"
		     "max_backoff_period = \"1ms\"\nmax_backoff_retries = 0");
	push(w, 1, "a", 'a');
	push(w, 2, "b", 'b');
	endpoint_retire(w->ep);
	run(w, 2);
	assert_int_equal(w->outcomes[LEDGER_PROFILES_DROPPED_RETRIES], 2);
	assert_int_equal(w->requests, 20);
	assert_int_equal(endpoint_queued(w->ep), 0);
}

/* The parcels of an endpoint that is freed are the owner's to settle. */
static void
test_the_end_in_the_middle(void **state)
{
	struct world *w = *state;

	configure(w, "");
	for (uint64_t id = 0; id < 8; id++)
		push(w, id, id % 2 == 0 ? "a" : "b", 'a');
	/* four of them are on their way */
	event_base_loop(w->base, EVLOOP_NONBLOCK | EVLOOP_ONCE);
	endpoint_free(w->ep);
	w->ep = NULL;
	assert_int_equal(w->settled, 0);
	event_base_loop(w->base, EVLOOP_NONBLOCK);
	assert_int_equal(w->settled, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_precedence_of_headers),
		TEST(test_a_timeout_of_eleven_digits_is_not_said),
		TEST(test_attempts_run_out),
		TEST(test_a_later_attempt_succeeds),
		TEST(test_a_refusal_is_final),
		TEST(test_retry_after_counts_within_bounds),
		TEST(test_a_series_stays_in_order),
		TEST(test_the_oldest_is_dropped_from_a_full_queue),
		TEST(test_bytes_in_a_queue_are_bounded),
		TEST(test_one_that_is_gone_does_not_try_for_ever),
		TEST(test_the_end_in_the_middle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
