/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "shipper/credentials.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "shipper/http_args.h"
#include "shipper/text.h"

enum secret_use {
	SECRET_PASSWORD,
	SECRET_CREDENTIALS,
	SECRET_BEARER,
	SECRET_CA,
	SECRET_CERT,
	SECRET_KEY,
	SECRET_USES
};

struct credentials {
	const struct http_args *args;
	int fds[SECRET_USES]; /* of the files as they were at first, or -1 */
};

/* For messages. */
static const char *const use_names[SECRET_USES] = {
	[SECRET_PASSWORD] = "basic auth password file",
	[SECRET_CREDENTIALS] = "authorization credentials file",
	[SECRET_BEARER] = "bearer token file",
	[SECRET_CA] = "CA cert",
	[SECRET_CERT] = "client cert",
	[SECRET_KEY] = "client key",
};

/* The file that args names for this use, or NULL. */
static const char *
path_of(const struct http_args *args, enum secret_use use)
{
	const struct basic_auth_args *basic = args->basic_auth;
	const struct authorization_args *auth = args->authorization;
	const struct tls_args *tls = args->tls_config;
	const char *path = NULL;

	switch (use) {
	case SECRET_PASSWORD:
		path = basic != NULL ? basic->password_file : NULL;
		break;
	case SECRET_CREDENTIALS:
		path = auth != NULL ? auth->credentials_file : NULL;
		break;
	case SECRET_BEARER:
		path = args->bearer_token_file;
		break;
	case SECRET_CA:
		path = tls != NULL ? tls->ca_file : NULL;
		break;
	case SECRET_CERT:
		path = tls != NULL ? tls->cert_file : NULL;
		break;
	case SECRET_KEY:
		path = tls != NULL ? tls->key_file : NULL;
		break;
	default:
		break;
	}
	return text_given(path) ? path : NULL;
}

static int
explain(char **why, int r, enum secret_use use, const char *path)
{
	if (asprintf(why, "unable to read %s %s: %s", use_names[use], path,
		strerror(-r)) < 0)
		fatalx("out of memory");
	return r;
}

/* All of fd from its start, as text. */
static int
read_whole(int fd, char **text)
{
	size_t size = 0, room = 4096;
	char *data = ecalloc(1, room);
	ssize_t n;

	while ((n = pread(fd, data + size, room - size - 1, size)) > 0) {
		size += n;
		if (size + 1 < room)
			continue;
		if (room > CREDENTIALS_FILE_MAX_BYTES) {
			free(data);
			return -EFBIG;
		}
		room *= 2;
		data = erealloc(data, room, 1);
	}
	if (n < 0) {
		int r = -errno;

		free(data);
		return r;
	}
	data[size] = '\0';
	*text = data;
	return 0;
}

static int
open_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	return fd < 0 ? -errno : fd;
}

/* The text of a file that is to be read now. *text is NULL if none is named. */
static int
read_file(struct credentials *c, enum secret_use use, char **text, char **why)
{
	const char *path = path_of(c->args, use);
	int fd, r;

	*text = NULL;
	if (path == NULL)
		return 0;
	fd = open_file(path);
	if ((fd == -EACCES || fd == -EPERM) && c->fds[use] >= 0) {
		r = read_whole(c->fds[use], text);
	} else if (fd < 0) {
		r = fd;
	} else {
		r = read_whole(fd, text);
		close(fd);
	}
	return r < 0 ? explain(why, r, use, path) : 0;
}

struct credentials *
credentials_new(const struct http_args *args, char **why)
{
	struct credentials *c = ecalloc(1, sizeof(*c));

	c->args = args;
	for (int use = 0; use < SECRET_USES; use++)
		c->fds[use] = -1;
	for (int use = 0; use < SECRET_USES; use++) {
		const char *path = path_of(args, use);
		char *text = NULL;
		int r = path != NULL ? open_file(path) : -1;

		if (path == NULL)
			continue;
		c->fds[use] = r < 0 ? -1 : r;
		if (r >= 0)
			r = read_whole(r, &text);
		free(text);
		if (r < 0) {
			explain(why, r, use, path);
			credentials_free(c);
			return NULL;
		}
	}
	return c;
}

void
credentials_free(struct credentials *c)
{
	if (c == NULL)
		return;
	for (int use = 0; use < SECRET_USES; use++)
		if (c->fds[use] >= 0)
			close(c->fds[use]);
	free(c);
}

static char *
basic_value(const char *username, char *password)
{
	char *plain, *coded, *value;

	if (asprintf(&plain, "%s:%s", username != NULL ? username : "",
		password != NULL ? text_trim(password) : "") < 0)
		fatalx("out of memory");
	coded = text_base64(plain);
	if (asprintf(&value, "Basic %s", coded) < 0)
		fatalx("out of memory");
	free(plain);
	free(coded);
	return value;
}

/* "TYPE CREDENTIALS"; NULL without credentials. */
static char *
typed_value(const char *type, const char *inline_text, char *file_text)
{
	char *copy = estrdup(type), *value = NULL;
	const char *text =
	    file_text != NULL ? text_trim(file_text) : inline_text;

	if (text_given(text) &&
	    asprintf(&value, "%s %s", text_trim(copy), text) < 0)
		fatalx("out of memory");
	free(copy);
	return value;
}

static bool
is_one_line(const char *text)
{
	return strpbrk(text, "\r\n") == NULL;
}

int
credentials_authorization(struct credentials *c, char **value, char **why)
{
	const struct http_args *a = c->args;
	enum secret_use use = a->basic_auth != NULL      ? SECRET_PASSWORD
			      : a->authorization != NULL ? SECRET_CREDENTIALS
							 : SECRET_BEARER;
	char *text;
	int r;

	*value = NULL;
	if ((r = read_file(c, use, &text, why)) < 0)
		return r;
	if (a->basic_auth != NULL) {
		if (text == NULL && text_given(a->basic_auth->password))
			text = estrdup(a->basic_auth->password);
		*value = basic_value(a->basic_auth->username, text);
	} else if (a->authorization != NULL) {
		*value = typed_value(a->authorization->type,
		    a->authorization->credentials, text);
	} else {
		*value = typed_value("Bearer", a->bearer_token, text);
	}
	free(text);
	if (*value == NULL || is_one_line(*value))
		return 0;
	free(*value);
	*value = NULL;
	return explain(why, -EINVAL, use, path_of(a, use));
}

/* Text of the file, or a copy of what the configuration has. */
static int
read_pem(struct credentials *c, enum secret_use use, const char *pem,
    char **text, char **why)
{
	int r = read_file(c, use, text, why);

	if (r == 0 && *text == NULL && text_given(pem))
		*text = estrdup(pem);
	return r;
}

int
credentials_tls(struct credentials *c, struct credentials_tls *tls, char **why)
{
	const struct tls_args *a = c->args->tls_config;
	int r;

	memset(tls, 0, sizeof(*tls));
	if (a == NULL)
		return 0;
	if ((r = read_pem(c, SECRET_CA, a->ca_pem, &tls->ca, why)) < 0 ||
	    (r = read_pem(c, SECRET_CERT, a->cert_pem, &tls->cert, why)) < 0 ||
	    (r = read_pem(c, SECRET_KEY, a->key_pem, &tls->key, why)) < 0)
		credentials_tls_free(tls);
	return r;
}

void
credentials_tls_free(struct credentials_tls *tls)
{
	free(tls->ca);
	free(tls->cert);
	if (tls->key != NULL)
		explicit_bzero(tls->key, strlen(tls->key));
	free(tls->key);
	memset(tls, 0, sizeof(*tls));
}
