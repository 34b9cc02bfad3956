/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Spends 70, 20 and 10 % of its CPU time in three functions, whatever their
 * loops cost here: whoever is most behind its share gets the next piece. Pieces
 * are of random length: a regular pattern would beat with the sampling clock.
 */
#include <stdint.h>
#include <time.h>

#define PIECE 300000 /* iterations on average: a fraction of a millisecond */

static volatile uint64_t sink;

/* 1 to 2 * PIECE */
static uint64_t
random_length(void)
{
	static uint64_t x = 88172645463325252u;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return 1 + x % (2 * PIECE);
}

__attribute__((noinline)) static void
split_seventy(uint64_t length)
{
	for (uint64_t i = 0; i < length; i++)
		sink += i * i;
}

__attribute__((noinline)) static void
split_twenty(uint64_t length)
{
	for (uint64_t i = 0; i < length; i++)
		sink += i ^ (i << 3);
}

__attribute__((noinline)) static void
split_ten(uint64_t length)
{
	for (uint64_t i = 0; i < length; i++)
		sink -= i * 7;
}

static struct part {
	void (*fn)(uint64_t length);
	double share;
	double used;
} parts[] = {
	{ split_seventy, 0.7, 0 },
	{ split_twenty, 0.2, 0 },
	{ split_ten, 0.1, 0 },
};

static double
cpu_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

int
main(void)
{
	double last = cpu_seconds(), now;

	for (;;) {
		struct part *next = &parts[0];

		for (int i = 1; i < 3; i++)
			if (parts[i].used / parts[i].share <
			    next->used / next->share)
				next = &parts[i];
		next->fn(random_length());
		now = cpu_seconds();
		next->used += now - last;
		last = now;
	}
}
