/* SPDX-License-Identifier: Apache-2.0 */
#include "common/now.h"

int64_t
now_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}
