/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of endpoints share: a configuration with one of them. */
#ifndef TESTS_ENDPOINT_TEXT_H
#define TESTS_ENDPOINT_TEXT_H

#include "tests/river_text.h"

#include <sys/mman.h>
#include <unistd.h>

#include "shipper/config_file.h"

struct endpoint_text {
	struct config *config; /* NULL: it has a mistake */
	char *message;         /* the first mistake, "" if there is none */
};

/* A phlare.write "w" whose body is text. */
static inline struct endpoint_text
endpoint_text_of_component(const char *text)
{
	struct river_diagnostics *d = river_diagnostics_new();
	struct endpoint_text t = { 0 };
	struct river_source *source = NULL;
	int fd = memfd_create("config", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_true(dprintf(fd, "phlare.write \"w\" {\n%s\n}\n", text) > 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	t.config = config_read("config.river", fd, &source, d);
	t.message = strdup(d->first != NULL ? d->first->message : "");
	assert_int_equal(t.config == NULL, d->errors > 0);
	river_diagnostics_free(d);
	river_source_free(source);
	close(fd);
	return t;
}

/* With one endpoint whose body is text, after an url. */
static inline struct endpoint_text
endpoint_text_new(const char *text)
{
	struct endpoint_text t;
	char *body;

	assert_true(
	    asprintf(&body, "endpoint {\nurl = \"http://127.0.0.1:9\"\n%s\n}",
		text) > 0);
	t = endpoint_text_of_component(body);
	free(body);
	return t;
}

static inline const struct endpoint_args *
endpoint_text_args(const struct endpoint_text *t)
{
	const struct write_args *args;

	if (t->config == NULL)
		fail_msg("%s", t->message);
	args = t->config->item[0].args;
	return args->endpoints.item;
}

static inline void
endpoint_text_free(struct endpoint_text *t)
{
	config_free(t->config);
	free(t->message);
}

#endif
