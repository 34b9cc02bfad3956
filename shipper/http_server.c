/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libevent's evhttp bounds neither how many connect nor how long a request
 * takes, so this is by hand: so little HTTP is not much.
 */
#include "config.h"

#include "shipper/http_server.h"

#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include "common/log.h"

#define BACKLOG 16
#define HOST_MAX 256

struct connection {
	TAILQ_ENTRY(connection) entry;
	struct http_server *server;
	struct bufferevent *stream;
	struct event *deadline;
	bool answered;
};

struct http_server {
	struct event_base *base;
	struct event *accepting;
	int fd;
	const struct http_page *pages;
	void *arg;
	TAILQ_HEAD(, connection) connections;
	size_t count;
};

static void
connection_free(struct connection *c)
{
	struct http_server *server = c->server;

	TAILQ_REMOVE(&server->connections, c, entry);
	if (server->count-- == HTTP_SERVER_CONNECTIONS)
		event_add(server->accepting, NULL);
	bufferevent_free(c->stream);
	event_free(c->deadline);
	free(c);
}

static void
on_deadline(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	connection_free(arg);
}

static void
on_event(struct bufferevent *stream, short what, void *arg)
{
	(void)stream;
	(void)what;
	connection_free(arg);
}

/* All of the answer is with the kernel: the end of file is ours to send. */
static void
on_written(struct bufferevent *stream, void *arg)
{
	(void)stream;
	connection_free(arg);
}

static const char *
reason_of(int status)
{
	static const struct {
		int status;
		const char *reason;
	} reasons[] = {
		{ 200, "OK" },
		{ 400, "Bad Request" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 431, "Request Header Fields Too Large" },
		{ 503, "Service Unavailable" },
	};

	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "Error";
}

static void
answer(struct connection *c, int status, const char *content_type,
    struct evbuffer *body, bool with_body)
{
	struct evbuffer *out = bufferevent_get_output(c->stream);

	c->answered = true;
	bufferevent_disable(c->stream, EV_READ);
	bufferevent_setcb(c->stream, NULL, on_written, on_event, c);
	evbuffer_add_printf(out,
	    "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
	    "X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n",
	    status, reason_of(status), content_type, evbuffer_get_length(body));
	if (with_body)
		evbuffer_add_buffer(out, body);
}

static void
answer_error(struct connection *c, int status, bool with_body)
{
	struct evbuffer *body = evbuffer_new();

	if (body == NULL)
		fatalx("out of memory");
	evbuffer_add_printf(body, "%s\n", reason_of(status));
	answer(c, status, "text/plain; charset=utf-8", body, with_body);
	evbuffer_free(body);
}

static const struct http_page *
find_page(const struct http_page *pages, const char *path)
{
	size_t size = strcspn(path, "?");

	for (; pages->path != NULL; pages++)
		if (strlen(pages->path) == size &&
		    strncmp(pages->path, path, size) == 0)
			return pages;
	return NULL;
}

static bool
is_method(const char *method, bool acts)
{
	return strcmp(method, "GET") == 0 ||
	       strcmp(method, acts ? "POST" : "HEAD") == 0;
}

/* line: "METHOD PATH VERSION" */
static void
serve(struct connection *c, char *line)
{
	char *save, *method = strtok_r(line, " ", &save);
	char *path = strtok_r(NULL, " ", &save);
	char *version = strtok_r(NULL, " ", &save);
	const struct http_page *page;
	struct evbuffer *body;
	int status;
	bool get;

	if (method == NULL || path == NULL || version == NULL ||
	    strncmp(version, "HTTP/1.", 7) != 0) {
		answer_error(c, 400, true);
		return;
	}
	get = strcmp(method, "HEAD") != 0;
	page = find_page(c->server->pages, path);
	if (!is_method(method, page != NULL && page->acts)) {
		answer_error(c, 405, get);
		return;
	}
	if (page == NULL) {
		answer_error(c, 404, get);
		return;
	}
	body = evbuffer_new();
	if (body == NULL)
		fatalx("out of memory");
	status = page->fn(c->server->arg, body);
	answer(c, status, page->content_type, body, get);
	evbuffer_free(body);
}

static void
on_readable(struct bufferevent *stream, void *arg)
{
	struct connection *c = arg;
	struct evbuffer *in = bufferevent_get_input(stream);
	struct evbuffer_ptr end = evbuffer_search(in, "\r\n\r\n", 4, NULL);
	char *line;

	if (c->answered)
		return;
	if (end.pos < 0) {
		if (evbuffer_get_length(in) >= HTTP_SERVER_REQUEST_BYTES)
			answer_error(c, 431, true);
		return;
	}
	line = evbuffer_readln(in, NULL, EVBUFFER_EOL_CRLF);
	if (line == NULL) {
		answer_error(c, 400, true);
		return;
	}
	serve(c, line);
	free(line);
}

static void
on_accept(evutil_socket_t listening, short what, void *arg)
{
	struct http_server *server = arg;
	struct timeval limit = { HTTP_SERVER_SECONDS, 0 };
	int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct connection *c;

	(void)what;
	if (fd < 0)
		return;
	c = ecalloc(1, sizeof(*c));
	c->server = server;
	c->stream =
	    bufferevent_socket_new(server->base, fd, BEV_OPT_CLOSE_ON_FREE);
	c->deadline = evtimer_new(server->base, on_deadline, c);
	if (c->stream == NULL || c->deadline == NULL)
		fatalx("out of memory");
	TAILQ_INSERT_TAIL(&server->connections, c, entry);
	if (++server->count == HTTP_SERVER_CONNECTIONS)
		event_del(server->accepting); /* the rest waits */
	evtimer_add(c->deadline, &limit);
	bufferevent_setcb(c->stream, on_readable, NULL, on_event, c);
	bufferevent_setwatermark(
	    c->stream, EV_READ, 0, HTTP_SERVER_REQUEST_BYTES);
	bufferevent_enable(c->stream, EV_READ | EV_WRITE);
}

/* Cuts "HOST:PORT" in two; brackets go. False if it is no such thing. */
static bool
split_address(const char *address, char host[HOST_MAX], const char **port)
{
	const char *colon = strrchr(address, ':');
	size_t size;

	if (colon == NULL || colon[1] == '\0' || colon - address >= HOST_MAX)
		return false;
	*port = colon + 1;
	size = colon - address;
	if (size >= 2 && address[0] == '[' && colon[-1] == ']') {
		address++;
		size -= 2;
	} else if (memchr(address, ':', size) != NULL) {
		return false;
	}
	memcpy(host, address, size);
	host[size] = '\0';
	return strspn(*port, "0123456789") == strlen(*port);
}

static int
listen_on(const struct addrinfo *ai)
{
	int on = 1, r;
	int fd = socket(ai->ai_family,
	    ai->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, ai->ai_protocol);

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, ai->ai_addr, ai->ai_addrlen) < 0 ||
	    listen(fd, BACKLOG) < 0) {
		r = -errno;
		close(fd);
		return r;
	}
	return fd;
}

int
http_server_bind(const char *address, char **why)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
		.ai_flags = AI_PASSIVE };
	struct addrinfo *list = NULL;
	char host[HOST_MAX];
	const char *port, *wrong;
	int r = -EINVAL;

	if (!split_address(address, host, &port)) {
		*why = estrdup("must be HOST:PORT");
		return -EINVAL;
	}
	r = getaddrinfo(host[0] != '\0' ? host : NULL, port, &hints, &list);
	if (r != 0) {
		*why = estrdup(gai_strerror(r));
		return -EINVAL;
	}
	r = listen_on(list);
	freeaddrinfo(list);
	if (r >= 0)
		return r;
	wrong =
	    r == -EADDRINUSE ? "another program listens there" : strerror(-r);
	*why = estrdup(wrong);
	return r;
}

struct http_server *
http_server_new(
    struct event_base *base, int fd, const struct http_page *pages, void *arg)
{
	struct http_server *server = ecalloc(1, sizeof(*server));

	server->base = base;
	server->fd = fd;
	server->pages = pages;
	server->arg = arg;
	TAILQ_INIT(&server->connections);
	server->accepting =
	    event_new(base, fd, EV_READ | EV_PERSIST, on_accept, server);
	if (server->accepting == NULL || event_add(server->accepting, NULL) < 0)
		fatalx("out of memory");
	return server;
}

void
http_server_free(struct http_server *server)
{
	if (server == NULL)
		return;
	while (!TAILQ_EMPTY(&server->connections))
		connection_free(TAILQ_FIRST(&server->connections));
	event_free(server->accepting);
	close(server->fd);
	free(server);
}
