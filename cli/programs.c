/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/programs.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
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
	/* built, installed and moved as a whole, installed */
	static const char *const places[] = { "", "/../sbin", SBINDIR };
	char own[PATH_MAX];

	own_directory(own, sizeof(own));
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		bool beside = strcmp(places[i], SBINDIR) != 0;

		if (beside && own[0] == '\0')
			continue;
		if ((size_t)snprintf(path, size, "%s%s/%s", beside ? own : "",
			places[i], names[program]) < size &&
		    access(path, X_OK) == 0)
			return 0;
	}
	return -ENOENT;
}
