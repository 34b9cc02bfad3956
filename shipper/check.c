/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "shipper/check.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "common/log.h"
#include "common/privilege.h"
#include "common/sandbox.h"
#include "shipper/config_source.h"
#include "shipper/http_client.h"
#include "shipper/shipper.h"

/* What there is of each configuration; NULL from the first mistake on. */
struct checked {
	struct config_source *source;
	struct shipper *shipper;
};

int
check_enter(void)
{
	static const struct sandbox_path paths[] = { { "/", false },
		{ NULL, false } };
	int r = geteuid() == 0 ? privilege_lock(PROCESS_CHECKER)
			       : privilege_drop(PROCESS_CHECKER, NULL, 0);

	return r < 0 ? r : sandbox_enter(PROCESS_CHECKER, paths);
}

int
check_become(const struct privilege_ids *ids)
{
	if (geteuid() != 0 || ids->uid == (uid_t)-1)
		return 0;
	return privilege_drop(PROCESS_CHECKER, ids, 0);
}

static void
open_all(struct checked *c, char *const *paths, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		c[i].source = config_source_open(paths[i]);
		if (c[i].source == NULL)
			log_warn(NULL, "%s", paths[i]);
	}
}

static void
read_all(struct checked *c, size_t count, struct event_base *base)
{
	struct shipper_options o = {
		.symbolizer_fd = -1, .http_fd = -1, .check = true
	};

	for (size_t i = 0; i < count; i++) {
		o.source = c[i].source;
		if (o.source != NULL)
			c[i].shipper = shipper_new(base, &o);
	}
}

static int
judge_all(struct checked *c, char *const *paths, size_t count)
{
	int code = 0;

	for (size_t i = 0; i < count; i++) {
		if (c[i].shipper != NULL && shipper_probe(c[i].shipper) == 0)
			printf("%s: OK\n", paths[i]);
		else
			code = 1;
	}
	if (fflush(stdout) == 0)
		return code;
	log_warn(NULL, "write to standard output");
	return 1;
}

static void
free_all(struct checked *c, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		shipper_free(c[i].shipper);
		config_source_free(c[i].source);
	}
	free(c);
}

int
check_configs(char *const *paths, size_t count, const struct privilege_ids *ids)
{
	struct checked *c = ecalloc(count, sizeof(*c));
	struct event_base *base = event_base_new();
	int code = 1, r = http_client_global_init();

	if (base == NULL || r < 0)
		fatalx("%s", base == NULL ? "no event loop" : "libcurl");
	open_all(c, paths, count);
	if (check_enter() == 0) {
		read_all(c, count, base);
		/* whether a directory may be written to is asked as them */
		if (check_become(ids) == 0)
			code = judge_all(c, paths, count);
	}
	free_all(c, count);
	event_base_free(base);
	return code;
}
