/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file:///DIRECTORY as the url of an endpoint: each profile becomes a file
 *
 *   SERVICE-TIME-SERIES-ID.pb.gz
 *
 * SERVICE is the label service_name with what is not a letter, digit, ".",
 * "_" or "-" replaced, TIME the start of the interval in UTC, SERIES 8
 * hexadecimal digits that differ between label sets, ID the symbolizer's
 * number of the profile: written twice, it replaces itself. A file is there
 * whole or not at all. The oldest of these files go when all together are
 * over the cap (1 GiB, or file:///DIRECTORY?max_bytes=N); others in the
 * directory are left alone.
 */
#ifndef SHIPPER_FILE_ENDPOINT_H
#define SHIPPER_FILE_ENDPOINT_H

#include <stdbool.h>
#include <stdint.h>

#define FILE_ENDPOINT_MAX_BYTES (1ULL << 30)

struct file_endpoint;
struct labels;

bool file_endpoint_is_url(const char *url);
/* NULL if the URL is good, else what is wrong with it, static. */
const char *file_endpoint_check(const char *url);
/* The directory of a good URL; to be freed. */
char *file_endpoint_directory(const char *url);

/*
 * Whether the directory may be written to; if it is not there, it is made, or
 * without make it is looked whether it could be. 0 or -errno.
 */
int file_endpoint_probe(const char *url, bool make);

/* For a good URL. Nothing is opened before the first write. */
struct file_endpoint *file_endpoint_new(const char *url);
/* NULL is fine. */
void file_endpoint_free(struct file_endpoint *fe);

struct file_profile {
	const struct labels *labels;
	uint32_t series; /* hash of the labels */
	uint64_t id;
	uint64_t time_ns; /* wall clock */
	int fd;           /* its bytes, from 0 on */
	uint64_t size;
};

/*
 * Writes and syncs. 0 or -errno (-EFBIG: larger than the cap); then nothing of
 * it is left behind.
 */
int file_endpoint_write(
    struct file_endpoint *fe, const struct file_profile *profile);

#endif
