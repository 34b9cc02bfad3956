/* SPDX-License-Identifier: Apache-2.0 */
/* Which process keeps what: the table is the policy, the rest applies it. */
#include "config.h"

#include "common/privilege.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/log.h"

#define BIT(cap) (1ULL << (cap))
#define MIB (1024ULL * 1024)
#define NO_LIMIT 0

/* libcap 2.44 and its headers may be older than these. */
#ifndef CAP_PERFMON
#define CAP_PERFMON 38
#define CAP_BPF 39
#define CAP_CHECKPOINT_RESTORE 40
#endif

#define SAMPLER_CAPS (BIT(CAP_BPF) | BIT(CAP_PERFMON))
#define OPENER_CAPS                                                            \
	(BIT(CAP_SYS_PTRACE) | BIT(CAP_DAC_READ_SEARCH) |                      \
	    BIT(CAP_CHECKPOINT_RESTORE))

struct privilege_row {
	const char *name;
	uint64_t caps;
	/* kept where it is there: lets children shrink their bounding sets */
	uint64_t optional;
	rlim_t files;   /* open descriptors */
	rlim_t address; /* bytes of address space, or NO_LIMIT */
	rlim_t cpu;     /* seconds, or NO_LIMIT */
};

static const struct privilege_row rows[PROCESS_KINDS] = {
	[PROCESS_LISTENER] = { "listener", SAMPLER_CAPS | OPENER_CAPS,
	    BIT(CAP_SETPCAP), 4096, NO_LIMIT, NO_LIMIT },
	[PROCESS_SAMPLER] = { "sampler", SAMPLER_CAPS, 0, 4096, NO_LIMIT,
	    NO_LIMIT },
	[PROCESS_OPENER] = { "opener", OPENER_CAPS, 0, 64, NO_LIMIT, NO_LIMIT },
	[PROCESS_SYMBOLIZER] = { "symbolizer", 0, 0, 4096, NO_LIMIT, NO_LIMIT },
	/* its limits on memory and CPU are set by the file reader itself */
	[PROCESS_FILE_READER] = { "file reader", 0, 0, 64, NO_LIMIT, NO_LIMIT },
	/* one for each profile that waits, and the connections */
	[PROCESS_SHIPPER] = { "shipper", 0, 0, 4096, NO_LIMIT, NO_LIMIT },
	[PROCESS_CHECKER] = { "checker", 0, 0, 1024, NO_LIMIT, NO_LIMIT },
	[PROCESS_REPORTER] = { "reporter", 0, 0, 64, 4ull << 30, 120 },
};

static int
fail(const char *kind, const char *step)
{
	int r = errno != 0 ? -errno : -EPERM;

	log_warn("privilege", "%s: %s", kind, step);
	return r;
}

int
privilege_parse_user(
    const char *text, struct privilege_ids *ids, const char **why)
{
	struct passwd *pw = getpwnam(text);
	char *end;
	unsigned long uid, gid;

	if (pw != NULL) {
		ids->uid = pw->pw_uid;
		ids->gid = pw->pw_gid;
	} else {
		errno = 0;
		uid = strtoul(text, &end, 10);
		gid = uid;
		if (end == text || *text == '-') {
			*why = "no such account";
			return -ENOENT;
		}
		if (*end == ':')
			gid = strtoul(end + 1, &end, 10);
		if (*end != '\0' || errno != 0 || uid >= UINT32_MAX ||
		    gid >= UINT32_MAX) {
			*why = "neither an account nor UID[:GID]";
			return -EINVAL;
		}
		ids->uid = uid;
		ids->gid = gid;
	}
	if (ids->uid == 0) {
		*why = "it must not run as root";
		return -EINVAL;
	}
	return 0;
}

static uint64_t
permitted_now(void)
{
	cap_t caps = cap_get_proc();
	uint64_t mask = 0;
	cap_flag_value_t on;

	if (caps == NULL)
		return 0;
	for (int c = 0; c < cap_max_bits(); c++)
		if (cap_get_flag(caps, c, CAP_PERMITTED, &on) == 0 && on)
			mask |= BIT(c);
	cap_free(caps);
	return mask;
}

/* Permitted and effective become exactly mask, inheritable nothing. */
static int
set_caps(uint64_t mask)
{
	cap_t caps = cap_init();
	int r = 0;

	if (caps == NULL)
		return -ENOMEM;
	for (int c = 0; c < cap_max_bits(); c++) {
		cap_value_t value = c;

		if (!(mask & BIT(c)))
			continue;
		cap_set_flag(caps, CAP_PERMITTED, 1, &value, CAP_SET);
		cap_set_flag(caps, CAP_EFFECTIVE, 1, &value, CAP_SET);
	}
	if (cap_set_proc(caps) < 0)
		r = -errno;
	cap_free(caps);
	return r;
}

/*
 * Takes all but mask out of the bounding set. Without CAP_SETPCAP (systemd
 * has then done it already, by CapabilityBoundingSet=) what is left stays;
 * no_new_privs keeps it from meaning anything.
 */
static void
shrink_bounding_set(const char *name, uint64_t mask)
{
	for (int c = 0; c < cap_max_bits(); c++) {
		if ((mask & BIT(c)) || prctl(PR_CAPBSET_READ, c) <= 0)
			continue;
		if (prctl(PR_CAPBSET_DROP, c, 0, 0, 0) < 0) {
			log_debug("privilege",
			    "%s: bounding set stays, no CAP_SETPCAP", name);
			return;
		}
	}
}

/*
 * A change of ids clears the death signal that whoever started us asked for;
 * this asks for it again. A parent that died in between is gone already.
 */
static int
restore_death_signal(const char *name, int signal, pid_t parent)
{
	if (signal == 0)
		return 0;
	if (prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0) < 0)
		return fail(name, "PR_SET_PDEATHSIG");
	if (getppid() != parent)
		_exit(1);
	return 0;
}

static int
change_ids(const struct privilege_row *row, const struct privilege_ids *ids)
{
	pid_t parent = getppid();
	int signal = 0;

	if (ids == NULL || ids->uid == (uid_t)-1)
		return 0;
	if (getuid() == ids->uid && geteuid() == ids->uid &&
	    getgid() == ids->gid && getegid() == ids->gid)
		return 0;
	if (prctl(PR_GET_PDEATHSIG, &signal, 0, 0, 0) < 0)
		return fail(row->name, "PR_GET_PDEATHSIG");
	if (setgroups(0, NULL) < 0)
		return fail(row->name, "setgroups");
	if (setresgid(ids->gid, ids->gid, ids->gid) < 0)
		return fail(row->name, "setresgid");
	if (setresuid(ids->uid, ids->uid, ids->uid) < 0)
		return fail(row->name, "setresuid");
	return restore_death_signal(row->name, signal, parent);
}

static int
set_limit(const struct privilege_row *row, int resource, rlim_t value,
    const char *step)
{
	struct rlimit limit;

	if (getrlimit(resource, &limit) < 0)
		return fail(row->name, step);
	if (limit.rlim_max < value)
		value = limit.rlim_max;
	limit.rlim_cur = limit.rlim_max = value;
	if (setrlimit(resource, &limit) < 0)
		return fail(row->name, step);
	return 0;
}

static int
set_limits(const struct privilege_row *row)
{
	int r;

	if ((r = set_limit(row, RLIMIT_CORE, 0, "RLIMIT_CORE")) < 0 ||
	    (r = set_limit(row, RLIMIT_NOFILE, row->files, "RLIMIT_NOFILE")) <
		0)
		return r;
#ifndef WITH_SANITIZERS /* their shadow memory is terabytes */
	if (row->address != NO_LIMIT &&
	    (r = set_limit(row, RLIMIT_AS, row->address, "RLIMIT_AS")) < 0)
		return r;
#endif
	if (row->cpu != NO_LIMIT)
		return set_limit(row, RLIMIT_CPU, row->cpu, "RLIMIT_CPU");
	return 0;
}

/* All of it must have taken effect. */
static int
verify(const struct privilege_row *row, const struct privilege_ids *ids,
    uint64_t want)
{
	uid_t r, e, s;
	gid_t rg, eg, sg;

	errno = 0;
	if (permitted_now() != want)
		return fail(row->name, "capabilities did not change");
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return fail(row->name, "no_new_privs did not take");
	if (prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0)
		return fail(row->name, "still dumpable");
	if (getresuid(&r, &e, &s) < 0 || getresgid(&rg, &eg, &sg) < 0)
		return fail(row->name, "getresuid");
	if (r == 0 || e == 0 || s == 0)
		return fail(row->name, "still root");
	if (ids != NULL && ids->uid != (uid_t)-1 &&
	    (r != ids->uid || e != r || s != r || rg != ids->gid || eg != rg ||
		sg != rg))
		return fail(row->name, "ids did not change");
	return 0;
}

int
privilege_lock(enum process_kind kind)
{
	const struct privilege_row *row = &rows[kind];

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return fail(row->name, "PR_SET_NO_NEW_PRIVS");
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return fail(row->name, "PR_SET_DUMPABLE");
	return 0;
}

int
privilege_drop(enum process_kind kind, const struct privilege_ids *ids,
    unsigned long long extra_caps)
{
	const struct privilege_row *row = &rows[kind];
	uint64_t want =
	    (row->caps | row->optional | extra_caps) & permitted_now();
	int r;

	shrink_bounding_set(row->name, want);
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return fail(row->name, "PR_SET_KEEPCAPS");
	if ((r = change_ids(row, ids)) < 0)
		return r;
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return fail(row->name, "PR_CAP_AMBIENT");
	if ((r = set_caps(want)) < 0) {
		errno = -r;
		return fail(row->name, "capset");
	}
	prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0);
	if ((r = privilege_lock(kind)) < 0 || (r = set_limits(row)) < 0)
		return r;
	return verify(row, ids, want);
}

int
privilege_forget(unsigned long long caps)
{
	return set_caps(permitted_now() & ~caps);
}

unsigned long long
privilege_missing(enum process_kind kind)
{
	return privilege_lacks(rows[kind].caps);
}

unsigned long long
privilege_lacks(unsigned long long caps)
{
	return caps & ~permitted_now();
}

const char *
privilege_names(unsigned long long caps)
{
	static char text[512];
	size_t used = 0;

	text[0] = '\0';
	for (int c = 0; c < cap_max_bits() && used < sizeof(text); c++) {
		char *name;

		if (!(caps & BIT(c)) || (name = cap_to_name(c)) == NULL)
			continue;
		for (char *p = name; *p != '\0'; p++)
			if (*p >= 'a' && *p <= 'z')
				*p -= 'a' - 'A';
		used += snprintf(text + used, sizeof(text) - used, "%s%s",
		    used > 0 ? " " : "", name);
		cap_free(name);
	}
	return text;
}

void
privilege_die_with(pid_t parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		fatal("PR_SET_PDEATHSIG");
	if (getppid() != parent)
		_exit(1);
}
