/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/programs.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *const names[PROGRAMS] = {
	[PROGRAM_COLLECTOR] = "phlare-collector",
	[PROGRAM_SYMBOLIZER] = "phlare-symbolizer",
	[PROGRAM_SHIPPER] = "phlare-shipper",
};

const char *
program_name(enum program program)
{
	return names[program];
}

/* The directory of this executable in dir, "" if it is not to be had. */
static void
own_directory(char *dir, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", dir, size - 1);
	char *slash;

	dir[n > 0 ? n : 0] = '\0';
	slash = strrchr(dir, '/');
	if (slash != NULL)
		*slash = '\0';
}

int
program_find(enum program program, char *path, size_t size)
{
	char own[PATH_MAX];

	own_directory(own, sizeof(own));
	if (own[0] != '\0' &&
	    (size_t)snprintf(path, size, "%s/%s", own, names[program]) < size &&
	    access(path, X_OK) == 0)
		return 0;
	if ((size_t)snprintf(path, size, "%s/%s", SBINDIR, names[program]) <
		size &&
	    access(path, X_OK) == 0)
		return 0;
	return -ENOENT;
}
