/* SPDX-License-Identifier: Apache-2.0 */
/*
 * push.v1.PusherService/Push as a Connect unary call: the bytes of a request
 * and what the answer means. No network in here.
 *
 *   PushRequest      { repeated RawProfileSeries series = 1; }
 *   RawProfileSeries { repeated LabelPair labels = 1;
 *                      repeated RawSample samples = 2; }
 *   RawSample        { bytes raw_profile = 1; string ID = 2; }
 *   LabelPair        { string name = 1; string value = 2; }
 *   PushResponse     { }
 */
#ifndef SHIPPER_PUSH_H
#define SHIPPER_PUSH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PUSH_PATH "/push.v1.PusherService/Push"
#define PUSH_CONTENT_TYPE "application/proto"
/* More of an answer's body is not read. */
#define PUSH_ANSWER_MAX_BYTES 65536

struct labels;

/*
 * A request with one series and one sample is a head followed by the
 * profile's bytes and nothing else.
 */
struct push_head {
	size_t size;
	size_t series_start, series_size; /* the encoded labels within data */
	uint8_t data[];
};

/* To be freed with free(). Never NULL. */
struct push_head *push_head_new(
    const struct labels *labels, uint64_t profile_size);

/* X(NAME, text, whether a later attempt may succeed) */
#define PUSH_CODES(X)                                                          \
	X(OK, "ok", false)                                                     \
	X(CANCELED, "canceled", false)                                         \
	X(UNKNOWN, "unknown", true)                                            \
	X(INVALID_ARGUMENT, "invalid_argument", false)                         \
	X(DEADLINE_EXCEEDED, "deadline_exceeded", true)                        \
	X(NOT_FOUND, "not_found", false)                                       \
	X(ALREADY_EXISTS, "already_exists", false)                             \
	X(PERMISSION_DENIED, "permission_denied", false)                       \
	X(RESOURCE_EXHAUSTED, "resource_exhausted", true)                      \
	X(FAILED_PRECONDITION, "failed_precondition", false)                   \
	X(ABORTED, "aborted", true)                                            \
	X(OUT_OF_RANGE, "out_of_range", false)                                 \
	X(UNIMPLEMENTED, "unimplemented", false)                               \
	X(INTERNAL, "internal", true)                                          \
	X(UNAVAILABLE, "unavailable", true)                                    \
	X(DATA_LOSS, "data_loss", true)                                        \
	X(UNAUTHENTICATED, "unauthenticated", false)

#define PUSH_CODE_ENUM(name, text, retry) PUSH_##name,
enum push_code { PUSH_CODES(PUSH_CODE_ENUM) PUSH_CODE_COUNT };
#undef PUSH_CODE_ENUM

const char *push_code_name(enum push_code code);

/* What an answer without a usable body means. */
enum push_code push_code_of_status(int status);

struct push_answer {
	int status; /* of HTTP; 0: none came */
	enum push_code code;
	char message[256];
};

/*
 * Reads a complete answer. whole is false if the body was longer than
 * PUSH_ANSWER_MAX_BYTES.
 */
void push_answer_read(struct push_answer *answer, int status, const void *body,
    size_t size, bool whole);
/* An attempt that ended without a complete answer. */
void push_answer_failed(
    struct push_answer *answer, enum push_code code, const char *message);

/* Whether another attempt makes sense. */
bool push_answer_retryable(
    const struct push_answer *answer, bool retry_on_http_429);

#endif
