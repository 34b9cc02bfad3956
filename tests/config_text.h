/* SPDX-License-Identifier: Apache-2.0 */
/* What tests of whole configurations share. */
#ifndef TESTS_CONFIG_TEXT_H
#define TESTS_CONFIG_TEXT_H

#include "tests/river_text.h"

#include <sys/mman.h>
#include <unistd.h>

#include "shipper/config_file.h"

struct config_text {
	struct config *config; /* NULL: it has a mistake */
	char *message;         /* the first mistake as one line, or "" */
	size_t mistakes;
};

static inline struct config_text
config_text_new(const char *text)
{
	struct river_diagnostics *d = river_diagnostics_new();
	struct config_text t = { 0 };
	struct river_source *source = NULL;
	int fd = memfd_create("config", MFD_CLOEXEC);
	size_t size = 0;
	FILE *out = open_memstream(&t.message, &size);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	t.config = config_read("", fd, &source, d);
	t.mistakes = d->errors;
	if (d->first != NULL)
		river_diagnostic_print_line(d->first, out);
	fclose(out);
	assert_int_equal(t.config == NULL, d->errors > 0);
	river_diagnostics_free(d);
	river_source_free(source);
	close(fd);
	return t;
}

static inline void
config_text_free(struct config_text *t)
{
	config_free(t->config);
	free(t->message);
}

/* The arguments of a component. */
static inline const void *
config_text_args(const struct config_text *t, const char *id)
{
	const struct config_component *c;

	if (t->config == NULL)
		fail_msg("%s", t->message);
	c = config_find(t->config, id);
	assert_non_null(c);
	return c->args;
}

#endif
