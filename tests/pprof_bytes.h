/* SPDX-License-Identifier: Apache-2.0 */
/* Profiles written by hand for tests: bytes of protobuf, piece by piece. */
#ifndef TESTS_PPROF_BYTES_H
#define TESTS_PPROF_BYTES_H

#include <stdint.h>
#include <string.h>

struct pprof_bytes {
	uint8_t data[1 << 16];
	size_t size;
};

static inline void
bytes_varint(struct pprof_bytes *b, uint64_t n)
{
	for (; n > 0x7f; n >>= 7)
		b->data[b->size++] = n | 0x80;
	b->data[b->size++] = n;
}

static inline void
bytes_number(struct pprof_bytes *b, unsigned int tag, uint64_t n)
{
	bytes_varint(b, tag << 3);
	bytes_varint(b, n);
}

static inline void
bytes_field(
    struct pprof_bytes *b, unsigned int tag, const void *data, size_t size)
{
	bytes_varint(b, tag << 3 | 2);
	bytes_varint(b, size);
	memcpy(b->data + b->size, data, size);
	b->size += size;
}

static inline void
bytes_string(struct pprof_bytes *b, const char *text)
{
	bytes_field(b, 6, text, strlen(text));
}

/* A message of numbers: v[i] is field i + 1, zeroes are left out. */
static inline void
bytes_message(
    struct pprof_bytes *b, unsigned int tag, const uint64_t *v, size_t n)
{
	struct pprof_bytes *inner = calloc(1, sizeof(*inner));

	for (size_t i = 0; i < n; i++) {
		if (v[i] != 0)
			bytes_number(inner, i + 1, v[i]);
	}
	bytes_field(b, tag, inner->data, inner->size);
	free(inner);
}

#define BYTES_MESSAGE(b, tag, ...)                                             \
	bytes_message(b, tag, (const uint64_t[]){ __VA_ARGS__ },               \
	    sizeof((const uint64_t[]){ __VA_ARGS__ }) / sizeof(uint64_t))

/* A location with one line, and one without. */
static inline void
bytes_location(struct pprof_bytes *b, uint64_t id, uint64_t mapping,
    uint64_t address, uint64_t function)
{
	struct pprof_bytes *inner = calloc(1, sizeof(*inner));

	bytes_number(inner, 1, id);
	bytes_number(inner, 2, mapping);
	bytes_number(inner, 3, address);
	if (function != 0)
		BYTES_MESSAGE(inner, 4, function);
	bytes_field(b, 4, inner->data, inner->size);
	free(inner);
}

/* Locations leaf first, ended by 0; one value. */
static inline void
bytes_sample(struct pprof_bytes *b, const uint64_t *locations, int64_t value)
{
	struct pprof_bytes *inner = calloc(1, sizeof(*inner));

	for (; *locations != 0; locations++)
		bytes_number(inner, 1, *locations);
	bytes_number(inner, 2, value);
	bytes_field(b, 2, inner->data, inner->size);
	free(inner);
}

#define BYTES_SAMPLE(b, value, ...)                                            \
	bytes_sample(b, (const uint64_t[]){ __VA_ARGS__, 0 }, value)

#define TEST_PERIOD 10000000

/*
 * "sh" runs main, which calls work (7 of 10 samples) and itself again, which
 * calls the kernel (2), and a place without a name (1).
 */
static inline void
bytes_host(struct pprof_bytes *b)
{
	static const char *const strings[] = { "", "cpu", "nanoseconds",
		"/bin/prog", "abc123", "[kernel]", "sh", "main", "work",
		"do_syscall_64", "kept 10 of 10" };

	memset(b, 0, sizeof(*b));
	BYTES_MESSAGE(b, 1, 1, 2);
	BYTES_SAMPLE(b, 7 * TEST_PERIOD, 3, 2, 1);
	BYTES_SAMPLE(b, 2 * TEST_PERIOD, 4, 2, 2, 1);
	BYTES_SAMPLE(b, 1 * TEST_PERIOD, 5, 2, 1);
	BYTES_MESSAGE(b, 3, 1, 0x1000, 0x9000, 0x100, 3, 4);
	BYTES_MESSAGE(b, 3, 2, 0, 0, 0, 5);
	bytes_location(b, 1, 0, 0, 1);
	bytes_location(b, 2, 1, 0x1500, 2);
	bytes_location(b, 3, 1, 0x1600, 3);
	bytes_location(b, 4, 2, 0, 4);
	bytes_location(b, 5, 1, 0x1700, 0);
	BYTES_MESSAGE(b, 5, 1, 6, 6);
	BYTES_MESSAGE(b, 5, 2, 7, 7);
	BYTES_MESSAGE(b, 5, 3, 8, 8);
	BYTES_MESSAGE(b, 5, 4, 9, 9);
	for (size_t i = 0; i < sizeof(strings) / sizeof(*strings); i++)
		bytes_string(b, strings[i]);
	bytes_number(b, 9, 1700000000000000000);
	bytes_number(b, 10, 1000000000);
	BYTES_MESSAGE(b, 11, 1, 2);
	bytes_number(b, 12, TEST_PERIOD);
	bytes_number(b, 13, 10);
}

#endif
