/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether certificates and keys can be used, before libcurl is given them: it
 * would say so only when it connects. The only file that knows libcrypto.
 */
#ifndef SHIPPER_PEM_H
#define SHIPPER_PEM_H

/* NULL if text has a certificate, else what is wrong, static. */
const char *pem_check_certificates(const char *text);

/* The same for a client's certificates and the key of the first of them. */
const char *pem_check_pair(const char *certificates, const char *key);

#endif
