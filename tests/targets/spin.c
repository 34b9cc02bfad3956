/* SPDX-License-Identifier: Apache-2.0 */
/* Does nothing but use a CPU, in one function, until it is killed. */
#include <stdint.h>

static volatile uint64_t sink;

__attribute__((noinline)) static void
spin_hot(void)
{
	for (uint64_t i = 0; i < 100000000; i++)
		sink += i * i;
}

int
main(void)
{
	for (;;)
		spin_hot();
}
