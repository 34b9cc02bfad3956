/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "shipper/oauth2.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/log.h"
#include "common/now.h"
#include "shipper/header_list.h"
#include "shipper/http_args.h"
#include "shipper/http_client.h"
#include "shipper/http_url.h"
#include "shipper/oauth2_token.h"
#include "shipper/proxy.h"
#include "shipper/secret_file.h"
#include "shipper/text.h"
#include "shipper/tls_files.h"

#define NSEC_PER_SEC 1000000000LL
#define FORM_TYPE "application/x-www-form-urlencoded"

/* Where the token endpoint wants the client's id and secret. */
enum client_style { IN_HEADER_MAYBE, IN_HEADER, IN_FORM };

struct oauth2 {
	struct http_client *client;
	const struct oauth2_args *args;
	const char *user_agent;
	struct secret_file secret_file;
	struct tls_files *tls;
	struct proxy_rules *proxy;
	struct header_list connect;

	char *secret; /* that the token was asked for with */
	struct oauth2_token token;
	/* of CLOCK_BOOTTIME: a token ages while the machine sleeps; 0: never */
	int64_t expires_ns;

	struct http_request *request;
	int64_t deadline_ns; /* of its first waiter */
	char *form;
	enum client_style style, tried;
	TAILQ_HEAD(, oauth2_waiter) waiters;
	unsigned round;
};

static bool
init(struct oauth2 *o, char **why)
{
	const struct oauth2_args *a = o->args;

	header_list_add_all(&o->connect, &a->proxy.connect_header);
	return secret_file_init(&o->secret_file, HTTP_FILE_SECRET,
		   a->client_secret_file, why) == 0 &&
	       (o->tls = tls_files_new(a->tls_config, why)) != NULL &&
	       (o->proxy = proxy_rules_new(&a->proxy, why)) != NULL;
}

struct oauth2 *
oauth2_new(struct http_client *client, const struct oauth2_args *args,
    const char *user_agent, char **why)
{
	struct oauth2 *o = ecalloc(1, sizeof(*o));

	o->client = client;
	o->args = args;
	o->user_agent = user_agent;
	TAILQ_INIT(&o->waiters);
	if (init(o, why))
		return o;
	oauth2_free(o);
	return NULL;
}

static void
forget_token(struct oauth2 *o)
{
	text_free_secret(o->token.header);
	memset(&o->token, 0, sizeof(o->token));
}

void
oauth2_free(struct oauth2 *o)
{
	if (o == NULL)
		return;
	http_request_cancel(o->request);
	secret_file_fini(&o->secret_file);
	tls_files_free(o->tls);
	proxy_rules_free(o->proxy);
	header_list_clear(&o->connect);
	forget_token(o);
	text_free_secret(o->secret);
	text_free_secret(o->form);
	free(o);
}

void
oauth2_forget(struct oauth2 *o, const char *header)
{
	if (o->token.header != NULL && strcmp(o->token.header, header) == 0)
		forget_token(o);
}

/* What is in the file now, or in the configuration; to be freed. */
static int
read_secret(const struct oauth2 *o, char **secret, char **why)
{
	char *text;
	int r = secret_file_read(&o->secret_file, &text, why);

	if (r < 0)
		return r;
	*secret =
	    estrdup(text != NULL ? text_trim(text) : o->args->client_secret);
	text_free_secret(text);
	return 0;
}

int
oauth2_header(struct oauth2 *o, const char **header, char **why)
{
	char *secret;
	int r = read_secret(o, &secret, why);

	*header = NULL;
	if (r < 0)
		return r;
	if (o->secret == NULL || strcmp(secret, o->secret) != 0 ||
	    (o->expires_ns != 0 && now_ns(CLOCK_BOOTTIME) >= o->expires_ns))
		forget_token(o);
	text_free_secret(o->secret);
	o->secret = secret;
	*header = o->token.header;
	return 0;
}

/* ---- asking for one */

static void
wake(struct oauth2 *o, const char *error)
{
	unsigned round = o->round++;
	char *header = error == NULL ? estrdup(o->token.header) : NULL;
	struct oauth2_waiter *w;

	/* who comes while we call waits for the next round */
	while ((w = TAILQ_FIRST(&o->waiters)) != NULL && w->round == round) {
		oauth2_leave(o, w);
		w->done(w->arg, header, error);
	}
	text_free_secret(header);
}

static void on_answer(void *arg, const struct http_result *result);

/* What the form is POSTed with; the client's header if it belongs there. */
static int
fill_post(struct oauth2 *o, enum client_style style, struct http_post *p,
    struct tls_texts *texts, char **why)
{
	int64_t left = o->deadline_ns - now_ns(CLOCK_BOOTTIME);
	bool in_form = style == IN_FORM;

	*p = (struct http_post){ .url = o->args->token_url,
		.user_agent = o->user_agent,
		.timeout_ns = left > 0 ? left : 1,
		.fd = -1,
		.answer_max = OAUTH2_ANSWER_MAX_BYTES };
	p->transport.proxy = o->proxy;
	p->transport.connect_headers = o->connect.item;
	p->transport.connect_header_count = o->connect.count;
	p->transport.http2 = true;
	text_free_secret(o->form);
	o->form = oauth2_token_form(o->args, in_form ? o->secret : NULL);
	p->head = o->form;
	p->head_size = strlen(o->form);
	return tls_files_apply(o->tls, &p->transport, texts, why);
}

/* 0, or -errno and a text in *why (to be freed). */
static int
post(struct oauth2 *o, enum client_style style, char **why)
{
	char *basic = oauth2_token_basic(o->args, o->secret);
	const struct http_header headers[] = {
		{ "Content-Type", FORM_TYPE, false },
		{ "Authorization", basic, true },
	};
	struct tls_texts texts;
	struct http_post p;
	int r = fill_post(o, style, &p, &texts, why);

	o->tried = style;
	if (r == 0) {
		p.headers = headers;
		p.header_count = style == IN_FORM ? 1 : 2;
		o->request = http_client_post(o->client, &p, on_answer, o);
		r = o->request != NULL ? 0 : -errno;
		tls_texts_clear(&texts);
		if (r < 0)
			*why = estrdup(strerror(-r));
	}
	text_free_secret(basic);
	return r;
}

/* The text of an error, as the log shows it; frees why. */
static void
fail(struct oauth2 *o, char *why)
{
	char *url = http_url_redacted(o->args->token_url), *error;

	if (asprintf(
		&error, "oauth2: cannot fetch token from %s: %s", url, why) < 0)
		fatalx("out of memory");
	free(url);
	free(why);
	wake(o, error);
	free(error);
}

static void
take_token(struct oauth2 *o, const struct oauth2_token *token)
{
	int64_t left = token->lifetime_ns - OAUTH2_MARGIN_SEC * NSEC_PER_SEC;

	forget_token(o);
	o->token = *token;
	o->expires_ns =
	    token->lifetime_ns != 0 ? now_ns(CLOCK_BOOTTIME) + left : 0;
	if (o->tried == IN_HEADER_MAYBE)
		o->style = IN_HEADER;
	else
		o->style = o->tried;
	wake(o, NULL);
}

static void
on_answer(void *arg, const struct http_result *result)
{
	struct oauth2 *o = arg;
	struct oauth2_token token;
	char *why = NULL;

	o->request = NULL;
	if (result->end != HTTP_ANSWERED) {
		fail(o, estrdup(result->end == HTTP_TOO_LONG ? "answer too long"
							     : result->error));
	} else if (oauth2_token_read(&token, result->status, result->body,
		       result->body_size, &why) == 0) {
		take_token(o, &token);
	} else if (o->tried == IN_HEADER_MAYBE) {
		/* it may want the other way, which only trying can tell */
		free(why);
		why = NULL;
		if (post(o, IN_FORM, &why) < 0)
			fail(o, why);
	} else {
		fail(o, why);
	}
}

int
oauth2_wait(
    struct oauth2 *o, struct oauth2_waiter *w, int64_t timeout_ns, char **why)
{
	int r;

	if (o->request == NULL) {
		o->deadline_ns = timeout_ns > INT64_MAX - now_ns(CLOCK_BOOTTIME)
				     ? INT64_MAX
				     : now_ns(CLOCK_BOOTTIME) + timeout_ns;
		if ((r = post(o, o->style, why)) < 0)
			return r;
	}
	w->waiting = true;
	w->round = o->round;
	TAILQ_INSERT_TAIL(&o->waiters, w, entry);
	return 0;
}

void
oauth2_leave(struct oauth2 *o, struct oauth2_waiter *w)
{
	if (!w->waiting)
		return;
	w->waiting = false;
	TAILQ_REMOVE(&o->waiters, w, entry);
}
