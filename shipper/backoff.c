/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "shipper/backoff.h"

uint64_t
backoff_random_next(struct backoff_random *random)
{
	uint64_t z = random->state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

static int64_t
doubled(int64_t x, int64_t max)
{
	return x > max / 2 ? max : 2 * x;
}

void
backoff_init(struct backoff *b, int64_t min, int64_t max, int64_t max_attempts)
{
	b->max = max;
	b->low = min;
	b->high = doubled(min, max);
	b->attempts = 0;
	b->max_attempts = max_attempts;
}

int64_t
backoff_next(struct backoff *b, struct backoff_random *random)
{
	int64_t wait = b->low;

	b->attempts++;
	if (b->max_attempts != 0 && b->attempts >= b->max_attempts)
		return -1;
	if (b->low >= b->high)
		return wait;
	wait += backoff_random_next(random) % (uint64_t)(b->high - b->low);
	if (b->high < b->max) {
		b->low = doubled(b->low, b->max);
		b->high = doubled(b->high, b->max);
	}
	return wait;
}
