/* SPDX-License-Identifier: Apache-2.0 */
/* The throw-away child for real, on good, hostile and vanishing files. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "common/log.h"
#include "symbolizer/elf_reader.h"
#include "symbolizer/file_reader.h"
#include "symbolizer/symbol_table.h"
#include "symbolizer/throwaway.h"

#ifdef WITH_SANITIZERS
#define MEMORY_IS_LIMITED false /* their shadow memory is terabytes */
#else
#define MEMORY_IS_LIMITED true
#endif

struct outcome {
	struct event_base *base;
	enum throwaway_result result;
	int memfd, calls;
	uint64_t cpu_ns;
	char why[80];
};

static void
on_done(void *arg, const struct throwaway_outcome *outcome)
{
	struct outcome *o = arg;

	o->result = outcome->result;
	o->memfd = outcome->memfd;
	o->cpu_ns = outcome->cpu_ns;
	o->calls++;
	snprintf(o->why, sizeof(o->why), "%s", outcome->why);
	event_base_loopbreak(o->base);
}

static int
open_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static struct outcome
run_job(const struct throwaway_job *job, int fd)
{
	struct outcome o = { .base = event_base_new(), .memfd = -1 };
	struct throwaway_input in = { .fd = { fd, -1 } };

	throwaway_start(o.base, job, &in, on_done, &o);
	if (o.calls == 0)
		event_base_dispatch(o.base);
	assert_int_equal(o.calls, 1);
	event_base_free(o.base);
	return o;
}

static struct symbol_table *
table_of(const char *path)
{
	struct symbol_table *t;
	struct outcome o =
	    run_job(file_reader_elf(), open(path, O_RDONLY | O_CLOEXEC));

	if (o.result != THROWAWAY_OK)
		fail_msg("%s: %s", path, o.why);
	assert_int_equal(symbol_table_open(o.memfd, &t), 0);
	return t;
}

/* Compares every function that nm lists with what the table finds. */
static void
compare_with_nm(const char *path, struct symbol_table *t)
{
	char command[512], line[512], type, name[256];
	unsigned long long address, size;
	struct symbol symbol;
	int compared = 0;
	FILE *nm;

	snprintf(command, sizeof(command),
	    "readelf -Ws %s | awk '$4==\"FUNC\" && $7 ~ /^[0-9]+$/ && $3>0 "
	    "{print $2, $3, \"T\", $8}'",
	    path);
	nm = popen(command, "r");
	assert_non_null(nm);
	while (fgets(line, sizeof(line), nm) != NULL) {
		if (sscanf(line, "%llx %lli %c %255[^@\n]", &address, &size,
			&type, name) != 4)
			continue;
		if (!symbol_table_find(t, address, &symbol) ||
		    !symbol_table_find(t, address + size - 1, &symbol))
			fail_msg("%s: %s not found", path, name);
		compared++;
	}
	pclose(nm);
	assert_true(compared > 0);
}

static void
build(const char *flags, const char *path)
{
	char command[512];

	snprintf(command, sizeof(command),
	    "printf '__attribute__((noinline)) int hot(int n) { return n ? "
	    "n * hot(n - 1) : 1; } int main(int c, char **v) { (void)v; "
	    "return hot(c) & 1; }' | cc -O1 -x c - -o %s %s",
	    path, flags);
	assert_int_equal(system(command), 0);
}

static void
test_functions_of_every_kind_of_binary(void **state)
{
	static const char *const flags[] = { "-pie -fPIE", "-no-pie", "-static",
		"-static-pie", "-Wl,-z,noseparate-code", "-Wl,-z,separate-code",
		"-shared -fPIC", "-m64 -s -rdynamic",
		"-Wl,-z,max-page-size=65536" };
	char path[] = "/tmp/test-elf-XXXXXX";

	(void)state;
	close(mkstemp(path));
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		struct symbol_table *t;

		build(flags[i], path);
		t = table_of(path);
		compare_with_nm(path, t);
		assert_true(strlen(symbol_table_build_id(t)) == 40 ||
			    symbol_table_build_id(t)[0] == '\0');
		symbol_table_free(t);
	}
	unlink(path);
}

/* The file offset of an address of ours, by /proc/self/maps. */
static uint64_t
file_offset_of(void *address)
{
	unsigned long start, end, offset, at = (unsigned long)address;
	char line[512];
	FILE *f = fopen("/proc/self/maps", "r");

	while (fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "%lx-%lx %*s %lx", &start, &end, &offset) ==
			3 &&
		    at >= start && at < end) {
			fclose(f);
			return at - start + offset;
		}
	fclose(f);
	fail_msg("not mapped");
	return 0;
}

static void
test_running_address_becomes_a_name(void **state)
{
	struct symbol_table *t = table_of("/proc/self/exe");
	struct symbol symbol;
	uint64_t address;

	(void)state;
	assert_true(symbol_table_address(
	    t, file_offset_of((void *)compare_with_nm) + 3, &address));
	assert_true(symbol_table_find(t, address, &symbol));
	assert_string_equal(symbol.name, "compare_with_nm");
	symbol_table_free(t);
}

static void
test_what_is_no_elf_file_is_refused(void **state)
{
	char path[] = "/tmp/test-elf-XXXXXX", fifo[64];
	int fd = mkstemp(path), before = open_fds();
	struct outcome o;

	(void)state;
	assert_int_equal(write(fd, "#!/bin/sh\n", 10), 10);
	o = run_job(file_reader_elf(), open(path, O_RDONLY));
	assert_int_equal(o.result, THROWAWAY_REFUSED);
	assert_string_equal(o.why, "not an ELF file");
	o = run_job(file_reader_elf(), open("/tmp", O_RDONLY));
	assert_int_equal(o.result, THROWAWAY_REFUSED);
	snprintf(fifo, sizeof(fifo), "%s.fifo", path);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	o = run_job(file_reader_elf(), open(fifo, O_RDONLY | O_NONBLOCK));
	assert_int_equal(o.result, THROWAWAY_REFUSED);
	assert_int_equal(open_fds(), before);
	unlink(fifo);
	unlink(path);
	close(fd);
}

/* A real binary cut off at many places, and with many bytes changed. */
static void
test_damaged_files_cost_only_themselves(void **state)
{
	char path[] = "/tmp/test-elf-XXXXXX";
	static char bytes[65536];
	ssize_t size;
	unsigned seed = 1;
	int fd;

	(void)state;
	close(mkstemp(path));
	build("-s -rdynamic", path);
	fd = open(path, O_RDONLY);
	size = read(fd, bytes, sizeof(bytes));
	close(fd);
	assert_true(size > 1000);
	for (int i = 0; i < 150; i++) {
		int hurt = memfd_create("hurt", MFD_CLOEXEC);
		ssize_t left = i < 75 ? size * i / 75 : size;
		struct outcome o;

		assert_int_equal(write(hurt, bytes, left), left);
		for (int n = 0; i >= 75 && n < 6; n++) {
			unsigned char byte = rand_r(&seed);

			/* the headers, front and back, matter most */
			assert_int_equal(
			    pwrite(hurt, &byte, 1,
				n & 1 ? rand_r(&seed) % 1024
				      : size - 1 - rand_r(&seed) % 2048),
			    1);
		}
		o = run_job(file_reader_elf(), hurt);
		assert_true(
		    o.result == THROWAWAY_OK || o.result == THROWAWAY_REFUSED);
		if (o.memfd >= 0) {
			struct symbol_table *t;

			assert_int_equal(symbol_table_open(o.memfd, &t), 0);
			symbol_table_free(t);
		}
	}
	unlink(path);
}

static int
crash(const struct throwaway_input *in, int out)
{
	(void)in;
	(void)out;
	__builtin_trap();
}

static int
hang(const struct throwaway_input *in, int out)
{
	(void)in;
	(void)out;
	for (volatile int i = 0;; i++)
		;
	return 0;
}

static int
sleep_long(const struct throwaway_input *in, int out)
{
	(void)in;
	(void)out;
	for (;;)
		usleep(1000);
	return 0;
}

static int
eat_memory(const struct throwaway_input *in, int out)
{
	(void)in;
	(void)out;
	for (int i = 0; i < 4096; i++) {
		char *p = malloc(1 << 20);

		if (p == NULL)
			return ELF_NO_MEMORY;
		memset(p, i, 1 << 20);
	}
	return 0;
}

static int
open_file(const struct throwaway_input *in, int out)
{
	(void)in;
	(void)out;
	return syscall(SYS_openat, AT_FDCWD, "/etc/passwd", O_WRONLY) >= 0 ||
		       socket(AF_UNIX, SOCK_STREAM, 0) >= 0 || errno != ENOSYS
		   ? 0
		   : ELF_DAMAGED;
}

static const struct throwaway_job job = {
	.name = "test",
	.refusal = elf_refusal_text,
	.memory_bytes = 64 * 1024 * 1024,
	.output_bytes = 1024 * 1024,
	.cpu_sec = 1,
	.wall_sec = 2,
};

static void
expect(
    int (*run)(const struct throwaway_input *, int), enum throwaway_result want)
{
	struct throwaway_job j = job;
	int before = open_fds();
	struct outcome o;

	j.run = run;
	o = run_job(&j, open("/dev/null", O_RDONLY));
	if (o.result != want)
		fail_msg("%s: %s", throwaway_result_name(o.result), o.why);
	assert_int_equal(o.memfd, -1);
	assert_int_equal(open_fds(), before);
}

static void
test_crash_costs_only_that_file(void **state)
{
	(void)state;
	expect(crash, THROWAWAY_CRASHED);
}

static void
test_endless_work_is_stopped(void **state)
{
	(void)state;
	expect(hang, THROWAWAY_TIMEOUT);
	expect(sleep_long, THROWAWAY_TIMEOUT);
}

static void
test_memory_is_limited(void **state)
{
	(void)state;
	if (MEMORY_IS_LIMITED)
		expect(eat_memory, THROWAWAY_REFUSED);
}

static void
test_child_can_open_nothing(void **state)
{
	(void)state;
	expect(open_file, THROWAWAY_REFUSED);
}

static void
test_cancelled_child_is_gone(void **state)
{
	struct outcome o = { .base = event_base_new() };
	struct throwaway_job j = job;
	struct throwaway *r;
	int before = open_fds();
	struct throwaway_input in = { .fd = {
					  open("/dev/null", O_RDONLY), -1 } };

	(void)state;
	j.run = sleep_long;
	r = throwaway_start(o.base, &j, &in, on_done, &o);
	assert_non_null(r);
	throwaway_cancel(r);
	event_base_dispatch(o.base); /* until nothing is left to wait for */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(o.calls, 0);
	assert_int_equal(open_fds(), before);
	event_base_free(o.base);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_functions_of_every_kind_of_binary),
		cmocka_unit_test(test_running_address_becomes_a_name),
		cmocka_unit_test(test_what_is_no_elf_file_is_refused),
		cmocka_unit_test(test_damaged_files_cost_only_themselves),
		cmocka_unit_test(test_crash_costs_only_that_file),
		cmocka_unit_test(test_endless_work_is_stopped),
		cmocka_unit_test(test_memory_is_limited),
		cmocka_unit_test(test_child_can_open_nothing),
		cmocka_unit_test(test_cancelled_child_is_gone),
	};

	log_init("test_file_reader", false);
	return cmocka_run_group_tests_name("file_reader", tests, NULL, NULL);
}
