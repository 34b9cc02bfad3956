/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The real opener, with its privilege and its filter, in a child: what it
 * opens for an honest client, and what a dishonest one gets, which is nothing.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "collector/open_files.h"
#include "collector/opener.h"
#include "collector/proc_dir.h"
#include "collector/vma_check.h"
#include "common/log.h"
#include "tests/opener_peer.h"

#define OPENER_UID 61230
#define OTHER_UID 61231
#define TICK_NS 10000000ULL

struct range {
	unsigned long long start, end;
};

/* Of the running opener, its client's socket, and a place for files. */
struct fixture {
	pid_t opener;
	int sock;
	char dir[64];
	pid_t target;
};

/* ---- the opener and its targets */

static void
start_opener(struct fixture *f)
{
	struct opener_context ctx = {
		.listener = getpid(),
		.ids = { OPENER_UID, OPENER_UID },
		.debug_dir = f->dir,
	};
	int socks[2];

	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, socks), 0);
	f->opener = fork();
	assert_true(f->opener >= 0);
	if (f->opener == 0) {
		close(socks[0]);
		ctx.client = socks[1];
		opener_run(&ctx);
	}
	close(socks[1]);
	f->sock = socks[0];
}

static void
end_process(pid_t *pid)
{
	if (*pid > 0) {
		kill(*pid, SIGKILL);
		waitpid(*pid, NULL, 0);
	}
	*pid = 0;
}

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	strcpy(f->dir, "/tmp/test_opener.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	assert_int_equal(chmod(f->dir, 0711), 0);
	start_opener(f);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;
	char command[128];

	end_process(&f->opener);
	end_process(&f->target);
	close(f->sock);
	snprintf(command, sizeof(command), "rm -rf %s", f->dir);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

/* Runs body in a child that then waits; returns once body is done. */
static void
start_target(struct fixture *f, void (*body)(void *arg), void *arg)
{
	int pipes[2];
	char c;

	assert_int_equal(pipe(pipes), 0);
	f->target = fork();
	assert_true(f->target >= 0);
	if (f->target == 0) {
		body(arg);
		if (write(pipes[1], "x", 1) == 1)
			for (;;)
				pause();
		_exit(1);
	}
	assert_int_equal(read(pipes[0], &c, 1), 1);
	close(pipes[0]);
	close(pipes[1]);
}

/* Copies sleep to f->dir/name, owned by uid, and runs it. */
static void
run_copy(struct fixture *f, const char *name, uid_t uid, char *path, size_t n)
{
	char command[256], exe[256], seen[256];

	snprintf(path, n, "%s/%s", f->dir, name);
	snprintf(command, sizeof(command), "cp /bin/sleep %s && chmod 700 %s",
	    path, path);
	assert_int_equal(system(command), 0);
	assert_int_equal(chown(path, uid, uid), 0);
	f->target = fork();
	if (f->target == 0) {
		if (setgid(uid) == 0 && setuid(uid) == 0)
			execl(path, "sleep", "60", NULL);
		_exit(1);
	}
	snprintf(exe, sizeof(exe), "/proc/%d/exe", f->target);
	for (int i = 0; i < 5000; i++) { /* until it has become sleep */
		ssize_t got = readlink(exe, seen, sizeof(seen) - 1);

		seen[got < 0 ? 0 : got] = '\0';
		if (strcmp(seen, path) == 0)
			break;
		usleep(1000);
	}
	assert_string_equal(seen, path);
}

static struct range
look_for_range(pid_t pid, const char *perms, const char *path)
{
	struct range r = { 0, 0 };
	char name[64], line[8192];
	FILE *f;

	snprintf(name, sizeof(name), "/proc/%d/maps", pid);
	f = fopen(name, "r");
	assert_non_null(f);
	while (r.end == 0 && fgets(line, sizeof(line), f) != NULL)
		if (strstr(line, perms) != NULL && strstr(line, path) != NULL)
			sscanf(line, "%llx-%llx", &r.start, &r.end);
	fclose(f);
	return r;
}

/*
 * The first mapping of pid whose line has perms and path in it. Its program
 * may only just be being mapped.
 */
static struct range
find_range(pid_t pid, const char *perms, const char *path)
{
	struct range r = look_for_range(pid, perms, path);

	for (int i = 0; r.end == 0 && i < 5000; i++) {
		usleep(1000);
		r = look_for_range(pid, perms, path);
	}
	if (r.end == 0)
		fail_msg("no mapping %s of %s in %d", perms, path, pid);
	return r;
}

static phlare_OpenRequest
request_for(uint32_t kind, pid_t pid)
{
	static uint64_t id;
	phlare_OpenRequest request = { .id = ++id, .kind = kind, .pid = pid };

	request.start_time = opener_peer_start_time(pid);
	return request;
}

static phlare_OpenRequest
file_request(pid_t pid, struct range range)
{
	phlare_OpenRequest request =
	    request_for(phlare_OpenKind_OPEN_MAPPED_FILE, pid);

	request.vma_start = range.start;
	request.vma_end = range.end;
	return request;
}

static phlare_OpenRequest
name_request(uint32_t kind, const void *name, size_t size)
{
	phlare_OpenRequest request = request_for(kind, 0);

	memcpy(request.name.bytes, name, size);
	request.name.size = size;
	return request;
}

/* What the opener says: 0 for a descriptor (closed), else the errno. */
static int
answer(struct fixture *f, const phlare_OpenRequest *request)
{
	int fd = opener_peer_open(f->sock, request);

	if (fd < 0)
		return -fd;
	close(fd);
	return 0;
}

/* Opened, and the very file at path (or what st tells). */
static void
assert_opens(
    struct fixture *f, const phlare_OpenRequest *request, const struct stat *st)
{
	struct stat got;
	char magic[4];
	int fd = opener_peer_open(f->sock, request);

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &got), 0);
	assert_int_equal(got.st_dev, st->st_dev);
	assert_int_equal(got.st_ino, st->st_ino);
	assert_int_equal(pread(fd, magic, 4, 0), 4);
	assert_memory_equal(magic, "\177ELF", 4);
	assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	close(fd);
}

/* ---- what an honest client gets */

static void
test_maps_and_cgroup_of_a_process_are_readable(void **state)
{
	struct fixture *f = *state;
	char path[256], text[4096];
	phlare_OpenRequest request;
	int fd;

	assert_int_equal(opener_peer_hello(f->sock), 0);
	run_copy(f, "sleeper", OTHER_UID, path, sizeof(path));
	request = request_for(phlare_OpenKind_OPEN_MAPS, f->target);
	fd = opener_peer_open(f->sock, &request);
	assert_true(fd >= 0);
	text[read(fd, text, sizeof(text) - 1)] = '\0';
	assert_non_null(strstr(text, path));
	close(fd);
	request = request_for(phlare_OpenKind_OPEN_CGROUP, f->target);
	fd = opener_peer_open(f->sock, &request);
	assert_true(fd >= 0);
	text[read(fd, text, sizeof(text) - 1)] = '\0';
	assert_non_null(strchr(text, ':'));
	close(fd);
}

static void
test_mapped_program_is_opened(void **state)
{
	struct fixture *f = *state;
	struct stat st;
	char exe[256];
	phlare_OpenRequest request;
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	exe[n] = '\0';
	assert_int_equal(stat(exe, &st), 0);
	assert_int_equal(opener_peer_hello(f->sock), 0);
	request = file_request(getpid(), find_range(getpid(), "r-xp", exe));
	assert_opens(f, &request, &st);
}

static void
test_reply_says_which_file_it_is(void **state)
{
	struct fixture *f = *state;
	phlare_OpenReply reply;
	phlare_OpenRequest request;
	char path[256];
	struct statfs fs;
	struct stat st;
	int fd;

	assert_int_equal(opener_peer_hello(f->sock), 0);
	run_copy(f, "described", OTHER_UID, path, sizeof(path));
	assert_int_equal(chown(path, OTHER_UID, OTHER_UID), 0);
	request = file_request(f->target, find_range(f->target, "r-xp", path));
	assert_int_equal(opener_peer_send(f->sock, &request), 0);
	assert_int_equal(opener_peer_reply(f->sock, &reply, &fd), 0);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(fstatfs(fd, &fs), 0);
	close(fd);
	assert_int_equal(reply.device, st.st_dev);
	assert_int_equal(reply.inode, st.st_ino);
	assert_int_equal(reply.size, st.st_size);
	assert_int_equal(reply.changed_ns,
	    st.st_ctim.tv_sec * 1000000000LL + st.st_ctim.tv_nsec);
	assert_int_equal(reply.owner, OTHER_UID);
	assert_int_equal(reply.file_system, (uint32_t)fs.f_type);
}

static void
test_deleted_program_is_opened(void **state)
{
	struct fixture *f = *state;
	struct stat st;
	char path[256];
	phlare_OpenRequest request;

	assert_int_equal(opener_peer_hello(f->sock), 0);
	run_copy(f, "deleted", OTHER_UID, path, sizeof(path));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(unlink(path), 0);
	request = file_request(f->target, find_range(f->target, "r-xp", path));
	assert_opens(f, &request, &st);
}

static void
test_program_in_a_private_directory_of_another_user_is_opened(void **state)
{
	struct fixture *f = *state;
	struct stat st;
	char path[256];
	phlare_OpenRequest request;

	assert_int_equal(opener_peer_hello(f->sock), 0);
	assert_int_equal(chown(f->dir, OTHER_UID, OTHER_UID), 0);
	assert_int_equal(chmod(f->dir, 0700), 0);
	run_copy(f, "private", OTHER_UID, path, sizeof(path));
	assert_int_equal(stat(f->dir, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(stat(path, &st), 0);
	request = file_request(f->target, find_range(f->target, "r-xp", path));
	assert_opens(f, &request, &st);
}

static void
test_start_time_may_be_a_tick_late_and_no_more(void **state)
{
	struct fixture *f = *state;
	phlare_OpenRequest request =
	    request_for(phlare_OpenKind_OPEN_MAPS, getpid());
	uint64_t start = request.start_time;

	assert_int_equal(opener_peer_hello(f->sock), 0);
	request.start_time = start + TICK_NS - 1;
	assert_int_equal(answer(f, &request), 0);
	request.start_time = start + 2 * TICK_NS - 1;
	assert_int_equal(answer(f, &request), 0);
	request.start_time = start + 2 * TICK_NS;
	assert_int_equal(answer(f, &request), ESRCH);
	request.start_time = start - 1;
	assert_int_equal(answer(f, &request), ESRCH);
	request.start_time = 0;
	assert_int_equal(answer(f, &request), ESRCH);
}

/* ---- what a dishonest one gets */

static void
test_dead_process_is_refused(void **state)
{
	struct fixture *f = *state;
	char path[256];
	phlare_OpenRequest request;

	assert_int_equal(opener_peer_hello(f->sock), 0);
	run_copy(f, "dying", OTHER_UID, path, sizeof(path));
	request = request_for(phlare_OpenKind_OPEN_MAPS, f->target);
	end_process(&f->target);
	assert_int_equal(answer(f, &request), ESRCH);
	request.pid = 0;
	assert_int_equal(answer(f, &request), ESRCH);
	request.pid = UINT32_MAX;
	assert_int_equal(answer(f, &request), ESRCH);
}

static void
test_unknown_kind_is_refused(void **state)
{
	struct fixture *f = *state;
	phlare_OpenRequest request = request_for(0, getpid());

	assert_int_equal(opener_peer_hello(f->sock), 0);
	assert_int_equal(answer(f, &request), EINVAL);
	request.kind = 7;
	assert_int_equal(answer(f, &request), EINVAL);
	request.kind = UINT32_MAX;
	assert_int_equal(answer(f, &request), EINVAL);
}

static void
test_range_must_be_an_executable_mapping_of_a_file(void **state)
{
	struct fixture *f = *state;
	struct range code, data;
	phlare_OpenRequest request;
	char path[256];

	assert_int_equal(opener_peer_hello(f->sock), 0);
	run_copy(f, "ranges", OTHER_UID, path, sizeof(path));
	code = find_range(f->target, "r-xp", path);
	data = find_range(f->target, "r--p", path);
	request = file_request(f->target, data);
	assert_int_equal(answer(f, &request), ENOENT);
	request = file_request(f->target, code);
	request.vma_start += 4096;
	assert_int_equal(answer(f, &request), ENOENT);
	request = file_request(f->target, code);
	request.vma_end += 4096;
	assert_int_equal(answer(f, &request), ENOENT);
	request = file_request(f->target, find_range(f->target, "", "[vdso]"));
	assert_int_equal(answer(f, &request), ENOENT);
	request.vma_start = request.vma_end = 0;
	assert_int_equal(answer(f, &request), ENOENT);
	request.vma_end = UINT64_MAX;
	assert_int_equal(answer(f, &request), ENOENT);
}

/* Maps a file in the target: arg is its path. */
struct mapping {
	const char *path;
	int prot;
};

static void
map_file(void *arg)
{
	const struct mapping *m = arg;
	int fd = open(m->path, O_RDONLY);

	if (fd < 0 ||
	    mmap(NULL, 4096, m->prot, MAP_PRIVATE, fd, 0) == MAP_FAILED)
		_exit(1);
}

static void
test_shadow_file_stays_closed_though_a_process_maps_it(void **state)
{
	struct fixture *f = *state;
	struct mapping data = { "/etc/shadow", PROT_READ };
	struct mapping code = { "/etc/shadow", PROT_READ | PROT_EXEC };
	phlare_OpenRequest request;

	assert_int_equal(opener_peer_hello(f->sock), 0);
	start_target(f, map_file, &data);
	request = file_request(
	    f->target, find_range(f->target, "r--p", "/etc/shadow"));
	assert_int_equal(answer(f, &request), ENOENT);
	end_process(&f->target);
	start_target(f, map_file, &code);
	request = file_request(
	    f->target, find_range(f->target, "r-xp", "/etc/shadow"));
	assert_int_equal(answer(f, &request), ENOEXEC);
}

static void
test_huge_file_is_refused(void **state)
{
	struct fixture *f = *state;
	char path[128];
	struct mapping code = { path, PROT_READ | PROT_EXEC };
	phlare_OpenRequest request;
	int fd;

	assert_int_equal(opener_peer_hello(f->sock), 0);
	snprintf(path, sizeof(path), "%s/huge", f->dir);
	fd = open(path, O_RDWR | O_CREAT, 0700);
	assert_int_equal(ftruncate(fd, OPEN_FILES_ELF_MAX + 1), 0);
	close(fd);
	start_target(f, map_file, &code);
	request = file_request(f->target, find_range(f->target, "r-xp", path));
	assert_int_equal(answer(f, &request), EFBIG);
}

static void
map_character_device(void *arg)
{
	int fd = open("/dev/mem", O_RDONLY);

	(void)arg;
	if (fd < 0) /* a kernel without it: a device of memory does as well */
		fd = open("/dev/zero", O_RDWR);
	if (mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0) ==
	    MAP_FAILED)
		_exit(1);
}

static void
test_device_is_refused(void **state)
{
	struct fixture *f = *state;
	phlare_OpenRequest request;
	int got;

	assert_int_equal(opener_peer_hello(f->sock), 0);
	start_target(f, map_character_device, NULL);
	request =
	    file_request(f->target, find_range(f->target, "r-xs", "/dev/"));
	got = answer(f, &request);
	assert_true(got == EACCES || got == ENOEXEC);
}

/* ---- perf maps */

struct perf_map {
	char path[64];
	pid_t pid;
};

static void
nothing(void *arg)
{
	(void)arg;
}

static void
become_other(void *arg)
{
	(void)arg;
	if (setgid(OTHER_UID) != 0 || setuid(OTHER_UID) != 0)
		_exit(1);
}

static void
perf_map_path(char *path, size_t size, pid_t pid)
{
	snprintf(path, size, "/tmp/perf-%d.map", pid);
	unlink(path);
}

static void
write_file(const char *path, const char *text, uid_t uid)
{
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	fputs(text, out);
	fclose(out);
	assert_int_equal(chown(path, uid, uid), 0);
}

static void
test_perf_map_of_a_process_is_opened(void **state)
{
	struct fixture *f = *state;
	phlare_OpenRequest request;
	char path[64], text[64] = "";
	int fd;

	assert_int_equal(opener_peer_hello(f->sock), 0);
	start_target(f, become_other, NULL);
	perf_map_path(path, sizeof(path), f->target);
	request = request_for(phlare_OpenKind_OPEN_PERF_MAP, f->target);
	assert_int_equal(answer(f, &request), ENOENT);
	write_file(path, "1000 10 jitted\n", OTHER_UID);
	fd = opener_peer_open(f->sock, &request);
	unlink(path);
	assert_true(fd >= 0);
	assert_int_equal(read(fd, text, sizeof(text)), 15);
	assert_string_equal(text, "1000 10 jitted\n");
	close(fd);
}

static void
test_perf_map_must_be_the_process_own_regular_file(void **state)
{
	struct fixture *f = *state;
	phlare_OpenRequest request;
	char path[64], other[128];
	int fd;

	assert_int_equal(opener_peer_hello(f->sock), 0);
	start_target(f, nothing, NULL); /* root's: owns all that follows */
	perf_map_path(path, sizeof(path), f->target);
	request = request_for(phlare_OpenKind_OPEN_PERF_MAP, f->target);
	assert_int_equal(symlink("/etc/shadow", path), 0);
	assert_int_equal(answer(f, &request), EACCES);
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(answer(f, &request), EACCES);
	unlink(path);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(answer(f, &request), EACCES);
	rmdir(path);
	write_file(path, "not its own", OTHER_UID);
	assert_int_equal(answer(f, &request), EACCES);
	assert_int_equal(chown(path, 0, 0), 0);
	snprintf(other, sizeof(other), "%s/other", f->dir);
	assert_int_equal(link(path, other), 0);
	assert_int_equal(answer(f, &request), EACCES);
	unlink(other);
	fd = open(path, O_RDWR);
	assert_int_equal(answer(f, &request), 0);
	assert_int_equal(ftruncate(fd, OPEN_FILES_PERF_MAP_MAX + 1), 0);
	assert_int_equal(answer(f, &request), EFBIG);
	close(fd);
	unlink(path);
}

static void
test_perf_map_of_a_user_may_not_be_a_hard_link_to_roots_file(void **state)
{
	struct fixture *f = *state;
	phlare_OpenRequest request;
	char path[64], secret[128];

	assert_int_equal(opener_peer_hello(f->sock), 0);
	snprintf(secret, sizeof(secret), "%s/secret", f->dir);
	write_file(secret, "secret", 0);
	start_target(f, become_other, NULL);
	perf_map_path(path, sizeof(path), f->target);
	assert_int_equal(link(secret, path), 0);
	request = request_for(phlare_OpenKind_OPEN_PERF_MAP, f->target);
	assert_int_equal(answer(f, &request), EACCES);
	unlink(path);
}

/* ---- debug files */

static void
copy_to(struct fixture *f, const char *name)
{
	char command[256];

	snprintf(command, sizeof(command),
	    "mkdir -p $(dirname %s/%s) && cp /bin/sleep %s/%s && chmod 644 "
	    "%s/%s",
	    f->dir, name, f->dir, name, f->dir, name);
	assert_int_equal(system(command), 0);
}

static void
test_debug_file_is_found_by_build_id(void **state)
{
	struct fixture *f = *state;
	const uint8_t id[] = { 0xab, 0x01, 0x02, 0xff };
	phlare_OpenRequest request =
	    name_request(phlare_OpenKind_OPEN_DEBUG_BUILD_ID, id, sizeof(id));
	struct stat st;
	char path[128];

	assert_int_equal(opener_peer_hello(f->sock), 0);
	assert_int_equal(answer(f, &request), ENOENT);
	copy_to(f, ".build-id/ab/0102ff.debug");
	snprintf(path, sizeof(path), "%s/.build-id/ab/0102ff.debug", f->dir);
	assert_int_equal(stat(path, &st), 0);
	assert_opens(f, &request, &st);
	assert_int_equal(chmod(path, 0664), 0);
	assert_int_equal(answer(f, &request), EACCES);
	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(chown(path, OTHER_UID, 0), 0);
	assert_int_equal(answer(f, &request), EACCES);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/etc/shadow", path), 0);
	assert_true(answer(f, &request) != 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0755), 0);
	assert_int_equal(answer(f, &request), EACCES);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(mkfifo(path, 0644), 0);
	assert_int_equal(answer(f, &request), EACCES);
}

static void
test_debug_directory_must_be_roots(void **state)
{
	struct fixture *f = *state;
	const uint8_t id[] = { 0xab, 0x01 };
	phlare_OpenRequest request =
	    name_request(phlare_OpenKind_OPEN_DEBUG_BUILD_ID, id, sizeof(id));
	char path[128];

	assert_int_equal(opener_peer_hello(f->sock), 0);
	copy_to(f, ".build-id/ab/01.debug");
	assert_int_equal(answer(f, &request), 0);
	snprintf(path, sizeof(path), "%s/.build-id/ab", f->dir);
	assert_int_equal(chmod(path, 0777), 0);
	assert_int_equal(answer(f, &request), EACCES);
}

static void
test_debug_file_is_found_by_link(void **state)
{
	struct fixture *f = *state;
	phlare_OpenRequest request =
	    name_request(phlare_OpenKind_OPEN_DEBUG_LINK, "sleep-1.debug", 13);

	assert_int_equal(opener_peer_hello(f->sock), 0);
	assert_int_equal(answer(f, &request), ENOENT);
	copy_to(f, "usr/bin/sleep-1.debug");
	assert_int_equal(answer(f, &request), 0);
}

static void
test_names_never_leave_the_debug_directories(void **state)
{
	struct fixture *f = *state;
	static const char *const links[] = { "../../../../etc/shadow",
		"/etc/shadow", ".", "..", "a/b", "usr/bin/x" };
	uint8_t id[80] = "../../../../../../etc/shadow";
	phlare_OpenRequest request;

	assert_int_equal(opener_peer_hello(f->sock), 0);
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		request = name_request(phlare_OpenKind_OPEN_DEBUG_LINK,
		    links[i], strlen(links[i]));
		assert_int_equal(answer(f, &request), EINVAL);
	}
	request = name_request(phlare_OpenKind_OPEN_DEBUG_LINK, "x\0.debug", 8);
	assert_int_equal(answer(f, &request), EINVAL);
	request = name_request(phlare_OpenKind_OPEN_DEBUG_LINK, "", 0);
	assert_int_equal(answer(f, &request), EINVAL);
	/* bytes of an id become hex digits, whatever they look like */
	request = name_request(phlare_OpenKind_OPEN_DEBUG_BUILD_ID, id, 28);
	assert_int_equal(answer(f, &request), ENOENT);
	request = name_request(phlare_OpenKind_OPEN_DEBUG_BUILD_ID, id, 1);
	assert_int_equal(answer(f, &request), EINVAL);
	request = name_request(phlare_OpenKind_OPEN_DEBUG_BUILD_ID, id, 65);
	assert_int_equal(answer(f, &request), EINVAL);
}

/* ---- the conversation */

/* The opener hangs up, sends no descriptor, and ends by itself. */
static void
assert_disconnected(struct fixture *f)
{
	phlare_OpenReply reply;
	int fd, status;

	assert_int_equal(opener_peer_reply(f->sock, &reply, &fd), -ECONNRESET);
	assert_int_equal(fd, -1);
	assert_int_equal(waitpid(f->opener, &status, 0), f->opener);
	f->opener = 0;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void
test_garbage_ends_the_connection(void **state)
{
	struct fixture *f = *state;
	char garbage[512];

	memset(garbage, 0xff, sizeof(garbage));
	assert_int_equal(opener_peer_hello(f->sock), 0);
	assert_true(send(f->sock, garbage, sizeof(garbage), 0) > 0);
	assert_disconnected(f);
}

static void
test_half_a_message_ends_the_connection(void **state)
{
	struct fixture *f = *state;
	/* OpenRequest of 40 bytes, of which 10 are there */
	const char half[] = "\x12\x28\x09\x01\0\0\0\0\0\0\0\x15";

	assert_int_equal(opener_peer_hello(f->sock), 0);
	assert_true(send(f->sock, half, sizeof(half) - 1, 0) > 0);
	assert_disconnected(f);
}

static void
test_overlong_name_ends_the_connection(void **state)
{
	struct fixture *f = *state;
	char message[400] = "\x12\x8b\x03\x3a\x88\x03"; /* name: 392 bytes */

	assert_int_equal(opener_peer_hello(f->sock), 0);
	assert_true(send(f->sock, message, 398, 0) > 0);
	assert_disconnected(f);
}

static void
test_request_before_hello_ends_the_connection(void **state)
{
	struct fixture *f = *state;
	phlare_OpenRequest request =
	    request_for(phlare_OpenKind_OPEN_MAPS, getpid());
	char hello[64];

	assert_true(recv(f->sock, hello, sizeof(hello), 0) > 0);
	assert_int_equal(opener_peer_send(f->sock, &request), 0);
	assert_disconnected(f);
}

static int
open_descriptors(pid_t pid)
{
	char path[64];
	struct dirent *entry;
	DIR *d;
	int n = 0;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	d = opendir(path);
	assert_non_null(d);
	while ((entry = readdir(d)) != NULL)
		n += entry->d_name[0] != '.';
	closedir(d);
	return n;
}

static void
test_descriptors_it_is_sent_do_not_stay(void **state)
{
	struct fixture *f = *state;
	union {
		char space[CMSG_SPACE(4 * sizeof(int))];
		struct cmsghdr align;
	} control = { { 0 } };
	/* the kind is missing: it is answered with EINVAL */
	char message[] = "\x12\x09\x09\x07\0\0\0\0\0\0\0";
	struct iovec iov = { message, sizeof(message) - 1 };
	struct msghdr mh = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&mh);
	const int fds[4] = { 0, 1, 2, f->sock };
	phlare_OpenReply reply;
	int before, fd;

	assert_int_equal(opener_peer_hello(f->sock), 0);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(fds));
	memcpy(CMSG_DATA(c), fds, sizeof(fds));
	before = open_descriptors(f->opener);
	assert_true(sendmsg(f->sock, &mh, 0) > 0);
	assert_int_equal(opener_peer_reply(f->sock, &reply, &fd), 0);
	assert_int_equal(reply.id, 7);
	assert_int_equal(reply.error, EINVAL);
	assert_int_equal(open_descriptors(f->opener), before);
}

static void
test_too_many_requests_are_told_to_come_again(void **state)
{
	struct fixture *f = *state;
	phlare_OpenRequest request =
	    request_for(phlare_OpenKind_OPEN_CGROUP, getpid());
	int opened = 0, again = 0;

	assert_int_equal(opener_peer_hello(f->sock), 0);
	for (int i = 0; i < 2 * OPENER_BURST && again < 10; i++) {
		int r = answer(f, &request);

		assert_true(r == 0 || r == EAGAIN);
		opened += r == 0;
		again += r == EAGAIN;
	}
	assert_true(opened >= OPENER_BURST);
	assert_int_equal(again, 10);
	usleep(100000); /* and it can come again */
	assert_int_equal(answer(f, &request), 0);
}

/*
 * A client that asks and does not read: the opener waits with few descriptors
 * in flight, and goes on when the client reads.
 */
static void
test_few_descriptors_are_in_flight(void **state)
{
	struct fixture *f = *state;
	phlare_OpenRequest request =
	    request_for(phlare_OpenKind_OPEN_CGROUP, getpid());
	phlare_OpenReply reply;
	char byte;
	int fd, n = 0;

	assert_int_equal(opener_peer_hello(f->sock), 0);
	for (int i = 0; i < 50; i++)
		assert_int_equal(opener_peer_send(f->sock, &request), 0);
	usleep(200000);
	assert_true(open_descriptors(f->opener) < 16);
	kill(f->opener, SIGSTOP);
	usleep(20000);
	while (recv(f->sock, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0) {
		assert_int_equal(opener_peer_reply(f->sock, &reply, &fd), 0);
		assert_true(fd >= 0);
		close(fd);
		n++;
	}
	print_message("# %d in flight\n", n);
	assert_in_range(n, 4, OPENER_IN_FLIGHT);
	kill(f->opener, SIGCONT);
	for (; n < 50; n++) {
		assert_int_equal(opener_peer_reply(f->sock, &reply, &fd), 0);
		assert_true(fd >= 0);
		close(fd);
	}
}

static void
test_waiting_opener_sees_its_client_leave(void **state)
{
	struct fixture *f = *state;
	phlare_OpenRequest request =
	    request_for(phlare_OpenKind_OPEN_CGROUP, getpid());
	int status;

	assert_int_equal(opener_peer_hello(f->sock), 0);
	for (int i = 0; i < 50; i++)
		assert_int_equal(opener_peer_send(f->sock, &request), 0);
	usleep(50000);
	close(f->sock);
	f->sock = -1;
	assert_int_equal(waitpid(f->opener, &status, 0), f->opener);
	f->opener = 0;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void
test_privilege_is_the_openers(void **state)
{
	struct fixture *f = *state;
	char path[64], text[4096];
	FILE *status;

	assert_int_equal(opener_peer_hello(f->sock), 0);
	snprintf(path, sizeof(path), "/proc/%d/status", f->opener);
	status = fopen(path, "r");
	text[fread(text, 1, sizeof(text) - 1, status)] = '\0';
	fclose(status);
	assert_non_null(strstr(text, "\nUid:\t61230\t61230\t61230\t61230\n"));
	assert_non_null(strstr(text, "\nCapEff:\t0000010000080004\n"));
	assert_non_null(strstr(text, "\nCapPrm:\t0000010000080004\n"));
	assert_non_null(strstr(text, "\nCapBnd:\t0000010000080004\n"));
	assert_non_null(strstr(text, "\nNoNewPrivs:\t1\n"));
	assert_non_null(strstr(text, "\nSeccomp:\t2\n"));
}

/* ---- its parts */

static void
test_start_time_is_found_behind_any_name(void **state)
{
	uint64_t ticks = 0;

	(void)state;
	assert_int_equal(
	    proc_dir_parse_stat("7 (a) R 1 2) S 1 1 1 0 -1 4 9 9 9 9 1 2 3 4 "
				"20 0 1 0 4711 8 9\n",
		&ticks),
	    0);
	assert_int_equal(ticks, 4711);
	assert_true(proc_dir_parse_stat("7 (a) S 1 2 3", &ticks) < 0);
	assert_true(proc_dir_parse_stat("no name", &ticks) < 0);
	assert_true(proc_dir_parse_stat("", &ticks) < 0);
}

/* Every line of our own maps, asked both ways. */
static void
test_text_and_query_agree(void **state)
{
	int maps = open("/proc/self/maps", O_RDONLY);
	static char line[8192];
	int executable = 0, others = 0;
	FILE *in;

	(void)state;
	in = fopen("/proc/self/maps", "r");
	while (fgets(line, sizeof(line), in) != NULL) {
		unsigned long long start, end, inode;
		char perms[5];
		int want, got;

		assert_int_equal(sscanf(line, "%llx-%llx %4s %*s %*s %llu",
				     &start, &end, perms, &inode),
		    4);
		want = perms[2] == 'x' && inode != 0 ? 0 : -ENOENT;
		got = vma_check(maps, start, end);
		if (start < 0xffff800000000000ULL) /* [vsyscall] */
			assert_int_equal(got, want);
		assert_int_equal(vma_check_text(maps, start, end), want);
		assert_int_equal(
		    vma_check_text(maps, start, end + 4096), -ENOENT);
		executable += want == 0;
		others += want != 0;
	}
	fclose(in);
	close(maps);
	assert_true(executable >= 3);
	assert_true(others >= 3);
}

#define OPENER_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		OPENER_TEST(test_maps_and_cgroup_of_a_process_are_readable),
		OPENER_TEST(test_mapped_program_is_opened),
		OPENER_TEST(test_reply_says_which_file_it_is),
		OPENER_TEST(test_deleted_program_is_opened),
		OPENER_TEST(
		    test_program_in_a_private_directory_of_another_user_is_opened),
		OPENER_TEST(test_start_time_may_be_a_tick_late_and_no_more),
		OPENER_TEST(test_dead_process_is_refused),
		OPENER_TEST(test_unknown_kind_is_refused),
		OPENER_TEST(test_range_must_be_an_executable_mapping_of_a_file),
		OPENER_TEST(
		    test_shadow_file_stays_closed_though_a_process_maps_it),
		OPENER_TEST(test_huge_file_is_refused),
		OPENER_TEST(test_device_is_refused),
		OPENER_TEST(test_perf_map_of_a_process_is_opened),
		OPENER_TEST(test_perf_map_must_be_the_process_own_regular_file),
		OPENER_TEST(
		    test_perf_map_of_a_user_may_not_be_a_hard_link_to_roots_file),
		OPENER_TEST(test_debug_file_is_found_by_build_id),
		OPENER_TEST(test_debug_directory_must_be_roots),
		OPENER_TEST(test_debug_file_is_found_by_link),
		OPENER_TEST(test_names_never_leave_the_debug_directories),
		OPENER_TEST(test_garbage_ends_the_connection),
		OPENER_TEST(test_half_a_message_ends_the_connection),
		OPENER_TEST(test_overlong_name_ends_the_connection),
		OPENER_TEST(test_request_before_hello_ends_the_connection),
		OPENER_TEST(test_descriptors_it_is_sent_do_not_stay),
		OPENER_TEST(test_too_many_requests_are_told_to_come_again),
		OPENER_TEST(test_few_descriptors_are_in_flight),
		OPENER_TEST(test_waiting_opener_sees_its_client_leave),
		OPENER_TEST(test_privilege_is_the_openers),
		cmocka_unit_test(test_start_time_is_found_behind_any_name),
		cmocka_unit_test(test_text_and_query_agree),
	};

	if (geteuid() != 0) {
		printf("1..0 # SKIP needs root to open other users' files\n");
		return 0;
	}
	log_init("test_opener", false);
	return cmocka_run_group_tests_name("opener", tests, NULL, NULL);
}
