/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the configuration is read from, at the start and on SIGHUP. The file
 * is opened with the privilege of the start; if it cannot be opened again
 * later, what was opened then is read again.
 */
#ifndef SHIPPER_CONFIG_SOURCE_H
#define SHIPPER_CONFIG_SOURCE_H

struct config;
struct config_source;

/* path must outlive it. NULL and errno. */
struct config_source *config_source_open(const char *path);
/* NULL is fine. */
void config_source_free(struct config_source *s);

const char *config_source_path(const struct config_source *s);

/* Files that the configuration names need not be there. */
void config_source_ignore_files(struct config_source *s);

/*
 * NULL when there is any mistake: all of them, and the warnings of a good
 * one, have been said on standard error, with their lines marked.
 */
struct config *config_source_read(struct config_source *s);

/* The first mistake of the last reading, on one line; NULL: it was good. */
const char *config_source_why(const struct config_source *s);

#endif
