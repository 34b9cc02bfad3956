/* SPDX-License-Identifier: Apache-2.0 */
/* spec/phlare-ebpf.md 2.2, by table, with the choices of DESIGN.md 4. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/container_id.h"
#include "common/memfd.h"

#define D16 "0123456789abcdef"
/* Two ids of 64 digits, and 32 digits. */
#define H D16 D16 D16 D16
#define G "f" D16 D16 D16 "0123456789abcde"
#define T D16 D16

struct row {
	const char *text, *want;
};

static void
expect(const char *text, const char *want)
{
	char id[CONTAINER_ID_SIZE];
	/* not terminated, so that a sanitizer sees a look beyond it */
	char *copy = malloc(strlen(text) + 1);
	size_t size = strlen(text);

	memcpy(copy, text, size);
	copy = realloc(copy, size ? size : 1);
	container_id_find(copy, size, id);
	if (strcmp(id, want) != 0)
		fail_msg("\"%s\": \"%s\", not \"%s\"", text, id, want);
	free(copy);
}

static void
expect_all(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		expect(rows[i].text, rows[i].want);
}

#define EXPECT_ALL(rows) expect_all(rows, sizeof(rows) / sizeof((rows)[0]))

/* The lines that are known from real hosts. */
static void
test_known_lines(void **state)
{
	static const struct row rows[] = {
		{ "12:cpuset:/kubepods.slice/kubepods-burstable.slice/"
		  "kubepods-burstable-pod471203d1_984f_477e_9c35_db96487ffe5e"
		  ".slice/cri-containerd-a534eb629135e43beb13213976e37bb2ab95cb"
		  "a4c0d1d0b4e27c6bc4d8091b83.scope",
		    "a534eb629135e43beb13213976e37bb2ab95cba4c0d1d0b4e27c6bc4d8"
		    "091b83" },
		{ "0::/kubepods.slice/kubepods-burstable.slice/"
		  "kubepods-burstable-podb57320a0_e7eb_4ac8_a791_4c4472796867"
		  ".slice/crio-0ecc7949cbaf17e883264ea1055f60b184a7cb264fd759c4"
		  "a692e1155086fe2d.scope",
		    "0ecc7949cbaf17e883264ea1055f60b184a7cb264fd759c4a692e11550"
		    "86fe2d" },
		{ "0::/../../kubepods-besteffort-pod88f6f4e3_59c0_4ce8_9ecf_"
		  "391c8b5a60ad.slice/docker-656959d9ee87a0b131c601ce9d9f8f76b1"
		  "dda60e8608c503b5979d849cbdc714.scope",
		    "656959d9ee87a0b131c601ce9d9f8f76b1dda60e8608c503b5979d849c"
		    "bdc714" },
		{ "0::/kubepods.slice/kubepods-burstable.slice/"
		  "kubepods-burstable-podf9a04ecc_1875_491b_926c_d2f64757704e"
		  ".slice/cri-containerd-47e320f795efcec1ecf2001c3a09c95e3701ed"
		  "87de8256837b70b10e23818251.scope",
		    "47e320f795efcec1ecf2001c3a09c95e3701ed87de8256837b70b10e23"
		    "818251" },
		{ "11:devices:/kubepods/besteffort/"
		  "pod85adbef3-622f-4ef2-8f60-a8bdf3eb6c72/7edda1de1e0d1d366351"
		  "e478359cf5fa16bb8ab53063a99bb119e56971bfb7e2",
		    "7edda1de1e0d1d366351e478359cf5fa16bb8ab53063a99bb119e56971"
		    "bfb7e2" },
		{ "0::/../../user.slice/user-501.slice/session-3.scope", "" },
		{ "12:blkio:/kubepods/burstable/"
		  "pod7e5f5ac0-1af4-49ab-8938-664970a26cfd/9a7c72f122922fe3445b"
		  "a85ce72c507c8976c0f3d919403fda7c22dfe516f66f",
		    "9a7c72f122922fe3445ba85ce72c507c8976c0f3d919403fda7c22dfe5"
		    "16f66f" },
		{ "12:blkio:/kubepods/burstable/"
		  "pod83ca8044-3e7c-457b-8647-a21dabad5079/57ac76ffc93d7e7735ca"
		  "186bc67115656967fc8aecbe1f65526c4c48b033e6a5",
		    "57ac76ffc93d7e7735ca186bc67115656967fc8aecbe1f65526c4c48b0"
		    "33e6a5" },
	};

	(void)state;
	EXPECT_ALL(rows);
}

static void
test_what_is_an_id(void **state)
{
	static const struct row rows[] = {
		{ "0::/", "" },
		{ "0::/init.scope", "" },
		{ "0::/system.slice/cron.service", "" },
		{ "0::/lxc/webhost", "" },
		{ "0::/system.slice/docker-" H ".scope", H },
		{ "13:name=systemd:/docker/" H, H },
		{ "0::/docker/" H " ", H },
		{ "0::/docker/" H " \t\r", H },
		{ "0::/machine.slice/libpod-" H ".scope", H },
		{ "0::/machine.slice/libpod-conmon-" H ".scope", H },
		{ "0::/machine.slice/libpod-" H ".scope/container", H },
		{ "0::/k.slice/cri-containerd-" H ".scope/init.scope", H },
		/* beyond the usual regex: children, the colon form, ECS */
		{ "1:cpu:/kubepods/besteffort/pod1/" H "/init.scope", H },
		{ "0::/docker/" H "/a/b/c", H },
		{ "0::/k.slice/kubepods-burstable-pod1.slice:cri-containerd:" H,
		    H },
		{ "9:cpu:/ecs/" T "/" T "-1234567890", T "-1234567890" },
		{ "9:cpu:/ecs/" T "/" T "-1234567890/child", T "-1234567890" },
		{ "9:cpu:/ecs/" T "/" H, H },
		{ "0::/docker/" H "/docker/" G, G },
		{ "0::/docker/" H "/ecs/" T "-1", T "-1" },
		{ "0::/docker/" H "/" T "-12x", H },
		{ "0::/docker/" H " (deleted)", H },
		/* neither more nor fewer digits, nor others */
		{ "0::/docker/" T D16 "0123456789abcde", "" },
		{ "0::/docker/a" H, "" },
		{ "0::/docker/" H "a", "" },
		{ "0::/docker/x" H, "" },
		{ "0::/docker/" H "x", "" },
		{ "0::/docker/" H "-x", "" },
		{ "0::/docker/" H " x", "" },
		{ "0::/docker/" T T "ABCDEF" D16, "" },
		{ "0::/docker/0123456789ABCDEF" T D16, "" },
		{ "0::/user.slice/user-501.slice", "" },
		{ "0::/user.slice/app-gnome-cafe.scope", "" },
		{ "0::/ecs/" T "/" T "-", "" },
		{ "0::/ecs/" T "/" T "-12x", "" },
		{ "0::/ecs/" T "/x" T "-12", "" },
		{ "0::/ecs/" T "/" T "-123456789012345678901", "" },
		{ "0::/ecs/" T, "" },
		{ "0::/a-" H ".b-" G ".scope", G },
		/* a line has three parts, and the path a slash */
		{ "", "" },
		{ "\n\n", "" },
		{ H, "" },
		{ "/docker/" H, "" },
		{ "0:/docker/" H, "" },
		{ "0::docker-" H ".scope", "" },
		{ "0::/a:b/docker-" H ".scope", H },
	};

	(void)state;
	EXPECT_ALL(rows);
}

static void
test_the_first_line_with_an_id_counts(void **state)
{
	static const struct row rows[] = {
		{ "2:cpu:/\n1:name=systemd:/docker/" H "\n0::/\n", H },
		{ "2:cpu:/docker/" H "\n1:name=systemd:/docker/" G "\n", H },
		{ "nonsense\n\n2:cpu:/docker/" G, G },
		{ "2:cpu:/docker/" H " (deleted)\n0::/\n", H },
	};

	(void)state;
	EXPECT_ALL(rows);
}

static int
file_of(const char *text, size_t size)
{
	int fd = memfd_new("cgroup");

	assert_true(fd >= 0);
	assert_int_equal(memfd_append(fd, text, size), 0);
	return fd;
}

static void
test_a_file_is_read(void **state)
{
	static const char text[] = "1:cpu:/\n0::/docker/" H "\n";
	char id[CONTAINER_ID_SIZE];
	int fd = file_of(text, strlen(text));

	(void)state;
	assert_int_equal(container_id_read(fd, id), 0);
	assert_string_equal(id, H);
	close(fd);
	assert_int_equal(container_id_read(-1, id), -EBADF);
	assert_string_equal(id, "");
}

/* What is beyond the bound is not looked at, and no line is cut in two. */
static void
test_a_huge_file_is_bounded(void **state)
{
	static const char line[] = "\n0::/docker/" H;
	size_t size = CONTAINER_ID_TEXT_MAX + 1, cut = strlen(line);
	char *text = malloc(size), id[CONTAINER_ID_SIZE];
	int fd;

	(void)state;
	memset(text, 'x', size);
	memcpy(text + CONTAINER_ID_TEXT_MAX - cut, line, cut);
	fd = file_of(text, size);
	assert_int_equal(container_id_read(fd, id), 0);
	assert_string_equal(id, "");
	close(fd);
	memcpy(text, line, cut);
	text[cut] = '\n';
	fd = file_of(text, size);
	assert_int_equal(container_id_read(fd, id), 0);
	assert_string_equal(id, H);
	close(fd);
	free(text);
}

/* Whether this test runs in a container or not. */
static void
test_the_kernels_file_is_understood(void **state)
{
	char id[CONTAINER_ID_SIZE];
	int fd = open("/proc/self/cgroup", O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(container_id_read(fd, id), 0);
	assert_true(strlen(id) == 0 || strlen(id) >= 34);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_lines),
		cmocka_unit_test(test_what_is_an_id),
		cmocka_unit_test(test_the_first_line_with_an_id_counts),
		cmocka_unit_test(test_a_file_is_read),
		cmocka_unit_test(test_a_huge_file_is_bounded),
		cmocka_unit_test(test_the_kernels_file_is_understood),
	};

	return cmocka_run_group_tests_name("container_id", tests, NULL, NULL);
}
