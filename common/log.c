/* SPDX-License-Identifier: Apache-2.0 */
#include "common/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

static const char *log_program = "phlare";
static int log_level = LOG_INFO; /* more is not shown */
static bool log_debugging;
static bool log_levels;

/* True if the reader of standard error wants levels (sd-daemon(3)). */
static bool
reader_wants_levels(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char mine[64];
	struct stat st;

	if (stream == NULL || fstat(STDERR_FILENO, &st) < 0)
		return false;
	snprintf(mine, sizeof(mine), "%llu:%llu", (unsigned long long)st.st_dev,
	    (unsigned long long)st.st_ino);
	return strcmp(stream, mine) == 0;
}

void
log_init(const char *program, bool debug)
{
	log_program = program;
	log_debugging = debug;
	log_level = debug ? LOG_DEBUG : LOG_INFO;
	log_levels = reader_wants_levels();
}

/* The character at s and its length in bytes, 0 if it is no valid UTF-8. */
static int
utf8_rune(const unsigned char *s, uint32_t *rune)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	int n = s[0] < 0x80                   ? 1
		: s[0] >= 0xc2 && s[0] < 0xe0 ? 2
		: (s[0] & 0xf0) == 0xe0       ? 3
		: s[0] >= 0xf0 && s[0] < 0xf5 ? 4
					      : 0;

	*rune = n > 1 ? s[0] & (0x7f >> n) : s[0];
	for (int i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		*rune = *rune << 6 | (s[i] & 0x3f);
	}
	if (*rune < least[n] || (*rune >= 0xd800 && *rune < 0xe000) ||
	    *rune > 0x10ffff)
		return 0;
	return n;
}

/* What moves the cursor, ends a line or turns the direction of writing. */
static bool
is_control(uint32_t rune)
{
	return rune < 0x20 || (rune >= 0x7f && rune < 0xa0) ||
	       (rune >= 0x200e && rune <= 0x200f) ||
	       (rune >= 0x2028 && rune <= 0x202e) ||
	       (rune >= 0x2066 && rune <= 0x2069);
}

/* Copies in to out, escaping what is not text. Always terminated. */
static size_t
escape(char *out, size_t size, const char *in)
{
	size_t used = 0;

	while (*in != '\0' && used + 5 < size) {
		const unsigned char *s = (const unsigned char *)in;
		uint32_t rune;
		int n = utf8_rune(s, &rune);

		if (n == 0 || is_control(rune)) {
			used += snprintf(out + used, 5, "\\x%02x", s[0]);
			in++;
			continue;
		}
		memcpy(out + used, in, n);
		used += n;
		in += n;
	}
	out[used] = '\0';
	return used;
}

static void
log_line(int level, const char *module, const char *suffix, const char *fmt,
    va_list ap)
{
	char text[2048], line[4096];
	int saved = errno;
	size_t used = 0;

	vsnprintf(text, sizeof(text), fmt, ap);
	if (log_levels)
		used = snprintf(line, sizeof(line), "<%d>", level);
	used += snprintf(line + used, sizeof(line) - used, "%s: %s%s",
	    log_program, module ? module : "", module ? ": " : "");
	used += escape(line + used, sizeof(line) - used - 160, text);
	used += snprintf(line + used, sizeof(line) - used, "%s%.120s\n",
	    suffix ? ": " : "", suffix ? suffix : "");
	if (write(STDERR_FILENO, line, used) < 0) {
		/* nowhere left to say it */
	}
	errno = saved;
}

void
log_set_level(int level)
{
	log_level = log_debugging ? LOG_DEBUG : level;
}

#define LOG_CALL(level, module, suffix)                                        \
	do {                                                                   \
		va_list ap;                                                    \
		if ((level) > log_level)                                       \
			break;                                                 \
		va_start(ap, fmt);                                             \
		log_line(level, module, suffix, fmt, ap);                      \
		va_end(ap);                                                    \
	} while (0)

void
log_warn(const char *module, const char *fmt, ...)
{
	LOG_CALL(LOG_WARNING, module, strerror(errno));
}

void
log_warnx(const char *module, const char *fmt, ...)
{
	LOG_CALL(LOG_WARNING, module, NULL);
}

void
log_info(const char *module, const char *fmt, ...)
{
	LOG_CALL(LOG_INFO, module, NULL);
}

void
log_debug(const char *module, const char *fmt, ...)
{
	LOG_CALL(LOG_DEBUG, module, NULL);
}

void
fatal(const char *fmt, ...)
{
	LOG_CALL(LOG_ERR, NULL, errno != 0 ? strerror(errno) : NULL);
	exit(1);
}

void
fatalx(const char *fmt, ...)
{
	LOG_CALL(LOG_ERR, NULL, NULL);
	exit(1);
}

bool
log_limit_ok(struct log_limit *limit)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (limit->next_sec > now.tv_sec) {
		limit->swallowed++;
		return false;
	}
	limit->next_sec = now.tv_sec + 1;
	return true;
}

const char *
log_limit_tail(struct log_limit *limit)
{
	limit->tail[0] = '\0';
	if (limit->swallowed > 0)
		snprintf(limit->tail, sizeof(limit->tail),
		    " (and %lu more like it)", limit->swallowed);
	limit->swallowed = 0;
	return limit->tail;
}

void *
ecalloc(unsigned long n, unsigned long size)
{
	void *p = calloc(n, size);

	if (p == NULL)
		fatal("out of memory");
	return p;
}

void *
erealloc(void *p, unsigned long n, unsigned long size)
{
	if (n == 0 || size == 0) /* else it would free p and give NULL */
		n = size = 1;
	p = reallocarray(p, n, size);
	if (p == NULL)
		fatal("out of memory");
	return p;
}

char *
estrdup(const char *s)
{
	char *p = strdup(s);

	if (p == NULL)
		fatal("out of memory");
	return p;
}
