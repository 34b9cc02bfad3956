/* SPDX-License-Identifier: Apache-2.0 */
/* From an errno and a few facts to what the administrator should do. */
#include "collector/sampling_trouble.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "common/log.h"
#include "common/privilege.h"

#define BTF_FILE "/sys/kernel/btf/vmlinux"
#define PARANOID_FILE "/proc/sys/kernel/perf_event_paranoid"
#define LOCKDOWN_FILE "/sys/kernel/security/lockdown"
#define NO_FILES "%s: %s: raise the limit of open files (systemd: LimitNOFILE=)"

/* Of the verifier's log, which may be megabytes, the end says what is wrong. */
#define SHOWN_BYTES 8192

static int
to_log(enum libbpf_print_level level, const char *fmt, va_list args)
{
	char *text, *rest, *line;
	size_t size;

	(void)level;
	if (vasprintf(&text, fmt, args) < 0)
		return 0;
	size = strlen(text);
	rest = size > SHOWN_BYTES ? text + size - SHOWN_BYTES : text;
	while ((line = strsep(&rest, "\n")) != NULL)
		if (*line != '\0')
			log_debug("libbpf", "%s", line);
	free(text);
	return 0;
}

void
sampling_trouble_listen(void)
{
	libbpf_set_print(to_log);
}

/* First line of a small file; "" if there is none. */
static void
read_line(const char *path, char *line, size_t size)
{
	FILE *f = fopen(path, "re");

	line[0] = '\0';
	if (f == NULL)
		return;
	if (fgets(line, size, f) == NULL)
		line[0] = '\0';
	fclose(f);
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

static void
find_facts(struct sampling_facts *f)
{
	struct rlimit memlock = { 0, 0 };
	struct utsname u;
	char line[128];
	int major = 0, minor = 0;

	f->missing = privilege_missing(PROCESS_SAMPLER);
	f->admin = has_admin();
	read_line(PARANOID_FILE, line, sizeof(line));
	f->paranoid = line[0] == '\0' ? -2 : atoi(line);
	getrlimit(RLIMIT_MEMLOCK, &memlock);
	f->memlock = memlock.rlim_cur;
	f->memlock_counts = uname(&u) == 0 &&
			    sscanf(u.release, "%d.%d", &major, &minor) == 2 &&
			    (major < 5 || (major == 5 && minor < 11));
	f->btf = access(BTF_FILE, R_OK) == 0;
	read_line(LOCKDOWN_FILE, line, sizeof(line));
	f->locked = strstr(line, "[confidentiality]") != NULL;
}

/* What holds for both: no capability, or a lockdown. False: neither. */
static bool
common_cause(const char *what, int r, const struct sampling_facts *f,
    char *text, size_t size)
{
	if (r != -EPERM && r != -EACCES)
		return false;
	if (f->missing != 0 && !f->admin) {
		snprintf(text, size,
		    "%s: %s: this process lacks %s; start it as root, or give "
		    "the capabilities (systemd: AmbientCapabilities=)",
		    what, strerror(-r), privilege_names(f->missing));
		return true;
	}
	if (f->locked) {
		snprintf(text, size,
		    "%s: %s: the kernel is locked down (confidentiality), "
		    "which forbids BPF to read its memory; boot with "
		    "lockdown=integrity or none",
		    what, strerror(-r));
		return true;
	}
	return false;
}

void
sampling_trouble_load_text(
    int r, const struct sampling_facts *f, char *text, size_t size)
{
	static const char what[] = "cannot load the BPF program";

	if (r == -ENOSYS)
		snprintf(text, size,
		    "%s: this kernel has no BPF (CONFIG_BPF_SYSCALL)", what);
	else if (common_cause(what, r, f, text, size))
		return;
	else if (!f->btf)
		snprintf(text, size,
		    "%s: %s: no " BTF_FILE
		    "; a kernel with CONFIG_DEBUG_INFO_BTF is needed",
		    what, strerror(-r));
	else if (r == -EPERM && f->memlock_counts)
		snprintf(text, size,
		    "%s: %s: locked memory is limited to %lu bytes; raise it "
		    "(systemd: LimitMEMLOCK=infinity, shell: ulimit -l "
		    "unlimited) or run Linux 5.11 or later",
		    what, strerror(-r), f->memlock);
	else if (r == -EMFILE)
		snprintf(text, size, NO_FILES, what, strerror(-r));
	else if (r == -ENOMEM)
		snprintf(text, size,
		    "%s: %s: the memory limit of this cgroup leaves no room "
		    "for its maps",
		    what, strerror(-r));
	else
		snprintf(text, size,
		    "%s: %s (--debug shows what the kernel says)", what,
		    strerror(-r));
}

void
sampling_trouble_event_text(
    int r, const struct sampling_facts *f, char *text, size_t size)
{
	static const char what[] = "cannot open a sampling event";

	if (r == -ENOSYS || r == -ENOENT)
		snprintf(text, size,
		    "%s: %s: this kernel has no perf events "
		    "(CONFIG_PERF_EVENTS)",
		    what, strerror(-r));
	else if ((r == -EACCES || r == -EPERM) && f->paranoid >= 3 && !f->admin)
		snprintf(text, size,
		    "%s: %s: kernel.perf_event_paranoid is %d, where "
		    "CAP_PERFMON is not enough; set it to 2 (sysctl -w "
		    "kernel.perf_event_paranoid=2) or add CAP_SYS_ADMIN",
		    what, strerror(-r), f->paranoid);
	else if (common_cause(what, r, f, text, size))
		return;
	else if (r == -EMFILE)
		snprintf(text, size, NO_FILES, what, strerror(-r));
	else
		snprintf(text, size, "%s: %s", what, strerror(-r));
}

void
sampling_trouble_load(int r)
{
	struct sampling_facts facts = { 0 };
	char text[512];

	find_facts(&facts);
	sampling_trouble_load_text(r, &facts, text, sizeof(text));
	log_warnx("sampler", "%s", text);
}

void
sampling_trouble_event(int r)
{
	struct sampling_facts facts = { 0 };
	char text[512];

	find_facts(&facts);
	sampling_trouble_event_text(r, &facts, text, sizeof(text));
	log_warnx("sampler", "%s", text);
}

void
sampling_trouble_rings(int r)
{
	if (r == -EPERM)
		log_warnx("sampler",
		    "cannot map the rings of process events: %s: raise "
		    "kernel.perf_event_mlock_kb or the limit of locked memory "
		    "(systemd: LimitMEMLOCK=)",
		    strerror(-r));
	else
		sampling_trouble_event(r);
}
