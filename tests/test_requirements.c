/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What keeps the collector from working, by the line it prints: it must name
 * what is missing and how to give it.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "collector/ksyms.h"
#include "collector/requirements.h"
#include "collector/sampling_trouble.h"

#define CAP(number) (1ULL << (number))
#define SYS_ADMIN CAP(21)
#define PERFMON CAP(38)
#define BPF CAP(39)

/* A machine on which all is well. */
static const struct requirements good = {
	.bpf = true,
	.perf = true,
	.btf = true,
	.paranoid = 2,
	.major = 6,
	.minor = 1,
	.memlock = 65536,
};

static void
expect_words(const char *text, const char *const *words)
{
	assert_null(strchr(text, '\n'));
	for (; *words != NULL; words++)
		if (strstr(text, *words) == NULL)
			fail_msg("no \"%s\" in: %s", *words, text);
}

/* The line has all of the words, and is one. */
static void
expect_trouble(const struct requirements *r, ...)
{
	const char *words[8] = { NULL };
	char text[512] = "";
	va_list ap;

	va_start(ap, r);
	for (int i = 0; i < 7; i++)
		if ((words[i] = va_arg(ap, const char *)) == NULL)
			break;
	va_end(ap);
	assert_false(requirements_met(r, text, sizeof(text)));
	expect_words(text, words);
}

static void
expect_good(const struct requirements *r)
{
	char text[512];

	assert_true(requirements_met(r, text, sizeof(text)));
}

static void
test_nothing_is_missing(void **state)
{
	(void)state;
	expect_good(&good);
	assert_int_equal(requirements_extra_caps(&good), 0);
}

static void
test_each_capability_is_named(void **state)
{
	struct requirements r = good;

	(void)state;
	r.missing = BPF;
	expect_trouble(&r, "CAP_BPF missing", "AmbientCapabilities=", "setcap",
	    "root", NULL);
	r.missing = PERFMON | CAP(19) | CAP(2) | CAP(40);
	expect_trouble(&r, "CAP_PERFMON", "CAP_SYS_PTRACE",
	    "CAP_DAC_READ_SEARCH", "CAP_CHECKPOINT_RESTORE", NULL);
}

static void
test_paranoid_3_needs_admin_or_the_sysctl(void **state)
{
	struct requirements r = good;

	(void)state;
	for (r.paranoid = -1; r.paranoid < 3; r.paranoid++)
		expect_good(&r);
	for (; r.paranoid <= 4; r.paranoid++) {
		r.admin = false;
		expect_trouble(&r, "kernel.perf_event_paranoid is",
		    "sysctl kernel.perf_event_paranoid=2", "CAP_SYS_ADMIN",
		    "root", NULL);
		assert_int_equal(requirements_extra_caps(&r), 0);
		r.admin = true;
		expect_good(&r);
		assert_int_equal(requirements_extra_caps(&r), SYS_ADMIN);
	}
}

static void
test_admin_is_not_kept_where_it_is_not_needed(void **state)
{
	struct requirements r = good;

	(void)state;
	r.admin = true;
	expect_good(&r);
	assert_int_equal(requirements_extra_caps(&r), 0);
}

static void
test_memlock_counts_before_5_11(void **state)
{
	struct requirements r = good;

	(void)state;
	r.major = 5;
	r.minor = 11;
	expect_good(&r);
	r.minor = 10;
	expect_trouble(
	    &r, "65536 bytes", "LimitMEMLOCK=infinity", "ulimit -l", NULL);
	r.memlock = UINT64_MAX;
	expect_good(&r);
	r.minor = 9;
	expect_trouble(&r, "Linux 5.9", "5.10", NULL);
}

static void
test_parts_of_the_kernel_are_named(void **state)
{
	struct requirements r = good;

	(void)state;
	r.bpf = false;
	expect_trouble(&r, "no BPF", "CONFIG_BPF_SYSCALL", NULL);
	r = good;
	r.perf = false;
	expect_trouble(&r, "no perf events", "CONFIG_PERF_EVENTS", NULL);
	r = good;
	r.btf = false;
	expect_trouble(
	    &r, "/sys/kernel/btf/vmlinux", "CONFIG_DEBUG_INFO_BTF", NULL);
	r = good;
	r.locked = true;
	expect_trouble(&r, "locked down", "lockdown=integrity", NULL);
	r = good;
	r.user_namespace = true;
	expect_trouble(&r, "user namespace", "PrivateUsers=no", NULL);
}

/* ---- when it fails all the same */

static const struct sampling_facts usual = {
	.paranoid = 2,
	.btf = true,
};

typedef void (*text_fn)(
    int r, const struct sampling_facts *f, char *text, size_t size);

static void
expect_text(text_fn fn, int r, const struct sampling_facts *f, ...)
{
	const char *words[8] = { NULL };
	char text[512] = "";
	va_list ap;

	va_start(ap, f);
	for (int i = 0; i < 7; i++)
		if ((words[i] = va_arg(ap, const char *)) == NULL)
			break;
	va_end(ap);
	fn(r, f, text, sizeof(text));
	expect_words(text, words);
}

static void
test_a_load_that_fails_says_why(void **state)
{
	struct sampling_facts f = usual;
	text_fn load = sampling_trouble_load_text;

	(void)state;
	expect_text(load, -ENOSYS, &f, "CONFIG_BPF_SYSCALL", NULL);
	expect_text(load, -ENOMEM, &f, "cgroup", NULL);
	expect_text(load, -EMFILE, &f, "LimitNOFILE=", NULL);
	expect_text(load, -EINVAL, &f, "Invalid argument", "--debug", NULL);
	f.missing = BPF;
	expect_text(load, -EPERM, &f, "CAP_BPF", "AmbientCapabilities=", NULL);
	f = usual;
	f.locked = true;
	expect_text(load, -EPERM, &f, "lockdown=integrity", NULL);
	f = usual;
	f.btf = false;
	expect_text(load, -ESRCH, &f, "CONFIG_DEBUG_INFO_BTF", NULL);
	f = usual;
	f.memlock = 65536;
	f.memlock_counts = true;
	expect_text(load, -EPERM, &f, "65536", "LimitMEMLOCK=", NULL);
}

static void
test_an_event_that_cannot_be_opened_says_why(void **state)
{
	struct sampling_facts f = usual;
	text_fn event = sampling_trouble_event_text;

	(void)state;
	expect_text(event, -ENOENT, &f, "CONFIG_PERF_EVENTS", NULL);
	expect_text(event, -EMFILE, &f, "LimitNOFILE=", NULL);
	expect_text(event, -EBUSY, &f, strerror(EBUSY), NULL);
	f.missing = PERFMON;
	expect_text(event, -EACCES, &f, "CAP_PERFMON", NULL);
	f = usual;
	f.paranoid = 3;
	expect_text(event, -EACCES, &f, "kernel.perf_event_paranoid is 3",
	    "sysctl -w kernel.perf_event_paranoid=2", "CAP_SYS_ADMIN", NULL);
}

static void
test_hidden_kernel_addresses_are_noticed(void **state)
{
	static const char hidden[] = "0000000000000000 A percpu\n"
				     "0000000000000000 T vfs_read\n";
	static const char shown[] = "0000000000000000 A percpu\n"
				    "0000000000001000 A gdt_page\n"
				    "ffffffff81000000 T _text\n";

	(void)state;
	assert_false(ksyms_text_has_addresses(hidden, sizeof(hidden) - 1));
	assert_true(ksyms_text_has_addresses(shown, sizeof(shown) - 1));
	assert_false(ksyms_text_has_addresses("", 0));
	assert_false(ksyms_text_has_addresses(hidden, 30));
	assert_false(ksyms_text_has_addresses("0000", 4));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_is_missing),
		cmocka_unit_test(test_each_capability_is_named),
		cmocka_unit_test(test_paranoid_3_needs_admin_or_the_sysctl),
		cmocka_unit_test(test_admin_is_not_kept_where_it_is_not_needed),
		cmocka_unit_test(test_memlock_counts_before_5_11),
		cmocka_unit_test(test_parts_of_the_kernel_are_named),
		cmocka_unit_test(test_a_load_that_fails_says_why),
		cmocka_unit_test(test_an_event_that_cannot_be_opened_says_why),
		cmocka_unit_test(test_hidden_kernel_addresses_are_noticed),
	};

	return cmocka_run_group_tests_name("requirements", tests, NULL, NULL);
}
