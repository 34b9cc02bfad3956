/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/backoff.h"

unsigned int
backoff_next(struct backoff *b, unsigned long long ran_ms)
{
	unsigned int wait = 0;

	if (ran_ms >= RESTART_RESET_MS)
		b->restarts = 0;
	if (b->restarts > 0)
		wait = RESTART_FIRST_MS;
	for (unsigned int i = 1; i < b->restarts && wait < RESTART_MAX_MS; i++)
		wait *= 2;
	b->restarts++;
	return wait < RESTART_MAX_MS ? wait : RESTART_MAX_MS;
}
