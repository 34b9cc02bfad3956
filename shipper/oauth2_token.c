/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "shipper/oauth2_token.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <jansson.h>

#include "common/log.h"
#include "shipper/http_args.h"
#include "shipper/text.h"

#define NSEC_PER_SEC 1000000000LL

/* ---- asking */

static void
put_parameter(FILE *out, const char *name, const char *value)
{
	char *n = text_form_escape(name), *v = text_form_escape(value);

	fprintf(out, "%s%s=%s", ftell(out) > 0 ? "&" : "", n, v);
	free(n);
	text_free_secret(v);
}

static void
put_scope(FILE *out, const struct river_strings *scopes)
{
	char *all = estrdup("");

	if (scopes->count == 0) {
		free(all);
		return;
	}
	for (size_t i = 0; i < scopes->count; i++) {
		char *longer;

		if (asprintf(&longer, "%s%s%s", all, i > 0 ? " " : "",
			scopes->item[i]) < 0)
			fatalx("out of memory");
		free(all);
		all = longer;
	}
	put_parameter(out, "scope", all);
	free(all);
}

static bool
has_parameter(const struct oauth2_args *a, const char *name)
{
	for (size_t i = 0; i < a->endpoint_params.count; i++)
		if (strcmp(a->endpoint_params.item[i].name, name) == 0)
			return true;
	return false;
}

char *
oauth2_token_form(const struct oauth2_args *a, const char *secret)
{
	char *form = NULL;
	size_t size;
	FILE *out = open_memstream(&form, &size);

	if (out == NULL)
		fatalx("out of memory");
	if (!has_parameter(a, "grant_type"))
		put_parameter(out, "grant_type", "client_credentials");
	put_scope(out, &a->scopes);
	for (size_t i = 0; i < a->endpoint_params.count; i++)
		put_parameter(out, a->endpoint_params.item[i].name,
		    a->endpoint_params.item[i].value);
	if (secret != NULL) {
		put_parameter(out, "client_id", a->client_id);
		put_parameter(out, "client_secret", secret);
	}
	if (fclose(out) != 0)
		fatalx("out of memory");
	return form;
}

char *
oauth2_token_basic(const struct oauth2_args *a, const char *secret)
{
	char *id = text_form_escape(a->client_id);
	char *escaped = text_form_escape(secret), *plain, *coded, *value;

	if (asprintf(&plain, "%s:%s", id, escaped) < 0)
		fatalx("out of memory");
	coded = text_base64(plain);
	if (asprintf(&value, "Basic %s", coded) < 0)
		fatalx("out of memory");
	free(id);
	text_free_secret(escaped);
	text_free_secret(plain);
	text_free_secret(coded);
	return value;
}

/* ---- the answer */

static int __attribute__((format(printf, 2, 3)))
refuse(char **why, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(why, fmt, ap) < 0)
		fatalx("out of memory");
	va_end(ap);
	return -EBADMSG;
}

/* "" if there is no such string. */
static const char *
string_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text != NULL ? text : "";
}

/* A number, or a string with one. */
static int64_t
lifetime_of(const json_t *object)
{
	const json_t *value = json_object_get(object, "expires_in");
	double sec = json_is_string(value) ? atof(json_string_value(value))
					   : json_number_value(value);

	if (!(sec > 0))
		return 0;
	if (sec > OAUTH2_LIFETIME_MAX_SEC)
		sec = OAUTH2_LIFETIME_MAX_SEC;
	return (int64_t)(sec * NSEC_PER_SEC) + 1;
}

/* How the type is written in a header. */
static const char *
header_type(const char *type)
{
	static const char *const known[] = { "Bearer", "MAC", "Basic" };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcasecmp(known[i], type) == 0)
			return known[i];
	return type[0] != '\0' ? type : "Bearer";
}

static int
read_token(struct oauth2_token *token, const json_t *object, char **why)
{
	const char *text = string_of(object, "access_token");

	if (text[0] == '\0')
		return refuse(why, "the answer has no access_token");
	if (asprintf(&token->header, "%s %s",
		header_type(string_of(object, "token_type")), text) < 0)
		fatalx("out of memory");
	token->lifetime_ns = lifetime_of(object);
	if (text_is_header_value(token->header))
		return 0;
	text_free_secret(token->header);
	token->header = NULL;
	return refuse(why, "the token has control characters");
}

/* What a token endpoint says of its error, if it says it as it should. */
static int
read_refusal(int status, const json_t *object, char **why)
{
	const char *error = string_of(object, "error");
	const char *text = string_of(object, "error_description");

	if (error[0] == '\0')
		return refuse(why, "HTTP status %d", status);
	return refuse(why, "HTTP status %d: %.100s%s%.200s", status, error,
	    text[0] != '\0' ? ": " : "", text);
}

int
oauth2_token_read(struct oauth2_token *token, int status, const void *body,
    size_t size, char **why)
{
	json_t *object = size > 0 ? json_loadb(body, size, 0, NULL) : NULL;
	int r;

	memset(token, 0, sizeof(*token));
	if (status < 200 || status > 299)
		r = read_refusal(status, object, why);
	else if (!json_is_object(object))
		r = refuse(why, "the answer is no JSON object");
	else
		r = read_token(token, object, why);
	json_decref(object);
	return r;
}
