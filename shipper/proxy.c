/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "shipper/proxy.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/log.h"
#include "shipper/http_args.h"
#include "shipper/http_url.h"
#include "shipper/text.h"

/* Hosts are at most 253 characters long. */
#define HOST_MAX 255

struct proxy_rules {
	char *http, *https; /* by scheme of the URL; NULL: none */
	char *exceptions;   /* NULL: there are none, not even loopback */
};

/* ---- addresses, IPv4 as in ::ffff:0:0/96 */

struct address {
	uint8_t byte[16];
};

static bool
parse_address(const char *text, struct address *a)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (inet_pton(AF_INET6, text, a->byte) == 1)
		return true;
	memcpy(a->byte, mapped, sizeof(mapped));
	return inet_pton(AF_INET, text, a->byte + 12) == 1;
}

static bool
shares_prefix(const struct address *a, const struct address *b, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;

	if (memcmp(a->byte, b->byte, whole) != 0)
		return false;
	return rest == 0 ||
	       ((a->byte[whole] ^ b->byte[whole]) >> (8 - rest)) == 0;
}

static bool
is_loopback(const char *host)
{
	struct address a, v4, v6;

	if (strcasecmp(host, "localhost") == 0)
		return true;
	parse_address("127.0.0.0", &v4);
	parse_address("::1", &v6);
	return parse_address(host, &a) &&
	       (shares_prefix(&a, &v4, 96 + 8) || shares_prefix(&a, &v6, 128));
}

/* ---- exceptions */

/* Where we are to go. */
struct goal {
	char host[HOST_MAX + 1]; /* without brackets and a dot at the end */
	const char *port;
};

static bool
matches_block(const struct goal *goal, const char *text, const char *slash)
{
	char base[HOST_MAX + 1];
	struct address a, b;
	char *end;
	unsigned long bits = strtoul(slash + 1, &end, 10);
	unsigned long max = strchr(text, ':') != NULL ? 128 : 32;

	snprintf(base, sizeof(base), "%.*s", (int)(slash - text), text);
	if (!isdigit((unsigned char)slash[1]) || *end != '\0' || bits > max ||
	    !parse_address(base, &b) || !parse_address(goal->host, &a))
		return false;
	return shares_prefix(&a, &b, 128 - max + bits);
}

/* Takes ":PORT" and brackets off text; the port or NULL. */
static const char *
split_port(char **text)
{
	char *colon = strrchr(*text, ':'), *close = strrchr(*text, ']');

	if (**text == '[' && close != NULL) {
		*close = '\0';
		++*text;
		return close[1] == ':' ? close + 2 : NULL;
	}
	if (colon == NULL || strchr(*text, ':') != colon)
		return NULL; /* an IPv6 address has several */
	*colon = '\0';
	return colon + 1;
}

static bool
matches_domain(const char *host, const char *domain)
{
	size_t size, n = strlen(host);
	bool itself = domain[0] != '.' && domain[0] != '*';

	if (domain[0] == '*')
		domain++;
	if (domain[0] == '.')
		domain++;
	size = strlen(domain);
	if (size == 0 || n < size || strcasecmp(host + n - size, domain) != 0)
		return false;
	return n == size ? itself : host[n - size - 1] == '.';
}

/* text is one exception; it is changed. */
static bool
matches(const struct goal *goal, char *text)
{
	const char *port, *slash = strchr(text, '/');
	struct address a, b;

	if (strcmp(text, "*") == 0)
		return true;
	if (slash != NULL)
		return matches_block(goal, text, slash);
	port = split_port(&text);
	if (port != NULL && strcmp(port, goal->port) != 0)
		return false;
	if (parse_address(text, &a))
		return parse_address(goal->host, &b) &&
		       shares_prefix(&a, &b, 128);
	return matches_domain(goal->host, text);
}

static bool
is_exception(const struct goal *goal, const char *list)
{
	char *copy, *next, *item;
	bool found = false;

	if (is_loopback(goal->host))
		return true;
	copy = estrdup(list);
	for (next = copy; !found && (item = strsep(&next, ",")) != NULL;) {
		item = text_trim(item);
		found = item[0] != '\0' && matches(goal, item);
	}
	free(copy);
	return found;
}

const char *
proxy_rules_choose(const struct proxy_rules *rules, const struct http_url *url)
{
	const char *proxy = http_url_is_tls(url) ? rules->https : rules->http;
	const char *host = url->host;
	struct goal goal = { .port = url->port };
	size_t size;

	if (proxy == NULL || rules->exceptions == NULL)
		return proxy;
	snprintf(goal.host, sizeof(goal.host), "%s",
	    host[0] == '[' ? host + 1 : host);
	size = strcspn(goal.host, "]");
	if (size > 0 && goal.host[size - 1] == '.')
		size--;
	goal.host[size] = '\0';
	return is_exception(&goal, rules->exceptions) ? NULL : proxy;
}

/* ---- where they come from */

/* Capitals first, as everybody does. */
static const char *
variable(const char *upper, const char *lower)
{
	const char *value = getenv(upper);

	return text_given(value) ? value : getenv(lower);
}

/* *proxy is NULL where there is none. */
static int
from_variable(const char *upper, const char *lower, char **proxy, char **why)
{
	const char *value = variable(upper, lower), *wrong;
	bool whole;

	*proxy = NULL;
	if (!text_given(value))
		return 0;
	whole = strstr(value, "://") != NULL;
	if (asprintf(proxy, "%s%s", whole ? "" : "http://", value) < 0)
		fatalx("out of memory");
	wrong = http_url_check_proxy(*proxy);
	if (wrong == NULL)
		return 0;
	if (asprintf(why, "environment variable %s: %s", upper, wrong) < 0)
		fatalx("out of memory");
	return -1;
}

static int
from_environment(struct proxy_rules *rules, char **why)
{
	const char *exceptions = variable("NO_PROXY", "no_proxy");

	int r;

	rules->exceptions = estrdup(exceptions != NULL ? exceptions : "");
	r = from_variable("HTTP_PROXY", "http_proxy", &rules->http, why);
	if (r == 0)
		r = from_variable(
		    "HTTPS_PROXY", "https_proxy", &rules->https, why);
	return r;
}

struct proxy_rules *
proxy_rules_new(const struct proxy_args *args, char **why)
{
	struct proxy_rules *rules = ecalloc(1, sizeof(*rules));

	if (args->from_environment) {
		if (from_environment(rules, why) == 0)
			return rules;
		proxy_rules_free(rules);
		return NULL;
	}
	if (!text_given(args->url))
		return rules;
	rules->http = estrdup(args->url);
	rules->https = estrdup(args->url);
	if (text_given(args->no_proxy))
		rules->exceptions = estrdup(args->no_proxy);
	return rules;
}

void
proxy_rules_free(struct proxy_rules *rules)
{
	if (rules == NULL)
		return;
	text_free_secret(rules->http);
	text_free_secret(rules->https);
	free(rules->exceptions);
	free(rules);
}
