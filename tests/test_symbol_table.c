/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The flat table, as an honest child writes it and as a compromised one
 * might: it is refused, or every lookup stays inside it.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/log.h"
#include "common/memfd.h"
#include "symbolizer/symbol_builder.h"
#include "symbolizer/symbol_format.h"
#include "symbolizer/symbol_table.h"

struct image {
	uint8_t *bytes;
	size_t size;
};

static int
memfd_of(const void *bytes, size_t size)
{
	int fd = memfd_new("table");

	assert_int_equal(memfd_append(fd, bytes, size), 0);
	assert_int_equal(memfd_seal(fd), 0);
	return fd;
}

static struct symbol_table *
open_bytes(const void *bytes, size_t size)
{
	struct symbol_table *t;
	int r = symbol_table_open(memfd_of(bytes, size), &t);

	assert_true((r == 0) == (t != NULL));
	assert_true(r == 0 || r == -EBADMSG);
	return t;
}

/* Two segments, three functions, a build id and a link. */
static struct image
good_image(void)
{
	struct symbol_builder *b = symbol_builder_new();
	int fd = memfd_new("table");
	struct image image;

	symbol_builder_segment(b, 0x1000, 0x401000, 0x1000, 0x1800);
	symbol_builder_segment(b, 0x5000, 0x605000, 0x2000, 0x2000);
	symbol_builder_symbol(b, "one", 3, 0x401000, 0x100, SYMBOL_GLOBAL);
	symbol_builder_symbol(b, "two", 3, 0x401200, 0x100, SYMBOL_GLOBAL);
	symbol_builder_symbol(b, "three", 5, 0x605000, 0x10, SYMBOL_LOCAL);
	symbol_builder_build_id(b, "\x01\xab\xff", 3);
	symbol_builder_link(b, "one.debug", 9, 0x12345678);
	assert_int_equal(symbol_builder_write(b, fd), 0);
	symbol_builder_free(b);
	image.size = lseek(fd, 0, SEEK_END);
	image.bytes = malloc(image.size);
	assert_int_equal(pread(fd, image.bytes, image.size, 0), image.size);
	close(fd);
	return image;
}

static void
expect(const struct symbol_table *t, uint64_t address, const char *want)
{
	struct symbol s;

	assert_int_equal(symbol_table_find(t, address, &s), want != NULL);
	if (want != NULL)
		assert_string_equal(s.name, want);
}

static void
test_what_was_written_is_found(void **state)
{
	struct image image = good_image();
	struct symbol_table *t = open_bytes(image.bytes, image.size);
	struct symbol_debug debug;
	struct symbol s;
	uint64_t address;

	(void)state;
	assert_non_null(t);
	expect(t, 0x400fff, NULL);
	expect(t, 0x401000, "one");
	expect(t, 0x4010ff, "one");
	expect(t, 0x401100, NULL);
	expect(t, 0x4012ff, "two");
	expect(t, 0x60500f, "three");
	expect(t, 0x605010, NULL);
	assert_true(symbol_table_find(t, 0x401280, &s));
	assert_int_equal(s.start, 0x401200);
	assert_int_equal(s.size, 0x100);
	assert_true(symbol_table_address(t, 0x5008, &address));
	assert_int_equal(address, 0x605008);
	assert_string_equal(symbol_table_build_id(t), "01abff");
	assert_true(symbol_table_debug(t, &debug));
	assert_int_equal(debug.link_crc, 0x12345678);
	assert_int_equal(symbol_table_count(t), 3);
	assert_true(symbol_table_bytes(t) >= image.size);
	symbol_table_free(t);
	free(image.bytes);
}

static void
test_what_is_no_sealed_table_is_refused(void **state)
{
	struct image image = good_image();
	struct symbol_table *t;
	int fd = memfd_new("table");

	(void)state;
	assert_int_equal(memfd_append(fd, image.bytes, image.size), 0);
	assert_int_equal(symbol_table_open(fd, &t), -EPERM);
	assert_null(t);
	assert_null(open_bytes("", 0));
	assert_null(open_bytes(image.bytes, 8));
	assert_null(open_bytes(image.bytes, image.size - 1));
	image.bytes = realloc(image.bytes, image.size + 1);
	image.bytes[image.size] = '\0';
	assert_null(open_bytes(image.bytes, image.size + 1));
	fd = memfd_new("table");
	assert_int_equal(ftruncate(fd, (1LL << 30)), 0);
	assert_int_equal(memfd_seal(fd), 0);
	assert_int_equal(symbol_table_open(fd, &t), -EFBIG);
	free(image.bytes);
}

/* Reads all that can be read through the table. */
static unsigned
use_up(const struct symbol_table *t)
{
	static const uint64_t places[] = { 0, 1, 0x401000, 0x4010ff, 0x401200,
		0x4027ff, 0x605000, 0x606fff, 0x7fffffffffff,
		0xffffffff80000000, UINT64_MAX };
	struct symbol_debug debug;
	unsigned sum = 0;

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		for (uint64_t d = 0; d < 0x40; d++) {
			uint64_t at = places[i] + d * 9, address;
			struct symbol s;

			if (symbol_table_address(t, at, &address))
				sum += address;
			if (!symbol_table_find(t, at, &s))
				continue;
			assert_int_equal(strlen(s.name), s.name_size);
			for (size_t n = 0; n < s.name_size; n++)
				sum += (unsigned char)s.name[n];
		}
	symbol_table_debug(t, &debug);
	for (size_t n = 0; n < debug.link_size; n++)
		sum += (unsigned char)debug.link[n];
	for (size_t n = 0; n < debug.build_id_size; n++)
		sum += ((const unsigned char *)debug.build_id)[n];
	return sum + strlen(symbol_table_build_id(t));
}

/* Every word of it wrong in every way that tells. */
static void
test_wrong_words_lead_nowhere(void **state)
{
	static const uint32_t values[] = { 0, 1, 2, 3, 63, 64, 65, 255, 256,
		0xfff, 0x7fffffff, 0x80000000, 0xfffffff0, 0xfffffffe,
		0xffffffff };
	struct image image = good_image();
	volatile unsigned sum = 0;
	int held = 0, refused = 0;

	(void)state;
	for (size_t at = 0; at + 4 <= image.size; at += 4)
		for (size_t i = 0; i < sizeof(values) / sizeof(values[0]);
		     i++) {
			uint8_t *bytes = malloc(image.size);
			struct symbol_table *t;

			memcpy(bytes, image.bytes, image.size);
			memcpy(bytes + at, &values[i], 4);
			t = open_bytes(bytes, image.size);
			if (t != NULL)
				sum += use_up(t);
			held += t != NULL;
			refused += t == NULL;
			symbol_table_free(t);
			free(bytes);
		}
	(void)sum;
	print_message("# %d held, %d refused\n", held, refused);
	assert_true(held > 0 && refused > 100);
	free(image.bytes);
}

/* Each field of the header and of the parts alone, where it must be refused. */
static void
test_each_contradiction_is_seen(void **state)
{
#define HEADER(field) offsetof(struct symbol_header, field)
#define SEGMENT(n, field)                                                      \
	(sizeof(struct symbol_header) + (n) * sizeof(struct symbol_segment) +  \
	    offsetof(struct symbol_segment, field))
#define ENTRY(n, field)                                                        \
	(SEGMENT(2, offset) + (n) * sizeof(struct symbol_entry) +              \
	    offsetof(struct symbol_entry, field))
	static const struct {
		size_t at;
		uint32_t value;
	} rows[] = {
		{ HEADER(magic), 0 },
		{ HEADER(segments), 1 },
		{ HEADER(segments), SYMBOL_FORMAT_SEGMENTS + 1 },
		{ HEADER(symbols), 2 },
		{ HEADER(symbols), 4 },
		{ HEADER(symbols), 0xffffffff },
		{ HEADER(names), 1 },
		{ HEADER(names), 0xfffffff0 },
		{ HEADER(build_id_size), SYMBOL_FORMAT_BUILD_ID + 1 },
		{ HEADER(link_size), SYMBOL_FORMAT_LINK + 1 },
		{ SEGMENT(0, first), 1 },
		{ SEGMENT(0, count), 1 },
		{ SEGMENT(0, count), 3 },
		{ SEGMENT(1, first), 0 },
		{ SEGMENT(1, count), 0xffffffff },
		{ SEGMENT(0, memory_size), 0 },
		{ SEGMENT(0, memory_size), 0x80 },
		/* it reaches into the next */
		{ SEGMENT(0, memory_size), 0x7fffffff },
		{ SEGMENT(1, address), 0x401000 },
		{ ENTRY(0, size), 0 },
		{ ENTRY(0, size), 0x201 },
		{ ENTRY(0, start), 0x201 },
		{ ENTRY(1, start), 0 },
		{ ENTRY(1, size), 0xffffffff },
		{ ENTRY(2, name), 14 },
		{ ENTRY(0, name), 0xffffffff },
	};
	struct image image = good_image();

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t *bytes = malloc(image.size);
		struct symbol_table *t;

		memcpy(bytes, image.bytes, image.size);
		memcpy(bytes + rows[i].at, &rows[i].value, 4);
		t = open_bytes(bytes, image.size);
		if (t != NULL)
			fail_msg("row %zu is believed", i);
		free(bytes);
	}
	/* names that do not end */
	image.bytes[image.size - 1] = 'x';
	assert_null(open_bytes(image.bytes, image.size));
	free(image.bytes);
}

/* A name that is as long as the table costs no more than any other. */
static void
test_endless_name_is_cut(void **state)
{
	enum { LONG = 4 << 20 };
	struct image image = good_image();
	size_t names = image.size - strlen("one") - 1 - strlen("two") - 1 -
		       strlen("three") - 1;
	struct symbol_header *header;
	struct symbol_table *t;
	struct symbol s;

	(void)state;
	image.bytes = realloc(image.bytes, names + LONG);
	memset(image.bytes + names, 'x', LONG - 1);
	image.bytes[names + LONG - 1] = '\0';
	header = (struct symbol_header *)image.bytes;
	header->names = LONG;
	t = open_bytes(image.bytes, names + LONG);
	assert_non_null(t);
	assert_true(symbol_table_find(t, 0x401000, &s));
	assert_int_equal(s.name_size, SYMBOL_FORMAT_NAME);
	symbol_table_free(t);
	free(image.bytes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_was_written_is_found),
		cmocka_unit_test(test_what_is_no_sealed_table_is_refused),
		cmocka_unit_test(test_wrong_words_lead_nowhere),
		cmocka_unit_test(test_each_contradiction_is_seen),
		cmocka_unit_test(test_endless_name_is_cut),
	};

	log_init("test_symbol_table", false);
	return cmocka_run_group_tests_name("symbol_table", tests, NULL, NULL);
}
