/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finished files put into the directory the user named, by root: whole or not
 * at all, following no link in there.
 */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

/*
 * The directory, open, after a try whether a file can be made in it; or
 * -errno.
 */
int output_open(const char *path);

/*
 * All of the file from becomes name in the directory, mode 0644, replacing
 * what is there. It belongs to who called sudo, if anyone did. 0 or -errno;
 * then nothing of it is left.
 */
int output_put(int directory, const char *name, int from);

/* Appends all that from holds, from its start on. 0 or -errno. */
int output_copy(int from, int to);

#endif
