/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes the files of one file endpoint beside the event loop, each in a
 * thread of its own: a file system that hangs delays nobody else.
 */
#ifndef SHIPPER_FILE_WRITER_H
#define SHIPPER_FILE_WRITER_H

#include "shipper/file_endpoint.h"

struct event_base;
struct file_writer;

/* r is what file_endpoint_write() returned. */
typedef void file_written(void *arg, int r);

/* For a good URL. done comes from the loop. NULL with errno. */
struct file_writer *file_writer_new(
    struct event_base *base, const char *url, file_written *done);
/* Nobody waits for a write that goes on; done is not called. NULL is fine. */
void file_writer_free(struct file_writer *writer);

/*
 * Begins to write a profile, which is copied but for its bytes: profile->fd
 * must not change. One at a time. 0; or -errno, and done is not called.
 */
int file_writer_start(
    struct file_writer *writer, const struct file_profile *profile, void *arg);

#endif
