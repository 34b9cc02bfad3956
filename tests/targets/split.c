/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Spends 70, 20 and 10 % of its CPU time in three functions, whatever their
 * loops cost here: whoever is most behind its share gets the next piece.
 */
#include <stdint.h>
#include <time.h>

#define PIECE 300000 /* iterations: a fraction of a millisecond */

static volatile uint64_t sink;

__attribute__((noinline)) static void
split_seventy(void)
{
	for (uint64_t i = 0; i < PIECE; i++)
		sink += i * i;
}

__attribute__((noinline)) static void
split_twenty(void)
{
	for (uint64_t i = 0; i < PIECE; i++)
		sink += i ^ (i << 3);
}

__attribute__((noinline)) static void
split_ten(void)
{
	for (uint64_t i = 0; i < PIECE; i++)
		sink -= i * 7;
}

static struct part {
	void (*fn)(void);
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
		next->fn();
		now = cpu_seconds();
		next->used += now - last;
		last = now;
	}
}
