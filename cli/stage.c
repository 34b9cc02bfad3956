/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli/remove_tree.h"
#include "common/log.h"

#define LISTEN_BACKLOG 16
#define BIT(cap) (1ULL << (cap))

static const char *const socket_names[SOCKETS] = {
	[SOCKET_COLLECTOR] = "collector.sock",
	[SOCKET_OPENER] = "opener.sock",
	[SOCKET_SHIPPER] = "shipper.sock",
};

/* The missing of what we need beside the collector's, as a mask. */
static unsigned long long
missing_caps(void)
{
	static const unsigned char needed[] = { CAP_CHOWN, CAP_KILL, CAP_SETGID,
		CAP_SETUID };
	unsigned long long mask = privilege_missing(PROCESS_LISTENER);

	for (size_t i = 0; i < sizeof(needed); i++)
		mask |= privilege_lacks(BIT(needed[i]));
	return mask;
}

static int
check_privilege(const char *command)
{
	unsigned long long missing;

	if (geteuid() != 0) {
		log_warnx(command,
		    "must be started as root: it loads a BPF program and "
		    "starts its parts under ids of their own");
		return -EPERM;
	}
	missing = missing_caps();
	if (missing == 0)
		return 0;
	log_warnx(command, "root lacks capabilities here: %s",
	    privilege_names(missing));
	return -EPERM;
}

static int
find_programs(struct stage *s, const char *command)
{
	for (int i = 0; i < PROGRAMS; i++) {
		if (program_find(i, s->program[i], sizeof(s->program[i])) == 0)
			continue;
		log_warnx(command,
		    "%s is neither beside this program nor in %s",
		    program_name(i), SBINDIR);
		return -ENOENT;
	}
	return 0;
}

/* A socket bound to name in the run directory that only ids may use. */
static int
make_socket(struct stage *s, int type, const char *name,
    const struct privilege_ids *ids, char *path, size_t size)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd, r = 0;
	mode_t mask;

	snprintf(path, size, "%s/%s", s->dir.path, name);
	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	mask = umask(0177);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    lchown(path, ids->uid, ids->gid) < 0 ||
	    (type == SOCK_SEQPACKET && listen(fd, LISTEN_BACKLOG) < 0))
		r = -errno;
	umask(mask);
	if (r == 0)
		return fd;
	close(fd);
	return r;
}

static int
make_sockets(struct stage *s)
{
	char name[64];

	for (int i = 0; i < SOCKETS; i++) {
		s->listener[i] = make_socket(s, SOCK_SEQPACKET, socket_names[i],
		    &s->ids[PROGRAM_SYMBOLIZER], s->socket_path[i],
		    sizeof(s->socket_path[i]));
		if (s->listener[i] < 0)
			return s->listener[i];
	}
	for (int i = 0; i < PROGRAMS; i++) {
		snprintf(name, sizeof(name), "%s.notify", program_name(i));
		s->notify[i] = make_socket(s, SOCK_DGRAM, name, &s->ids[i],
		    s->notify_path[i], sizeof(s->notify_path[i]));
		if (s->notify[i] < 0)
			return s->notify[i];
	}
	return 0;
}

static int
step(int r, const char *command, const char *what)
{
	if (r < 0)
		log_warnx(command, "%s: %s", what, strerror(-r));
	return r;
}

int
stage_set(struct stage *s, const char *command)
{
	int r;

	memset(s, 0, sizeof(*s));
	memset(s->listener, -1, sizeof(s->listener));
	memset(s->notify, -1, sizeof(s->notify));
	s->dir.fd = s->dir.parent = -1;
	if ((r = check_privilege(command)) < 0 ||
	    (r = find_programs(s, command)) < 0)
		return r;
	run_dirs_clean(RUN_DIR_PARENT);
	if ((r = step(run_dir_name(&s->dir, RUN_DIR_PARENT), command,
		 "open " RUN_DIR_PARENT)) < 0 ||
	    (r = step(janitor_start(&s->janitor, s->dir.parent, s->dir.name),
		 command, "fork")) < 0 ||
	    (r = step(run_dir_make(&s->dir), command, s->dir.path)) < 0 ||
	    (r = step(run_dir_choose_ids(&s->dir, s->ids), command,
		 "find free user ids")) < 0)
		return r;
	return step(make_sockets(s), command, "make the sockets");
}

void
stage_end(struct stage *s)
{
	for (int i = 0; i < SOCKETS; i++)
		if (s->listener[i] >= 0)
			close(s->listener[i]);
	for (int i = 0; i < PROGRAMS; i++)
		if (s->notify[i] >= 0)
			close(s->notify[i]);
	janitor_end(&s->janitor);
	/* in case somebody killed the janitor */
	if (s->dir.fd >= 0)
		remove_tree(s->dir.parent, s->dir.name);
	run_dir_close(&s->dir);
}

int
stage_scratch(struct stage *s, const char *name, char *path, size_t size)
{
	const struct privilege_ids *ids = &s->ids[PROGRAM_SHIPPER];

	if ((size_t)snprintf(path, size, "%s/%s", s->dir.path, name) >= size)
		return -ENAMETOOLONG;
	if (mkdirat(s->dir.fd, name, 0700) < 0 ||
	    fchownat(s->dir.fd, name, ids->uid, ids->gid, AT_SYMLINK_NOFOLLOW) <
		0)
		return -errno;
	return 0;
}
