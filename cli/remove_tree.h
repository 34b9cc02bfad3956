/* SPDX-License-Identifier: Apache-2.0 */
/* Removing a directory whose contents someone else may have made. */
#ifndef CLI_REMOVE_TREE_H
#define CLI_REMOVE_TREE_H

#define REMOVE_TREE_DEPTH 16

/*
 * Removes name (a file, or a directory with all in it) from the directory
 * dir. Follows no link and goes no deeper than REMOVE_TREE_DEPTH. 0 (also when
 * it is not there) or -errno; goes on after the first error.
 */
int remove_tree(int dir, const char *name);

#endif
