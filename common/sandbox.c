/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The system calls each process may still make: the tables are the policy.
 * Filters are inherited and only narrow: the listener's allows what its
 * children need to start, the symbolizer's allows the fork of file readers.
 */
#include "config.h"

#include "common/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/log.h"

/* How the arguments of a call are limited. */
enum check {
	ANY,
	NOEXEC,         /* mmap, mprotect: no PROT_EXEC */
	UNIX,           /* socket: AF_UNIX */
	INET,           /* socket: AF_UNIX, AF_INET, AF_INET6, AF_NETLINK */
	READ_ONLY,      /* openat: neither writing nor creating */
	DESCRIPTOR,     /* newfstatat: AT_EMPTY_PATH, no path */
	NO_NAMESPACE,   /* clone: no new namespace */
	DESCRIPTOR_CMD, /* fcntl: flags, dup, seals */
	MAP_CMD,        /* bpf: reading and writing maps, making iterators */
	PERF_IOCTL,     /* ioctl: of perf events */
	PROCMAP_IOCTL,  /* ioctl: PROCMAP_QUERY */
	TERMINAL_IOCTL, /* ioctl: TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO */
	SELF_SIGNAL,    /* tgkill: this process, for abort() */
	THREAD_PRCTL,   /* prctl: names, and what children do to themselves */
};

struct rule {
	const char *call;
	enum check check;
};

#define CALLS_END                                                              \
	{                                                                      \
		NULL, ANY                                                      \
	}

/* What any program does, and libc does for it. */
static const struct rule base[] = {
	{ "brk", ANY },
	{ "clock_gettime", ANY },
	{ "clock_nanosleep", ANY },
	{ "close", ANY },
	{ "exit", ANY },
	{ "exit_group", ANY },
	{ "fcntl", DESCRIPTOR_CMD },
	{ "fstat", ANY },
	{ "futex", ANY },
	{ "getpid", ANY },
	{ "getppid", ANY },
	{ "getrandom", ANY },
	{ "gettid", ANY },
	{ "gettimeofday", ANY },
	{ "lseek", ANY },
	{ "madvise", ANY },
	{ "mmap", NOEXEC },
	{ "mprotect", NOEXEC },
	{ "mremap", ANY },
	{ "munmap", ANY },
	{ "nanosleep", ANY },
	{ "newfstatat", DESCRIPTOR },
	{ "pread64", ANY },
	{ "read", ANY },
	{ "restart_syscall", ANY },
	{ "rt_sigaction", ANY },
	{ "rt_sigprocmask", ANY },
	{ "rt_sigreturn", ANY },
	{ "sched_yield", ANY },
	{ "tgkill", SELF_SIGNAL },
	{ "write", ANY },
	{ "writev", ANY },
	CALLS_END,
};

/* An event loop with our messages on it. */
static const struct rule loop[] = {
	{ "epoll_ctl", ANY },
	{ "epoll_pwait", ANY },
	{ "epoll_wait", ANY },
	{ "getsockopt", ANY },
	{ "memfd_create", ANY },
	{ "poll", ANY },
	{ "ppoll", ANY },
	{ "recvfrom", ANY },
	{ "recvmsg", ANY },
	{ "sendmsg", ANY },
	{ "sendto", ANY },
	{ "shutdown", ANY },
	CALLS_END,
};

/* Accepting, forking, and all that a child does before it narrows this. */
static const struct rule listener[] = {
	{ "accept4", ANY },
	{ "access", ANY },
	{ "bpf", ANY },
	{ "capget", ANY },
	{ "capset", ANY },
	{ "clone", NO_NAMESPACE },
	{ "dup", ANY },
	{ "dup3", ANY },
	{ "epoll_create1", ANY },
	{ "eventfd2", ANY },
	{ "faccessat", ANY },
	{ "faccessat2", ANY },
	{ "fstatfs", ANY },
	{ "ftruncate", ANY },
	{ "getdents64", ANY },
	{ "getegid", ANY },
	{ "geteuid", ANY },
	{ "getgid", ANY },
	{ "getresgid", ANY },
	{ "getresuid", ANY },
	{ "getuid", ANY },
	{ "ioctl", ANY },
	{ "kill", ANY },
	{ "membarrier", ANY },
	{ "newfstatat", ANY },
	{ "openat", READ_ONLY },
	{ "perf_event_open", ANY },
	{ "pidfd_open", ANY },
	{ "pidfd_send_signal", ANY },
	{ "pipe2", ANY },
	{ "prctl", ANY },
	{ "prlimit64", ANY },
	{ "readlink", ANY },
	{ "readlinkat", ANY },
	{ "rseq", ANY },
	{ "rt_sigtimedwait", ANY },
	{ "sched_getaffinity", ANY },
	{ "seccomp", ANY },
	{ "set_robust_list", ANY },
	{ "setsockopt", ANY },
	{ "signalfd4", ANY },
	{ "socketpair", ANY },
	{ "statx", ANY },
	{ "sysinfo", ANY },
	{ "timerfd_create", ANY },
	{ "timerfd_settime", ANY },
	{ "uname", ANY },
	{ "wait4", ANY },
	{ "waitid", ANY },
	CALLS_END,
};

static const struct rule sampler[] = {
	{ "bpf", MAP_CMD },
	{ "ftruncate", ANY },
	{ "ioctl", PERF_IOCTL },
	{ "membarrier", ANY },
	{ "timerfd_settime", ANY },
	CALLS_END,
};

static const struct rule opener[] = {
	{ "fstatfs", ANY },
	{ "ioctl", PROCMAP_IOCTL },
	{ "newfstatat", ANY },
	{ "openat", READ_ONLY },
	{ "readlinkat", ANY },
	CALLS_END,
};

/*
 * Opens nothing. Connects again to its peers; forks the file readers, whose
 * limits and filter the rest is for.
 */
static const struct rule symbolizer[] = {
	{ "clone", NO_NAMESPACE },
	{ "close_range", ANY },
	{ "connect", ANY },
	{ "dup3", ANY },
	{ "fstatfs", ANY },
	{ "ftruncate", ANY },
	{ "kill", ANY },
	{ "pidfd_open", ANY },
	{ "pidfd_send_signal", ANY },
	{ "pipe2", ANY },
	{ "prctl", THREAD_PRCTL },
	{ "prlimit64", ANY },
	{ "rseq", ANY },
	{ "seccomp", ANY },
	{ "set_robust_list", ANY },
	{ "setsockopt", ANY },
	{ "socket", UNIX },
	{ "sysinfo", ANY }, /* qsort asks how much memory there is */
	{ "timerfd_settime", ANY },
	{ "wait4", ANY },
	{ "waitid", ANY },
	CALLS_END,
};

static const struct rule file_reader[] = {
	{ "ftruncate", ANY },
	{ "sysinfo", ANY }, /* qsort, too */
	CALLS_END,
};

/* The network, the files that Landlock leaves, and the resolver's threads. */
static const struct rule shipper[] = {
	{ "accept4", ANY },
	{ "access", ANY },
	{ "bind", ANY },
	{ "clone", NO_NAMESPACE },
	{ "connect", ANY },
	{ "dup", ANY },
	{ "eventfd2", ANY },
	{ "faccessat", ANY },
	{ "faccessat2", ANY },
	{ "fallocate", ANY },
	{ "fchmod", ANY },
	{ "fdatasync", ANY },
	{ "fstatfs", ANY },
	{ "fsync", ANY },
	{ "ftruncate", ANY },
	{ "getdents64", ANY },
	{ "getegid", ANY },
	{ "geteuid", ANY },
	{ "getgid", ANY },
	{ "getpeername", ANY },
	{ "getsockname", ANY },
	{ "getuid", ANY },
	{ "ioctl", TERMINAL_IOCTL },
	{ "listen", ANY },
	{ "mkdir", ANY },
	{ "mkdirat", ANY },
	{ "newfstatat", ANY },
	{ "openat", ANY },
	{ "pipe2", ANY },
	{ "prctl", THREAD_PRCTL },
	{ "pwrite64", ANY },
	{ "readlink", ANY },
	{ "readlinkat", ANY },
	{ "readv", ANY },
	{ "rename", ANY },
	{ "renameat", ANY },
	{ "renameat2", ANY },
	{ "rseq", ANY },
	{ "sched_getaffinity", ANY },
	{ "sendmmsg", ANY },
	{ "set_robust_list", ANY },
	{ "setsockopt", ANY },
	{ "socket", INET },
	{ "socketpair", ANY },
	{ "statfs", ANY },
	{ "statx", ANY },
	{ "sysinfo", ANY },
	{ "timerfd_settime", ANY },
	{ "uname", ANY },
	{ "unlink", ANY },
	{ "unlinkat", ANY },
	CALLS_END,
};

/*
 * Reads any file, as whoever asks for the check may; changes its ids once it
 * has. The rest makes what a shipper makes at its start.
 */
static const struct rule checker[] = {
	{ "access", ANY },
	{ "capget", ANY },
	{ "capset", ANY },
	{ "epoll_create1", ANY },
	{ "eventfd2", ANY },
	{ "faccessat", ANY },
	{ "faccessat2", ANY },
	{ "fstatfs", ANY },
	{ "getegid", ANY },
	{ "geteuid", ANY },
	{ "getgid", ANY },
	{ "getresgid", ANY },
	{ "getresuid", ANY },
	{ "getuid", ANY },
	{ "ioctl", TERMINAL_IOCTL },
	{ "newfstatat", ANY },
	{ "openat", READ_ONLY },
	{ "pipe2", ANY },
	{ "prctl", ANY },
	{ "prlimit64", ANY },
	{ "readlink", ANY },
	{ "readlinkat", ANY },
	{ "setgroups", ANY },
	{ "setresgid", ANY },
	{ "setresuid", ANY },
	{ "socketpair", ANY },
	{ "statx", ANY },
	{ "sysinfo", ANY },
	{ "timerfd_create", ANY },
	{ "uname", ANY },
	CALLS_END,
};

/* Reads open files, writes open files. */
static const struct rule reporter[] = {
	{ "ftruncate", ANY },
	{ "ioctl", TERMINAL_IOCTL },
	{ "poll", ANY },
	{ "sysinfo", ANY }, /* qsort asks how much memory there is */
	CALLS_END,
};

/* What the sanitizers' run-time adds. */
static const struct rule sanitizers[] = {
#ifdef WITH_SANITIZERS
	{ "getcwd", ANY },
	{ "getrusage", ANY },
	{ "open", ANY },
	{ "openat", READ_ONLY },
	{ "readlink", ANY },
	{ "readlinkat", ANY },
	{ "sched_getaffinity", ANY },
	{ "sigaltstack", ANY },
	{ "uname", ANY },
#endif
	CALLS_END,
};

struct sandbox_row {
	const char *name;
	const struct rule *rules[4]; /* ends with NULL */
	bool landlock;
	bool landlock_network; /* handle TCP too: none is allowed */
};

static const struct sandbox_row rows[PROCESS_KINDS] = {
	[PROCESS_LISTENER] = { "listener", { base, loop, listener }, false,
	    false },
	[PROCESS_SAMPLER] = { "sampler", { base, loop, sampler }, false,
	    false },
	[PROCESS_OPENER] = { "opener", { base, loop, opener }, false, false },
	[PROCESS_SYMBOLIZER] = { "symbolizer", { base, loop, symbolizer }, true,
	    true },
	[PROCESS_FILE_READER] = { "file reader", { base, file_reader }, false,
	    false },
	[PROCESS_SHIPPER] = { "shipper", { base, loop, shipper }, true, false },
	[PROCESS_CHECKER] = { "checker", { base, loop, checker }, true, true },
	[PROCESS_REPORTER] = { "reporter", { base, reporter }, true, true },
};

/* Nobody has an honest use for these: the process dies. All others that are
 * not in its tables fail with ENOSYS, which libraries take for an old kernel.
 */
static const char *const deadly[] = {
	"acct",
	"add_key",
	"delete_module",
	"execveat",
	"finit_module",
	"init_module",
	"ioperm",
	"iopl",
	"kexec_file_load",
	"kexec_load",
	"keyctl",
	"mount",
	"move_mount",
	"open_by_handle_at",
	"open_tree",
	"pidfd_getfd",
	"pivot_root",
	"process_vm_readv",
	"process_vm_writev",
	"ptrace",
	"reboot",
	"request_key",
	"setns",
	"settimeofday",
	"swapoff",
	"swapon",
	"umount2",
	"unshare",
	"userfaultfd",
#ifndef WITH_SANITIZERS /* their reports try to run a symbolizer */
	"execve",
#endif
};

#define CALL_NAMES 512
static bool trapping;
static char *call_names[CALL_NAMES];
static int landlock_abi;
static bool sandboxed;

#ifdef WITH_SANITIZERS
int __lsan_is_turned_off(void);

/* The leak checker needs ptrace: it cannot work behind the filter. */
int
__lsan_is_turned_off(void)
{
	return sandboxed;
}
#endif

static void
on_refused(int signo, siginfo_t *info, void *context)
{
	char line[160];
	int n = info->si_syscall, used;

	(void)signo;
	(void)context;
	used = snprintf(line, sizeof(line),
	    "sandbox: refused system call %s (%d)\n",
	    n >= 0 && n < CALL_NAMES && call_names[n] ? call_names[n] : "?", n);
	(void)!write(STDERR_FILENO, line, used);
	_exit(128 + SIGSYS);
}

int
sandbox_set_mode(const char *mode)
{
	struct sigaction action = { .sa_sigaction = on_refused,
		.sa_flags = SA_SIGINFO };

	if (strcmp(mode, "enforce") == 0) {
		trapping = false;
		return 0;
	}
	if (strcmp(mode, "trap") != 0)
		return -EINVAL;
	trapping = true;
	for (int n = 0; n < CALL_NAMES; n++)
		if (call_names[n] == NULL)
			call_names[n] = seccomp_syscall_resolve_num_arch(
			    SCMP_ARCH_NATIVE, n);
	return sigaction(SIGSYS, &action, NULL) < 0 ? -errno : 0;
}

bool
sandbox_is_trapping(void)
{
	return trapping;
}

/* ---- seccomp */

#define PERF_IOC(nr) (0x2400 | (nr))
#define PROCMAP_QUERY_NR 0x6611 /* _IOWR('f', 17, ...), without its size */

static const uint32_t descriptor_cmds[] = { F_DUPFD_CLOEXEC, F_GETFD, F_SETFD,
	F_GETFL, F_SETFL, F_ADD_SEALS, F_GET_SEALS };
/* enum bpf_cmd: element access 1-4, info 15, lookup-and-delete 21, batches
 * 24-27, iterators 33 */
static const uint32_t map_cmds[] = { 1, 2, 3, 4, 15, 21, 24, 25, 26, 27, 33 };
static const uint32_t perf_ioctls[] = { PERF_IOC(0), PERF_IOC(1), PERF_IOC(3),
	0x40082404 /* PERF_EVENT_IOC_PERIOD */ };
static const uint32_t terminal_ioctls[] = { 0x5401, 0x5413, 0x541b, 0x5421 };
static const uint32_t inet_families[] = { AF_UNIX, AF_INET, AF_INET6,
	AF_NETLINK };
static const uint32_t unix_families[] = { AF_UNIX };
static const uint32_t thread_prctls[] = { PR_SET_NAME, PR_SET_PDEATHSIG,
	PR_SET_NO_NEW_PRIVS, PR_GET_NO_NEW_PRIVS, PR_SET_DUMPABLE,
	PR_GET_DUMPABLE, PR_SET_SECCOMP, PR_SET_KEEPCAPS, PR_CAP_AMBIENT,
	PR_CAPBSET_READ, PR_CAPBSET_DROP, 0x53564d41 /* PR_SET_VMA */ };

/* Checks with a list of allowed values of one argument. */
static const struct value_list {
	enum check check;
	int argument;
	const uint32_t *values;
	size_t count;
} value_lists[] = {
#define LIST(check, argument, values)                                          \
	{                                                                      \
		check, argument, values, sizeof(values) / sizeof(values[0])    \
	}
	LIST(UNIX, 0, unix_families),
	LIST(INET, 0, inet_families),
	LIST(DESCRIPTOR_CMD, 1, descriptor_cmds),
	LIST(MAP_CMD, 0, map_cmds),
	LIST(PERF_IOCTL, 1, perf_ioctls),
	LIST(TERMINAL_IOCTL, 1, terminal_ioctls),
	LIST(THREAD_PRCTL, 0, thread_prctls),
};

#define NEW_NAMESPACES                                                         \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |         \
	    CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)

/* Checks that certain bits of one argument have a value. */
static const struct mask {
	enum check check;
	int argument;
	uint64_t mask, value;
} masks[] = {
	{ NOEXEC, 2, PROT_EXEC, 0 },
	/* O_TMPFILE without the O_DIRECTORY in it */
	{ READ_ONLY, 2, O_ACCMODE | O_CREAT | O_TRUNC | 020000000, O_RDONLY },
	{ DESCRIPTOR, 3, AT_EMPTY_PATH, AT_EMPTY_PATH },
	{ NO_NAMESPACE, 0, NEW_NAMESPACES, 0 },
	{ PROCMAP_IOCTL, 1, 0xffff, PROCMAP_QUERY_NR },
};

static int
allow_if(scmp_filter_ctx ctx, int call, struct scmp_arg_cmp cmp)
{
	return seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, call, 1, &cmp);
}

static int
allow(scmp_filter_ctx ctx, const struct rule *rule)
{
	int call = seccomp_syscall_resolve_name(rule->call), r = 0;

	if (call == __NR_SCMP_ERROR)
		return 0; /* this architecture or libseccomp has no such call */
	if (rule->check == ANY)
		return seccomp_rule_add(ctx, SCMP_ACT_ALLOW, call, 0);
	if (rule->check == SELF_SIGNAL)
		return allow_if(
		    ctx, call, SCMP_CMP(0, SCMP_CMP_EQ, (uint64_t)getpid()));
	for (size_t i = 0; i < sizeof(masks) / sizeof(masks[0]); i++)
		if (masks[i].check == rule->check)
			return allow_if(ctx, call,
			    SCMP_CMP64(masks[i].argument, SCMP_CMP_MASKED_EQ,
				masks[i].mask, masks[i].value));
	for (size_t i = 0; i < sizeof(value_lists) / sizeof(value_lists[0]);
	     i++) {
		const struct value_list *list = &value_lists[i];

		for (size_t v = 0;
		     list->check == rule->check && v < list->count && r == 0;
		     v++)
			r = allow_if(ctx, call,
			    SCMP_CMP64(list->argument, SCMP_CMP_MASKED_EQ,
				0xffffffffu, list->values[v]));
	}
	return r;
}

static bool
is_allowed_somewhere(const struct sandbox_row *row, const char *call)
{
	for (int i = 0; i < 4 && row->rules[i] != NULL; i++)
		for (const struct rule *r = row->rules[i]; r->call; r++)
			if (strcmp(r->call, call) == 0)
				return true;
	return false;
}

/*
 * libc tries clone3 before clone for a thread: its arguments lie in memory,
 * where no filter sees them. That it is not there is no news, also in a trap.
 */
static int
hide_clone3(scmp_filter_ctx ctx)
{
	int call = seccomp_syscall_resolve_name("clone3");

	if (!trapping || call == __NR_SCMP_ERROR)
		return 0;
	return seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), call, 0);
}

static int
fill_filter(scmp_filter_ctx ctx, const struct sandbox_row *row)
{
	int r = hide_clone3(ctx);

	for (int i = 0; i < 4 && row->rules[i] != NULL && r == 0; i++)
		for (const struct rule *c = row->rules[i]; c->call && !r; c++)
			r = allow(ctx, c);
	for (const struct rule *c = sanitizers; c->call != NULL && r == 0; c++)
		r = allow(ctx, c);
	for (size_t i = 0; i < sizeof(deadly) / sizeof(deadly[0]) && r == 0;
	     i++) {
		int call = seccomp_syscall_resolve_name(deadly[i]);

		if (trapping || call == __NR_SCMP_ERROR ||
		    is_allowed_somewhere(row, deadly[i]))
			continue;
		r = seccomp_rule_add(ctx, SCMP_ACT_KILL_PROCESS, call, 0);
	}
	return r;
}

static int
enter_filter(const struct sandbox_row *row)
{
	scmp_filter_ctx ctx =
	    seccomp_init(trapping ? SCMP_ACT_TRAP : SCMP_ACT_ERRNO(ENOSYS));
	const char *step = "making the filter";
	int r = -ENOMEM;

	if (ctx == NULL)
		goto out;
	/* a system call of another architecture has no business here */
	seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if ((r = fill_filter(ctx, row)) == 0) {
		step = "loading the filter";
		r = seccomp_load(ctx);
	}
out:
	if (ctx != NULL)
		seccomp_release(ctx);
	if (r < 0) {
		errno = -r;
		log_warn("sandbox", "%s: %s", row->name, step);
	}
	return r;
}

/* ---- Landlock, by its numbers: the headers here may be older than it */

struct landlock_rules {
	uint64_t fs, net, scoped;
};

struct landlock_path {
	uint64_t access;
	int32_t fd;
} __attribute__((packed));

#define LANDLOCK_CREATE 444
#define LANDLOCK_ADD 445
#define LANDLOCK_RESTRICT 446

/* All file system rights of an ABI; network from 4, scoping from 6. */
static uint64_t
landlock_rights(int abi)
{
	return abi >= 5   ? 0xffff
	       : abi >= 3 ? 0x7fff
	       : abi == 2 ? 0x3fff
			  : 0x1fff;
}

/* execute 0, write 1, read 2, read dir 3, the rest changes things */
#define LANDLOCK_READ 0xcULL
/* write, read, read dir, remove file, make regular, refer, truncate */
#define LANDLOCK_WRITE (0xeULL | 1 << 5 | 1 << 7 | 1 << 8 | 1 << 13 | 1 << 14)
/* of these, what a rule for a single file may have */
#define LANDLOCK_OF_FILE (0x7ULL | 1 << 14 | 1 << 15)

static int
landlock_allow(int ruleset, const struct sandbox_path *path, uint64_t rights)
{
	struct landlock_path rule = { 0 };
	int dir, r = 0;

	rule.fd = open(path->path, O_PATH | O_CLOEXEC);
	if (rule.fd < 0)
		return errno == ENOENT ? 0 : -errno;
	dir = openat(rule.fd, ".", O_PATH | O_CLOEXEC | O_DIRECTORY);
	rule.access = rights & (path->write ? LANDLOCK_WRITE : LANDLOCK_READ);
	if (dir >= 0)
		close(dir);
	else
		rule.access &= LANDLOCK_OF_FILE;
	if (syscall(LANDLOCK_ADD, ruleset, 1, &rule, 0) < 0)
		r = -errno;
	close(rule.fd);
	return r;
}

/* 0 too where the kernel has no Landlock: it only adds to the filter. */
static int
enter_landlock(const struct sandbox_row *row, const struct sandbox_path *paths)
{
	int abi = syscall(LANDLOCK_CREATE, NULL, 0, 1), fd, r = 0;
	struct landlock_rules rules = { 0 };
	size_t size = sizeof(rules.fs);

	if (abi < 1)
		return 0;
	rules.fs = landlock_rights(abi);
	if (abi >= 4)
		size = 2 * sizeof(uint64_t);
	if (abi >= 4 && row->landlock_network)
		rules.net = 3; /* bind and connect TCP */
	if (abi >= 6) {
		size = sizeof(rules);
		rules.scoped = 3; /* abstract sockets, signals */
	}
	fd = syscall(LANDLOCK_CREATE, &rules, size, 0);
	if (fd < 0) {
		log_warn("sandbox", "%s: Landlock", row->name);
		return -errno;
	}
	for (; paths != NULL && paths->path != NULL && r == 0; paths++) {
		r = landlock_allow(fd, paths, rules.fs);
		if (r < 0) {
			errno = -r;
			log_warn("sandbox", "%s: Landlock: %s", row->name,
			    paths->path);
		}
	}
	if (r == 0 && syscall(LANDLOCK_RESTRICT, fd, 0) < 0) {
		r = -errno;
		log_warn("sandbox", "%s: Landlock", row->name);
	}
	close(fd);
	if (r == 0)
		landlock_abi = abi;
	return r;
}

int
sandbox_enter(enum process_kind kind, const struct sandbox_path *paths)
{
	const struct sandbox_row *row = &rows[kind];
	int r;

	if (row->landlock && (r = enter_landlock(row, paths)) < 0)
		return r;
	r = enter_filter(row);
	if (r == 0)
		sandboxed = true;
	return r;
}

int
sandbox_landlock_abi(void)
{
	return landlock_abi;
}
