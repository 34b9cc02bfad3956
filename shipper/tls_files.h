/* SPDX-License-Identifier: Apache-2.0 */
/* The certificates and keys of a tls_config, from its text or its files. */
#ifndef SHIPPER_TLS_FILES_H
#define SHIPPER_TLS_FILES_H

struct http_transport;
struct tls_args;
struct tls_files;

/*
 * Opens, reads and checks what args (NULL: there is no tls_config) name; args
 * must outlive it. NULL and a text in *why (to be freed) when something
 * cannot be used.
 */
struct tls_files *tls_files_new(const struct tls_args *args, char **why);
/* NULL is fine. */
void tls_files_free(struct tls_files *f);

struct tls_texts {
	char *ca, *cert, *key; /* PEM, or NULL */
};

/* As it is now. 0, or -errno and a text in *why (to be freed). */
int tls_files_read(
    const struct tls_files *f, struct tls_texts *texts, char **why);
void tls_texts_clear(struct tls_texts *texts);

/*
 * All of the tls_config as part of t, which points into *texts: to be cleared
 * after t has been used. 0, or -errno and a text in *why (to be freed).
 */
int tls_files_apply(const struct tls_files *f, struct http_transport *t,
    struct tls_texts *texts, char **why);

#endif
