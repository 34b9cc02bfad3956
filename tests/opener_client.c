/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client of opener.sock for the system tests: asks for one file and copies
 * it to standard output, or says why not.
 *
 *   opener_client SOCKET maps|cgroup|perf-map PID
 *   opener_client SOCKET file PID START-END
 *   opener_client SOCKET build-id HEX
 *   opener_client SOCKET debug-link NAME
 *   opener_client SOCKET raw HEX        sends these bytes as a message
 *
 * @TICKS after a PID replaces the start time that /proc tells. Exit status:
 * 0 opened, 1 refused (the errno's name on stderr), 2 usage, 3 disconnected.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/ipc.h"
#include "tests/opener_peer.h"

static const struct {
	const char *name;
	uint32_t kind;
} kinds[] = {
	{ "maps", phlare_OpenKind_OPEN_MAPS },
	{ "cgroup", phlare_OpenKind_OPEN_CGROUP },
	{ "file", phlare_OpenKind_OPEN_MAPPED_FILE },
	{ "perf-map", phlare_OpenKind_OPEN_PERF_MAP },
	{ "build-id", phlare_OpenKind_OPEN_DEBUG_BUILD_ID },
	{ "debug-link", phlare_OpenKind_OPEN_DEBUG_LINK },
};

static void __attribute__((noreturn)) usage(void)
{
	fprintf(stderr, "usage: opener_client SOCKET KIND ARGUMENT...\n");
	exit(2);
}

static size_t
parse_hex(const char *text, uint8_t *bytes, size_t size)
{
	size_t n = 0;
	unsigned byte;

	for (; n < size && sscanf(text, "%2x", &byte) == 1; text += 2) {
		bytes[n++] = byte;
		if (text[0] == '\0' || text[1] == '\0')
			break;
	}
	return n;
}

static void
parse_process(phlare_OpenRequest *request, const char *text)
{
	char *end;

	request->pid = strtoul(text, &end, 10);
	request->start_time = *end == '@'
				  ? strtoull(end + 1, NULL, 10) * 10000000ULL
				  : opener_peer_start_time(request->pid);
}

static void
parse_request(phlare_OpenRequest *request, int argc, char **argv)
{
	unsigned long long start, end;
	size_t i = 0, size = strlen(argv[3]);

	while (strcmp(kinds[i].name, argv[2]) != 0)
		if (++i == sizeof(kinds) / sizeof(kinds[0]))
			usage();
	request->kind = kinds[i].kind;
	switch (request->kind) {
	case phlare_OpenKind_OPEN_DEBUG_BUILD_ID:
		request->name.size = parse_hex(
		    argv[3], request->name.bytes, sizeof(request->name.bytes));
		return;
	case phlare_OpenKind_OPEN_DEBUG_LINK:
		if (size > sizeof(request->name.bytes))
			usage();
		memcpy(request->name.bytes, argv[3], size);
		request->name.size = size;
		return;
	case phlare_OpenKind_OPEN_MAPPED_FILE:
		if (argc != 5 ||
		    sscanf(argv[4], "%llx-%llx", &start, &end) != 2)
			usage();
		request->vma_start = start;
		request->vma_end = end;
		break;
	}
	parse_process(request, argv[3]);
}

static int
send_raw(int sock, const char *hex)
{
	uint8_t bytes[4096];
	phlare_OpenReply reply;
	int fd;

	send(sock, bytes, parse_hex(hex, bytes, sizeof(bytes)), MSG_NOSIGNAL);
	return opener_peer_reply(sock, &reply, &fd);
}

static void
copy_out(int fd)
{
	char buffer[65536];
	ssize_t n;

	while ((n = read(fd, buffer, sizeof(buffer))) > 0)
		if (write(STDOUT_FILENO, buffer, n) != n)
			exit(1);
}

int
main(int argc, char **argv)
{
	phlare_OpenRequest request = { .id = 1 };
	int sock, fd;

	if (argc < 4)
		usage();
	if (strcmp(argv[2], "raw") != 0)
		parse_request(&request, argc, argv);
	sock = ipc_connect(argv[1]);
	if (sock < 0) {
		fprintf(stderr, "connect: %s\n", strerror(-sock));
		return 3;
	}
	fcntl(sock, F_SETFL, 0);
	if (opener_peer_hello(sock) < 0) {
		fprintf(stderr, "no hello\n");
		return 3;
	}
	if (strcmp(argv[2], "raw") == 0)
		fd = send_raw(sock, argv[3]);
	else
		fd = opener_peer_open(sock, &request);
	if (fd == -ECONNRESET) {
		fprintf(stderr, "disconnected\n");
		return 3;
	}
	if (fd < 0) {
		fprintf(stderr, "%s\n", strerrorname_np(-fd));
		return 1;
	}
	copy_out(fd);
	return 0;
}
