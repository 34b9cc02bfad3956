/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/endpoint_text.h"

#include <errno.h>
#include <sys/stat.h>

#include "shipper/credentials.h"
#include "shipper/secret_file.h"
#include "shipper/text.h"

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

static char path[] = "/tmp/phlare-test-XXXXXX";

static void
write_file(const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static int
make_file(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}

static int
remove_file(void **state)
{
	(void)state;
	unlink(path);
	return 0;
}

/* The header under a configuration with "%s" for the file; "" for none, or
 * what is wrong. To be freed. */
static char *
header(const char *form)
{
	struct endpoint_text t;
	struct credentials *c;
	char *text, *value = NULL, *why = NULL;

	assert_true(asprintf(&text, form, path) >= 0);
	t = endpoint_text_new(text);
	c = credentials_new(&endpoint_text_args(&t)->http, &why);
	if (c != NULL && credentials_header(c, &value, &why) == 0 &&
	    value == NULL)
		value = strdup("");
	credentials_free(c);
	endpoint_text_free(&t);
	free(text);
	return value != NULL ? value : why;
}

static void
test_headers(void **state)
{
	static const struct {
		const char *form, *file, *header;
	} rows[] = {
		{ "", "", "" },
		{ "bearer_token = \"abc\"", "", "Bearer abc" },
		{ "bearer_token = \" abc \"", "", "Bearer  abc " },
		{ "bearer_token_file = \"%s\"", "abc", "Bearer abc" },
		{ "bearer_token_file = \"%s\"", " \tabc \r\n\n", "Bearer abc" },
		{ "bearer_token_file = \"%s\"", "\n", "" },
		{ "authorization {\n}", "", "" },
		{ "authorization {\ncredentials = \"c\"\n}", "", "Bearer c" },
		{ "authorization {\ntype = \" Token \"\n"
		  "credentials = \"c\"\n}",
		    "", "Token c" },
		{ "authorization {\ntype = \"T\"\n"
		  "credentials_file = \"%s\"\n}",
		    "c\n", "T c" },
		/* RFC 7617's examples */
		{ "basic_auth {\nusername = \"Aladdin\"\n"
		  "password = \"open sesame\"\n}",
		    "", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==" },
		{ "basic_auth {\nusername = \"Aladdin\"\n"
		  "password_file = \"%s\"\n}",
		    "\topen sesame\n", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==" },
		{ "basic_auth {\nusername = \"test\"\n"
		  "password = \" 123\u00a3\\n\"\n}",
		    "", "Basic dGVzdDoxMjPCow==" },
		{ "basic_auth {\n}", "", "Basic Og==" },
		{ "basic_auth {\nusername = \"u\"\n}", "", "Basic dTo=" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		char *got;

		write_file(rows[i].file);
		got = header(rows[i].form);
		assert_string_equal(got, rows[i].header);
		free(got);
	}
}

static void
test_a_file_cannot_start_another_header(void **state)
{
	char *got, *want;

	(void)state;
	write_file("abc\r\nX-Admin: 1");
	got = header("bearer_token_file = \"%s\"");
	assert_true(
	    asprintf(
		&want, "unable to use %s: control characters in it", path) > 0);
	assert_string_equal(got, want);
	free(got);
	free(want);
}

static void
test_a_file_is_read_for_each_request(void **state)
{
	struct endpoint_text t;
	struct credentials *c;
	char *text, *value, *why = NULL, *want;

	(void)state;
	write_file("one");
	assert_true(asprintf(&text, "bearer_token_file = \"%s\"", path) > 0);
	t = endpoint_text_new(text);
	c = credentials_new(&endpoint_text_args(&t)->http, &why);
	assert_non_null(c);
	assert_int_equal(credentials_header(c, &value, &why), 0);
	assert_string_equal(value, "Bearer one");
	text_free_secret(value);
	write_file("two");
	assert_int_equal(credentials_header(c, &value, &why), 0);
	assert_string_equal(value, "Bearer two");
	text_free_secret(value);
	unlink(path);
	assert_int_equal(credentials_header(c, &value, &why), -ENOENT);
	assert_true(asprintf(&want,
			"unable to read bearer token file %s: No such file or "
			"directory",
			path) > 0);
	assert_string_equal(why, want);
	free(want);
	free(why);
	credentials_free(c);
	endpoint_text_free(&t);
	free(text);
}

static void
test_a_missing_file_is_found_at_the_start(void **state)
{
	char *got;

	(void)state;
	got = header("basic_auth {\npassword_file = \"/nowhere/x\"\n} // %s");
	assert_string_equal(got,
	    "unable to read basic auth password file /nowhere/x: No such file "
	    "or directory");
	free(got);
	got = header("authorization {\ncredentials_file = \"/\"\n} // %s");
	assert_string_equal(got,
	    "unable to read authorization credentials file /: Is a directory");
	free(got);
}

static void
test_a_file_has_bounds(void **state)
{
	struct secret_file f;
	char *text, *why = NULL;
	FILE *out = fopen(path, "w");

	(void)state;
	for (int i = 0; i < SECRET_FILE_MAX_BYTES; i++)
		putc('a', out);
	fclose(out);
	assert_int_equal(secret_file_init(&f, "read it", path, &why), 0);
	assert_int_equal(secret_file_read(&f, &text, &why), 0);
	assert_int_equal(strlen(text), SECRET_FILE_MAX_BYTES);
	text_free_secret(text);
	secret_file_fini(&f);
	out = fopen(path, "a");
	putc('a', out);
	fclose(out);
	assert_int_equal(secret_file_init(&f, "read it", path, &why), -EFBIG);
	secret_file_fini(&f);
	free(why);
	/* nobody ever writes into it: this must not wait */
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(secret_file_init(&f, "read it", path, &why), -ESPIPE);
	secret_file_fini(&f);
	free(why);
	unlink(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_a_file_cannot_start_another_header),
		cmocka_unit_test(test_a_file_is_read_for_each_request),
		cmocka_unit_test(test_a_missing_file_is_found_at_the_start),
		cmocka_unit_test(test_a_file_has_bounds),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
