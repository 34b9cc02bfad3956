/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Encoding of profiles as pprof (spec/phlare-write.md 4): one CPU sample
 * type, dense ids, every reference resolves, "" first in the string table.
 */
#ifndef SYMBOLIZER_PPROF_H
#define SYMBOLIZER_PPROF_H

#include <stddef.h>
#include <stdint.h>

#include "symbolizer/frames.h"
#include "symbolizer/profile.h"

/* What servers accept of one profile by default. */
#define PPROF_MAX_SAMPLES 16000
#define PPROF_MAX_BYTES (2u * 1024 * 1024)
/* Between profiles of one series: what servers can tell apart. */
#define PPROF_TIME_STEP_NS 1000000

struct pprof_meta {
	uint64_t period_ns;
	int64_t time_ns; /* wall clock, start */
	int64_t duration_ns;
};

/*
 * Encodes samples first ... first + count - 1 of the profile, uncompressed.
 * The caller frees *out. 0 or -errno.
 */
int pprof_encode(const struct frames *frames, const struct profile *profile,
    size_t first, size_t count, const struct pprof_meta *meta, void **out,
    size_t *size);

/* What fn, who takes data, is told of a part of a profile. */
struct pprof_part {
	void *data;
	size_t size;
	uint64_t samples;
	int64_t time_ns;
};

/*
 * Encodes all of the profile, in as many parts as no server refuses as too
 * large. Their times differ: servers take two profiles of one series and time
 * for copies of one. Returns the earliest time for the series' next profile.
 */
int64_t pprof_encode_all(const struct frames *frames,
    const struct profile *profile, const struct pprof_meta *meta,
    void (*fn)(void *arg, const struct pprof_part *part), void *arg);

/* gzip; the caller frees *out. 0 or -errno. */
int pprof_compress(const void *data, size_t size, void **out, size_t *out_size);

#endif
