/* SPDX-License-Identifier: Apache-2.0 */
/*
 * URLs of any kind, relative ones too: what cannot be one, in the words that
 * users of the format know. What is asked by HTTP goes through http_url.h.
 */
#ifndef SHIPPER_URL_SYNTAX_H
#define SHIPPER_URL_SYNTAX_H

/*
 * What is wrong with text, as "invalid port \":x\" after host", to be freed;
 * NULL if it can be a URL.
 */
char *url_syntax_wrong(const char *text);

#endif
