/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/endpoint_text.h"

#include "shipper/http_transport.h"
#include "shipper/tls_files.h"
#include "tests/pem_text.h"

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

static void
check(const struct tls_args *args, const char *wrong)
{
	char *why = NULL;
	struct tls_files *f = tls_files_new(args, &why);

	if (wrong == NULL && f == NULL)
		fail_msg("%s", why);
	if (wrong != NULL) {
		assert_null(f);
		assert_string_equal(why, wrong);
	}
	tls_files_free(f);
	free(why);
}

static void
test_what_cannot_be_used_is_found_at_the_start(void **state)
{
	static const struct {
		struct tls_args args;
		const char *wrong;
	} rows[] = {
		{ { .ca_pem = PEM_CERT }, NULL },
		{ { .ca_pem = PEM_CERT PEM_CERT }, NULL },
		{ { .ca_pem = "nothing" },
		    "unable to use specified CA cert in ca_pem" },
		{ { .ca_pem = PEM_KEY },
		    "unable to use specified CA cert in ca_pem" },
		{ { .ca_file = "/nowhere/ca" },
		    "unable to load specified CA cert /nowhere/ca: No such "
		    "file or directory" },
		{ { .ca_file = "/dev/null" },
		    "unable to use specified CA cert /dev/null" },
		{ { .cert_pem = PEM_CERT, .key_pem = PEM_KEY }, NULL },
		{ { .cert_pem = PEM_CERT PEM_CERT, .key_pem = PEM_KEY }, NULL },
		{ { .cert_pem = PEM_CERT, .key_pem = PEM_OTHER_KEY },
		    "unable to use specified client cert (cert_pem) & key "
		    "(key_pem): private key does not match public key" },
		{ { .cert_pem = "x", .key_pem = PEM_KEY },
		    "unable to use specified client cert (cert_pem) & key "
		    "(key_pem): no PEM certificate in the first" },
		{ { .cert_pem = PEM_CERT, .key_pem = PEM_LOCKED_KEY },
		    "unable to use specified client cert (cert_pem) & key "
		    "(key_pem): no PEM key without a passphrase in the "
		    "second" },
		{ { .cert_pem = PEM_CERT, .key_file = "/nowhere/k" },
		    "unable to read specified client key /nowhere/k: No such "
		    "file or directory" },
		{ { .cert_file = "/nowhere/c", .key_pem = PEM_KEY },
		    "unable to read specified client cert /nowhere/c: No such "
		    "file or directory" },
	};

	(void)state;
	check(NULL, NULL);
	for (size_t i = 0; i < LENGTH(rows); i++)
		check(&rows[i].args, rows[i].wrong);
}

static void
test_a_changed_file_is_used(void **state)
{
	char path[] = "/tmp/phlare-test-XXXXXX", *why = NULL;
	int fd = mkstemp(path);
	const struct tls_args args = {
		.ca_file = path, .server_name = "other", .min_version = "TLS13"
	};
	struct http_transport t = { 0 };
	struct tls_texts texts;
	struct tls_files *f;

	(void)state;
	assert_true(dprintf(fd, "%s", PEM_CERT) > 0);
	f = tls_files_new(&args, &why);
	assert_non_null(f);
	assert_int_equal(tls_files_apply(f, &t, &texts, &why), 0);
	assert_int_equal(t.ca.size, strlen(PEM_CERT));
	assert_memory_equal(t.ca.data, PEM_CERT, t.ca.size);
	assert_null(t.cert.data);
	assert_string_equal(t.server_name, "other");
	assert_int_equal(t.min_version, HTTP_TLS13);
	tls_texts_clear(&texts);
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_true(dprintf(fd, "# new\n%s", PEM_CERT) > 0);
	assert_int_equal(tls_files_apply(f, &t, &texts, &why), 0);
	assert_memory_equal(t.ca.data, "# new", 5);
	tls_texts_clear(&texts);
	tls_files_free(f);
	close(fd);
	unlink(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_what_cannot_be_used_is_found_at_the_start),
		cmocka_unit_test(test_a_changed_file_is_used),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
