/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/record_report.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/account_text.h"
#include "cli/flamegraph.h"
#include "cli/pprof_merge.h"
#include "cli/pprof_reader.h"
#include "cli/report.h"
#include "cli/text.h"
#include "cli/top.h"
#include "common/log.h"

#define TABLE_ROWS 20
#define ACCOUNT_MAX_BYTES (1024 * 1024)
#define TEXT_MAX_BYTES (4 * 1024 * 1024)

/* exit codes of the child */
enum { CHILD_DONE, CHILD_FAILED, CHILD_NO_PROFILE = 3 };

struct inputs {
	int files[REPORT_FILES_MAX];
	int count;
	int account; /* -1: there is none */
};

struct work {
	const struct inputs *in;
	const struct record_report *out;
	unsigned int width;
	char host[256];
};

/* ---- in the child */

static void
add_line(void *arg, const char *line)
{
	pprof_merge_comment(arg, line);
}

static void
print_line(void *arg, const char *line)
{
	fprintf(arg, "%s\n", line);
}

static void
account_lines(int fd, account_line_fn *fn, void *arg)
{
	char *text;
	ssize_t n;
	struct account_text a;

	if (fd < 0)
		return;
	text = ecalloc(1, ACCOUNT_MAX_BYTES + 1);
	n = pread(fd, text, ACCOUNT_MAX_BYTES, 0);
	if (n > 0) {
		account_text_parse(&a, text);
		account_text_show(&a, fn, arg);
	}
	free(text);
}

/* The number of profiles that could be merged. */
static int
merge_files(struct pprof_merge *merge, const struct inputs *in)
{
	struct pprof_error error;
	int merged = 0;

	for (int i = 0; i < in->count; i++) {
		struct profile *p = pprof_read_fd(in->files[i], &error);

		if (p != NULL && pprof_merge_add(merge, p, &error) == 0)
			merged++;
		else
			log_warnx(
			    "record", "a profile is left out: %s", error.text);
		profile_free(p);
	}
	return merged;
}

static int
write_all(int fd, const void *data, size_t size)
{
	const char *at = data;

	while (size > 0) {
		ssize_t n = write(fd, at, size);

		if (n < 0)
			return -errno;
		at += n;
		size -= n;
	}
	return 0;
}

/* fn's output as the contents of fd. */
static int
show(int fd, int (*fn)(FILE *, const struct profile *, const struct work *),
    const struct profile *p, const struct work *w)
{
	FILE *out = fdopen(fd, "w");
	int r;

	if (out == NULL)
		return -errno;
	r = fn(out, p, w);
	if (fclose(out) != 0 && r == 0)
		r = -errno;
	return r;
}

static int
show_page(FILE *out, const struct profile *p, const struct work *w)
{
	return flamegraph_write(out, p, w->host);
}

static int
show_table(FILE *out, const struct profile *p, const struct work *w)
{
	struct top_options o = { .rows = TABLE_ROWS, .width = w->width };

	return top_print(out, p, &o);
}

static int
show_merged(const struct work *w, const void *data, size_t size)
{
	struct pprof_error error;
	struct profile *p = pprof_read(data, size, &error);
	int r;

	if (p == NULL) {
		log_warnx("record", "the sum of the profiles: %s", error.text);
		return -EINVAL;
	}
	if ((r = write_all(w->out->profile, data, size)) == 0 &&
	    (r = show(w->out->page, show_page, p, w)) == 0)
		r = show(w->out->text, show_table, p, w);
	profile_free(p);
	return r;
}

/* Nothing to draw: the account says why. */
static int
show_account(FILE *out, const struct profile *p, const struct work *w)
{
	(void)p;
	account_lines(w->in->account, print_line, out);
	return 0;
}

static int
work(void *arg)
{
	const struct work *w = arg;
	struct pprof_merge *merge = pprof_merge_new();
	int code = CHILD_NO_PROFILE, r;
	void *data = NULL;
	size_t size;

	if (merge_files(merge, w->in) > 0) {
		account_lines(w->in->account, add_line, merge);
		r = pprof_merge_finish(merge, &data, &size);
		if (r == 0)
			r = show_merged(w, data, size);
		if (r < 0)
			log_warnx(
			    "record", "make the report: %s", strerror(-r));
		code = r < 0 ? CHILD_FAILED : CHILD_DONE;
	} else {
		show(w->out->text, show_account, NULL, w);
	}
	free(data);
	pprof_merge_free(merge);
	return code;
}

/* ---- outside */

/* A file of the shipper's: nothing that could block or lead elsewhere. */
static int
open_input(int dir, const char *name)
{
	int fd = openat(dir, name,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return fd;
	close(fd);
	return -EINVAL;
}

static void
open_profiles(struct inputs *in, const char *directory)
{
	DIR *d = opendir(directory);
	struct dirent *e;
	int fd;

	if (d == NULL)
		return;
	while ((e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		if (in->count == REPORT_FILES_MAX) {
			log_warnx("record",
			    "more than %d profiles: the rest "
			    "is left out",
			    REPORT_FILES_MAX);
			break;
		}
		fd = open_input(dirfd(d), e->d_name);
		if (fd >= 0)
			in->files[in->count++] = fd;
	}
	closedir(d);
}

static void
allow_many_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static int
run_child(const struct inputs *in, const struct record_report *r,
    const struct privilege_ids *ids)
{
	struct work w = { in, r, report_width(), "" };
	int code;

	if (gethostname(w.host, sizeof(w.host) - 1) < 0)
		strcpy(w.host, "this host");
	code = report_in_child(ids, work, &w);
	if (code == CHILD_DONE)
		return 0;
	return code == CHILD_NO_PROFILE ? -ENODATA : -EIO;
}

int
record_report_make(struct record_report *r, const char *directory,
    const char *account, const struct privilege_ids *ids)
{
	struct inputs *in = ecalloc(1, sizeof(*in));
	int result = -errno;

	allow_many_files();
	r->profile = memfd_create("profile", MFD_CLOEXEC);
	r->page = memfd_create("page", MFD_CLOEXEC);
	r->text = memfd_create("text", MFD_CLOEXEC);
	if (r->profile >= 0 && r->page >= 0 && r->text >= 0) {
		open_profiles(in, directory);
		in->account = open_input(AT_FDCWD, account);
		result = run_child(in, r, ids);
	} else {
		log_warn("record", "memory files");
		result = -errno;
	}
	for (int i = 0; i < in->count; i++)
		close(in->files[i]);
	if (in->account >= 0)
		close(in->account);
	free(in);
	return result;
}

void
record_report_close(struct record_report *r)
{
	if (r->profile >= 0)
		close(r->profile);
	if (r->page >= 0)
		close(r->page);
	if (r->text >= 0)
		close(r->text);
}

/* Lines may end; else nothing gets by that is not printable. */
static void
print_lines(const char *text, size_t size)
{
	while (size > 0) {
		const char *end = memchr(text, '\n', size);
		size_t n = end ? (size_t)(end - text) : size;
		char *line = text_printable((struct profile_string){ text, n });

		puts(line);
		free(line);
		n += end != NULL;
		text += n;
		size -= n;
	}
}

int
record_report_print(const struct record_report *r)
{
	struct stat st;
	char *text;
	ssize_t n;

	if (fstat(r->text, &st) < 0)
		return -errno;
	if (st.st_size > TEXT_MAX_BYTES)
		return -EFBIG;
	text = ecalloc(1, st.st_size + 1);
	n = pread(r->text, text, st.st_size, 0);
	if (n > 0)
		print_lines(text, n);
	free(text);
	return n < 0 ? -errno : 0;
}
