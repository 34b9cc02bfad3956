/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "shipper/url_syntax.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"

struct part {
	const char *at, *end;
};

static char *__attribute__((format(printf, 1, 2))) say(const char *fmt, ...)
{
	char *text;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0)
		fatalx("out of memory");
	return text;
}

static const char *
find(struct part p, char c)
{
	return memchr(p.at, c, p.end - p.at);
}

static bool
has_control(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return true;
	return false;
}

/* The bytes of the scheme before its ":"; 0: none, -1: nothing before it. */
static long
scheme_size(struct part p)
{
	const char *s = p.at;

	for (; s < p.end; s++) {
		if (*s == ':')
			return s == p.at ? -1 : s - p.at;
		if (!isalnum((unsigned char)*s) &&
		    (*s == '\0' || strchr("+-.", *s) == NULL))
			return 0;
		if (s == p.at && !isalpha((unsigned char)*s))
			return 0;
	}
	return 0;
}

static char *
wrong_escape(struct part p)
{
	for (const char *s = p.at; s < p.end; s++) {
		int left = p.end - s;

		if (*s != '%')
			continue;
		if (left < 3 || !isxdigit((unsigned char)s[1]) ||
		    !isxdigit((unsigned char)s[2]))
			return say("invalid URL escape \"%.*s\"",
			    left < 3 ? left : 3, s);
	}
	return NULL;
}

/* What follows the host: nothing or ":" and digits. */
static char *
wrong_port(struct part p)
{
	const char *s = p.at;

	if (s == p.end)
		return NULL;
	if (*s == ':')
		for (s++; s < p.end && isdigit((unsigned char)*s); s++)
			;
	return s == p.end && *p.at == ':'
		   ? NULL
		   : say("invalid port \"%.*s\" after host",
			 (int)(p.end - p.at), p.at);
}

static char *
wrong_host(struct part p)
{
	const char *colon = NULL;

	if (p.at < p.end && *p.at == '[') {
		colon = find(p, ']');
		if (colon == NULL)
			return say("missing ']' in host");
		return wrong_port((struct part){ colon + 1, p.end });
	}
	for (const char *s = p.at; s < p.end; s++) {
		if (*s == ':')
			colon = s;
		if (strchr(" \"<>\\^`{|}", *s) != NULL)
			return say("invalid character \"%c\" in host name", *s);
	}
	if (colon != NULL)
		return wrong_port((struct part){ colon, p.end });
	return NULL;
}

static char *
wrong_authority(struct part p)
{
	for (const char *s = p.end; s > p.at; s--) {
		if (s[-1] != '@')
			continue;
		for (const char *c = p.at; c < s - 1; c++)
			if (!isalnum((unsigned char)*c) &&
			    strchr("-._:~!$&'()*+,;=%@", *c) == NULL)
				return say("net/url: invalid userinfo");
		p.at = s;
		break;
	}
	return wrong_host(p);
}

/* What follows the scheme, without query and fragment. */
static char *
wrong_rest(struct part p, bool has_scheme)
{
	const char *slash, *colon;
	char *wrong;

	if (p.at == p.end || *p.at != '/') {
		if (has_scheme)
			return NULL; /* opaque, as in mailto:x */
		slash = find(p, '/');
		colon = find(p, ':');
		if (colon != NULL && (slash == NULL || colon < slash))
			return say("first path segment in URL cannot contain "
				   "colon");
		return wrong_escape(p);
	}
	if (p.end - p.at >= 2 && p.at[1] == '/') {
		slash = find((struct part){ p.at + 2, p.end }, '/');
		if (slash == NULL)
			slash = p.end;
		wrong = wrong_authority((struct part){ p.at + 2, slash });
		if (wrong != NULL)
			return wrong;
		p.at = slash;
	}
	return wrong_escape(p);
}

char *
url_syntax_wrong(const char *text)
{
	struct part p = { text, text + strcspn(text, "#") };
	long scheme;

	if (has_control(text))
		return say("net/url: invalid control character in URL");
	scheme = scheme_size(p);
	if (scheme < 0)
		return say("missing protocol scheme");
	if (scheme > 0)
		p.at += scheme + 1;
	p.end = p.at + strcspn(p.at, "?#");
	return wrong_rest(p, scheme > 0);
}
