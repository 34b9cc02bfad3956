/* SPDX-License-Identifier: Apache-2.0 */
#include "common/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LISTEN_FDS_START 3
#define LISTEN_FDS_MAX 16

static int notify_fd = -1;
static struct sockaddr_un notify_address;
static socklen_t notify_size;

/* True if the n-th of the names between colons is name. */
static int
names_match(const char *names, int n, const char *name)
{
	size_t size = strlen(name);

	for (; n > 0; n--) {
		names = strchr(names, ':');
		if (names == NULL)
			return 0;
		names++;
	}
	return strncmp(names, name, size) == 0 &&
	       (names[size] == ':' || names[size] == '\0');
}

int
notify_listen_fd(const char *name)
{
	const char *count = getenv("LISTEN_FDS"), *pid = getenv("LISTEN_PID");
	const char *names = getenv("LISTEN_FDNAMES");
	int n = count ? atoi(count) : 0;

	if (names == NULL || (pid != NULL && atoi(pid) != getpid()))
		return -ENOENT;
	for (int i = 0; i < n && i < LISTEN_FDS_MAX; i++) {
		int fd = LISTEN_FDS_START + i;

		if (!names_match(names, i, name))
			continue;
		if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 ||
		    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0)
			return -errno;
		return fd;
	}
	return -ENOENT;
}

void
notify_open(void)
{
	const char *path = getenv("NOTIFY_SOCKET");

	if (path == NULL || (path[0] != '/' && path[0] != '@') ||
	    strlen(path) >= sizeof(notify_address.sun_path))
		return;
	notify_address.sun_family = AF_UNIX;
	strcpy(notify_address.sun_path, path);
	if (path[0] == '@')
		notify_address.sun_path[0] = '\0';
	notify_size = offsetof(struct sockaddr_un, sun_path) + strlen(path);
	notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

void
notify_send(const char *state)
{
	if (notify_fd >= 0)
		(void)!sendto(notify_fd, state, strlen(state),
		    MSG_NOSIGNAL | MSG_DONTWAIT,
		    (struct sockaddr *)&notify_address, notify_size);
}
