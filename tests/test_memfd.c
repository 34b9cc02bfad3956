/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/memfd.h"

static void
test_sealed_memfd_is_read_back(void **state)
{
	const void *data;
	size_t size;
	int fd = memfd_new("test");

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(memfd_append(fd, "hello", 5), 0);
	assert_int_equal(memfd_seal(fd), 0);
	assert_true(memfd_append(fd, "x", 1) < 0);
	assert_int_equal(memfd_map(fd, 5, &data, &size), 0);
	assert_int_equal(size, 5);
	assert_memory_equal(data, "hello", 5);
	memfd_unmap(data, size);
	close(fd);
}

static void
test_unsealed_or_long_memfd_is_refused(void **state)
{
	const void *data;
	size_t size;
	int pipes[2], fd = memfd_new("test");

	(void)state;
	assert_int_equal(memfd_append(fd, "hello", 5), 0);
	assert_int_equal(memfd_map(fd, 5, &data, &size), -EPERM);
	assert_int_equal(memfd_seal(fd), 0);
	assert_int_equal(memfd_map(fd, 4, &data, &size), -EFBIG);
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(memfd_map(pipes[0], 5, &data, &size), -EPERM);
	close(pipes[0]);
	close(pipes[1]);
	close(fd);
}

static void
test_empty_memfd_maps_to_nothing(void **state)
{
	const void *data = "x";
	size_t size = 1;
	int fd = memfd_new("test");

	(void)state;
	assert_int_equal(memfd_seal(fd), 0);
	assert_int_equal(memfd_map(fd, 5, &data, &size), 0);
	assert_null(data);
	assert_int_equal(size, 0);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sealed_memfd_is_read_back),
		cmocka_unit_test(test_unsealed_or_long_memfd_is_refused),
		cmocka_unit_test(test_empty_memfd_maps_to_nothing),
	};

	return cmocka_run_group_tests_name("memfd", tests, NULL, NULL);
}
