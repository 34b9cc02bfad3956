/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/token_bucket.h"

#define NSEC_PER_SEC 1000000000ULL

void
token_bucket_init(
    struct token_bucket *b, unsigned burst, unsigned per_second, uint64_t now)
{
	b->cost = NSEC_PER_SEC / per_second;
	b->most = b->cost * burst;
	b->credit = b->most;
	b->last = now;
}

bool
token_bucket_take(struct token_bucket *b, uint64_t now)
{
	uint64_t passed = now > b->last ? now - b->last : 0;

	b->last = now;
	b->credit =
	    passed >= b->most - b->credit ? b->most : b->credit + passed;
	if (b->credit < b->cost)
		return false;
	b->credit -= b->cost;
	return true;
}
