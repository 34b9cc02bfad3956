/* SPDX-License-Identifier: Apache-2.0 */
/* Each row of privilege.c and sandbox.c, really applied in a child. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/log.h"
#include "common/privilege.h"
#include "common/sandbox.h"

#define TEST_UID 61234
#define TEST_GID 61235

static const struct privilege_ids ids = { TEST_UID, TEST_GID };

/* Runs fn in a child; its wait status. Output on stderr goes to text. */
static int
in_child(void (*fn)(void *arg), void *arg, char *text, size_t size)
{
	int pipes[2], status;
	ssize_t n, used = 0;
	pid_t pid;

	assert_int_equal(pipe(pipes), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(pipes[1], STDERR_FILENO);
		close(pipes[0]);
		fn(arg);
		_exit(0);
	}
	close(pipes[1]);
	while (used + 1 < (ssize_t)size &&
	       (n = read(pipes[0], text + used, size - 1 - used)) > 0)
		used += n;
	text[used] = '\0';
	close(pipes[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

/* Prints the line of an open /proc/self/status that starts with name. */
static void
print_status(FILE *f, const char *name)
{
	char line[256];

	rewind(f);
	while (fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, name, strlen(name)) == 0)
			fprintf(stderr, "%s", line);
}

static void
enter(void *arg)
{
	enum process_kind kind = *(enum process_kind *)arg;
	FILE *f = fopen("/proc/self/status", "r");

	if (privilege_drop(kind, &ids, 0) < 0 || sandbox_enter(kind, NULL) < 0)
		_exit(9);
	print_status(f, "Uid:");
	print_status(f, "Gid:");
	print_status(f, "Groups:");
	print_status(f, "CapPrm:");
	print_status(f, "CapEff:");
	print_status(f, "CapInh:");
	print_status(f, "CapBnd:");
	print_status(f, "CapAmb:");
	print_status(f, "NoNewPrivs:");
	print_status(f, "Seccomp:");
}

struct expected {
	enum process_kind kind;
	unsigned long long caps;
};

#define SAMPLER_CAPS (1ULL << 38 | 1ULL << 39)
#define OPENER_CAPS (1ULL << 2 | 1ULL << 19 | 1ULL << 40)
#define SETPCAP (1ULL << 8)

static const struct expected expectations[] = {
	{ PROCESS_LISTENER, SAMPLER_CAPS | OPENER_CAPS | SETPCAP },
	{ PROCESS_SAMPLER, SAMPLER_CAPS },
	{ PROCESS_OPENER, OPENER_CAPS },
	{ PROCESS_SYMBOLIZER, 0 },
	{ PROCESS_FILE_READER, 0 },
	{ PROCESS_SHIPPER, 0 },
	{ PROCESS_CHECKER, 0 },
	{ PROCESS_REPORTER, 0 },
};

static void
expect_line(const char *text, const char *fmt, ...)
{
	char want[160];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(want, sizeof(want), fmt, ap);
	va_end(ap);
	if (strstr(text, want) == NULL)
		fail_msg("no \"%s\" in:\n%s", want, text);
}

static void
test_every_row_takes_effect(void **state)
{
	char text[2048];

	(void)state;
	for (size_t i = 0; i < sizeof(expectations) / sizeof(expectations[0]);
	     i++) {
		enum process_kind kind = expectations[i].kind;
		unsigned long long caps = expectations[i].caps;

		assert_int_equal(in_child(enter, &kind, text, sizeof(text)), 0);
		expect_line(text, "Uid:\t%d\t%d\t%d\t%d\n", TEST_UID, TEST_UID,
		    TEST_UID, TEST_UID);
		expect_line(text, "Gid:\t%d\t%d\t%d\t%d\n", TEST_GID, TEST_GID,
		    TEST_GID, TEST_GID);
		expect_line(text, "Groups:\t \n");
		expect_line(text, "CapPrm:\t%016llx\n", caps);
		expect_line(text, "CapEff:\t%016llx\n", caps);
		expect_line(text, "CapBnd:\t%016llx\n", caps);
		expect_line(text, "CapInh:\t%016llx\n", 0ULL);
		expect_line(text, "CapAmb:\t%016llx\n", 0ULL);
		expect_line(text, "NoNewPrivs:\t1\n");
		expect_line(text, "Seccomp:\t2\n");
	}
}

static void
refuse_quietly(void *arg)
{
	enum process_kind kind = PROCESS_SYMBOLIZER;

	(void)arg;
	if (privilege_drop(kind, &ids, 0) < 0 || sandbox_enter(kind, NULL) < 0)
		_exit(9);
	if (syscall(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDWR) >= 0 ||
	    syscall(SYS_socket, AF_INET, SOCK_STREAM, 0) >= 0 ||
	    errno != ENOSYS ||
	    mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS,
		-1, 0) != MAP_FAILED ||
	    syscall(SYS_perf_event_open, NULL, 0, 0, 0, 0) >= 0 ||
	    errno != ENOSYS)
		_exit(8);
}

static void
test_unlisted_calls_fail(void **state)
{
	char text[1024];

	(void)state;
	assert_int_equal(in_child(refuse_quietly, NULL, text, sizeof(text)), 0);
}

static void
do_ptrace(void *arg)
{
	const char *mode = arg;

	if (sandbox_set_mode(mode) < 0 ||
	    privilege_drop(PROCESS_OPENER, &ids, 0) < 0 ||
	    sandbox_enter(PROCESS_OPENER, NULL) < 0)
		_exit(9);
	ptrace(PTRACE_ATTACH, getppid(), 0, 0);
}

static void
test_dangerous_call_kills(void **state)
{
	char text[1024];
	int status = in_child(do_ptrace, "enforce", text, sizeof(text));

	(void)state;
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSYS);
}

static void
test_trap_names_the_call(void **state)
{
	char text[1024];
	int status = in_child(do_ptrace, "trap", text, sizeof(text));

	(void)state;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 128 + SIGSYS);
	assert_non_null(strstr(text, "sandbox: refused system call ptrace"));
}

static void *
do_nothing(void *arg)
{
	return arg;
}

static void
start_a_thread(void *arg)
{
	static const struct sandbox_path paths[] = { { NULL, false } };
	pthread_t thread;
	void *end;

	if (sandbox_set_mode(arg) < 0 ||
	    privilege_drop(PROCESS_SHIPPER, &ids, 0) < 0 ||
	    sandbox_enter(PROCESS_SHIPPER, paths) < 0)
		_exit(9);
	if (pthread_create(&thread, NULL, do_nothing, arg) != 0 ||
	    pthread_join(thread, &end) != 0 || end != arg)
		_exit(8);
}

/* libc tries a call first that no filter can let through. */
static void
test_the_shipper_has_threads(void **state)
{
	char text[1024];

	(void)state;
	assert_int_equal(
	    in_child(start_a_thread, "enforce", text, sizeof(text)), 0);
	assert_int_equal(
	    in_child(start_a_thread, "trap", text, sizeof(text)), 0);
}

static void
use_landlock(void *arg)
{
	struct sandbox_path paths[] = { { "/etc", false }, { NULL, false } };
	int fd;

	(void)arg;
	if (privilege_drop(PROCESS_SHIPPER, &ids, 0) < 0 ||
	    sandbox_enter(PROCESS_SHIPPER, paths) < 0)
		_exit(9);
	if (sandbox_landlock_abi() == 0)
		_exit(0);
	fd = open("/etc/passwd", O_RDONLY);
	if (fd < 0)
		_exit(8);
	if (open("/usr/bin/env", O_RDONLY) >= 0 || errno != EACCES)
		_exit(7);
}

static void
test_landlock_leaves_only_the_listed_paths(void **state)
{
	char text[1024];

	(void)state;
	assert_int_equal(in_child(use_landlock, NULL, text, sizeof(text)), 0);
}

static void
narrow_twice(void *arg)
{
	(void)arg;
	if (privilege_drop(PROCESS_LISTENER, &ids, 0) < 0 ||
	    sandbox_enter(PROCESS_LISTENER, NULL) < 0 ||
	    privilege_drop(PROCESS_OPENER, NULL, 0) < 0 ||
	    sandbox_enter(PROCESS_OPENER, NULL) < 0)
		_exit(9);
	if (open("/etc/passwd", O_RDONLY) < 0 ||
	    open("/etc/passwd", O_RDWR) >= 0 || errno != ENOSYS)
		_exit(8);
}

static void
test_child_narrows_its_listeners_filter(void **state)
{
	char text[1024];

	(void)state;
	assert_int_equal(in_child(narrow_twice, NULL, text, sizeof(text)), 0);
}

static void
check_first(void *arg)
{
	struct sandbox_path paths[] = { { "/", false }, { NULL, false } };
	const char *file = arg;
	int fd;

	if (privilege_lock(PROCESS_CHECKER) < 0 ||
	    sandbox_enter(PROCESS_CHECKER, paths) < 0)
		_exit(9);
	fd = open(file, O_RDONLY);
	if (fd < 0 || open(file, O_WRONLY) >= 0 || errno != ENOSYS ||
	    syscall(SYS_socket, AF_UNIX, SOCK_STREAM, 0) >= 0 ||
	    kill(getppid(), 0) >= 0 || unlink(file) >= 0)
		_exit(8);
	if (privilege_drop(PROCESS_CHECKER, &ids, 0) < 0)
		_exit(7);
	if (getuid() != TEST_UID || open(file, O_RDONLY) >= 0)
		_exit(6);
}

/* Who checks reads with root's rights, and can do no harm with them. */
static void
test_checker_reads_and_then_becomes_nobody(void **state)
{
	char text[1024], file[] = "/tmp/test_sandbox.XXXXXX";
	int fd = mkstemp(file);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(in_child(check_first, file, text, sizeof(text)), 0);
	assert_int_equal(unlink(file), 0);
	close(fd);
}

static void
test_user_is_an_account_or_numbers(void **state)
{
	struct privilege_ids got;
	const char *why = NULL;

	(void)state;
	assert_int_equal(privilege_parse_user("61234:7", &got, &why), 0);
	assert_int_equal(got.uid, 61234);
	assert_int_equal(got.gid, 7);
	assert_int_equal(privilege_parse_user("61234", &got, &why), 0);
	assert_int_equal(got.gid, 61234);
	assert_int_equal(privilege_parse_user("nobody", &got, &why), 0);
	assert_true(got.uid != 0);
	assert_true(privilege_parse_user("root", &got, &why) < 0);
	assert_true(privilege_parse_user("0", &got, &why) < 0);
	assert_true(privilege_parse_user("no-such-account", &got, &why) < 0);
	assert_true(privilege_parse_user("1x", &got, &why) < 0);
	assert_true(privilege_parse_user("-1", &got, &why) < 0);
	assert_true(privilege_parse_user("4294967295", &got, &why) < 0);
}

static void
test_names_of_capabilities_are_readable(void **state)
{
	(void)state;
	assert_string_equal(
	    privilege_names(SAMPLER_CAPS), "CAP_PERFMON CAP_BPF");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_row_takes_effect),
		cmocka_unit_test(test_unlisted_calls_fail),
		cmocka_unit_test(test_dangerous_call_kills),
		cmocka_unit_test(test_trap_names_the_call),
		cmocka_unit_test(test_the_shipper_has_threads),
		cmocka_unit_test(test_landlock_leaves_only_the_listed_paths),
		cmocka_unit_test(test_child_narrows_its_listeners_filter),
		cmocka_unit_test(test_checker_reads_and_then_becomes_nobody),
		cmocka_unit_test(test_user_is_an_account_or_numbers),
		cmocka_unit_test(test_names_of_capabilities_are_readable),
	};

	if (geteuid() != 0) {
		printf("1..0 # SKIP needs root to give privilege up\n");
		return 0;
	}
	log_init("test_sandbox", false);
	return cmocka_run_group_tests_name("sandbox", tests, NULL, NULL);
}
