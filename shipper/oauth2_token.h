/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client credentials grant in bytes: what is asked of a token endpoint,
 * and what its answer means. No network in here.
 */
#ifndef SHIPPER_OAUTH2_TOKEN_H
#define SHIPPER_OAUTH2_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct oauth2_args;

/* A token lasts at most so long for us, whatever is said. */
#define OAUTH2_LIFETIME_MAX_SEC (365 * 24 * 3600)

/*
 * The form to POST; with the client's id and secret in it unless secret is
 * NULL. To be freed by text_free_secret().
 */
char *oauth2_token_form(const struct oauth2_args *args, const char *secret);

/* The client's Authorization header; to be freed by text_free_secret(). */
char *oauth2_token_basic(const struct oauth2_args *args, const char *secret);

struct oauth2_token {
	char *header;        /* "Bearer abc": the value of Authorization */
	int64_t lifetime_ns; /* 0: without an end */
};

/*
 * Reads an answer. 0, or -EBADMSG and a text in *why (to be freed). The
 * header is to be freed by text_free_secret().
 */
int oauth2_token_read(struct oauth2_token *token, int status, const void *body,
    size_t size, char **why);

#endif
