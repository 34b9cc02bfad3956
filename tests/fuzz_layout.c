/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The formatter on any bytes that are a file without syntax errors: what it
 * makes of them means the same, and it leaves that as it is.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/river/diagnostics.h"
#include "common/river/layout.h"
#include "common/river/parser.h"
#include "common/river/source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
parses(const struct river_source *source)
{
	struct river_diagnostics *d = river_diagnostics_new();
	struct river_file *file = river_parse(source, d);
	bool good = file != NULL;

	river_file_free(file);
	river_diagnostics_free(d);
	return good;
}

/* source is the text that was set last. */
static void
check_again(const struct river_source *source)
{
	size_t size;
	char *again = river_layout(source, &size);

	if (again == NULL || size != source->size ||
	    memcmp(again, source->text, size) != 0)
		abort();
	free(again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct river_source *source =
	    river_source_new("f", (const char *)data, size);
	struct river_source *set;
	size_t set_size;
	char *text;

	if (source != NULL && parses(source) &&
	    (text = river_layout(source, &set_size)) != NULL) {
		set = river_source_new("g", text, set_size);
		if (set == NULL || !parses(set) ||
		    !river_layout_same(source, set))
			abort();
		check_again(set);
		river_source_free(set);
		free(text);
	}
	river_source_free(source);
	return 0;
}
