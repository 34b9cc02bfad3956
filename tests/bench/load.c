/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_load: the C share of the fixed load. Recursion, sorting and hashing,
 * built like a distribution builds (-O2, no frame pointers). Runs until it is
 * killed.
 */
#include <stdint.h>
#include <stdlib.h>

static volatile uint64_t sink;

static int
compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

__attribute__((noinline)) static uint64_t
hash(const uint64_t *v, int n)
{
	uint64_t h = 14695981039346656037u;

	for (int i = 0; i < n; i++)
		h = (h ^ v[i]) * 1099511628211u;
	return h;
}

__attribute__((noinline)) static uint64_t
walk(uint64_t seed, int depth)
{
	uint64_t v[64], h;

	for (int i = 0; i < 64; i++)
		v[i] = seed =
		    seed * 6364136223846793005u + 1442695040888963407u;
	if (depth == 0) {
		qsort(v, 64, sizeof(v[0]), compare);
		return hash(v, 64);
	}
	h = walk(v[0], depth - 1);
	return h ^ hash(v, 64);
}

int
main(void)
{
	for (uint64_t seed = 1;; seed++)
		sink ^= walk(seed, seed % 24);
}
