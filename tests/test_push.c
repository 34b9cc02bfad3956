/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shipper/labels.h"
#include "shipper/push.h"

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

/* ---- the request */

/* Labels as they are forwarded, from pairs that are sorted. */
static struct labels *
make_labels(const struct label *pairs, size_t count)
{
	struct labels *labels =
	    calloc(1, sizeof(*labels) + count * sizeof(*pairs));

	labels->count = count;
	for (size_t i = 0; i < count; i++)
		labels->item[i] = pairs[i];
	return labels;
}

static void
test_golden_vector(void **state)
{
	static const struct label pairs[] = { { "__name__", "test" },
		{ "foo", "buzz" }, { "job", "foo" } };
	static const char profile[] = "pprofraw";
	static const char want[] =
	    "0a370a100a085f5f6e616d655f5f1204746573740a0b0a03666f6f120462757a7a"
	    "0a0a0a036a6f621203666f6f120a0a087070726f66726177";
	struct labels *labels = make_labels(pairs, LENGTH(pairs));
	struct push_head *head = push_head_new(labels, strlen(profile));
	char hex[256] = "";
	uint8_t all[128];
	size_t size = head->size + strlen(profile);

	(void)state;
	memcpy(all, head->data, head->size);
	memcpy(all + head->size, profile, strlen(profile));
	for (size_t i = 0; i < size; i++)
		sprintf(hex + 2 * i, "%02x", all[i]);
	assert_string_equal(hex, want);
	assert_int_equal(size, 57);
	/* what tells series apart */
	assert_memory_equal(
	    head->data + head->series_start, "\x0a\x10\x0a\x08", 4);
	assert_int_equal(head->series_size, 18 + 13 + 12);
	free(head);
	free(labels);
}

/* A reader of its own: the content of the only field at *at, or NULL. */
static const uint8_t *
content(const uint8_t *at, uint8_t tag, uint64_t *size)
{
	unsigned shift = 0;

	*size = 0;
	if (*at++ != tag)
		return NULL;
	do {
		*size |= (uint64_t)(*at & 127) << shift;
		shift += 7;
	} while (*at++ & 128);
	return at;
}

/* Lengths are right on both sides of each size of a varint. */
static void
test_lengths_nest(void **state)
{
	static const uint64_t sizes[] = { 0, 1, 100, 118, 119, 120, 121, 122,
		123, 124, 125, 126, 127, 128, 16370, 16376, 16380, 16383, 16384,
		2097140, 2097151, 2097152, 16 << 20, 1ull << 40 };
	static const struct label pair = { "a", "b" };
	struct labels *labels = make_labels(&pair, 1);

	(void)state;
	for (size_t i = 0; i < LENGTH(sizes); i++) {
		struct push_head *head = push_head_new(labels, sizes[i]);
		const uint8_t *end = head->data + head->size, *p;
		uint64_t size;

		p = content(head->data, 0x0a, &size);
		assert_int_equal((end - p) + sizes[i], size);
		p = content(p, 0x0a, &size);
		p = content(p + size, 0x12, &size);
		assert_int_equal((end - p) + sizes[i], size);
		p = content(p, 0x0a, &size);
		assert_ptr_equal(p, end);
		assert_int_equal(size, sizes[i]);
		free(head);
	}
	free(labels);
}

static void
test_no_labels(void **state)
{
	struct labels *labels = make_labels(NULL, 0);
	struct push_head *head = push_head_new(labels, 1);

	(void)state;
	assert_int_equal(head->size, 6);
	assert_memory_equal(head->data, "\x0a\x05\x12\x03\x0a\x01", 6);
	free(head);
	free(labels);
}

/* ---- the answer */

struct row {
	int status;
	const char *body; /* NULL: "" */
	const char *code; /* as shown */
	bool retry;
};

static void
check_rows(const struct row *rows, size_t count, bool retry_on_429)
{
	for (size_t i = 0; i < count; i++) {
		const char *body = rows[i].body != NULL ? rows[i].body : "";
		struct push_answer a;

		push_answer_read(&a, rows[i].status, body, strlen(body), true);
		if (strcmp(push_code_name(a.code), rows[i].code) != 0 ||
		    push_answer_retryable(&a, retry_on_429) != rows[i].retry)
			fail_msg("%d %s: %s, %d", rows[i].status, body,
			    push_code_name(a.code),
			    push_answer_retryable(&a, retry_on_429));
	}
}

static void
test_statuses_without_a_body(void **state)
{
	static const struct row rows[] = {
		{ 400, NULL, "invalid_argument", false },
		{ 401, NULL, "unauthenticated", false },
		{ 403, NULL, "permission_denied", false },
		{ 404, NULL, "unimplemented", false },
		{ 408, NULL, "deadline_exceeded", true },
		{ 412, NULL, "failed_precondition", false },
		{ 413, NULL, "resource_exhausted", false }, /* ours */
		{ 429, NULL, "unavailable", true },
		{ 431, NULL, "resource_exhausted", true },
		{ 502, NULL, "unavailable", true },
		{ 503, NULL, "unavailable", true },
		{ 504, NULL, "unavailable", true },
		{ 201, NULL, "unknown", true },
		{ 204, NULL, "unknown", true },
		{ 301, NULL, "unknown", true },
		{ 307, NULL, "unknown", true },
		{ 405, NULL, "unknown", true },
		{ 409, NULL, "unknown", true },
		{ 415, NULL, "unknown", true },
		{ 422, NULL, "unknown", true },
		{ 499, NULL, "unknown", true },
		{ 500, NULL, "unknown", true },
		{ 501, NULL, "unknown", true },
		{ 599, NULL, "unknown", true },
		{ 999, NULL, "unknown", true },
		{ 503, "<html>503 Service Unavailable</html>", "unavailable",
		    true },
		{ 400, "Bad Request", "invalid_argument", false },
	};

	(void)state;
	check_rows(rows, LENGTH(rows), true);
}

static void
test_codes(void **state)
{
	static const struct {
		const char *code;
		bool retry;
	} codes[] = {
		{ "canceled", false },
		{ "unknown", true },
		{ "invalid_argument", false },
		{ "deadline_exceeded", true },
		{ "not_found", false },
		{ "already_exists", false },
		{ "permission_denied", false },
		{ "resource_exhausted", true },
		{ "failed_precondition", false },
		{ "aborted", true },
		{ "out_of_range", false },
		{ "unimplemented", false },
		{ "internal", true },
		{ "unavailable", true },
		{ "data_loss", true },
		{ "unauthenticated", false },
	};

	(void)state;
	/* the code counts, whatever the status says */
	for (size_t i = 0; i < LENGTH(codes); i++) {
		for (int status = 400; status < 600; status += 100) {
			char body[128];
			struct row row = { status, body, codes[i].code,
				codes[i].retry };

			snprintf(body, sizeof(body),
			    "{\"message\":\"x\",\"code\":\"%s\",\"details\":"
			    "[{\"type\":\"a\"}]}",
			    codes[i].code);
			check_rows(&row, 1, true);
		}
	}
}

static void
test_bodies_that_are_not_quite_right(void **state)
{
	static const struct row rows[] = {
		/* an object without a code is unknown */
		{ 400, "{}", "unknown", true },
		{ 401, "{\"message\":\"no\"}", "unknown", true },
		{ 403, "{\"code\":null}", "unknown", true },
		/* what cannot be a message: the status counts */
		{ 400, "{\"code\":\"no_such\"}", "invalid_argument", false },
		{ 400, "{\"code\":\"ok\"}", "invalid_argument", false },
		{ 400, "{\"code\":\"\"}", "invalid_argument", false },
		{ 400, "{\"code\":\"UNKNOWN\"}", "invalid_argument", false },
		{ 400, "{\"code\":2}", "invalid_argument", false },
		{ 400, "{\"code\":\"unknown\",\"message\":[]}",
		    "invalid_argument", false },
		{ 503, "[\"unknown\"]", "unavailable", true },
		{ 503, "\"invalid_argument\"", "unavailable", true },
		{ 503, "null", "unavailable", true },
		{ 401, "{\"code\":\"unknown\"", "unauthenticated", false },
		{ 401, "{\"code\":\"unknown\"} {}", "unauthenticated", false },
		{ 401, "{\"code\":\"\xff\"}", "unauthenticated", false },
		{ 401, " \n", "unauthenticated", false },
	};

	(void)state;
	check_rows(rows, LENGTH(rows), true);
}

static void
test_429_and_413(void **state)
{
	static const struct row without[] = {
		{ 429, NULL, "unavailable", false },
		{ 429, "{\"code\":\"resource_exhausted\"}",
		    "resource_exhausted", false },
		{ 429, "{\"code\":\"unavailable\"}", "unavailable", false },
		{ 500, "{\"code\":\"resource_exhausted\"}",
		    "resource_exhausted", false },
		{ 503, NULL, "unavailable", true },
		{ 413, NULL, "resource_exhausted", false },
	};
	static const struct row with[] = {
		{ 429, NULL, "unavailable", true },
		{ 429, "{\"code\":\"resource_exhausted\"}",
		    "resource_exhausted", true },
		{ 413, NULL, "resource_exhausted", false },
		{ 413, "{\"code\":\"resource_exhausted\"}",
		    "resource_exhausted", false },
		{ 413, "{\"code\":\"unavailable\"}", "unavailable", false },
	};

	(void)state;
	check_rows(without, LENGTH(without), false);
	check_rows(with, LENGTH(with), true);
}

static void
test_success(void **state)
{
	/* a PushResponse has no fields: later ones may come */
	static const struct {
		const char *body;
		size_t size;
		const char *code;
	} rows[] = {
		{ "", 0, "ok" },
		{ "\x08\x01", 2, "ok" },
		{ "\x0a\x03xyz\x11\x01\x02\x03\x04\x05\x06\x07\x08", 14, "ok" },
		{ "{}", 2, "invalid_argument" },
		{ "<html>", 6, "invalid_argument" },
		{ "\x0a\x05xyz", 5, "invalid_argument" },
		{ "\x00", 1, "invalid_argument" },
		{ "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 12,
		    "invalid_argument" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct push_answer a;

		push_answer_read(&a, 200, rows[i].body, rows[i].size, true);
		assert_string_equal(push_code_name(a.code), rows[i].code);
		assert_false(push_answer_retryable(&a, true));
	}
}

static void
test_a_body_that_was_cut_is_not_read(void **state)
{
	static const char body[] = "{\"code\":\"unknown\"}";
	struct push_answer a;

	(void)state;
	push_answer_read(&a, 401, body, strlen(body), false);
	assert_string_equal(push_code_name(a.code), "unauthenticated");
	push_answer_read(&a, 200, "", 0, false);
	assert_string_equal(push_code_name(a.code), "invalid_argument");
}

/* The text of a server ends up in logs and on pages. */
static void
test_messages_are_one_line_of_text(void **state)
{
	struct push_answer a;
	char body[1024], filler[256];

	(void)state;
	snprintf(body, sizeof(body),
	    "{\"code\":\"unknown\",\"message\":\"a\\nb\\u001b["
	    "2J\\u007f\\t\\u00e9"
	    "\"}");
	push_answer_read(&a, 500, body, strlen(body), true);
	assert_string_equal(a.message, "a b [2J  \xc3\xa9");
	/* a character is not cut in two */
	for (size_t n = 248; n < 256; n++) {
		memset(filler, 'x', n);
		filler[n] = '\0';
		snprintf(body, sizeof(body),
		    "{\"code\":\"unknown\",\"message\":\"%s\\ud83d\\ude00"
		    "\\u20ac\"}",
		    filler);
		push_answer_read(&a, 500, body, strlen(body), true);
		assert_int_equal(strlen(a.message), n + 7 <= 255   ? n + 7
						    : n + 4 <= 255 ? n + 4
								   : n);
	}
}

static void
test_attempts_without_an_answer(void **state)
{
	struct push_answer a;

	(void)state;
	push_answer_failed(&a, PUSH_UNAVAILABLE, "refused");
	assert_int_equal(a.status, 0);
	assert_string_equal(a.message, "refused");
	assert_true(push_answer_retryable(&a, false));
	push_answer_failed(&a, PUSH_DEADLINE_EXCEEDED, "");
	assert_true(push_answer_retryable(&a, false));
	push_answer_failed(&a, PUSH_CANCELED, "");
	assert_false(push_answer_retryable(&a, true));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden_vector),
		cmocka_unit_test(test_lengths_nest),
		cmocka_unit_test(test_no_labels),
		cmocka_unit_test(test_statuses_without_a_body),
		cmocka_unit_test(test_codes),
		cmocka_unit_test(test_bodies_that_are_not_quite_right),
		cmocka_unit_test(test_429_and_413),
		cmocka_unit_test(test_success),
		cmocka_unit_test(test_a_body_that_was_cut_is_not_read),
		cmocka_unit_test(test_messages_are_one_line_of_text),
		cmocka_unit_test(test_attempts_without_an_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
