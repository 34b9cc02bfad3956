/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/ksyms.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "bpf/sampler.h"
#include "bpf/sampler.skel.h"
#include "common/log.h"
#include "common/memfd.h"

#define READ_BYTES 32768

struct ksyms {
	struct bpf_link *link; /* or NULL: use the file */
	int file;              /* or -errno */
};

struct ksyms *
ksyms_open(struct sampler_bpf *bpf)
{
	struct ksyms *k = ecalloc(1, sizeof(*k));

	k->file = -ENOENT;
	if (bpf_program__autoload(bpf->progs.scan_symbols))
		k->link =
		    bpf_program__attach_iter(bpf->progs.scan_symbols, NULL);
	if (k->link != NULL)
		return k;
	k->file = open("/proc/kallsyms", O_RDONLY | O_CLOEXEC);
	if (k->file < 0)
		k->file = -errno;
	return k;
}

void
ksyms_free(struct ksyms *k)
{
	if (k == NULL)
		return;
	bpf_link__destroy(k->link);
	if (k->file >= 0)
		close(k->file);
	free(k);
}

static int
copy(int from, int to)
{
	static char data[READ_BYTES];
	int r;

	for (;;) {
		ssize_t n = read(from, data, sizeof(data));

		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		if ((r = memfd_append(to, data, n)) < 0)
			return r;
	}
}

int
ksyms_read(struct ksyms *k)
{
	int from =
	    k->link != NULL ? bpf_iter_create(bpf_link__fd(k->link)) : k->file;
	int to, r;

	if (from < 0)
		return from;
	if ((to = memfd_new("kernel-symbols")) < 0) {
		r = to;
		goto out;
	}
	if (k->link == NULL && lseek(from, 0, SEEK_SET) < 0)
		r = -errno;
	else if ((r = copy(from, to)) == 0)
		r = memfd_seal(to);
	if (r < 0)
		close(to);
out:
	if (k->link != NULL)
		close(from);
	return r < 0 ? r : to;
}
