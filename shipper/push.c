/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "shipper/push.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <pb_decode.h>

#include "common/log.h"
#include "shipper/labels.h"
#include "shipper/wire.h"

/* Field numbers of the messages above. */
#define REQUEST_SERIES 1
#define SERIES_LABELS 1
#define SERIES_SAMPLES 2
#define SAMPLE_RAW_PROFILE 1

static bool
put_labels(pb_ostream_t *out, const struct labels *labels)
{
	for (size_t i = 0; i < labels->count; i++)
		if (!wire_put_pair(out, SERIES_LABELS, labels->item[i].name,
			labels->item[i].value))
			return false;
	return true;
}

struct push_head *
push_head_new(const struct labels *labels, uint64_t profile_size)
{
	size_t labels_size = 0, sample_size, series_size, size;
	struct push_head *head;
	pb_ostream_t out;

	for (size_t i = 0; i < labels->count; i++)
		labels_size +=
		    wire_pair_size(labels->item[i].name, labels->item[i].value);
	sample_size = wire_field_size(profile_size);
	series_size = labels_size + wire_field_size(sample_size);
	size = wire_field_size(series_size) - profile_size;
	head = ecalloc(1, sizeof(*head) + size);
	head->size = size;
	out = pb_ostream_from_buffer(head->data, size);
	if (!wire_put_length(&out, REQUEST_SERIES, series_size))
		fatalx("push: head too small");
	head->series_start = out.bytes_written;
	head->series_size = labels_size;
	if (!put_labels(&out, labels) ||
	    !wire_put_length(&out, SERIES_SAMPLES, sample_size) ||
	    !wire_put_length(&out, SAMPLE_RAW_PROFILE, profile_size) ||
	    out.bytes_written != size)
		fatalx("push: head too small");
	return head;
}

struct push_code_row {
	const char *name;
	bool retry;
};

#define CODE_ROW(name, text, retry) [PUSH_##name] = { text, retry },
static const struct push_code_row codes[] = { PUSH_CODES(CODE_ROW) };

const char *
push_code_name(enum push_code code)
{
	return codes[code].name;
}

static const struct {
	int status;
	enum push_code code;
} statuses[] = {
	{ 400, PUSH_INVALID_ARGUMENT },
	{ 401, PUSH_UNAUTHENTICATED },
	{ 403, PUSH_PERMISSION_DENIED },
	{ 404, PUSH_UNIMPLEMENTED },
	{ 408, PUSH_DEADLINE_EXCEEDED },
	{ 412, PUSH_FAILED_PRECONDITION },
	{ 413, PUSH_RESOURCE_EXHAUSTED },
	{ 429, PUSH_UNAVAILABLE },
	{ 431, PUSH_RESOURCE_EXHAUSTED },
	{ 502, PUSH_UNAVAILABLE },
	{ 503, PUSH_UNAVAILABLE },
	{ 504, PUSH_UNAVAILABLE },
};

enum push_code
push_code_of_status(int status)
{
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
		if (statuses[i].status == status)
			return statuses[i].code;
	return PUSH_UNKNOWN;
}

/*
 * What a server says goes into logs and pages: one line of text, cut between
 * two characters.
 */
static void
set_message(struct push_answer *answer, const char *text)
{
	size_t size = 0, room = sizeof(answer->message) - 1;

	while (text[size] != '\0' && size < room) {
		unsigned char c = text[size];

		answer->message[size++] = c < 0x20 || c == 0x7f ? ' ' : c;
	}
	while (text[size] != '\0' && size > 0 &&
	       ((unsigned char)text[size] & 0xc0) == 0x80)
		size--;
	answer->message[size] = '\0';
}

/* The error of that name; PUSH_OK if there is none. */
static enum push_code
code_of_name(const char *name)
{
	for (int i = PUSH_OK + 1; i < PUSH_CODE_COUNT; i++)
		if (strcmp(codes[i].name, name) == 0)
			return i;
	return PUSH_OK;
}

/* False if the object is not an error as servers send them. */
static bool
read_error_object(struct push_answer *answer, const json_t *object)
{
	const json_t *code = json_object_get(object, "code");
	const json_t *message = json_object_get(object, "message");

	answer->code = PUSH_UNKNOWN;
	if (code != NULL && !json_is_null(code)) {
		if (!json_is_string(code))
			return false;
		answer->code = code_of_name(json_string_value(code));
		if (answer->code == PUSH_OK)
			return false;
	}
	if (message != NULL && !json_is_null(message)) {
		if (!json_is_string(message))
			return false;
		set_message(answer, json_string_value(message));
	}
	return true;
}

static bool
read_error(struct push_answer *answer, const void *body, size_t size)
{
	json_t *json = json_loadb(body, size, 0, NULL);
	bool good;

	if (json == NULL)
		return false;
	good = json_is_object(json) && read_error_object(answer, json);
	json_decref(json);
	return good;
}

/* Whether body is a message: ours has no fields, unknown ones are skipped. */
static bool
is_message(const void *body, size_t size)
{
	pb_istream_t in = pb_istream_from_buffer(body, size);
	pb_wire_type_t wire;
	uint32_t tag;
	bool eof;

	while (pb_decode_tag(&in, &wire, &tag, &eof))
		if (tag == 0 || !pb_skip_field(&in, wire))
			return false;
	return eof;
}

void
push_answer_read(struct push_answer *answer, int status, const void *body,
    size_t size, bool whole)
{
	memset(answer, 0, sizeof(*answer));
	answer->status = status;
	if (status == 200) {
		if (whole && is_message(body, size))
			return;
		answer->code = PUSH_INVALID_ARGUMENT;
		snprintf(answer->message, sizeof(answer->message),
		    "the answer is no PushResponse");
		return;
	}
	if (whole && size > 0 && read_error(answer, body, size))
		return;
	answer->code = push_code_of_status(status);
	snprintf(
	    answer->message, sizeof(answer->message), "HTTP status %d", status);
}

void
push_answer_failed(
    struct push_answer *answer, enum push_code code, const char *message)
{
	memset(answer, 0, sizeof(*answer));
	answer->code = code;
	set_message(answer, message);
}

bool
push_answer_retryable(const struct push_answer *answer, bool retry_on_http_429)
{
	if (answer->status == 413) /* the same bytes are refused again */
		return false;
	if (!retry_on_http_429 &&
	    (answer->status == 429 || answer->code == PUSH_RESOURCE_EXHAUSTED))
		return false;
	return codes[answer->code].retry;
}
