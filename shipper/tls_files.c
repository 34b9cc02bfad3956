/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "shipper/tls_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "shipper/http_args.h"
#include "shipper/http_transport.h"
#include "shipper/pem.h"
#include "shipper/secret_file.h"
#include "shipper/text.h"

struct tls_files {
	const struct tls_args *args;
	struct secret_file ca, cert, key;
};

/* How messages call the source of a text. */
static const char *
source(const char *path, const char *inlined)
{
	return text_given(path) ? path : inlined;
}

static int
check_ca(const struct tls_args *a, const char *ca, char **why)
{
	const char *wrong = ca != NULL ? pem_check_certificates(ca) : NULL;

	if (wrong == NULL)
		return 0;
	if (asprintf(why, "unable to use specified CA cert %s",
		source(a->ca_file, "in ca_pem")) < 0)
		fatalx("out of memory");
	return -1;
}

static int
check_pair(
    const struct tls_args *a, const char *cert, const char *key, char **why)
{
	const char *wrong =
	    cert != NULL && key != NULL ? pem_check_pair(cert, key) : NULL;

	if (wrong == NULL)
		return 0;
	if (asprintf(why,
		"unable to use specified client cert (%s) & key (%s): %s",
		source(a->cert_file, "cert_pem"),
		source(a->key_file, "key_pem"), wrong) < 0)
		fatalx("out of memory");
	return -1;
}

static int
check(const struct tls_files *f, char **why)
{
	struct tls_texts t;
	int r = tls_files_read(f, &t, why);

	if (r < 0)
		return r;
	r = check_ca(f->args, t.ca, why);
	if (r == 0)
		r = check_pair(f->args, t.cert, t.key, why);
	tls_texts_clear(&t);
	return r;
}

struct tls_files *
tls_files_new(const struct tls_args *a, char **why)
{
	struct tls_files *f = ecalloc(1, sizeof(*f));

	f->args = a;
	if (a == NULL)
		return f;
	if (secret_file_init(&f->ca, HTTP_FILE_CA, a->ca_file, why) < 0 ||
	    secret_file_init(&f->cert, HTTP_FILE_CERT, a->cert_file, why) < 0 ||
	    secret_file_init(&f->key, HTTP_FILE_KEY, a->key_file, why) < 0 ||
	    check(f, why) < 0) {
		tls_files_free(f);
		return NULL;
	}
	return f;
}

void
tls_files_free(struct tls_files *f)
{
	if (f == NULL)
		return;
	secret_file_fini(&f->ca);
	secret_file_fini(&f->cert);
	secret_file_fini(&f->key);
	free(f);
}

/* Text of the file, or a copy of what the configuration has. */
static int
read_one(
    const struct secret_file *file, const char *pem, char **text, char **why)
{
	int r = secret_file_read(file, text, why);

	if (r == 0 && *text == NULL && text_given(pem))
		*text = estrdup(pem);
	return r;
}

int
tls_files_read(const struct tls_files *f, struct tls_texts *t, char **why)
{
	const struct tls_args *a = f->args;
	int r;

	memset(t, 0, sizeof(*t));
	if (a == NULL)
		return 0;
	if ((r = read_one(&f->ca, a->ca_pem, &t->ca, why)) < 0 ||
	    (r = read_one(&f->cert, a->cert_pem, &t->cert, why)) < 0 ||
	    (r = read_one(&f->key, a->key_pem, &t->key, why)) < 0)
		tls_texts_clear(t);
	return r;
}

void
tls_texts_clear(struct tls_texts *t)
{
	free(t->ca);
	free(t->cert);
	text_free_secret(t->key);
	memset(t, 0, sizeof(*t));
}

static struct http_blob
blob_of(const char *text)
{
	return (struct http_blob){ text, text != NULL ? strlen(text) : 0 };
}

int
tls_files_apply(const struct tls_files *f, struct http_transport *t,
    struct tls_texts *texts, char **why)
{
	const struct tls_args *a = f->args;
	int r = tls_files_read(f, texts, why);

	if (r < 0)
		return r;
	t->ca = blob_of(texts->ca);
	t->cert = blob_of(texts->cert);
	t->key = blob_of(texts->key);
	t->min_version =
	    http_args_tls_version(a != NULL ? a->min_version : NULL);
	t->skip_verify = a != NULL && a->insecure_skip_verify;
	t->server_name =
	    a != NULL && text_given(a->server_name) ? a->server_name : NULL;
	return 0;
}
