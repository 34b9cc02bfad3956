/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_NOW_H
#define COMMON_NOW_H

#include <stdint.h>
#include <time.h>

/* What the clock (CLOCK_MONOTONIC, CLOCK_BOOTTIME, ...) shows, in ns. */
int64_t now_ns(clockid_t clock);

#endif
