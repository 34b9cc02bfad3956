/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/river_text.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shipper/config_file.h"
#include "shipper/config_files.h"
#include "tests/pem_text.h"

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

struct result {
	struct config *config;
	char *messages; /* one a line, with their places */
};

static struct result
read_text(const char *text, config_look *look)
{
	struct river_diagnostics *d = river_diagnostics_new();
	struct river_source *source = NULL;
	struct result r = { 0 };
	size_t size;
	FILE *out = open_memstream(&r.messages, &size);
	int fd = memfd_create("config", MFD_CLOEXEC);

	assert_true(dprintf(fd, "%s", text) > 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	r.config = config_read_with("", fd, &source, d, look);
	for (struct river_diagnostic *x = d->first; x != NULL; x = x->next) {
		river_diagnostic_print_line(x, out);
		fputc('\n', out);
	}
	fclose(out);
	assert_int_equal(r.config == NULL, d->errors > 0);
	river_diagnostics_free(d);
	river_source_free(source);
	close(fd);
	return r;
}

static void
result_free(struct result *r)
{
	config_free(r->config);
	free(r->messages);
}

/* A file with that content; its name into path. */
static void
make_file(char *path, const char *content, mode_t mode)
{
	int fd;

	strcpy(path, "/tmp/test_config_files.XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(
	    write(fd, content, strlen(content)), (ssize_t)strlen(content));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

#define ENDPOINT "phlare.write \"w\" {\nendpoint {\nurl = \"https://x\"\n"

static void
test_each_file_is_reported_at_its_place(void **state)
{
	static const char text[] = ENDPOINT
	    "basic_auth {\npassword_file = \"/nowhere/p\"\n}\n"
	    "tls_config {\nca_file = \"/nowhere/ca\"\n"
	    "cert_file = \"/nowhere/c\"\nkey_file = \"/nowhere/k\"\n}\n}\n"
	    "endpoint {\nurl = \"https://x\"\n"
	    "bearer_token_file = \"/nowhere/t\"\n}\n"
	    "endpoint {\nurl = \"https://x\"\nauthorization {\n"
	    "credentials_file = \"/nowhere/c\"\n}\n}\n}\n";
	struct result r = read_text(text, config_files_check);

	(void)state;
	assert_null(r.config);
	assert_string_equal(r.messages,
	    "5:17: unable to read basic auth password file /nowhere/p: "
	    "No such file or directory\n"
	    "8:11: unable to load specified CA cert /nowhere/ca: "
	    "No such file or directory\n"
	    "9:13: unable to read specified client cert /nowhere/c: "
	    "No such file or directory\n"
	    "10:12: unable to read specified client key /nowhere/k: "
	    "No such file or directory\n"
	    "15:21: unable to read bearer token file /nowhere/t: "
	    "No such file or directory\n"
	    "20:20: unable to read authorization credentials file /nowhere/c: "
	    "No such file or directory\n");
	result_free(&r);
	r = read_text(text, NULL);
	assert_non_null(r.config);
	result_free(&r);
}

static void
test_certificates_are_looked_into(void **state)
{
	char cert[64], key[64], other[64], *text;
	const struct {
		const char *key, *wrong;
	} rows[] = {
		{ key, NULL },
		{ other, "private key does not match public key\n" },
		{ cert, "" },
	};

	(void)state;
	make_file(cert, PEM_CERT, 0600);
	make_file(key, PEM_KEY, 0600);
	make_file(other, PEM_OTHER_KEY, 0600);
	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct result r;

		assert_true(
		    asprintf(&text,
			ENDPOINT "tls_config {\nca_file = \"%s\"\n"
				 "cert_file = \"%s\"\nkey_file = \"%s\"\n}\n}\n"
				 "}\n",
			cert, cert, rows[i].key) > 0);
		r = read_text(text, config_files_check);
		if (rows[i].wrong == NULL) {
			assert_string_equal(r.messages, "");
			assert_non_null(r.config);
		} else {
			assert_null(r.config);
			assert_int_equal(strncmp(r.messages, "4:1: ", 5), 0);
			assert_non_null(strstr(r.messages, rows[i].wrong));
		}
		result_free(&r);
		free(text);
	}
	unlink(cert);
	unlink(key);
	unlink(other);
}

/* What only root may read stays usable for who has it open. */
static void
read_as_nobody(const char *text)
{
	struct result first, again;

	if (geteuid() == 0 && (setegid(65534) < 0 || seteuid(65534) < 0))
		_exit(9);
	first = read_text(text, config_files_check);
	again = read_text(text, config_files_check_again);
	if (first.config != NULL ||
	    strstr(first.messages, "Permission denied") == NULL)
		_exit(1);
	if (again.config != NULL || strstr(again.messages, "denied") != NULL ||
	    strncmp(again.messages, "8:21: unable", 12) != 0)
		_exit(2);
	_exit(0);
}

static void
test_files_of_root_are_left_alone_later(void **state)
{
	char secret[64], *text;
	int status;
	pid_t pid;

	(void)state;
	make_file(secret, "token\n", 0);
	assert_true(asprintf(&text,
			ENDPOINT "bearer_token_file = \"%s\"\n}\n"
				 "endpoint {\nurl = \"https://x\"\n"
				 "bearer_token_file = \"/nowhere/t\"\n}\n}\n",
			secret) > 0);
	pid = fork();
	if (pid == 0)
		read_as_nobody(text);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	unlink(secret);
	free(text);
}

static void
test_files_without_use_are_not_read(void **state)
{
	static const char *const texts[] = {
		"phlare.write \"w\" {\nendpoint {\nurl = \"file:///x\"\n"
		"bearer_token_file = \"/nowhere/t\"\n}\n}\n",
		"discovery.docker \"d\" {\nhost = \"unix:///x\"\n"
		"bearer_token_file = \"/nowhere/t\"\n}\n",
		"discovery.kubernetes \"k\" {\nrole = \"pod\"\n"
		"bearer_token_file = \"/nowhere/t\"\n}\n",
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(texts); i++) {
		struct result r = read_text(texts[i], config_files_check);

		if (r.config == NULL)
			fail_msg("%s", r.messages);
		result_free(&r);
	}
}

static void
test_directories_are_made_only_if_asked(void **state)
{
	char directory[] = "/tmp/test_config_files.XXXXXX", path[64], *text;
	struct result r;

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/new", directory);
	assert_true(asprintf(&text,
			"phlare.write \"w\" {\nendpoint {\n"
			"url = \"file://%s/\"\n}\n}\n",
			path) > 0);
	r = read_text(text, NULL);
	assert_non_null(r.config);
	assert_int_equal(config_files_probe(r.config, false), 0);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(config_files_probe(r.config, true), 0);
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(config_files_probe(r.config, false), 0);
	result_free(&r);
	free(text);
	rmdir(path);
	rmdir(directory);

	r = read_text("phlare.write \"w\" {\nendpoint {\n"
		      "url = \"file:///nowhere/new\"\n}\n}\n",
	    NULL);
	assert_int_equal(config_files_probe(r.config, false), -1);
	assert_int_equal(config_files_probe(r.config, true), -1);
	result_free(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_file_is_reported_at_its_place),
		cmocka_unit_test(test_certificates_are_looked_into),
		cmocka_unit_test(test_files_of_root_are_left_alone_later),
		cmocka_unit_test(test_files_without_use_are_not_read),
		cmocka_unit_test(test_directories_are_made_only_if_asked),
	};

	return cmocka_run_group_tests_name("config_files", tests, NULL, NULL);
}
