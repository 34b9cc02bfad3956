/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/requirements.h"

#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "common/privilege.h"

/* From here on CAP_PERFMON is not enough on kernels that know the level. */
#define PARANOID_ADMIN 3
#define PARANOID_DEFAULT 2
#define BTF_FILE "/sys/kernel/btf/vmlinux"
/* What a pair of maps needs where maps count as locked memory. */
#define MEMLOCK_NEEDED (64ULL * 1024 * 1024)

static bool
before(const struct requirements *r, int major, int minor)
{
	return r->major < major || (r->major == major && r->minor < minor);
}

static bool
has_admin(void)
{
	cap_t caps = cap_get_proc();
	cap_flag_value_t on = CAP_CLEAR;

	if (caps == NULL)
		return false;
	cap_get_flag(caps, CAP_SYS_ADMIN, CAP_EFFECTIVE, &on);
	cap_free(caps);
	return on == CAP_SET;
}

/* The kernel's own default where it does not tell. */
static int
read_paranoid(void)
{
	FILE *f = fopen("/proc/sys/kernel/perf_event_paranoid", "re");
	int level;

	if (f == NULL)
		return PARANOID_DEFAULT;
	if (fscanf(f, "%d", &level) != 1)
		level = PARANOID_DEFAULT;
	fclose(f);
	return level;
}

static bool
has_call(long number)
{
	/* refused for its arguments, or for a capability */
	return syscall(number, 0, 0, 0, 0, 0, 0) >= 0 || errno != ENOSYS;
}

static bool
is_locked_down(void)
{
	FILE *f = fopen("/sys/kernel/security/lockdown", "re");
	char line[128] = "";

	if (f == NULL)
		return false;
	if (fgets(line, sizeof(line), f) == NULL)
		line[0] = '\0';
	fclose(f);
	return strstr(line, "[confidentiality]") != NULL;
}

/* The first user namespace maps all ids to themselves. */
static bool
in_user_namespace(void)
{
	FILE *f = fopen("/proc/self/uid_map", "re");
	uint32_t inside, outside, count;
	bool first;

	if (f == NULL)
		return false;
	first = fscanf(f, "%" SCNu32 " %" SCNu32 " %" SCNu32, &inside, &outside,
		    &count) == 3 &&
		inside == 0 && outside == 0 && count == UINT32_MAX;
	fclose(f);
	return !first;
}

/* Where it counts and we may, as a shell would by ulimit -l unlimited. */
static void
raise_memlock(const struct requirements *r)
{
	const struct rlimit none = { RLIM_INFINITY, RLIM_INFINITY };

	if (r->major != 0 && before(r, 5, 11))
		(void)!setrlimit(RLIMIT_MEMLOCK, &none);
}

void
requirements_find(struct requirements *r)
{
	struct utsname u;
	struct rlimit limit;

	memset(r, 0, sizeof(*r));
	r->missing = privilege_missing(PROCESS_LISTENER);
	r->admin = has_admin();
	r->user_namespace = in_user_namespace();
	r->bpf = has_call(SYS_bpf);
	r->perf = has_call(SYS_perf_event_open);
	r->btf = access(BTF_FILE, R_OK) == 0;
	r->locked = is_locked_down();
	r->paranoid = read_paranoid();
	if (uname(&u) < 0 ||
	    sscanf(u.release, "%d.%d", &r->major, &r->minor) != 2)
		r->major = 0;
	raise_memlock(r);
	if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0)
		r->memlock = limit.rlim_cur;
}

bool
requirements_met(const struct requirements *r, char *text, size_t size)
{
	if (r->major != 0 && before(r, 5, 10))
		snprintf(text, size,
		    "this is Linux %d.%d; 5.10 or later is needed", r->major,
		    r->minor);
	else if (!r->bpf)
		snprintf(text, size,
		    "this kernel has no BPF: one with CONFIG_BPF_SYSCALL is "
		    "needed");
	else if (!r->perf)
		snprintf(text, size,
		    "this kernel has no perf events: one with "
		    "CONFIG_PERF_EVENTS is needed");
	else if (!r->btf)
		snprintf(text, size,
		    "there is no " BTF_FILE ": a kernel with "
		    "CONFIG_DEBUG_INFO_BTF is needed");
	else if (r->locked)
		snprintf(text, size,
		    "the kernel is locked down (confidentiality), which "
		    "forbids BPF to read its memory: boot with "
		    "lockdown=integrity or none");
	else if (r->missing != 0)
		snprintf(text, size,
		    "%s missing: start it as root with --user, or give the "
		    "capabilities (systemd: AmbientCapabilities=, container: "
		    "capabilities.add, file: setcap)",
		    privilege_names(r->missing));
	else if (r->user_namespace)
		snprintf(text, size,
		    "in a user namespace, where no capability allows "
		    "profiling: start it outside (systemd: PrivateUsers=no, "
		    "container: the host's user namespace)");
	else if (r->paranoid >= PARANOID_ADMIN && !r->admin)
		snprintf(text, size,
		    "kernel.perf_event_paranoid is %d, where CAP_PERFMON is "
		    "not enough: run sysctl kernel.perf_event_paranoid=2, or "
		    "start it as root or give it CAP_SYS_ADMIN, which is "
		    "dropped once sampling has started",
		    r->paranoid);
	else if (r->major != 0 && before(r, 5, 11) &&
		 r->memlock < MEMLOCK_NEEDED)
		snprintf(text, size,
		    "before Linux 5.11 BPF maps count as locked memory, which "
		    "is limited to %llu bytes: raise it (systemd: "
		    "LimitMEMLOCK=infinity, shell: ulimit -l unlimited)",
		    r->memlock);
	else
		return true;
	return false;
}

unsigned long long
requirements_extra_caps(const struct requirements *r)
{
	return r->paranoid >= PARANOID_ADMIN && r->admin ? 1ULL << CAP_SYS_ADMIN
							 : 0;
}
