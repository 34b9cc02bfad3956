/* SPDX-License-Identifier: Apache-2.0 */
/* A file's content replaced as a whole, or not at all. */
#ifndef CLI_REPLACE_H
#define CLI_REPLACE_H

/*
 * Gives path all that from holds. Its mode and its owner stay; where path is a
 * link, what it leads to is replaced. 0 or -errno; then the file is as it was
 * and nothing is left beside it.
 */
int replace_file(const char *path, int from);

#endif
