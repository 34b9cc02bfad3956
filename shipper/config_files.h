/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether what a configuration names beside itself can be used: files with
 * passwords, tokens, certificates and keys; directories of file:// endpoints.
 */
#ifndef SHIPPER_CONFIG_FILES_H
#define SHIPPER_CONFIG_FILES_H

#include <stdbool.h>

struct config;
struct river_diagnostics;
struct river_source;

/*
 * Reads all files; each that cannot be used is a mistake at its place. For
 * config_read_with().
 */
void config_files_check(const struct config *config,
    const struct river_source *source, struct river_diagnostics *diagnostics);

/*
 * The same after privilege was dropped: a file that may not be read any more
 * is none, who has it open may still use it.
 */
void config_files_check_again(const struct config *config,
    const struct river_source *source, struct river_diagnostics *diagnostics);

/*
 * Under the final privilege: 0, or -1 when a directory cannot be written to,
 * which has been said then. make: a directory that is not there is made, else
 * it is enough that it could be.
 */
int config_files_probe(const struct config *config, bool make);

#endif
