/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "shipper/http_transport.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>

#include "common/log.h"
#include "shipper/http_url.h"
#include "shipper/proxy.h"

/* OpenSSL as distributions set it up has no signature for these any more. */
#define OLD_TLS_CIPHERS "DEFAULT@SECLEVEL=0"

/* To the server and to a proxy that speaks TLS itself. */
struct tls_options {
	CURLoption version, verify_peer, verify_host, ciphers;
	CURLoption ca_path, ca, cert, key, passphrase;
};

static const struct tls_options server_options = { CURLOPT_SSLVERSION,
	CURLOPT_SSL_VERIFYPEER, CURLOPT_SSL_VERIFYHOST, CURLOPT_SSL_CIPHER_LIST,
	CURLOPT_CAPATH,
#if LIBCURL_VERSION_NUM >= 0x074d00
	CURLOPT_CAINFO_BLOB,
#else
	0,
#endif
	CURLOPT_SSLCERT_BLOB, CURLOPT_SSLKEY_BLOB, CURLOPT_KEYPASSWD };
static const struct tls_options proxy_options = { CURLOPT_PROXY_SSLVERSION,
	CURLOPT_PROXY_SSL_VERIFYPEER, CURLOPT_PROXY_SSL_VERIFYHOST,
	CURLOPT_PROXY_SSL_CIPHER_LIST, CURLOPT_PROXY_CAPATH,
#if LIBCURL_VERSION_NUM >= 0x074d00
	CURLOPT_PROXY_CAINFO_BLOB,
#else
	0,
#endif
	CURLOPT_PROXY_SSLCERT_BLOB, CURLOPT_PROXY_SSLKEY_BLOB,
	CURLOPT_PROXY_KEYPASSWD };

static int
set_blob(CURL *easy, CURLoption option, struct http_blob blob)
{
	struct curl_blob b = { (void *)blob.data, blob.size, CURL_BLOB_COPY };

	if (blob.data == NULL)
		return 0;
	if (option == 0)
		return -ENOTSUP; /* libcurl is too old */
	return curl_easy_setopt(easy, option, &b) == CURLE_OK ? 0 : -ENOMEM;
}

static void
set_version(
    const struct http_transport *t, CURL *easy, const struct tls_options *o)
{
	static const long versions[] = {
		[HTTP_TLS10] = CURL_SSLVERSION_TLSv1_0,
		[HTTP_TLS11] = CURL_SSLVERSION_TLSv1_1,
		[HTTP_TLS12] = CURL_SSLVERSION_TLSv1_2,
		[HTTP_TLS13] = CURL_SSLVERSION_TLSv1_3,
	};

	curl_easy_setopt(easy, o->version, versions[t->min_version]);
	if (t->min_version < HTTP_TLS12)
		curl_easy_setopt(easy, o->ciphers, OLD_TLS_CIPHERS);
}

static int
set_tls(const struct http_transport *t, CURL *easy, const struct tls_options *o)
{
	int r;

	set_version(t, easy, o);
	if (t->skip_verify) {
		curl_easy_setopt(easy, o->verify_peer, 0L);
		curl_easy_setopt(easy, o->verify_host, 0L);
	}
	if ((r = set_blob(easy, o->ca, t->ca)) < 0 ||
	    (r = set_blob(easy, o->cert, t->cert)) < 0 ||
	    (r = set_blob(easy, o->key, t->key)) < 0)
		return r;
	if (t->ca.data != NULL)
		curl_easy_setopt(easy, o->ca_path, NULL);
	if (t->key.data != NULL) /* nobody is there to be asked for it */
		curl_easy_setopt(easy, o->passphrase, "");
	return 0;
}

int
http_transport_apply(const struct http_transport *t, void *easy)
{
	int r = set_tls(t, easy, &server_options);

	if (r == 0 && t->proxy != NULL)
		r = set_tls(t, easy, &proxy_options);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
	    t->http2 ? (long)CURL_HTTP_VERSION_2TLS
		     : (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_NOPROXY, "");
	return r;
}

int
http_transport_set_proxy(
    const struct proxy_rules *rules, const struct http_url *url, void *easy)
{
	const char *proxy =
	    rules != NULL ? proxy_rules_choose(rules, url) : NULL;
	char *copy = NULL;
	CURLcode code;

	/* names are for the proxy to resolve, as others do it */
	if (proxy != NULL && strncasecmp(proxy, "socks5:", 7) == 0 &&
	    asprintf(&copy, "socks5h:%s", proxy + 7) < 0)
		fatalx("out of memory");
	if (copy != NULL)
		proxy = copy;
	/* without one, libcurl would look into the environment */
	code =
	    curl_easy_setopt(easy, CURLOPT_PROXY, proxy != NULL ? proxy : "");
	free(copy);
	return code == CURLE_OK ? 0 : -ENOMEM;
}
