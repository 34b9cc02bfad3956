/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "shipper/file_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <event2/event.h>

#include "common/log.h"
#include "shipper/labels.h"

#ifdef WITH_SANITIZERS
#define STACK_BYTES (1024 * 1024)
#else
#define STACK_BYTES (128 * 1024)
#endif

/*
 * What the loop and the thread share. While a write goes on, the endpoint, the
 * profile and the result are the thread's; lock is for the rest.
 */
struct shared {
	pthread_mutex_t lock;
	bool writing, abandoned;
	int written_fd; /* readable: a write has ended */
	struct file_endpoint *endpoint;
	struct file_profile profile;
	struct labels *labels;
	int result;
};

struct file_writer {
	struct shared *shared;
	struct event *written;
	file_written *done;
	void *arg;
};

static void
shared_free(struct shared *s)
{
	pthread_mutex_destroy(&s->lock);
	close(s->written_fd);
	file_endpoint_free(s->endpoint);
	free(s);
}

static void
drop_profile(struct shared *s)
{
	close(s->profile.fd);
	free(s->labels);
	s->labels = NULL;
}

/* ---- the thread */

static void *
write_one(void *arg)
{
	const uint64_t one = 1;
	struct shared *s = arg;
	bool abandoned;

	s->result = file_endpoint_write(s->endpoint, &s->profile);
	drop_profile(s);
	pthread_mutex_lock(&s->lock);
	s->writing = false;
	abandoned = s->abandoned;
	/* under the lock: who sees that it is over may free it */
	if (!abandoned && write(s->written_fd, &one, sizeof(one)) < 0)
		log_warn("push", "eventfd");
	pthread_mutex_unlock(&s->lock);
	if (abandoned)
		shared_free(s);
	return NULL;
}

/* Signals are the loop's, but for that of a call which the sandbox refuses. */
static int
start_thread(struct shared *s)
{
	pthread_attr_t attributes;
	sigset_t all, before;
	pthread_t thread;
	int r;

	sigfillset(&all);
	sigdelset(&all, SIGSYS);
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&thread, &attributes, write_one, s);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	return -r;
}

/* ---- the loop */

static void
on_written(evutil_socket_t fd, short what, void *arg)
{
	struct file_writer *w = arg;
	uint64_t n;

	(void)what;
	if (read(fd, &n, sizeof(n)) != sizeof(n))
		return;
	/* the thread has left the lock, and with it everything, by then */
	pthread_mutex_lock(&w->shared->lock);
	pthread_mutex_unlock(&w->shared->lock);
	w->done(w->arg, w->shared->result);
}

struct file_writer *
file_writer_new(struct event_base *base, const char *url, file_written *done)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct file_writer *w;
	struct shared *s;

	if (fd < 0)
		return NULL;
	w = ecalloc(1, sizeof(*w));
	s = ecalloc(1, sizeof(*s));
	s->endpoint = file_endpoint_new(url);
	s->written_fd = fd;
	pthread_mutex_init(&s->lock, NULL);
	w->shared = s;
	w->done = done;
	w->written =
	    event_new(base, s->written_fd, EV_READ | EV_PERSIST, on_written, w);
	if (w->written == NULL || event_add(w->written, NULL) < 0)
		fatalx("out of memory");
	return w;
}

void
file_writer_free(struct file_writer *writer)
{
	struct shared *s;
	bool writing;

	if (writer == NULL)
		return;
	s = writer->shared;
	event_free(writer->written);
	free(writer);
	pthread_mutex_lock(&s->lock);
	s->abandoned = true;
	writing = s->writing;
	pthread_mutex_unlock(&s->lock);
	if (!writing)
		shared_free(s);
}

int
file_writer_start(
    struct file_writer *writer, const struct file_profile *profile, void *arg)
{
	struct shared *s = writer->shared;
	int fd = fcntl(profile->fd, F_DUPFD_CLOEXEC, 0), r;

	if (fd < 0)
		return -errno;
	writer->arg = arg;
	s->profile = *profile;
	s->profile.fd = fd;
	s->profile.labels = s->labels = labels_copy(profile->labels);
	s->writing = true;
	r = start_thread(s);
	if (r == 0)
		return 0;
	s->writing = false;
	drop_profile(s);
	return r;
}
