/* SPDX-License-Identifier: Apache-2.0 */
#include "common/memfd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

int
memfd_new(const char *name)
{
	int fd = memfd_create(
	    name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);

	if (fd < 0 && errno == EINVAL) /* before 6.3 */
		fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	return fd < 0 ? -errno : fd;
}

int
memfd_append(int fd, const void *data, size_t size)
{
	const char *p = data;

	while (size > 0) {
		ssize_t n = write(fd, p, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		size -= n;
	}
	return 0;
}

int
memfd_seal(int fd)
{
	int seals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL;

	return fcntl(fd, F_ADD_SEALS, seals) < 0 ? -errno : 0;
}

/* Maps fd if it is sealed against all of seals. */
static int
map_sealed(int fd, int seals, size_t max, const void **data, size_t *size)
{
	struct stat st;
	int have = fcntl(fd, F_GET_SEALS);
	void *p;

	*data = NULL;
	*size = 0;
	if (have < 0 || (have & seals) != seals)
		return -EPERM;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size < 0 ||
	    (unsigned long long)st.st_size > max)
		return -EFBIG;
	if (st.st_size == 0)
		return 0;
	p = mmap(NULL, st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	*data = p;
	*size = st.st_size;
	return 0;
}

int
memfd_map(int fd, size_t max, const void **data, size_t *size)
{
	return map_sealed(fd, F_SEAL_WRITE | F_SEAL_SHRINK, max, data, size);
}

int
memfd_map_live(int fd, size_t max, const void **data, size_t *size)
{
	return map_sealed(fd, F_SEAL_SHRINK, max, data, size);
}

void
memfd_unmap(const void *data, size_t size)
{
	if (data != NULL)
		munmap((void *)data, size);
}
