/* SPDX-License-Identifier: Apache-2.0 */
/* How often something may be done: so many at once, so many a second. */
#ifndef COLLECTOR_TOKEN_BUCKET_H
#define COLLECTOR_TOKEN_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

struct token_bucket {
	uint64_t cost;   /* ns of waiting that pay for one */
	uint64_t most;   /* credit never exceeds it, ns */
	uint64_t credit; /* ns */
	uint64_t last;   /* when credit was right, ns */
};

/* Full at now (ns of any monotonic clock). per_second and burst: not 0. */
void token_bucket_init(
    struct token_bucket *b, unsigned burst, unsigned per_second, uint64_t now);

/* Takes one if there is one. */
bool token_bucket_take(struct token_bucket *b, uint64_t now);

#endif
