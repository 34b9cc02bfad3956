/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "shipper/pem.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "common/log.h"

static BIO *
bio_of(const char *text)
{
	BIO *bio = BIO_new_mem_buf(text, strlen(text));

	if (bio == NULL)
		fatalx("out of memory");
	return bio;
}

/* Nobody is there who could type it. */
static int
no_passphrase(char *out, int size, int writing, void *arg)
{
	(void)out;
	(void)size;
	(void)writing;
	(void)arg;
	return -1;
}

/* All blocks must be readable, as libcurl wants it. */
const char *
pem_check_certificates(const char *text)
{
	BIO *bio = bio_of(text);
	STACK_OF(X509_INFO) *all =
	    PEM_X509_INFO_read_bio(bio, NULL, no_passphrase, NULL);
	int count = 0;

	for (int i = 0; all != NULL && i < sk_X509_INFO_num(all); i++)
		count += sk_X509_INFO_value(all, i)->x509 != NULL;
	sk_X509_INFO_pop_free(all, X509_INFO_free);
	BIO_free(bio);
	ERR_clear_error();
	return count > 0 ? NULL : "no PEM certificate in it";
}

const char *
pem_check_pair(const char *certificates, const char *key)
{
	BIO *cert_bio = bio_of(certificates), *key_bio = bio_of(key);
	X509 *cert = PEM_read_bio_X509(cert_bio, NULL, no_passphrase, NULL);
	EVP_PKEY *pkey =
	    PEM_read_bio_PrivateKey(key_bio, NULL, no_passphrase, NULL);
	const char *wrong = NULL;

	if (cert == NULL)
		wrong = "no PEM certificate in the first";
	else if (pkey == NULL)
		wrong = "no PEM key without a passphrase in the second";
	else if (X509_check_private_key(cert, pkey) != 1)
		wrong = "private key does not match public key";
	X509_free(cert);
	EVP_PKEY_free(pkey);
	BIO_free(cert_bio);
	BIO_free(key_bio);
	ERR_clear_error();
	return wrong;
}
