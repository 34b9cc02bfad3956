/* SPDX-License-Identifier: Apache-2.0 */
/* Durations as Go writes them: "10s", "1m30s", "1.5h", "250ms". */
#ifndef CLI_DURATION_H
#define CLI_DURATION_H

#include <stddef.h>
#include <stdint.h>

/*
 * Nanoseconds of text, which may have a sign and fractions; "0" needs no
 * unit. 0, -EINVAL, or -ERANGE when it does not fit.
 */
int duration_parse(const char *text, int64_t *ns);

/* The shortest such text for ns >= 0, e.g. "1m30s"; always terminated. */
void duration_format(int64_t ns, char *out, size_t size);

#endif
