/* SPDX-License-Identifier: Apache-2.0 */
/* merge_profiles FILE...: their merge on standard output, for the tests. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/pprof_merge.h"
#include "cli/pprof_reader.h"

static int
add(struct pprof_merge *m, const char *path)
{
	struct pprof_error error = { "cannot be opened" };
	int fd = open(path, O_RDONLY), r = -1;
	struct profile *p = fd < 0 ? NULL : pprof_read_fd(fd, &error);

	if (p != NULL)
		r = pprof_merge_add(m, p, &error);
	if (r < 0)
		fprintf(stderr, "merge_profiles: %s: %s\n", path, error.text);
	profile_free(p);
	if (fd >= 0)
		close(fd);
	return r;
}

int
main(int argc, char **argv)
{
	struct pprof_merge *m = pprof_merge_new();
	void *data = NULL;
	size_t size;
	int status = 1;

	for (int i = 1; i < argc; i++) {
		if (add(m, argv[i]) < 0)
			goto out;
	}
	if (pprof_merge_finish(m, &data, &size) == 0 &&
	    fwrite(data, 1, size, stdout) == size && fflush(stdout) == 0)
		status = 0;
out:
	free(data);
	pprof_merge_free(m);
	return status;
}
