/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "shipper/file_endpoint.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "shipper/labels.h"

#define SCHEME "file://"
#define CAP_QUERY "?max_bytes="
#define SUFFIX ".pb.gz"
#define TEMPORARY_SUFFIX SUFFIX ".tmp"
#define TIME_SIZE 20 /* 20260801T120000.000Z */
#define SERVICE_MAX 100
/* An unfinished file of this age is nobody's any more. */
#define LEFTOVER_SEC 600
/* Candidates for removal that one look at the directory collects. */
#define OLDEST_MAX 128

struct file_endpoint {
	char *directory;
	uint64_t cap;
	bool counted;   /* bytes is known */
	uint64_t bytes; /* of our files, at most */
};

bool
file_endpoint_is_url(const char *url)
{
	return strncasecmp(url, "file:", 5) == 0;
}

/* 0 if the text is no such number. */
static uint64_t
parse_cap(const char *text)
{
	char *end;
	unsigned long long n;

	if (!isdigit((unsigned char)text[0]))
		return 0;
	errno = 0;
	n = strtoull(text, &end, 10);
	return *end == '\0' && errno == 0 ? n : 0;
}

const char *
file_endpoint_check(const char *url)
{
	const char *query = strchr(url, '?');

	if (strncasecmp(url, SCHEME "/", sizeof(SCHEME)) != 0)
		return "must be file:///DIRECTORY, an absolute path";
	if (strchr(url, '%') != NULL || strchr(url, '#') != NULL)
		return "\"%\" and \"#\" cannot be in the path";
	if (query != NULL &&
	    (strncmp(query, CAP_QUERY, strlen(CAP_QUERY)) != 0 ||
		parse_cap(query + strlen(CAP_QUERY)) == 0))
		return "all that may follow the path is ?max_bytes=NUMBER";
	return NULL;
}

char *
file_endpoint_directory(const char *url)
{
	const char *path = url + strlen(SCHEME);
	char *directory = estrdup(path);

	directory[strcspn(path, "?")] = '\0';
	return directory;
}

static int
writable(const char *directory)
{
	struct stat st;

	if (stat(directory, &st) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode))
		return -ENOTDIR;
	return access(directory, W_OK | X_OK) < 0 ? -errno : 0;
}

/* Whether a directory of that name could be made. */
static int
makeable(const char *directory)
{
	char *copy = estrdup(directory);
	int r;

	/* "/a/b//" lies in "/a" */
	for (size_t n = strlen(copy); n > 1 && copy[n - 1] == '/'; n--)
		copy[n - 1] = '\0';
	r = writable(dirname(copy));
	free(copy);
	return r;
}

int
file_endpoint_probe(const char *url, bool make)
{
	char *directory = file_endpoint_directory(url);
	int r = writable(directory);

	if (r == -ENOENT && make)
		r = mkdir(directory, 0750) < 0 ? -errno : 0;
	else if (r == -ENOENT)
		r = makeable(directory);
	free(directory);
	return r;
}

struct file_endpoint *
file_endpoint_new(const char *url)
{
	struct file_endpoint *fe = ecalloc(1, sizeof(*fe));
	const char *query = strchr(url, '?');

	fe->directory = file_endpoint_directory(url);
	fe->cap = query != NULL ? parse_cap(query + strlen(CAP_QUERY))
				: FILE_ENDPOINT_MAX_BYTES;
	return fe;
}

void
file_endpoint_free(struct file_endpoint *fe)
{
	if (fe == NULL)
		return;
	free(fe->directory);
	free(fe);
}

/* ---- names */

static void
service_part(const char *service, char out[SERVICE_MAX + 1])
{
	size_t n = 0;

	for (; service[n] != '\0' && n < SERVICE_MAX; n++) {
		char c = service[n];
		bool keep = isalnum((unsigned char)c) || c == '_' || c == '-' ||
			    (c == '.' && n > 0);

		out[n] = keep ? c : '_';
	}
	out[n] = '\0';
	if (n == 0)
		strcpy(out, "profile");
}

static void
time_part(uint64_t time_ns, char out[TIME_SIZE + 1])
{
	time_t sec = time_ns / 1000000000;
	unsigned msec = time_ns / 1000000 % 1000;
	struct tm tm;
	char text[32];

	/* a year of five digits: what came cannot be a clock's time */
	if (gmtime_r(&sec, &tm) == NULL || tm.tm_year > 9999 - 1900)
		memset(&tm, 0, sizeof(tm));
	strftime(text, sizeof(text), "%Y%m%dT%H%M%S", &tm);
	snprintf(out, TIME_SIZE + 1, "%.15s.%03uZ", text, msec);
}

static void
file_name(const struct file_profile *p, char *out, size_t size)
{
	char service[SERVICE_MAX + 1], when[TIME_SIZE + 1];

	service_part(labels_get(p->labels, "service_name"), service);
	time_part(p->time_ns, when);
	snprintf(out, size, "%s-%s-%08" PRIx32 "-%" PRIu64 SUFFIX, service,
	    when, p->series, p->id);
}

static bool
ends_with(const char *name, const char *suffix)
{
	size_t n = strlen(name), s = strlen(suffix);

	return n > s && strcmp(name + n - s, suffix) == 0;
}

/* Whether a name is one that file_name() makes. */
static bool
is_ours(const char *name)
{
	const char *p = name + strlen(name) - strlen(SUFFIX);
	size_t digits = 0;

	if (!ends_with(name, SUFFIX))
		return false;
	while (p > name && isdigit((unsigned char)p[-1])) {
		p--;
		digits++;
	}
	if (digits == 0 || p - name < 1 + 8 + 1 + TIME_SIZE + 1)
		return false;
	p -= 1 + 8; /* "-" SERIES before it */
	if (p[8] != '-' || strspn(p, "0123456789abcdef") < 8)
		return false;
	p -= 1 + TIME_SIZE;
	return p[TIME_SIZE] == '-' && p[TIME_SIZE - 1] == 'Z' && p[8] == 'T' &&
	       p > name && p[-1] == '-';
}

/* ---- the size cap */

struct old_file {
	char name[NAME_MAX + 1];
	struct timespec mtime;
	off_t size;
};

struct scan {
	uint64_t bytes;
	struct old_file *oldest; /* OLDEST_MAX, sorted, oldest first */
	size_t count;
};

static bool
is_older(struct timespec a, struct timespec b)
{
	return a.tv_sec != b.tv_sec ? a.tv_sec < b.tv_sec
				    : a.tv_nsec < b.tv_nsec;
}

static void
remember(struct scan *scan, const char *name, const struct stat *st)
{
	size_t at = scan->count;

	while (at > 0 && is_older(st->st_mtim, scan->oldest[at - 1].mtime))
		at--;
	if (at == OLDEST_MAX)
		return;
	if (scan->count < OLDEST_MAX)
		scan->count++;
	memmove(&scan->oldest[at + 1], &scan->oldest[at],
	    (scan->count - at - 1) * sizeof(scan->oldest[0]));
	snprintf(
	    scan->oldest[at].name, sizeof(scan->oldest[at].name), "%s", name);
	scan->oldest[at].mtime = st->st_mtim;
	scan->oldest[at].size = st->st_size;
}

/* What an interrupted write has left; a young one may still be written. */
static bool
is_leftover(const char *name, const struct stat *st)
{
	char inner[NAME_MAX + 1];
	size_t size = strlen(name);

	if (name[0] != '.' || !ends_with(name, TEMPORARY_SUFFIX) ||
	    time(NULL) - st->st_mtim.tv_sec < LEFTOVER_SEC)
		return false;
	snprintf(inner, sizeof(inner), "%.*s", (int)(size - 1 - strlen(".tmp")),
	    name + 1);
	return is_ours(inner);
}

/* Adds up our files and clears away what an interrupted write has left. */
static int
look_around(int dirfd, struct scan *scan)
{
	int copy = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *entry;
	struct stat st;

	scan->bytes = scan->count = 0;
	if (dir == NULL) {
		int r = -errno;

		if (copy >= 0)
			close(copy);
		return r;
	}
	while ((entry = readdir(dir)) != NULL) {
		const char *name = entry->d_name;

		if (!ends_with(name, SUFFIX) &&
		    !ends_with(name, TEMPORARY_SUFFIX))
			continue;
		if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    !S_ISREG(st.st_mode))
			continue;
		if (is_leftover(name, &st))
			unlinkat(dirfd, name, 0);
		if (!is_ours(name))
			continue;
		scan->bytes += st.st_size;
		remember(scan, name, &st);
	}
	closedir(dir);
	return 0;
}

/* Whether any could be removed. */
static bool
remove_oldest(
    struct file_endpoint *fe, int dirfd, const struct scan *scan, uint64_t size)
{
	/* a little more than needed, so that not each write looks around */
	uint64_t goal = fe->cap - fe->cap / 16;
	bool any = false;

	for (size_t i = 0; i < scan->count && fe->bytes + size > goal; i++) {
		if (unlinkat(dirfd, scan->oldest[i].name, 0) < 0)
			continue;
		fe->bytes -= scan->oldest[i].size;
		any = true;
	}
	return any;
}

/* Makes room for size bytes more. 0 or -errno. */
static int
make_room(struct file_endpoint *fe, int dirfd, uint64_t size)
{
	struct scan scan = { 0 };
	int r = 0;

	if (size > fe->cap)
		return -EFBIG;
	if (fe->counted && fe->bytes + size <= fe->cap)
		return 0;
	scan.oldest = ecalloc(OLDEST_MAX + 1, sizeof(scan.oldest[0]));
	do {
		if ((r = look_around(dirfd, &scan)) < 0)
			break;
		fe->bytes = scan.bytes;
		fe->counted = true;
		if (fe->bytes + size > fe->cap &&
		    !remove_oldest(fe, dirfd, &scan, size))
			r = -EDQUOT;
	} while (r == 0 && fe->bytes + size > fe->cap);
	free(scan.oldest);
	return r;
}

/* ---- writing */

static int
copy_all(int out, int in, uint64_t size)
{
	char chunk[16384];
	uint64_t at = 0;

	while (at < size) {
		ssize_t n = pread(in, chunk, sizeof(chunk), at), done = 0;

		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		while (done < n) {
			ssize_t m = write(out, chunk + done, n - done);

			if (m < 0)
				return -errno;
			done += m;
		}
		at += n;
	}
	return fsync(out) < 0 ? -errno : 0;
}

static int
write_file(int dirfd, const struct file_profile *p, const char *name)
{
	char temporary[NAME_MAX + 16];
	int fd, r;

	snprintf(temporary, sizeof(temporary), ".%s.tmp", name);
	fd = openat(dirfd, temporary,
	    O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0640);
	if (fd < 0)
		return -errno;
	r = copy_all(fd, p->fd, p->size);
	if (close(fd) < 0 && r == 0)
		r = -errno;
	if (r == 0 && renameat(dirfd, temporary, dirfd, name) < 0)
		r = -errno;
	if (r < 0)
		unlinkat(dirfd, temporary, 0);
	else
		fsync(dirfd); /* the file is whole either way */
	return r;
}

int
file_endpoint_write(struct file_endpoint *fe, const struct file_profile *p)
{
	char name[NAME_MAX + 1];
	int r, dirfd = open(fe->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dirfd < 0)
		return -errno;
	file_name(p, name, sizeof(name));
	r = make_room(fe, dirfd, p->size);
	if (r == 0)
		r = write_file(dirfd, p, name);
	if (r == 0)
		fe->bytes += p->size;
	close(dirfd);
	return r;
}
