/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/memfd.h"
#include "symbolizer/batch_view.h"

#define STACK 0x1234567890abcdefULL

struct sample_batch {
	struct batch_header header;
	struct batch_cpu cpu;
	struct batch_process process;
	struct batch_mapping mapping;
	struct batch_count count;
	struct batch_stack_part parts[2];
	char strings[8];
};

static struct sample_batch
make(void)
{
	struct sample_batch b;

	memset(&b, 0, sizeof(b));
#define AT(member, n) { offsetof(struct sample_batch, member), n }
	b.header = (struct batch_header){
		.magic = BATCH_MAGIC,
		.version = BATCH_VERSION,
		.period = 1,
		.cpus = AT(cpu, 1),
		.processes = AT(process, 1),
		.mappings = AT(mapping, 1),
		.counts = AT(count, 1),
		.stack_parts = AT(parts, 2),
		.strings = AT(strings, 8),
	};
	b.process = (struct batch_process){ .generation = 5, .mappings = 1 };
	b.mapping = (struct batch_mapping){
		.start = 0x1000, .end = 0x2000, .path = 0, .path_size = 4
	};
	b.count = (struct batch_count){
		.generation = 5, .user_stack = STACK, .count = 3
	};
	for (int part = 0; part < 2; part++) {
		b.parts[part].stack = STACK;
		b.parts[part].part = part;
		for (int i = 0; i < BATCH_STACK_PART; i++)
			b.parts[part].address[i] = part * 32 + i + 1;
	}
	b.parts[0].frames = 40;
	memcpy(b.strings, "/a/b", 4);
	return b;
}

static struct batch_view *
open_bytes(const void *bytes, size_t size)
{
	int fd = memfd_new("batch");

	assert_int_equal(memfd_append(fd, bytes, size), 0);
	assert_int_equal(memfd_seal(fd), 0);
	return batch_view_open(fd);
}

static void
test_good_batch_is_read(void **state)
{
	struct sample_batch b = make();
	struct batch_view *v = open_bytes(&b, sizeof(b));
	struct batch_stack stack;
	size_t size;

	(void)state;
	assert_non_null(v);
	assert_int_equal(batch_view_samples(v), 3);
	assert_true(batch_view_stack(v, STACK, &stack));
	assert_int_equal(stack.frames, 40);
	assert_int_equal(stack.address[0], 1);
	assert_int_equal(stack.address[39], 40);
	assert_memory_equal(batch_view_path(v, v->mappings, &size), "/a/b", 4);
	assert_int_equal(size, 4);
	batch_view_free(v);
}

static void
test_stack_without_all_its_parts_is_absent(void **state)
{
	struct sample_batch b = make();
	struct batch_stack stack;
	struct batch_view *v;

	(void)state;
	b.parts[1].stack = 9;
	v = open_bytes(&b, sizeof(b));
	assert_false(batch_view_stack(v, STACK, &stack));
	assert_false(batch_view_stack(v, 9, &stack));
	assert_false(batch_view_stack(v, 0, &stack));
	assert_false(batch_view_stack(v, 77, &stack));
	batch_view_free(v);
}

static void
expect_refused(const struct sample_batch *b, size_t size)
{
	assert_null(open_bytes(b, size));
}

static void
test_what_points_outside_is_refused(void **state)
{
	struct sample_batch good = make(), b;

	(void)state;
	expect_refused(&good, sizeof(good) - 1);
	expect_refused(&good, sizeof(good.header) - 1);
	expect_refused(&good, 0);
#define BAD(change)                                                            \
	b = good;                                                              \
	change;                                                                \
	expect_refused(&b, sizeof(b))
	BAD(b.header.magic++);
	BAD(b.header.version++);
	BAD(b.header.counts.offset = 0xfffffff8);
	BAD(b.header.counts.count = 0xffffffff);
	BAD(b.header.counts.offset += 4);
	BAD(b.process.mappings = 2);
	BAD(b.process.first_mapping = 0xffffffff);
	BAD(b.mapping.path = 9);
	BAD(b.mapping.path_size = 9);
	BAD(b.mapping.end = b.mapping.start);
	BAD(b.parts[0].frames = 128);
}

static void
test_unsealed_memfd_is_refused(void **state)
{
	struct sample_batch b = make();
	int fd = memfd_new("batch");

	(void)state;
	assert_int_equal(memfd_append(fd, &b, sizeof(b)), 0);
	assert_null(batch_view_open(fd));
}

/* Whatever bytes change: refused, or readable without harm. */
static void
test_changed_bytes_never_harm(void **state)
{
	unsigned seed = 7;

	(void)state;
	for (int i = 0; i < 4000; i++) {
		struct sample_batch b = make();
		struct batch_stack stack;
		struct batch_view *v;

		for (int n = 0; n < 3; n++)
			((unsigned char *)&b)[rand_r(&seed) % sizeof(b)] =
			    rand_r(&seed);
		v = open_bytes(&b, sizeof(b));
		if (v == NULL)
			continue;
		batch_view_samples(v);
		batch_view_stack(v, STACK, &stack);
		for (uint32_t m = 0; m < v->header->mappings.count; m++) {
			size_t size;
			const char *path =
			    batch_view_path(v, &v->mappings[m], &size);

			assert_true(
			    size == 0 ||
			    (path >= v->strings &&
				path + size <= (char *)v->data + v->size));
		}
		batch_view_free(v);
	}
}

static void
test_a_short_batch_may_come_as_bytes(void **state)
{
	struct sample_batch b = make();
	/* where a message holds it, aligned for nothing */
	char bytes[sizeof(b) + 1];
	struct batch_view *v;

	(void)state;
	memcpy(bytes + 1, &b, sizeof(b));
	v = batch_view_copy(bytes + 1, sizeof(b));
	memset(bytes, 0, sizeof(bytes));
	assert_non_null(v);
	assert_int_equal(batch_view_samples(v), 3);
	batch_view_free(v);
	for (size_t size = 0; size < sizeof(b); size++)
		assert_null(batch_view_copy(&b, size));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_batch_is_read),
		cmocka_unit_test(test_stack_without_all_its_parts_is_absent),
		cmocka_unit_test(test_what_points_outside_is_refused),
		cmocka_unit_test(test_unsealed_memfd_is_refused),
		cmocka_unit_test(test_changed_bytes_never_harm),
		cmocka_unit_test(test_a_short_batch_may_come_as_bytes),
	};

	return cmocka_run_group_tests_name("batch_view", tests, NULL, NULL);
}
