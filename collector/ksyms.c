/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/ksyms.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "bpf/sampler.h"
#include "bpf/sampler.skel.h"
#include "common/log.h"
#include "common/memfd.h"

#define READ_BYTES 32768
#define ADDRESS_DIGITS 16

struct ksyms {
	struct bpf_link *link; /* or NULL: use the file */
	int file;              /* or -errno */
};

int
ksyms_open_file(void)
{
	int fd = open("/proc/kallsyms", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

bool
ksyms_text_has_addresses(const char *text, size_t size)
{
	const char *end = text + size, *line = text;

	while (end - line > ADDRESS_DIGITS) {
		for (int i = 0; i < ADDRESS_DIGITS; i++)
			if (line[i] != '0')
				return true;
		line = memchr(line, '\n', end - line);
		if (line++ == NULL)
			break;
	}
	return false;
}

/* The file, or why it is of no use: then the kernel hides the addresses. */
static int
check_file(int file)
{
	static char text[READ_BYTES];
	ssize_t n;

	if (file < 0)
		return file;
	n = pread(file, text, sizeof(text), 0);
	if (n < 0)
		return -errno;
	if (ksyms_text_has_addresses(text, n))
		return file;
	log_warnx("sampler",
	    "no kernel symbols: /proc/kallsyms shows no addresses; start it "
	    "as root or with CAP_SYSLOG, with kernel.kptr_restrict below 2, "
	    "or run Linux 6.0 or later");
	return -EPERM;
}

struct ksyms *
ksyms_open(struct sampler_bpf *bpf, int file)
{
	struct ksyms *k = ecalloc(1, sizeof(*k));

	k->file = -ENOENT;
	if (bpf_program__autoload(bpf->progs.scan_symbols))
		k->link =
		    bpf_program__attach_iter(bpf->progs.scan_symbols, NULL);
	if (k->link == NULL)
		k->file = check_file(file);
	return k;
}

void
ksyms_free(struct ksyms *k)
{
	if (k == NULL)
		return;
	bpf_link__destroy(k->link);
	free(k);
}

/* The file's position is not used: other samplers have the same one. */
static int
copy(int from, bool is_file, int to)
{
	static char data[READ_BYTES];
	off_t at = 0;
	int r;

	for (;;) {
		ssize_t n = is_file ? pread(from, data, sizeof(data), at)
				    : read(from, data, sizeof(data));

		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		if ((r = memfd_append(to, data, n)) < 0)
			return r;
		at += n;
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
	if ((r = copy(from, k->link == NULL, to)) == 0)
		r = memfd_seal(to);
	if (r < 0)
		close(to);
out:
	if (k->link != NULL)
		close(from);
	return r < 0 ? r : to;
}
