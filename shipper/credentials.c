/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "shipper/credentials.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "shipper/http_args.h"
#include "shipper/secret_file.h"
#include "shipper/text.h"

struct credentials {
	const struct http_args *args;
	struct secret_file file; /* at most one is configured */
};

static int
open_file(struct credentials *c, char **why)
{
	const struct http_args *a = c->args;

	if (a->basic_auth != NULL)
		return secret_file_init(&c->file, HTTP_FILE_PASSWORD,
		    a->basic_auth->password_file, why);
	if (a->authorization != NULL)
		return secret_file_init(&c->file, HTTP_FILE_CREDENTIALS,
		    a->authorization->credentials_file, why);
	return secret_file_init(
	    &c->file, HTTP_FILE_BEARER, a->bearer_token_file, why);
}

struct credentials *
credentials_new(const struct http_args *args, char **why)
{
	struct credentials *c = ecalloc(1, sizeof(*c));

	c->args = args;
	if (open_file(c, why) == 0)
		return c;
	credentials_free(c);
	return NULL;
}

void
credentials_free(struct credentials *c)
{
	if (c == NULL)
		return;
	secret_file_fini(&c->file);
	free(c);
}

static char *
basic_value(const struct basic_auth_args *a, char *file_text)
{
	char *password = file_text == NULL && a->password != NULL
			     ? estrdup(a->password)
			     : NULL;
	char *text = file_text != NULL ? file_text : password;
	char *plain, *coded, *value;

	if (asprintf(&plain, "%s:%s", a->username != NULL ? a->username : "",
		text != NULL ? text_trim(text) : "") < 0)
		fatalx("out of memory");
	coded = text_base64(plain);
	if (asprintf(&value, "Basic %s", coded) < 0)
		fatalx("out of memory");
	text_free_secret(password);
	text_free_secret(plain);
	text_free_secret(coded);
	return value;
}

/* "TYPE CREDENTIALS"; NULL without credentials. */
static char *
typed_value(const char *type, const char *inlined, char *file_text)
{
	char *copy = estrdup(type), *value = NULL;
	const char *text = file_text != NULL ? text_trim(file_text) : inlined;

	if (text_given(text) &&
	    asprintf(&value, "%s %s", text_trim(copy), text) < 0)
		fatalx("out of memory");
	free(copy);
	return value;
}

static char *
make_value(const struct http_args *a, char *file_text)
{
	if (a->basic_auth != NULL)
		return basic_value(a->basic_auth, file_text);
	if (a->authorization != NULL)
		return typed_value(a->authorization->type,
		    a->authorization->credentials, file_text);
	return typed_value("Bearer", a->bearer_token, file_text);
}

int
credentials_header(const struct credentials *c, char **value, char **why)
{
	char *text;
	int r = secret_file_read(&c->file, &text, why);

	*value = NULL;
	if (r < 0)
		return r;
	*value = make_value(c->args, text);
	text_free_secret(text);
	if (*value == NULL || text_is_header_value(*value))
		return 0;
	text_free_secret(*value);
	*value = NULL;
	if (asprintf(why, "unable to use %s: control characters in it",
		c->file.path) < 0)
		fatalx("out of memory");
	return -EINVAL;
}
