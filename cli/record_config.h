/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration that does what `record` was asked for. */
#ifndef CLI_RECORD_CONFIG_H
#define CLI_RECORD_CONFIG_H

#include <stdio.h>

#include "cli/record.h"

/*
 * Profiles go as files into directory, an absolute path of any bytes but NUL.
 * 0 or -errno.
 */
int record_config_write(
    FILE *out, const struct record_options *options, const char *directory);

/*
 * How often profiles are built: names are then found while processes live,
 * and little is left to do at the end.
 */
int64_t record_interval(int64_t duration);

#endif
