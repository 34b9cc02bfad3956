/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Authorization header of basic_auth, authorization, bearer_token and
 * bearer_token_file. (That of oauth2 has to be asked for: oauth2.h.)
 */
#ifndef SHIPPER_CREDENTIALS_H
#define SHIPPER_CREDENTIALS_H

struct credentials;
struct http_args;

/*
 * Opens and reads all files that args name. args must outlive it. NULL and a
 * text in *why (to be freed) when one cannot be read.
 */
struct credentials *credentials_new(const struct http_args *args, char **why);
/* NULL is fine. */
void credentials_free(struct credentials *c);

/*
 * The value of the header, NULL if there is none; to be freed by
 * text_free_secret(). Files are read again. 0, or -errno and a text in *why
 * (to be freed).
 */
int credentials_header(const struct credentials *c, char **value, char **why);

#endif
