/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an endpoint proves itself with: the Authorization header and the TLS
 * keys. Files are read again for every request, so that a rotated token is
 * used at once; a file that only root may read is read through the descriptor
 * that was opened before privilege was dropped.
 */
#ifndef SHIPPER_CREDENTIALS_H
#define SHIPPER_CREDENTIALS_H

#include <stddef.h>

struct http_args;
struct credentials;

/* Longer files are refused. */
#define CREDENTIALS_FILE_MAX_BYTES (1024 * 1024)

/*
 * Opens and reads all files that args names. args must outlive it. NULL and a
 * text in *why (to be freed) when one cannot be read.
 */
struct credentials *credentials_new(const struct http_args *args, char **why);
/* NULL is fine. */
void credentials_free(struct credentials *c);

/*
 * The value of the Authorization header, NULL if there is none, to be freed.
 * 0, or -errno and a text in *why (to be freed).
 */
int credentials_authorization(struct credentials *c, char **value, char **why);

struct credentials_tls {
	char *ca, *cert, *key; /* PEM text or NULL */
};

/* As above. credentials_tls_free() gives back the texts. */
int credentials_tls(
    struct credentials *c, struct credentials_tls *tls, char **why);
void credentials_tls_free(struct credentials_tls *tls);

#endif
